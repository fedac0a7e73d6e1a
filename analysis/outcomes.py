"""What became of the cells of every setting, counted: the columns that stand beside its score."""

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.statistics.scorings import count_outcomes
from models.items import Kind

Counts = NDArray[np.intp]  # [settings]

# beside a score: of choices, and where nothing is right or wrong
OF_CHOICES = ("correct", "wrong", "refused", "unreadable", "cut_off")
OF_SCALES = ("answered", *OF_CHOICES[2:])
SHOWN = (*OF_SCALES[:1], *OF_CHOICES)


def count_cells(part: SliceArray) -> dict[str, Counts]:
    """Cells of each outcome, those that were cut off, and correct and wrong where that is known."""
    return {
        **count_right(part),
        **{outcome.name.lower(): n for outcome, n in count_outcomes(part.codes).items()},
        "cut_off": part.cut_off.sum(axis=1),
    }


def count_right(part: SliceArray) -> dict[str, Counts]:
    """Answered cells by whether they are right; nothing where some item has no right answer."""
    answers = [item.answer if item.kind == Kind.CHOICE else None for item in part.items]
    targets = np.array([-1 if answer is None else answer for answer in answers], np.int16)
    if (targets < 0).any():
        return {}
    n_correct = np.count_nonzero(part.codes == targets, axis=1)
    return {"correct": n_correct, "wrong": np.count_nonzero(part.codes >= 0, axis=1) - n_correct}
