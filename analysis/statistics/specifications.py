"""A claim under every way of analysing it: the specification curve.

Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4; here descriptive, without their
joint test: specifications of the same answers are no sample. Items are resampled nowhere: errors
are linearised over clusters, so that a specification costs sums and no draws.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics import Undefined
from analysis.statistics.common_items import PairMean
from analysis.statistics.consistency import correlate_ranks, drop_rounding
from analysis.statistics.estimates import standard_errors
from analysis.statistics.rates import Floats, stratified_variance

Rows = NDArray[np.intp]
_ROUNDING = 1e-12
_MAIN = 0  # the first specification is the main one


class Linear(NamedTuple):
    """Scores of all settings under one specification, with what each cluster does to them."""

    scores: Floats  # [settings]
    influences: Floats  # [settings, clusters]
    strata: NDArray[np.intp]  # [clusters]
    # where two settings are not to be compared by these scores: each pair on what both answered
    compare: Callable[[Rows, Rows], PairMean] | None = None


class Ends(NamedTuple):
    """An estimate with its interval; NaN where not defined."""

    value: float
    low: float
    high: float


NOTHING = Ends(float("nan"), float("nan"), float("nan"))


def estimate_gap(found: Linear, members: Rows, *, level: float = 0.95) -> Ends:
    """Best minus worst of ``members``, with the interval of these two settings' difference.

    Both are selected by the same answers, which the interval does not know: it is for comparing
    specifications, not for the size of the gap (`analysis.statistics.shrinkage` has that).
    """
    scores = found.scores[members]
    defined = members[~np.isnan(scores)]
    if len(defined) < 2:
        return NOTHING
    best, worst = (
        np.array([defined[pick(found.scores[defined])]], np.intp) for pick in (np.argmax, np.argmin)
    )
    return estimate_contrast(found, best, worst, level=level)


def estimate_contrast(found: Linear, higher: Rows, lower: Rows, *, level: float = 0.95) -> Ends:
    """Mean score of ``higher`` minus that of ``lower``, with its normal clustered interval."""
    if not len(higher) or not len(lower):
        return NOTHING
    if found.compare is not None:
        value, influences = found.compare(higher, lower)
    else:
        value = float(found.scores[higher].mean() - found.scores[lower].mean())
        influences = found.influences[higher].mean(axis=0) - found.influences[lower].mean(axis=0)
    error = float(standard_errors(influences, found.strata))
    half = float(stats.norm.isf((1 - level) / 2)) * error
    return Ends(value, value - half, value + half)


def estimate_excess(found: Linear, members: Rows, controls: Rows, *, level: float = 0.95) -> Ends:
    """By how much ``members`` vary more than ``controls``, net of item noise, in score units.

    sign(D) sqrt(|D|), D = V_members - V_controls with V as in `analysis.statistics.spread`: it is
    defined where V_controls is not positive, and has the sign of the claim. Ends are those of D,
    D -+ z sqrt(2 s_m^4/(n_m - 1) + 2 s_c^4/(n_c - 1)), s^2 the observed variance of scores (that of
    a normal sample's variance), taken to the same root.
    """
    spreads = [_measure_spread(found, rows) for rows in (members, controls)]
    (v_members, s2_members), (v_controls, s2_controls) = spreads
    difference = v_members - v_controls
    if np.isnan(difference):
        return NOTHING
    error = np.sqrt(
        2 * s2_members**2 / (len(members) - 1) + 2 * s2_controls**2 / (len(controls) - 1)
    )
    half = float(stats.norm.isf((1 - level) / 2)) * float(error)
    low, high = (difference - half, difference + half) if half > _ROUNDING else (np.nan, np.nan)
    return Ends(*(take_signed_root(each) for each in (difference, low, high)))


def _measure_spread(found: Linear, rows: Rows) -> tuple[float, float]:
    """Variance over settings net of item noise, and as observed; NaN with fewer than two."""
    scores = found.scores[rows]
    if len(rows) < 2 or np.isnan(scores).any() or len(found.strata) < 2:
        return float("nan"), float("nan")
    deviations = found.influences[rows] - found.influences[rows].mean(axis=0)
    noise = float(stratified_variance(deviations, found.strata).sum()) / (len(rows) - 1)
    observed = float(scores.var(ddof=1))
    return observed - noise, observed


def take_signed_root(value: float) -> float:
    """A difference of variances as a number in the scores' unit, with its sign."""
    return float(np.sign(value) * np.sqrt(abs(value)))


def correlate_with_main(scores: Floats) -> Floats:
    """Kendall's tau-b of scores [specifications, settings] with those of the first one.

    Over the settings that both have a score of; NaN with fewer than two of them, or where one of
    the two scores all alike.
    """
    main = scores[_MAIN]
    found = np.full(len(scores), np.nan)
    for at, each in enumerate(scores):
        both = ~np.isnan(main) & ~np.isnan(each)
        if np.count_nonzero(both) > 1:
            found[at] = correlate_ranks(np.stack([main[both], each[both]]))[0, 1]
    return found


@dataclass(frozen=True, slots=True)
class CurveSummary:
    """What becomes of a claim over its specifications."""

    main: float  # the first specification's
    median: float
    smallest: float
    largest: float
    n: int
    n_defined: int
    n_distinct: int  # values that differ: where no answer is missing many specifications are one
    n_agree: int | Undefined  # on the main one's side of the threshold, which it may be at
    share_agree: float | Undefined  # of those that are defined
    n_beyond: int | Undefined  # whose interval lies on that side as a whole
    rank_correlation: float | Undefined  # median over the other specifications
    lowest_rank_correlation: float | Undefined


def summarise_curve(
    ends: Sequence[Ends], *, threshold: float = 0.0, rank_correlations: Floats | None = None
) -> CurveSummary | Undefined:
    """Summary of a claim's estimates, the main specification's first.

    An estimate at the threshold itself is on neither side; where the main one is, there is no side
    to agree with.
    ``rank_correlations`` [specifications] are those of `correlate_with_main`.
    """
    values = np.array([each.value for each in ends], np.float64) - threshold
    values[np.abs(values) < _ROUNDING] = 0
    defined = values[~np.isnan(values)]
    if not len(values) or np.isnan(values[_MAIN]):
        return Undefined("the main specification gives no estimate")
    side = np.sign(values[_MAIN])
    agree = int(np.count_nonzero(np.sign(defined) == side))
    no_side = Undefined("the main estimate is on neither side")
    edges = np.array([each.low if side > 0 else each.high for each in ends]) - threshold
    others = np.array([]) if rank_correlations is None else rank_correlations[1:]
    others = others[~np.isnan(others)]
    nothing = Undefined("no other specification ranks the settings")
    return CurveSummary(
        main=float(values[_MAIN] + threshold),
        median=float(np.median(defined) + threshold),
        smallest=float(defined.min() + threshold),
        largest=float(defined.max() + threshold),
        n=len(values),
        n_defined=len(defined),
        n_distinct=len(np.unique(np.round(defined, 12))),
        n_agree=agree if side else no_side,
        share_agree=agree / len(defined) if side else no_side,
        n_beyond=int(np.count_nonzero(edges * side > 0)) if side else no_side,
        rank_correlation=float(np.median(others)) if len(others) else nothing,
        lowest_rank_correlation=float(others.min()) if len(others) else nothing,
    )


def average_taus(scores: Floats) -> Ends:
    """Mean Kendall's tau-b over pairs of LLMs of scores [LLMs, personas], one LLM left out in turn.

    The ends are the smallest and the largest mean without one of them, no interval: LLMs are no
    sample. NaN with fewer than two LLMs, and with fewer than two personas that all have a score of.
    """
    complete = scores[:, ~np.isnan(scores).any(axis=0)]
    if len(complete) < 2 or complete.shape[1] < 2:
        return NOTHING
    taus = correlate_ranks(complete)
    everyone = np.arange(len(taus))
    without = [_average_pairs(taus[np.ix_(kept, kept)]) for kept in _leave_each_out(everyone)]
    ends = [each for each in without if not np.isnan(each)]
    if len(taus) < 3 or not ends:
        return Ends(_average_pairs(taus), float("nan"), float("nan"))
    return Ends(_average_pairs(taus), min(ends), max(ends))


def _leave_each_out(members: Rows) -> list[Rows]:
    return [np.delete(members, at) for at in range(len(members))]


def _average_pairs(taus: Floats) -> float:
    pairs = taus[np.triu_indices(len(taus), k=1)]
    defined = pairs[~np.isnan(pairs)]
    return float(drop_rounding(defined.mean())) if len(defined) else float("nan")
