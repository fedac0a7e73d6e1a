"""One measure of one slice, and what it is computed with (`analysis.scores`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.comparisons import Comparison
from analysis.statistics import Undefined
from analysis.statistics.omnibus import ClusterPermutation, CochransQ, Friedman
from analysis.statistics.scorings import Scoring
from analysis.statistics.spread import (
    BrownForsythe,
    Gap,
    SpreadComparison,
)

MAIN = Scoring.ASKED

SHARE = (0.0, 1.0)
RANGES = {  # what a score can be
    "accuracy": SHARE,
    "refusal_rate": SHARE,
    "unknown_frequency": SHARE,
    "mean_answer": (1.0, 5.0),
    "bias_score": (-1.0, 1.0),
}


class Draws(NamedTuple):
    """Randomness of an analysis; every LLM starts from the same seed, so resamples are paired."""

    seed: int = 2_407_020_99
    n_resamples: int = 2_000
    n_permutations: int = 9_999

    def start(self) -> np.random.Generator:
        """A Generator at the start of its stream."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True, slots=True)
class OmnibusTests:
    """Do settings differ at all? The tests on the items that count in every setting."""

    scoring: Scoring
    n_items: int  # columns that count in every setting; the tests see these alone
    n_items_asked: int
    cochran: CochransQ | Undefined | None  # None: not a test for this kind of score
    friedman: Friedman | Undefined | None
    permutation: ClusterPermutation | Undefined


@dataclass(frozen=True, slots=True)
class Measure:
    """A score per setting, its uncertainty, and the tests over all settings."""

    name: str  # "accuracy", "mean_answer"
    of: str  # what it is of where a data set has several: "tidiness"; else ""
    scoring: Scoring
    n_items: int
    n_columns: int  # items x repeats
    n_clusters: int
    n_strata: int
    chance: float | Undefined  # the score of blind guessing
    per_setting: dict[str, Any]  # column -> [settings]
    reasons: dict[str, str]  # why a None stands in a column
    control_mean: float | Undefined
    persona_mean: float | Undefined
    gap: Gap | Undefined
    omnibus: tuple[OmnibusTests, ...]
    spread: SpreadComparison | Undefined
    brown_forsythe: BrownForsythe | Undefined
    details: Mapping[str, Any] = field(default_factory=dict)  # what only this measure has
    contrasts: Mapping[str, Comparison | Undefined] = field(default_factory=dict)  # by reference


class Groups(NamedTuple):
    """Rows of the settings by role."""

    personas: NDArray[np.intp]
    controls: NDArray[np.intp]


def find_groups(part: SliceArray) -> Groups:
    """Personas (neither control nor empty) and controls."""
    is_control = np.array([setting.is_control for setting in part.settings])
    is_empty = np.array([setting.is_empty for setting in part.settings])
    return Groups(np.flatnonzero(~is_control & ~is_empty), np.flatnonzero(is_control))
