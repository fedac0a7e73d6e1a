"""A persona's sample of generations: what it was asked, what came back, what was read out of it."""

import shlex

from analysis.evidence import Evidence
from analysis.report.addresses import address_answers, make_slug
from analysis.report.blocks import Block, Sample, SampleGroup, Turn
from analysis.report.wording import write_count
from analysis.samples import SampledCell

MOST_OF_PROMPT = 2_500  # characters on the page; the command prints all
MOST_OF_TEXT = 1_500
NOTHING = "nothing"


def list_sample_blocks(evidence: Evidence, label: str) -> list[Block]:
    """One block with a group for every LLM and data set, empty ones included: links lead there."""
    found = evidence.samples.get(label, [])
    anchors = address_answers((part.llm, part.dataset) for part in evidence.coverage.parts)
    templates = {part.template for part in evidence.coverage.parts}
    groups = tuple(
        _show_group(
            f"{llm}: {dataset}",
            anchor,
            [cell for cell in found if (cell.llm, cell.dataset) == (llm, dataset)],
            has_templates=len(templates) > 1,
        )
        for (llm, dataset), anchor in anchors.items()
    )
    if not evidence.samples:
        return []
    lead = (
        "A small seeded sample, drawn by outcome and not in proportion: rare outcomes are over-"
        "represented. Items and answers stand as they were sent and came back, and those of "
        "published data sets hold slurs, stereotypes and insults; each is folded. The commands "
        "print a prompt whole; for data sets, personas and templates of an experiment’s own they "
        "need `--experiment FILE` as well. All answers: `persona-data export --experiment "
        f"{evidence.experiment.address} --parquet DIR`."
    )
    return [Block(slug=make_slug("samples", label), title="Answers", lead=lead, samples=groups)]


def _show_group(
    title: str, anchor: str, cells: list[SampledCell], *, has_templates: bool
) -> SampleGroup:
    note = "" if cells else "No answer of this persona is there."
    if any(not cell.is_put_together for cell in cells):
        note = "Imported: how statement and item were put into messages is not recorded with them."
    samples = tuple(_show_cell(cell, has_templates=has_templates) for cell in cells)
    return SampleGroup(anchor, title, note, samples)


def _show_cell(cell: SampledCell, *, has_templates: bool) -> Sample:
    template = f", {cell.template}" if has_templates else ""
    repeat = f", repeat {cell.repeat}" if cell.repeat else ""
    read = cell.read or NOTHING
    strictly = cell.strictly or NOTHING
    facts = [("Read", read if read == strictly else f"{read}; strictly: {strictly}")]
    if cell.right:
        facts.append(("Right", cell.right))
    chunk = "imported" if cell.chunk is None else f"chunk {cell.chunk}"
    facts += [("Finish", f"{cell.finish.replace('_', ' ')}; {chunk}"), ("Prompt", name_cell(cell))]
    return Sample(
        title=f"{cell.outcome}: item {cell.index}{template}{repeat}",
        prompt=tuple(Turn(role, shorten(text, MOST_OF_PROMPT)) for role, text in cell.prompt),
        text=shorten(cell.text, MOST_OF_TEXT),
        facts=tuple(facts),
    )


def name_cell(cell: SampledCell) -> str:
    """The command that prints the whole prompt."""
    words = ["persona-data", "show", cell.dataset, str(cell.index), "--persona", cell.persona]
    words += ["--llm", cell.llm, "--template", cell.template]
    return shlex.join(words)


def shorten(text: str, most: int) -> str:
    """A text, or its beginning and how much is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]} […] {write_count(len(text) - most)} more characters"
