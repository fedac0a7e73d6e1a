"""Which page shows what: the measures of a research question, and the blocks of the topics.

A topic adds its function to the row of its page in `BLOCKS`, or in `CLOSING_BLOCKS`; what belongs
to one measure, to one persona or to one LLM has a table of its own below.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from analysis.evidence import Evidence
from analysis.report.across import list_across_blocks
from analysis.report.annotation_blocks import list_annotation_blocks
from analysis.report.association_blocks import list_association_blocks
from analysis.report.attitude_blocks import list_attitude_blocks
from analysis.report.bias_blocks import list_bias_blocks
from analysis.report.blocks import Block
from analysis.report.calibration_blocks import list_calibration_blocks
from analysis.report.claim_blocks import list_claim_blocks
from analysis.report.control_blocks import list_control_blocks
from analysis.report.noise_blocks import list_noise_blocks
from analysis.report.performance_blocks import list_performance_blocks
from analysis.report.persona_averages import list_persona_averages
from analysis.report.ranking_blocks import list_ranking_blocks
from analysis.report.refusal_blocks import list_refusal_blocks
from analysis.report.samples import list_sample_blocks
from analysis.report.sections import Section
from analysis.report.selection_blocks import list_selection_blocks
from analysis.report.several_blocks import list_several_blocks
from analysis.report.specification_blocks import list_specification_blocks
from analysis.report.trust_blocks import list_trust_blocks
from analysis.report.wording_blocks import list_wording_blocks

EvidenceBlocks = Callable[[Evidence], list[Block]]
SectionBlocks = Callable[[Section], list[Block]]
NamedBlocks = Callable[[Evidence, str], list[Block]]  # of one persona (its label), of one LLM


class Page(NamedTuple):
    """A page of the report; its file is NAME.html beside report.html."""

    name: str
    title: str
    question: str


PAGES = (
    Page("performance", "Performance", "RQ1: does a persona change what an LLM gets right?"),
    Page("bias", "Bias", "RQ2: does a persona change how stereotyped the answers are?"),
    Page("attitudes", "Attitudes", "RQ3: does a persona change what an LLM says it thinks?"),
    Page("refusals", "Refusals", "RQ4: does a persona change what an LLM refuses to answer?"),
    Page("across", "Several LLMs", "Do the LLMs agree, and how do they differ?"),
    Page("trust", "Trust", "How far are these numbers to be trusted?"),
)

# Measure -> page; a measure that is not listed stands on the first page.
MEASURE_PAGES = {
    "accuracy": "performance",
    "bias_score": "bias",
    "unknown_frequency": "bias",
    "mean_answer": "attitudes",
    "refusal_rate": "refusals",
}

# Page -> functions of the evidence whose blocks stand on it, in this order, before its measures.
BLOCKS: Mapping[str, tuple[EvidenceBlocks, ...]] = {
    "overview": (list_claim_blocks,),
    "performance": (list_performance_blocks,),
    "bias": (list_bias_blocks,),
    "attitudes": (list_attitude_blocks, list_annotation_blocks, list_association_blocks),
    "refusals": (list_refusal_blocks,),
    "across": (list_across_blocks, list_several_blocks, list_ranking_blocks),
    "trust": (list_trust_blocks, list_noise_blocks, list_calibration_blocks, list_wording_blocks),
}

# The same after its measures: how much hangs on the analysis is asked once there is a number.
CLOSING_BLOCKS: Mapping[str, tuple[EvidenceBlocks, ...]] = {
    page: (partial(list_specification_blocks, measures=measures),)
    for page, measures in {
        "performance": ("accuracy",),
        "bias": ("bias_score", "unknown_frequency"),
        "attitudes": ("mean_answer",),
        "refusals": ("refusal_rate",),
    }.items()
}

# Functions of one measure of one LLM: their blocks stand below its findings.
SECTION_BLOCKS: tuple[SectionBlocks, ...] = (list_selection_blocks,)

# Functions of the evidence and a persona's label: on that persona's page, below its numbers.
PERSONA_BLOCKS: tuple[NamedBlocks, ...] = (list_persona_averages, list_sample_blocks)

# Functions of the evidence and an LLM's name: on that LLM's page, below its measures.
LLM_BLOCKS: tuple[NamedBlocks, ...] = (list_control_blocks,)


def name_page(section: Section) -> str:
    """The page that a measure stands on."""
    return MEASURE_PAGES.get(section.name, PAGES[0].name)
