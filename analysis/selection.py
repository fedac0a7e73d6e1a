"""Personas of a measure as what they are: the highest and lowest of many, picked after the fact.

Beside every score stand its value with the item noise taken out, its rank with the ranks that it
may have, and its chance to be truly among the highest; beside the gap, what is left of it once
selection is taken into account. Rank 1 is the highest score, whatever is measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import Undefined
from analysis.statistics.categories import CategoryEffect, permute_categories
from analysis.statistics.estimates import Estimate
from analysis.statistics.ranks import RankSets, SplitGap, bound_ranks, rank_settings, split_half_gap
from analysis.statistics.rates import Floats
from analysis.statistics.shrinkage import (
    Shrunken,
    ShrunkenGap,
    chance_of_top,
    shrink_gap,
    shrink_scores,
)
from analysis.statistics.spread import Gap, score_gap

N_TOP = 10  # "among the highest ten"
N_DRAWS = 4_000  # of true scores; a chance is then exact to .8 percentage points
N_SPLITS = 200

ONLY_PERSONAS = "only personas are ranked; one without a score, or whose score has no error, is not"
FEW_PERSONAS = f"with {N_TOP} personas or fewer all of them are among the highest {N_TOP}"
NOBODY_FLAGGED = Undefined("no persona lacks more than 20% of its answers")
NOBODY_LEFT = "fewer than two personas are left"


@dataclass(frozen=True, slots=True)
class WithoutFlagged:
    """The gap once more, without personas that have too many answers missing."""

    n_flagged: int  # personas left out
    gap: Gap | Undefined  # between settings, by their rows


@dataclass(frozen=True, slots=True)
class Selection:
    """What selection among the personas does to a measure's extremes."""

    n_personas: int
    n_top: int
    tau: float | Undefined  # SD of true scores within categories
    category_means: Mapping[str, float]  # what scores are drawn towards
    gap_shrunken: ShrunkenGap | Undefined  # between the observed highest and lowest
    gap_split: SplitGap | Undefined
    rank_critical: float | Undefined  # of the rank sets, in standard errors
    category_effect: CategoryEffect | Undefined
    without_flagged: WithoutFlagged | Undefined


@dataclass(frozen=True, slots=True)
class Selected:
    """The record, and the columns that it adds to the table of settings."""

    selection: Selection
    columns: dict[str, Any]  # [settings]; NaN for settings that are no personas
    reasons: dict[str, str]


def select_personas(
    estimate: Estimate,
    personas: NDArray[np.intp],
    categories: NDArray[np.str_],
    *,
    is_flagged: NDArray[np.bool_],
    within: tuple[float, float],
    seed: int,
    n_resamples: int,
    n_permutations: int,
) -> Selected:
    """Everything about ``personas`` (rows), whose ``categories`` are given in their order.

    ``is_flagged`` [settings]. ``within`` is what a score can be: intervals of shrunken scores are
    cut there, and no truth is lost by it. Each draw starts from ``seed``, so that LLMs are split
    and permuted alike.
    """

    def start() -> np.random.Generator:
        return np.random.default_rng(seed)

    scores = estimate.scores[personas]
    shrunken = shrink_scores(estimate, personas, categories)
    sets = bound_ranks(estimate, personas, rng=start(), is_best_highest=True, n_flips=n_resamples)
    kept = ~is_flagged[personas]
    columns = {
        **_list_shrunken(shrunken, len(personas), start, within),
        "rank": rank_settings(scores, is_best_highest=True),
        **_list_sets(sets, len(personas)),
        "rank_unflagged": _rank_kept(scores, kept),
    }
    reason = {
        "shrunken": shrunken.reason if isinstance(shrunken, Undefined) else ONLY_PERSONAS,
        "rank": ONLY_PERSONAS,
        "rank_sets": sets.reason if isinstance(sets, Undefined) else ONLY_PERSONAS,
    }
    has_chances = isinstance(shrunken, Undefined) or _is_enough(shrunken)
    return Selected(
        Selection(
            n_personas=len(personas),
            n_top=N_TOP,
            tau=shrunken if isinstance(shrunken, Undefined) else shrunken.tau,
            category_means={} if isinstance(shrunken, Undefined) else shrunken.category_means,
            gap_shrunken=_shrink_gap(shrunken, scores),
            gap_split=split_half_gap(estimate, personas, rng=start(), n_splits=N_SPLITS),
            rank_critical=sets if isinstance(sets, Undefined) else sets.critical,
            category_effect=permute_categories(
                scores, categories, start(), n_permutations=n_permutations
            ),
            without_flagged=NOBODY_FLAGGED if kept.all() else _measure_kept(scores, kept, personas),
        ),
        {
            key: _spread_over(values, personas, len(estimate.scores))
            for key, values in columns.items()
        },
        {
            **dict.fromkeys(("shrunken", "shrunken_low", "shrunken_high"), reason["shrunken"]),
            **dict.fromkeys(
                ("chance_top", "chance_bottom"),
                reason["shrunken"] if has_chances else FEW_PERSONAS,
            ),
            **dict.fromkeys(("rank_low", "rank_high"), reason["rank_sets"]),
            "rank": ONLY_PERSONAS,
            "rank_unflagged": f"{ONLY_PERSONAS}, nor one with too many answers missing",
        },
    )


def _list_shrunken(
    shrunken: Shrunken | Undefined, n_personas: int, start: Any, within: tuple[float, float]
) -> dict[str, Floats]:
    nothing = np.full(n_personas, np.nan)
    if isinstance(shrunken, Undefined):
        keys = ("shrunken", "shrunken_low", "shrunken_high", "chance_top", "chance_bottom")
        return dict.fromkeys(keys, nothing)
    top, bottom = (
        chance_of_top(shrunken, start(), is_best_highest=highest, n_top=N_TOP, n_draws=N_DRAWS)
        if _is_enough(shrunken)
        else nothing
        for highest in (True, False)
    )
    return {
        "shrunken": shrunken.scores,
        "shrunken_low": np.clip(shrunken.interval.low, *within),
        "shrunken_high": np.clip(shrunken.interval.high, *within),
        "chance_top": top,
        "chance_bottom": bottom,
    }


def _is_enough(shrunken: Shrunken) -> bool:
    return int(np.count_nonzero(~np.isnan(shrunken.scores))) > N_TOP


def _list_sets(sets: RankSets | Undefined, n_personas: int) -> dict[str, Floats]:
    if isinstance(sets, Undefined):
        return dict.fromkeys(("rank_low", "rank_high"), np.full(n_personas, np.nan))
    return {"rank_low": sets.low, "rank_high": sets.high}


def _rank_kept(scores: Floats, kept: NDArray[np.bool_]) -> Floats:
    return rank_settings(np.where(kept, scores, np.nan), is_best_highest=True)


def _shrink_gap(shrunken: Shrunken | Undefined, scores: Floats) -> ShrunkenGap | Undefined:
    """Between the observed highest and lowest, if both have been shrunken."""
    if isinstance(shrunken, Undefined):
        return shrunken
    gap = score_gap(scores)
    if isinstance(gap, Undefined):
        return gap
    if np.isnan(shrunken.scores[[gap.best, gap.worst]]).any():
        return Undefined("the highest or the lowest score has no error")
    return shrink_gap(shrunken, gap.best, gap.worst)


def _measure_kept(
    scores: Floats, kept: NDArray[np.bool_], personas: NDArray[np.intp]
) -> WithoutFlagged:
    gap = score_gap(np.where(kept, scores, np.nan))
    if isinstance(gap, Undefined):
        gap = Undefined(NOBODY_LEFT)
    else:
        gap = Gap(gap.value, int(personas[gap.best]), int(personas[gap.worst]))
    return WithoutFlagged(int(np.count_nonzero(~kept)), gap)


def _spread_over(values: Floats, personas: NDArray[np.intp], n_settings: int) -> Floats:
    spread = np.full(n_settings, np.nan)
    spread[personas] = values
    return spread
