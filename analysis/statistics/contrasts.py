"""Each persona against a reference: the controls' mean, or the empty setting.

Delta_p = theta_p - mean over the references of theta. Effect sizes with bands that hold for all
personas at once come first; p-values, equivalence and the smallest effect that could have been
found stand beside them. The families for adjusting are LLM x data set x metric.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats import contingency_tables

from analysis.statistics import Undefined
from analysis.statistics.bands import bound_largest
from analysis.statistics.estimates import Estimate, standard_errors
from analysis.statistics.exchanges import Exchanged, exchange_settings
from analysis.statistics.rates import Floats, Interval, stratified_variance
from analysis.statistics.sign_flips import flip_signs

Rows = NDArray[np.intp]  # which settings
# Of five clusters all 32 signs together reach p = 2/32: no difference could be found at .05.
CLUSTERS_TO_REJECT = 6


class Verdict(StrEnum):
    """What the intervals of a difference say about a margin delta."""

    EQUIVALENT = "equivalent"  # the 90% interval lies within -delta to delta
    DIFFERENT = "different"  # the simultaneous interval lies outside
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Delta of each member; NaN where it, or its error, is undefined.

    A member without an error (it never differs from the reference by another amount than in every
    other cluster, or there is a single cluster) is in no band and in no family; one whose error
    rests on very few clusters is in no band, and one that differs in a single one in no family.
    """

    differences: Floats  # [members]
    standard_errors: Floats  # clustered, and none below a control's own (`measure_least_error`)
    band: Interval  # simultaneous over the members
    critical: float  # the band's half-width in standard errors; NaN without a band
    narrow: Interval  # 90%, one member at a time: the interval of two one-sided tests
    p_flip: Floats  # studentised cluster sign-flip, two-sided
    p_exchange: Floats  # exchange with the references, two-sided; NaN with a single reference
    p_exchange_side: Floats  # the same on the side where the difference lies
    p: Floats  # the larger of the two
    p_bh: Floats  # Benjamini and Hochberg's over the members
    p_holm: Floats  # Holm's, for claims named in advance
    smallest: Floats  # the smallest effect that is found with power .8 at .05/members; NaN where
    # so few clusters can show none (`CLUSTERS_TO_REJECT`)


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's exact test of two settings; items taken for independent."""

    p: float
    only_first: int  # items that only the first setting hits
    only_second: int


@dataclass(frozen=True, slots=True)
class Wilcoxon:
    """Wilcoxon's signed-rank test of two settings; items taken for independent."""

    p: float
    statistic: float
    n_differ: int


def contrast_settings(
    estimate: Estimate,
    members: Rows,
    *,
    references: Rows,
    controls: Rows | None = None,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = 2_000,
    n_flips: int = 9_999,
) -> Contrasts | Undefined:
    """Delta_p = theta_p - mean theta of ``references``, for each of ``members``.

    ``references`` are the controls, or the empty setting alone; ``controls`` are they unless told.
    Errors are those of the difference's influences, so that items easy for all cancel, and at least
    what a control's would be. p is the larger of two tests': random signs, which ask nothing of how
    a persona's answers vary, and exchanges with the references, which hold where hits are rare and
    signs reject most true nulls (nothing is found that either does not find: an intersection-union
    test, Berger 1982, Technometrics 24). With one reference an exchange is a sign, and signs do.

    Bands: Delta -+ q SE, q the ``level`` quantile over resamples of the largest |Delta*_p -
    Delta_p|/SE*_p (sup-t bands: Montiel Olea and Plagborg-Møller 2019, J. Applied Econometrics 34;
    every resample with its own error: `analysis.statistics.bands.bound_largest`).
    """
    if not len(members) or not len(references):
        return Undefined("no persona" if len(references) else "no reference to compare with")
    if np.isnan(estimate.scores[references]).any():
        return Undefined("a reference has no score")

    differences = _subtract(estimate.scores[None], members, references)[0]
    influences = estimate.influences[members] - estimate.influences[references].mean(axis=0)
    least = measure_least_error(
        estimate, references if controls is None else controls, n_references=len(references)
    )
    own_errors = standard_errors(influences, estimate.strata)
    errors = np.where(np.isnan(own_errors), np.nan, np.maximum(own_errors, least))
    parts = estimate.contributions[members]
    compared = estimate.contributions[references]
    p_flip = flip_signs(parts - compared.mean(axis=0), estimate.strata, rng=rng, n_flips=n_flips)
    p_flip[np.isnan(errors)] = np.nan
    p = p_flip
    exchanged = Exchanged(*np.full((2, len(members)), np.nan))
    if len(references) > 1:
        exchanged = exchange_settings(parts, compared, estimate.strata, rng=rng, n_draws=n_flips)
        exchanged = Exchanged(*np.where(np.isnan(p_flip), np.nan, exchanged))
        p = np.maximum(p_flip, exchanged.two_sided)
    df = max(len(estimate.strata) - len(np.unique(estimate.strata)), 1)
    half = float(stats.t.ppf(0.95, df)) * errors
    critical, is_usable = bound_largest(
        influences,
        errors,
        estimate.strata,
        rng=rng,
        level=level,
        n_resamples=n_resamples,
        least=least,
    )
    band = critical * np.where(is_usable, errors, np.nan)
    return Contrasts(
        differences=differences,
        standard_errors=errors,
        band=Interval(differences - band, differences + band),
        critical=critical,
        narrow=Interval(differences - half, differences + half),
        p_flip=p_flip,
        p_exchange=exchanged.two_sided,
        p_exchange_side=exchanged.own_side,
        p=p,
        p_bh=adjust_p(p, method="fdr_bh"),
        p_holm=adjust_p(p, method="holm"),
        smallest=find_smallest_effect(errors, n_tests=len(members))
        if len(estimate.strata) >= CLUSTERS_TO_REJECT
        else np.full(len(members), np.nan),
    )


def measure_least_error(estimate: Estimate, controls: Rows, *, n_references: int) -> float:
    """What the error of a difference from so many references would be for a control; 0 without two.

    SE^2 = (v - c)(1 + 1/n_references), v the mean variance of controls, c their mean covariance: a
    persona without a single hit has no variance of its own, and yet its score could have been
    another.
    """
    n = len(controls)
    if n < 2:
        return 0.0
    influences = estimate.influences[controls]
    apart = stratified_variance(influences - influences.mean(axis=0), estimate.strata)
    least = float(np.sqrt(apart.mean() * n / (n - 1) * (1 + 1 / n_references)))
    return 0.0 if np.isnan(least) else least


def _subtract(scores: Floats, members: Rows, references: Rows) -> Floats:
    """Scores [rows, settings] to differences [rows, members]."""
    difference: Floats = scores[:, members] - scores[:, references].mean(axis=1, keepdims=True)
    return difference


def adjust_p(p: Floats, *, method: Literal["fdr_bh", "holm"]) -> Floats:
    """Adjusted p-values over those of a family that are defined; NaN stays NaN.

    Benjamini and Hochberg (1995) for "fdr_bh", Holm (1979) for "holm", as statsmodels calls them;
    its own multipletests collects garbage at every call, which would take longer than the tests.
    """
    adjusted = np.full(p.shape, np.nan)
    defined = np.flatnonzero(~np.isnan(p))
    if method == "fdr_bh":
        adjusted[defined] = stats.false_discovery_control(p[defined])
    else:
        order = defined[np.argsort(p[defined])]
        stepped = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
        adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def find_smallest_effect(
    errors: Floats, *, n_tests: int, alpha: float = 0.05, power: float = 0.8
) -> Floats:
    """(z_(1 - alpha/2/n_tests) + z_power) SE: from the errors, never from an observed effect."""
    z = stats.norm.ppf(1 - alpha / 2 / n_tests) + stats.norm.ppf(power)
    smallest: Floats = float(z) * errors
    return smallest


def judge_equivalence(contrasts: Contrasts, *, delta: float) -> tuple[Verdict | None, ...]:
    """Whether each difference is within ``delta``, outside, or undecided; None without an error.

    Two one-sided tests at .05 each (Schuirmann 1987, J. Pharmacokinetics 15) against the
    simultaneous band. ``delta`` is in reported units.
    """
    narrow, band = contrasts.narrow, contrasts.band
    verdicts: list[Verdict | None] = []
    for low, high, lowest, highest in zip(*narrow, *band, strict=True):
        if np.isnan(low):
            verdicts.append(None)
        elif -delta <= low and high <= delta:
            verdicts.append(Verdict.EQUIVALENT)
        elif lowest > delta or highest < -delta:
            verdicts.append(Verdict.DIFFERENT)
        else:
            verdicts.append(Verdict.UNDECIDED)
    return tuple(verdicts)


def compare_hits(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar | Undefined:
    """McNemar's exact test (1947, Psychometrika 12) of hits [items] of two settings, unclustered.

    For the appendix: it takes items for independent, and its mean is over items, not cells.
    """
    only_first = int(np.count_nonzero(first & ~second))
    only_second = int(np.count_nonzero(second & ~first))
    if only_first + only_second == 0:
        return Undefined("no item on which the two settings differ")
    table = [[0, only_first], [only_second, 0]]
    result = contingency_tables.mcnemar(table, exact=True)
    return McNemar(float(result.pvalue), only_first, only_second)


def compare_points(first: NDArray[Any], second: NDArray[Any]) -> Wilcoxon | Undefined:
    """Wilcoxon's signed-rank test (1945) of points [items] of two settings, unclustered.

    Normal approximation with ties and continuity correction; equal answers are left out.
    """
    differences = first.astype(np.float64) - second.astype(np.float64)
    differences = differences[differences != 0]
    if not len(differences):
        return Undefined("no item on which the two settings differ")
    result = stats.wilcoxon(differences, correction=True, method="asymptotic")
    return Wilcoxon(float(result.pvalue), float(result.statistic), len(differences))
