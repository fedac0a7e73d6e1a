"""Settings that lack too many answers: what is ranked is ranked again without them.

Refusing can make a rank by itself. `analysis.scores.flag_missing` says who is flagged in one LLM.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.slices import Result, Roster, find_measure

UNFLAGGED = "asked, without flagged"  # beside the scorings: fewer settings are ranked


def find_flagged(
    results: Sequence[Result], roster: Roster, *, measures: Sequence[str] = ("accuracy",)
) -> NDArray[np.bool_]:
    """Settings [settings] that are flagged in some LLM, by one of the measures that are ranked."""
    found = np.zeros(len(roster.labels), np.bool_)
    for result, rows in zip(results, roster.rows, strict=True):
        for name in measures:
            measure = find_measure(result, name)
            if measure is not None:
                found |= np.array(measure["per_setting"]["is_flagged"], np.bool_)[rows]
    return found
