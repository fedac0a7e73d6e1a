"""What numbers rest on: which cells gave no answer, and how much hangs on the rules of reading.

Per slice and setting the outcomes of its cells; per thing that is measured the share of texts that
the authors' reading and the strict one take for something else (`analysis.readings` and
`analysis.strict_readings`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray, compare_extractions
from analysis.likert import SCALE_TAGS
from analysis.measures import Draws
from analysis.plain import to_plain
from analysis.readings import FAILED, Outcome
from analysis.slices import Slices
from analysis.statistics.rates import Floats
from analysis.statistics.scorings import MISSING_SHARE, count_outcomes
from models.items import Kind

Counts = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class SliceOutcomes:
    """The cells of one slice; columns [settings]."""

    llm: str
    dataset: str
    template: str
    labels: tuple[str, ...]
    categories: tuple[str, ...]
    n_columns: int  # items x repeats: the cells of a setting
    outcomes: dict[str, Counts]  # answered, refused, unreadable, filtered, failed, missing
    cut_off: Counts
    is_flagged: NDArray[np.bool_]  # more than 20% of its cells without an answer
    n_covered_by_all: int  # columns with a text in every setting
    n_answered_by_all: int  # columns with an answer in every setting


@dataclass(frozen=True, slots=True)
class Extraction:
    """Two readings of the texts that one measure is made of; columns [settings]."""

    llm: str
    dataset: str
    template: str
    of: str  # an attitude, a question; "" where a data set measures one thing
    labels: tuple[str, ...]
    categories: tuple[str, ...]
    n_texts: Counts
    differ: Floats  # share read as something else; NaN without a text
    contradict: Floats  # share in which both read an answer, and another one


def describe_trust(slices: Slices, draws: Draws) -> dict[str, Any]:
    """Outcomes and extraction of every slice: topic of `analysis.joint`."""
    arrays = [slices.load(part.slice) for part in slices.parts]
    described: dict[str, Any] = to_plain(
        {
            "slices": [count_cells(array) for array in arrays],
            "extraction": [each for array in arrays for each in read_twice(array)],
        }
    )
    return described


def count_cells(array: SliceArray) -> SliceOutcomes:
    """What became of every setting's cells, and what all settings have in common."""
    codes = array.codes
    outcomes = {o.name.lower(): n.astype(np.intp) for o, n in count_outcomes(codes).items()}
    unanswered = codes.shape[1] - outcomes[Outcome.ANSWERED.name.lower()]
    return SliceOutcomes(
        **_name(array),
        n_columns=codes.shape[1],
        outcomes=outcomes,
        cut_off=array.cut_off.sum(axis=1),
        is_flagged=np.asarray(unanswered > MISSING_SHARE * codes.shape[1]),
        n_covered_by_all=int((codes > FAILED).all(axis=0).sum()),
        n_answered_by_all=int((codes >= 0).all(axis=0).sum()),
    )


def read_twice(array: SliceArray) -> Iterator[Extraction]:
    """For everything that a slice measures; nothing is read out of free text."""
    for kind, part in array.split_by_kind().items():
        if kind is Kind.FREE:
            continue
        tag = next((tag for tag in SCALE_TAGS if any(tag in i.tags for i in part.items)), None)
        if kind is Kind.CHOICE or tag is None:
            yield _compare(part, "")
            continue
        labels = part.tag_items(tag)
        for label in dict.fromkeys(labels.tolist()):
            yield _compare(part.select_items(labels == label), str(label))


def _compare(part: SliceArray, of: str) -> Extraction:
    noise = compare_extractions(part)
    return Extraction(
        **_name(part),
        of=of,
        n_texts=noise.n_texts,
        differ=noise.differ,
        contradict=noise.contradict,
    )


def _name(array: SliceArray) -> dict[str, Any]:
    planned = array.slice
    return {
        "llm": planned.llm,
        "dataset": planned.dataset,
        "template": planned.template,
        "labels": tuple(setting.label for setting in array.settings),
        "categories": tuple(setting.category for setting in array.settings),
    }
