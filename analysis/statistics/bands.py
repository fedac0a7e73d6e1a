"""How far the largest of many t reaches by chance: what makes bands and rank sets hold at once.

A bootstrap that divides every resample's difference by the standard error of the data takes t for
normal. With 31 clusters it is not, and of 162 personas one then lies outside its band in a quarter
of all nulls; where hits are rare, in most of them. So every resample has an error of its own
(bootstrap-t: Efron 1981, Canadian J. Statistics 9; of clusters, Cameron, Gelbach and Miller 2008,
Review of Economics and Statistics 90). Influences are resampled, which are all of a score to first
order (the score bootstrap, Kline and Santos 2012, J. Econometric Methods 1).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.rates import Floats
from analysis.statistics.resamples import resample_clusters
from analysis.statistics.sign_flips import join_clusters

# A resample's error below this share of the data's: it missed the few clusters that tell of it.
_VANISHED = 0.1
# Of the variance below which no member's is: in resamples it falls further. With all of it bands
# left out the truth in 6% of nulls, with this in 1% to 3%; rare hits hardly widen anybody else's.
_LEAST_VARIANCE = 0.5
# Of the largest variance: two members whose difference varies less are equal but for rounding.
_EQUAL = 1e-6


class Largest(NamedTuple):
    """The quantile of the largest |t|, and of whom."""

    critical: float  # NaN where nobody is usable
    is_usable: NDArray[np.bool_]  # [members]


def bound_largest(
    influences: Floats,
    errors: Floats,
    strata: NDArray[np.intp],
    *,
    rng: np.random.Generator,
    level: float,
    n_resamples: int,
    least: float = 0.0,
) -> Largest:
    """The ``level`` quantile over resamples of clusters of max_p |d*_p|/SE*_p.

    ``influences`` [members, clusters] of differences, ``errors`` [members] their standard errors,
    NaN for a member that has none and never below ``least``; no variance of a resample is below
    half of its square. A member is left out if its error all but vanishes in some resample: it
    rests on so few clusters that nothing can be told of its t. Measured with 24 and 162 members, 30
    to 300 clusters of four, shares of 3% to 90% and points: some member's band leaves out the truth
    in 0% to 7% of nulls where 5% is meant, least with few clusters and rare hits. More than 1,000
    clusters are put together (`analysis.statistics.sign_flips`).
    """
    is_usable = ~np.isnan(errors)
    if not is_usable.any() or len(strata) < 2:
        return Largest(float("nan"), np.zeros(len(errors), np.bool_))
    scaled, strata = _prepare(influences[is_usable] / errors[is_usable, None], strata, rng)
    sizes = np.bincount(strata)
    parts = [np.flatnonzero(strata == stratum) for stratum in range(len(sizes))]
    squares = np.square(scaled) * (sizes / (sizes - 1))[strata].astype(np.float32)
    squared, variances = [], []
    for times in resample_clusters(strata, rng, n_resamples=n_resamples):
        total, between = np.zeros((2, len(times), len(scaled)), np.float32)
        for inside, size in zip(parts, sizes.tolist(), strict=True):
            part = times[:, inside] @ scaled[:, inside].T
            total += part
            between += np.square(part) / (size - 1)
        squared.append(np.square(total))
        variances.append(times @ squares.T - between)
    lowest = _LEAST_VARIANCE * np.square(least / errors[is_usable])
    variance = np.maximum(np.concatenate(variances), lowest)
    is_steady = (variance >= _VANISHED**2).all(axis=0)
    is_usable[is_usable] = is_steady
    if not is_steady.any():
        return Largest(float("nan"), is_usable)
    t_squared = np.concatenate(squared)[:, is_steady] / variance[:, is_steady]
    return Largest(float(np.sqrt(np.quantile(t_squared.max(axis=1), level))), is_usable)


def bound_pairs(
    influences: Floats,
    strata: NDArray[np.intp],
    *,
    rng: np.random.Generator,
    level: float,
    n_flips: int,
) -> float:
    """The ``level`` quantile over random signs of clusters of the largest |t| of all pairs.

    ``influences`` [members, clusters]. Two members' difference is as likely one way as the other
    where they are equal, so signs are its null, in sparse hits too (wild bootstrap: Cameron,
    Gelbach and Miller 2008; Canay, Romano and Shaikh 2017, Econometrica 85). Signs change no
    square, so t*^2 = x^2/(1 - b) with x = sum s u/SE of the data and b V the sum over strata of
    (sum s u)^2/(n - 1): x^2/(n - 1) in one stratum. Of S strata b is taken for (x^2 + S - 1)/(n -
    S), its expectation given x where strata are equal, and the largest x gives the largest t. A
    pair that differs by the same in all clusters does not count; NaN where all do. NaN too where b
    reaches 1: with two clusters t* is 0 or without bound, and no t is beyond doubt.
    """
    u, strata = _prepare(influences, strata, rng)
    u /= np.sqrt(np.square(u).sum(axis=1).max())  # of size 1, whatever the measure's units are
    sizes = np.bincount(strata)
    products = (u * (sizes / (sizes - 1))[strata].astype(np.float32)) @ u.T
    own = np.diag(products)
    variances = own[:, None] + own - 2 * products
    is_pair = variances > _EQUAL
    if not is_pair.any():
        return float("nan")
    precisions = np.where(is_pair, 1 / np.sqrt(np.where(is_pair, variances, 1)), 0)
    signs = rng.integers(0, 2, (len(strata), n_flips), np.int8).astype(np.float32) * 2 - 1
    sums, largest = u @ signs, np.zeros(n_flips, np.float32)
    for first in range(len(sums) - 1):
        gaps = sums[first + 1 :] - sums[first]
        gaps *= precisions[first, first + 1 :, None]
        np.maximum(largest, np.abs(gaps, out=gaps).max(axis=0), out=largest)
    x_squared = float(np.quantile(largest, level)) ** 2
    n_strata = len(sizes)
    between = (x_squared + n_strata - 1) / max(len(strata) - n_strata, 1)
    return float(np.sqrt(x_squared / (1 - between))) if 1 - between > _EQUAL else float("nan")


def _prepare(
    influences: Floats, strata: NDArray[np.intp], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Influences around their mean in each stratum, of not too many clusters, and their strata."""
    sizes = np.bincount(strata)
    marks = np.eye(len(sizes))[strata] / sizes
    centred = influences - (influences @ marks)[:, strata]
    joined, strata = join_clusters(centred, strata, rng)
    return joined.astype(np.float32), strata
