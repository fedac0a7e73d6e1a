"""Ranks of settings, and what is left of them once their selection is taken into account.

The best of 162 is chosen after the fact: its score is too high, its gap to the worst too wide. So
ranks stand beside shrunken scores, chances of being among the best, rank sets that hold for all
settings at once, gaps measured on other items than those they were chosen on, and the best rank
that a group of random members would have.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics import Undefined
from analysis.statistics.bands import bound_pairs
from analysis.statistics.estimates import Estimate, error_covariance
from analysis.statistics.rates import Floats

_DIGITS = 12  # scores that differ by less are tied


class GroupRank(NamedTuple):
    """A group of settings among all: the mean of its members' ranks, and its best."""

    mean: float
    best: int
    best_setting: int  # index among all settings


class RandomBest(NamedTuple):
    """The best rank of a random group of the same size, without replacement."""

    expected: float
    p: float  # that it is as good as the group's, or better


class RankSets(NamedTuple):
    """First and last rank of each member among the members; NaN without a score or an error."""

    low: Floats
    high: Floats
    critical: float  # in standard errors of a difference


@dataclass(frozen=True, slots=True)
class SplitGap:
    """Best minus worst, chosen on one half of the clusters and measured on the other."""

    value: float  # the mean over splits and both ways round
    chosen: float  # the same on the half it was chosen on: what selection adds is the difference
    n_splits: int


def rank_settings(scores: Floats, *, is_best_highest: bool) -> Floats:
    """Competition ranks of scores [settings]: the best is 1, tied ones share the better rank.

    NaN for a setting without a score, which takes no rank from the others.
    """
    ranks = np.full(scores.shape, np.nan)
    defined = ~np.isnan(scores)
    values = np.round(scores[defined], _DIGITS)
    ranks[defined] = stats.rankdata(-values if is_best_highest else values, method="min")
    return ranks


def rank_group(ranks: Floats, members: NDArray[np.intp]) -> GroupRank | Undefined:
    """A group's value in Tables 1, 6 and 7 of arXiv 2407.02099: mean rank, best in parentheses."""
    if not len(members):
        return Undefined("no setting in the group")
    if np.isnan(ranks[members]).any():
        return Undefined("a setting of the group has no rank")
    best = members[ranks[members].argmin()]
    return GroupRank(float(ranks[members].mean()), int(ranks[best]), int(best))


def draw_best_of_group(
    ranks: Floats, members: NDArray[np.intp], *, pool: NDArray[np.intp]
) -> RandomBest | Undefined:
    """The best rank of as many random settings of ``pool`` as there are ``members``, exactly.

    P(best > r) = C(N - #{ranks <= r}, n)/C(N, n): hypergeometric, no draws.
    """
    group = rank_group(ranks, members)
    if isinstance(group, Undefined):
        return group
    drawn = np.sort(ranks[pool][~np.isnan(ranks[pool])])
    if len(drawn) < len(members):
        return Undefined("the pool is smaller than the group")
    # P(the best is one of the first i), i from 1
    up_to = 1 - stats.hypergeom.pmf(0, len(drawn), np.arange(1, len(drawn) + 1), len(members))
    n_as_good = np.count_nonzero(drawn <= group.best)
    return RandomBest(
        expected=float(np.sum(drawn * np.diff(up_to, prepend=0))),
        p=float(up_to[n_as_good - 1]) if n_as_good else 0.0,
    )


def bound_ranks(
    estimate: Estimate,
    members: NDArray[np.intp],
    *,
    rng: np.random.Generator,
    is_best_highest: bool,
    level: float = 0.95,
    n_flips: int = 2_000,
) -> RankSets | Undefined:
    """Ranks that each member may have, for all members at once with probability ``level``.

    A member ranks behind those that are better beyond doubt and before those that are worse beyond
    doubt; doubt ends at the ``level`` quantile of the largest |t| of all pairwise differences
    (Mogstad, Romano, Shaikh and Wilhelm 2024, Review of Economic Studies 91, section 3), under
    random signs of the clusters (`analysis.statistics.bands.bound_pairs`: measured with 24 and 80
    members and 30 to 300 clusters, some pair is set apart in 0% to 7% of nulls). Being chosen as
    the best does not spoil such a set.
    """
    low, high = np.full((2, len(members)), np.nan)
    covariance = error_covariance(estimate)[np.ix_(members, members)]
    scores = estimate.scores[members]
    usable = np.flatnonzero(~np.isnan(np.diag(covariance)))
    if len(usable) < 2:
        return Undefined("fewer than two settings with a score and an error")
    errors = _pairwise_errors(covariance[np.ix_(usable, usable)])
    if np.isnan(errors).all():
        return Undefined("all settings differ from each other by the same in every cluster")
    scores = scores[usable]
    critical = bound_pairs(
        estimate.influences[members[usable]],
        estimate.strata,
        rng=rng,
        level=level,
        n_flips=n_flips,
    )
    if np.isnan(critical):
        return Undefined("too few clusters of items: by chance alone t can be of any size")
    behind = (
        scores[:, None] - scores[None, :] if is_best_highest else scores[None, :] - scores[:, None]
    )
    beaten = np.where(np.isnan(errors), np.inf, errors * critical)
    low[usable] = 1 + np.count_nonzero(-behind > beaten, axis=1)
    high[usable] = len(usable) - np.count_nonzero(behind > beaten, axis=1)
    return RankSets(low, high, critical)


def _pairwise_errors(covariance: Floats) -> Floats:
    """Standard errors of all pairwise differences; NaN where there is no error."""
    variances = np.diag(covariance)
    squares = np.maximum(variances[:, None] + variances[None, :] - 2 * covariance, 0)
    errors = np.sqrt(squares)
    return np.where(errors > 1e-9, errors, np.nan)  # what is left of equals is rounding


def split_half_gap(
    estimate: Estimate,
    members: NDArray[np.intp],
    *,
    rng: np.random.Generator,
    n_splits: int = 200,
) -> SplitGap | Undefined:
    """The gap between best and worst of ``members``, free of their selection.

    Clusters are halved at random within strata; best and worst are chosen on one half and measured
    on the other, both ways round, and averaged over splits. It is the gap of settings chosen on
    half as many items, so rather below that of the settings one would choose on all.
    """
    if len(members) < 2:
        return Undefined("fewer than two settings")
    if len(estimate.strata) < 2:
        return Undefined("a single cluster of items cannot be halved")
    first = halve_clusters(estimate.strata, rng, n_splits=n_splits)
    scores = [estimate.reweigh(times)[:, members] for times in (first, 1 - first)]
    if np.isnan(scores).any():
        return Undefined("a setting has no score on a half of the items")
    rows = np.arange(n_splits)
    measured, chosen = [], []
    for here, there in (scores, scores[::-1]):
        best, worst = here.argmax(axis=1), here.argmin(axis=1)
        chosen.append(here[rows, best] - here[rows, worst])
        measured.append(there[rows, best] - there[rows, worst])
    return SplitGap(float(np.mean(measured)), float(np.mean(chosen)), n_splits)


def halve_clusters(strata: NDArray[np.intp], rng: np.random.Generator, *, n_splits: int) -> Floats:
    """Which clusters are in the first half [splits, clusters], 0 or 1.

    Half of each stratum, an odd cluster by the throw of a coin.
    """
    keys = rng.random((n_splits, len(strata)))
    halves = np.zeros(keys.shape)
    for stratum in np.unique(strata):
        inside = np.flatnonzero(strata == stratum)
        places = keys[:, inside].argsort(axis=1).argsort(axis=1)
        sizes = (len(inside) + rng.integers(0, 2, (n_splits, 1))) // 2
        halves[:, inside] = places < sizes
    return halves
