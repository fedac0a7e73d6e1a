"""Correlations over an LLM's settings, and their cosine with people's (RQ3, Fig. 6, 11 and 12).

Two sides of Fig. 6: the attitudes with each other (21 pairs of seven), and an attitude with the
mean rating of a kind of tweets (42). A setting that often refuses has few answers in everything,
which alone can fake a correlation: every comparison is given again without such settings.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.annotators import Rating
from analysis.arrays import SliceArray
from analysis.measures import Draws
from analysis.statistics import Undefined
from analysis.statistics.correlations import (
    Ceiling,
    Null,
    Variables,
    bound_cosine,
    compare_with_people,
    draw_uniform_null,
    list_cells,
    relabel_attitudes,
    split_people,
)
from analysis.statistics.rates import (
    ClusterSums,
    Floats,
    Interval,
    cluster_sums,
    percentile_interval,
    rate_cells,
    reweigh_cells,
)
from analysis.statistics.resamples import resample_clusters
from analysis.statistics.scorings import MISSING_SHARE, Scored, Scoring, score_scale

FEWEST_CELLS = 3  # the cosine of one or two correlations says nothing
MOST_RELABELLED = 8  # 40,320 relabellings; one more attitude and there are nine times as many

NO_BOUNDS = "a resample has a variable that does not vary, or there is a single cluster of items"
TOO_FEW = f"fewer than {FEWEST_CELLS} correlations"


class Side(StrEnum):
    """What is correlated."""

    ATTITUDES = "attitudes"  # with each other: Fig. 6 left, Fig. 11
    RATINGS = "ratings"  # attitudes with ratings: Fig. 6 right, Fig. 12


class Drawn(NamedTuple):
    """Mean answers of all settings, and those of resampled clusters of items."""

    scores: Floats  # [settings, variables]; NaN where nothing counts
    resampled: Floats  # [resamples, settings, variables]


@dataclass(frozen=True, slots=True)
class Correlation:
    """One cell of Fig. 11 or 12."""

    side: Side
    first: str
    second: str
    r: float | Undefined  # not rounded
    n: int  # settings or people that have both
    low: float | Undefined | None = None  # 95% interval over people; None of settings
    high: float | Undefined | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One bar of Fig. 6."""

    side: Side
    scoring: Scoring
    left_out: tuple[str, ...] | None  # for missing answers; None: that was not asked for
    n_settings: int
    n_cells: int
    cosine: float | Undefined
    low: float | Undefined  # 95% interval: people resampled, and clusters of items
    high: float | Undefined
    uniform: Null | Undefined
    relabelled: Null | Undefined


def average_attitudes(
    part: SliceArray, names: tuple[str, ...], scoring: Scoring, draws: Draws
) -> Drawn:
    """Mean answers to each attitude's statements, reversed ones turned round."""
    labels = part.tag_items("attitude")
    chosen = np.isin(labels, names)
    part = part.select_items(chosen)
    scored = score_part(part, scoring)
    sums = cluster_sums(scored.values, scored.counted, part.clusters, cells=labels[chosen])
    found = _draw(sums, draws)
    order = [sorted(names).index(name) for name in names]  # cells are in sorted order
    return Drawn(found.scores[:, order], found.resampled[:, :, order])


def average_ratings(
    part: SliceArray, ratings: tuple[Rating, ...], scoring: Scoring, draws: Draws
) -> Drawn:
    """Mean answers to each question on each subset's items; one resample serves them all."""
    scored = score_part(part, scoring)
    questions = part.tag_items("question")
    columns: dict[Rating, Drawn] = {}
    for subset in dict.fromkeys(rating.subset for rating in ratings):
        inside = np.array([item.tags.get(subset) is True for item in part.items])
        sums = cluster_sums(scored.values, scored.counted & inside, part.clusters, cells=questions)
        found = _draw(sums, draws)
        for at, question in enumerate(np.unique(questions).tolist()):
            columns[Rating(question, subset)] = Drawn(
                found.scores[:, at], found.resampled[:, :, at]
            )
    chosen = [columns[rating] for rating in ratings]
    return Drawn(
        np.stack([each.scores for each in chosen], axis=-1),
        np.stack([each.resampled for each in chosen], axis=-1),
    )


def score_part(part: SliceArray, scoring: Scoring) -> Scored:
    """Points of every answer, reversed statements turned round."""
    is_reversed = np.array([bool(item.tags.get("reversed")) for item in part.items], np.bool_)
    return score_scale(part.codes, is_reversed, scoring=scoring)


def _draw(sums: ClusterSums, draws: Draws) -> Drawn:
    """Rates in every cell [..., cells], of the clusters as they are and resampled."""
    scores = rate_cells(sums)
    if len(sums.strata) < 2:
        return Drawn(scores, np.full((draws.n_resamples, *scores.shape), np.nan))
    blocks = resample_clusters(sums.strata, draws.start(), n_resamples=draws.n_resamples)
    resampled = [np.stack([*reweigh_cells(sums, times)], axis=-1) for times in blocks]
    return Drawn(scores, np.concatenate(resampled))


def find_gaps(part: SliceArray) -> NDArray[np.bool_]:
    """Settings [settings] with more than `MISSING_SHARE` of these prompts without an answer."""
    return np.asarray((part.codes < 0).mean(axis=1) > MISSING_SHARE)


def compare_side(
    settings: Variables,
    resampled: Variables,
    people: Variables,
    *,
    side: Side,
    scoring: Scoring,
    labels: tuple[str, ...],
    has_gaps: NDArray[np.bool_],
    draws: Draws,
) -> list[Comparison]:
    """The cosine over all settings, and over those that answer most prompts."""
    every = _compare(settings, resampled, people, side, scoring, draws)
    if not has_gaps.any():
        return [every, replace(every, left_out=())]
    rows = np.flatnonzero(~has_gaps)
    few = _compare(
        settings.take(rows), _take_settings(resampled, rows), people, side, scoring, draws
    )
    left_out = tuple(label for label, gap in zip(labels, has_gaps, strict=True) if gap)
    return [every, replace(few, left_out=left_out)]


def _take_settings(resampled: Variables, rows: NDArray[np.intp]) -> Variables:
    right = resampled.right
    return Variables(resampled.left[:, rows], None if right is None else right[:, rows])


def _compare(
    settings: Variables,
    resampled: Variables,
    people: Variables,
    side: Side,
    scoring: Scoring,
    draws: Draws,
) -> Comparison:
    n_cells = list_cells(people).shape[-1]
    cosine = Undefined(TOO_FEW) if n_cells < FEWEST_CELLS else compare_with_people(settings, people)
    if isinstance(cosine, Undefined):
        return refuse(side, scoring, cosine, n_settings=len(settings.left), n_cells=n_cells)
    interval = bound_cosine(resampled, people, draws.start())
    low, high = (_define(float(end[0])) for end in interval)
    relabelled: Null | Undefined = Undefined(f"more than {MOST_RELABELLED} attitudes")
    if settings.left.shape[1] <= MOST_RELABELLED:
        relabelled = relabel_attitudes(settings, people)
    return Comparison(
        side, scoring, None, len(settings.left), n_cells, cosine, low, high,
        draw_uniform_null(cosine, settings, people, draws.start(), n_draws=draws.n_resamples),
        relabelled,
    )  # fmt: skip


def refuse(
    side: Side, scoring: Scoring, why: Undefined, *, n_settings: int = 0, n_cells: int = 0
) -> Comparison:
    """A comparison that cannot be made."""
    return Comparison(side, scoring, None, n_settings, n_cells, why, why, why, why, why)


def _define(value: float) -> float | Undefined:
    return Undefined(NO_BOUNDS) if math.isnan(value) else value


def name_cells(
    side: Side, attitudes: tuple[str, ...], ratings: tuple[Rating, ...]
) -> list[tuple[str, str]]:
    """The two variables of every cell, in the order of `list_cells`."""
    if side is Side.RATINGS:
        return [(attitude, rating.label) for attitude in attitudes for rating in ratings]
    return [(one, two) for at, one in enumerate(attitudes) for two in attitudes[at + 1 :]]


def list_correlations(
    variables: Variables,
    names: list[tuple[str, str]],
    *,
    side: Side,
    ends: Interval | None = None,
) -> list[Correlation]:
    """Every cell with its variables, and how many rows have both; ``ends`` [cells] of people."""
    found, counts = list_cells(variables, decimals=None), _count_rows(variables)
    return [
        Correlation(
            side, *pair, _define_r(found[at]), int(counts[at]),
            None if ends is None else _define(float(ends.low[at])),
            None if ends is None else _define(float(ends.high[at])),
        )
        for at, pair in enumerate(names)
    ]  # fmt: skip


def _count_rows(variables: Variables) -> NDArray[np.intp]:
    """Rows that have both variables of a cell [cells]."""
    left = (~np.isnan(variables.left)).astype(np.intp)
    if variables.right is None:
        counts = (left.T @ left)[np.triu_indices(left.shape[1], k=1)]
    else:
        counts = (left.T @ ~np.isnan(variables.right)).ravel()
    return np.asarray(counts)


def _define_r(value: float) -> float | Undefined:
    if math.isnan(value):
        return Undefined("one of the two does not vary, or fewer than three rows have both")
    return float(value)


def describe_people(
    people: Variables, names: list[tuple[str, str]], *, side: Side, draws: Draws
) -> tuple[list[Correlation], Ceiling | Undefined]:
    """People's own correlations with intervals, and what two random halves of them reach."""
    if not names:
        return [], Undefined(TOO_FEW)
    n_people = len(people.left)
    rows = draws.start().integers(n_people, size=(draws.n_resamples, n_people))
    ends = percentile_interval(list_cells(people.take(rows), decimals=None))
    ceiling: Ceiling | Undefined = Undefined(TOO_FEW)
    if len(names) >= FEWEST_CELLS:
        ceiling = split_people(people, draws.start())
    return list_correlations(people, names, side=side, ends=ends), ceiling
