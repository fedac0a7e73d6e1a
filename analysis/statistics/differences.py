"""A setting's rate minus the average setting's on the same items, over LLMs that share clusters.

The difference is D = 1/L sum_l (R_lk - mean_p R_lp): setting k, LLMs l, R a rate over items. A
cluster c of items does to it, to first order (the linearised ratio, Woodruff 1971),

    u_c = 1/L sum_l [(S_lkc - R_lk N_lkc)/N_lk - mean_p (S_lpc - R_lp N_lpc)/N_lp]

with sums S and counts N of the cluster, 0 where the LLM was not asked about it. So setting and
average stay paired, and LLMs that were asked the same items share their clusters. The variance is
`analysis.statistics.rates.stratified_variance` of u, the interval Student's t with as many degrees
of freedom as clusters are more than strata (Korn and Graubard 1990): a few clusters say little.
Like all such errors it is too small where hits are very rare, or misses.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics import Undefined
from analysis.statistics.estimates import standard_errors
from analysis.statistics.rates import (
    ClusterSums,
    Floats,
    linearise_cells,
    merge_lonely_strata,
    rate_cells,
    sum_by_cell,
)

_ROUNDING = 1e-12

NO_RATE = "the setting or the average has no rate in some LLM"
ONE_CLUSTER = "its items are a single cluster"
ALL_ALIKE = "its items all score alike, which says nothing of how sure that is"


class Difference(NamedTuple):
    """One LLM's difference and what each cluster does to it; NaN where it has no rate."""

    value: float
    clusters: NDArray[np.str_]  # [clusters], names that LLMs share
    strata: NDArray[np.str_]  # [clusters]
    influences: Floats  # [clusters]
    is_varied: bool  # whether the setting's own items score differently


class CellDifferences(NamedTuple):
    """One LLM's differences in each cell."""

    values: Floats  # [cells]
    influences: Floats  # [units]
    is_varied: NDArray[np.bool_]  # [cells]


class DifferenceInterval(NamedTuple):
    """The mean over LLMs, how sure it is, and from how many clusters that is known."""

    value: float
    standard_error: float
    low: float
    high: float
    n_clusters: int


def subtract_average(sums: ClusterSums, row: int, everyone: NDArray[np.intp]) -> CellDifferences:
    """A setting minus the mean over ``everyone``."""
    rates, influences = rate_cells(sums), linearise_cells(sums)
    return CellDifferences(
        rates[row] - rates[everyone].mean(axis=0),
        influences[row] - influences[everyone].mean(axis=0),
        sum_by_cell(np.abs(influences[[row]]), sums)[0] > _ROUNDING,
    )


def average_differences(
    differences: Sequence[Difference], *, level: float = 0.95
) -> DifferenceInterval | Undefined:
    """Mean of differences that count alike, a cluster of one name being one cluster in all.

    Of one setting in several LLMs, or of several settings too, each on its own items. 817 hits of
    817 are no evidence of how sure a setting's rate is, however much the average varies: where no
    setting's items differ, there is no interval.
    """
    if not differences or any(np.isnan(each.value) for each in differences):
        return Undefined(NO_RATE)
    names, places = np.unique(
        np.concatenate([each.clusters for each in differences]), return_inverse=True
    )
    if len(names) < 2:
        return Undefined(ONE_CLUSTER)
    if not any(each.is_varied for each in differences):
        return Undefined(ALL_ALIKE)
    influences = np.bincount(
        places, weights=np.concatenate([each.influences for each in differences])
    )
    strata = np.zeros(len(names), np.intp)
    strata[places] = np.unique(
        np.concatenate([each.strata for each in differences]), return_inverse=True
    )[1]
    merged = merge_lonely_strata(strata)
    error = float(standard_errors(influences / len(differences), merged))
    if np.isnan(error):
        return Undefined(ALL_ALIKE)
    value = float(np.mean([each.value for each in differences]))
    n_free = len(names) - len(np.unique(merged))
    half = float(stats.t.isf((1 - level) / 2, n_free)) * error
    return DifferenceInterval(value, error, value - half, value + half, len(names))
