"""A score per setting with a clustered interval, from sums per cluster.

Items are reduced once to sums per cluster; everything after that (scores, standard errors,
bootstrap) works on those sums and never reads an item again. A score is the unweighted mean of the
rates in its cells: one cell for TruthfulQA, a subject each for MMLU, a category and context each
for BBQ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analysis.statistics.resamples import Times, resample_clusters

Floats = NDArray[np.float64]

# Scores are within [0, 1] or [1, 5]; differences below this are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Sums over the items of one cluster within one cell ("unit"), for every setting."""

    sums: Floats  # [settings, units]
    counts: Floats  # [settings, units], the items that count
    clusters: NDArray[np.intp]  # [units], from 0
    cells: NDArray[np.intp]  # [units], from 0
    strata: NDArray[np.intp]  # [clusters], from 0; none has a single cluster, if there are two


class Interval(NamedTuple):
    """Ends per setting, NaN where undefined."""

    low: Floats
    high: Floats


class Rates(NamedTuple):
    """Scores per setting with their clustered standard errors and intervals; NaN: undefined."""

    scores: Floats
    standard_errors: Floats
    interval: Interval
    counts: Floats  # items that count


def cluster_sums(
    values: NDArray[Any],
    counted: NDArray[np.bool_],
    clusters: NDArray[Any],
    *,
    cells: NDArray[Any] | None = None,
    strata: NDArray[Any] | None = None,
) -> ClusterSums:
    """Sum ``values`` [settings, items] where ``counted``, by cluster and cell.

    ``clusters``, ``cells`` and ``strata`` [items] are labels of any kind, in sorted order in the
    result; without cells or strata there is one. A cluster must lie in one stratum (ValueError);
    it may reach over cells, as a BBQ question does with its two contexts. A stratum with a single
    cluster says nothing about its variance and is merged (`merge_lonely_strata`).
    """
    cluster, n_clusters = _number(clusters)
    cell, _ = _number(np.zeros(len(cluster), np.intp) if cells is None else cells)
    stratum, _ = _number(np.zeros(len(cluster), np.intp) if strata is None else strata)
    cluster_strata = np.zeros(n_clusters, np.intp)
    cluster_strata[cluster] = stratum
    if np.any(cluster_strata[cluster] != stratum):
        raise ValueError("a cluster of items lies in more than one stratum")

    pairs, unit = np.unique(cell * n_clusters + cluster, return_inverse=True)
    values, counted = np.asarray(values), np.asarray(counted)
    if counted.all():  # the usual case, and its counts are alike
        sizes = np.bincount(unit, minlength=len(pairs)).astype(np.float64)
        sums, counts = values, np.tile(sizes, (len(counted), 1))
    else:
        sums = np.where(counted, values, np.zeros((), values.dtype))  # no wider than the values
        counts = _sum_by(counted, unit, len(pairs))
    return ClusterSums(
        sums=_sum_by(sums, unit, len(pairs)),
        counts=counts,
        clusters=pairs % max(n_clusters, 1),
        cells=pairs // max(n_clusters, 1),
        strata=merge_lonely_strata(cluster_strata),
    )


def _number(labels: NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """Labels as numbers from 0, and how many there are."""
    if labels.dtype.kind == "U":  # sorting 58,492 words takes five times as long as looking up
        listed = labels.tolist()
        places = {label: place for place, label in enumerate(sorted(set(listed)))}
        return np.array([places[label] for label in listed], np.intp), len(places)
    kinds, numbers = np.unique(labels, return_inverse=True)
    return numbers.astype(np.intp), len(kinds)


def _sum_by(values: NDArray[Any], unit: NDArray[np.intp], n_units: int) -> Floats:
    n_items = len(unit)
    if values.dtype.itemsize == 1 and 0 < n_items <= 2**17:  # float32 adds so many bytes exactly
        marks = (np.ones(n_items, np.float32), (np.arange(n_items), unit))
        by_unit = sparse.csr_array(marks, shape=(n_items, n_units))
        return np.asarray(values.astype(np.float32) @ by_unit, np.float64)
    rows = [np.bincount(unit, weights=row, minlength=n_units) for row in values]
    return np.array(rows, np.float64).reshape(len(values), n_units)


def merge_lonely_strata(strata: NDArray[np.intp]) -> NDArray[np.intp]:
    """Strata [clusters] renumbered so that none has a single cluster, where there are two.

    Collapsed strata (Cochran, Sampling Techniques, 5A.12), which overstates the variance rather
    than leaving it out: strata of one cluster become one stratum; one that is left over joins the
    smallest other.
    """
    _, numbers, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    lonely = np.flatnonzero(sizes == 1)
    if lonely.size and len(sizes) > 1:
        others = np.where(sizes == 1, np.iinfo(np.intp).max, sizes)
        into = lonely[0] if lonely.size > 1 else int(others.argmin())
        numbers = np.where(np.isin(numbers, lonely), into, numbers)
        numbers = np.unique(numbers, return_inverse=True)[1]
    return numbers.astype(np.intp)


def macro_scores(sums: ClusterSums) -> Floats:
    """Unweighted mean over cells of each setting's rate in the cell [settings].

    NaN where a cell has no item that counts for this setting.
    """
    rates = rate_cells(sums)
    return np.asarray(rates.mean(axis=1)) if rates.size else np.full(len(rates), np.nan)


def rate_cells(sums: ClusterSums) -> Floats:
    """Each setting's rate in each cell [settings, cells]; NaN where no item counts."""
    return divide_counts(sum_by_cell(sums.sums, sums), sum_by_cell(sums.counts, sums))


def divide_counts(sums: Floats, counts: NDArray[Any]) -> Floats:
    """Sums over counts of the same shape, NaN where nothing counts."""
    rates = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=rates, where=counts > 0)
    return rates


def influence(sums: ClusterSums) -> Floats:
    """What each cluster does to each setting's score, to first order [settings, clusters].

    u_c = mean over cells g of (S_gc - R_g N_gc)/N_g: the linearised ratio (Woodruff 1971).
    NaN for a setting whose score is undefined.
    """
    n_cells = int(sums.cells.max(initial=0)) + 1
    return sum_by_cluster(linearise_cells(sums) / n_cells, sums)


def linearise_cells(sums: ClusterSums) -> Floats:
    """(S_gc - R_g N_gc)/N_g: what each unit does to the rate of its cell [settings, units]."""
    totals = sum_by_cell(sums.counts, sums)
    rates = divide_counts(sum_by_cell(sums.sums, sums), totals)
    shares = divide_counts(np.ones_like(totals), totals)
    residuals: Floats = (sums.sums - rates[:, sums.cells] * sums.counts) * shares[:, sums.cells]
    return residuals


def sum_by_cell(values: Floats, sums: ClusterSums) -> Floats:
    """Values [settings, units] summed to [settings, cells]."""
    return _sum_by(values, sums.cells, int(sums.cells.max(initial=-1)) + 1)


def sum_by_cluster(values: Floats, sums: ClusterSums) -> Floats:
    """Values [settings, units] summed to [settings, clusters]."""
    return _sum_by(values, sums.clusters, len(sums.strata))


def stratified_variance(influences: Floats, strata: NDArray[np.intp]) -> Floats:
    """Sampling variance of a score from its influences [..., clusters].

    Sum over strata of n/(n - 1) sum (u - mean u)^2, clusters drawn with replacement within strata.
    NaN where there is a single cluster.
    """
    if len(strata) < 2:
        return np.full(influences.shape[:-1], np.nan)
    sizes = np.bincount(strata)
    flat = influences.reshape(-1, len(strata))
    means = _sum_by(flat, strata, len(sizes)) / sizes
    squares = (flat - means[:, strata]) ** 2 * (sizes / (sizes - 1))[strata]
    return np.asarray(squares.sum(axis=1).reshape(influences.shape[:-1]))


def cluster_bootstrap(
    sums: ClusterSums, rng: np.random.Generator, *, n_resamples: int = 2_000
) -> Floats:
    """Macro scores of resampled clusters [resamples, settings].

    All NaN with a single cluster; NaN where a cell of the resample has no item that counts.
    """
    if len(sums.strata) < 2:
        return np.full((n_resamples, len(sums.sums)), np.nan)
    blocks = resample_clusters(sums.strata, rng, n_resamples=n_resamples)
    return np.concatenate([reweigh_scores(sums, times) for times in blocks])


def reweigh_scores(sums: ClusterSums, times: Times) -> Floats:
    """Macro scores [rows, settings] with each cluster counted ``times`` [rows, clusters] over."""
    total = np.zeros((len(times), len(sums.sums)))
    n_cells = 0
    for rates in reweigh_cells(sums, times):
        total += rates
        n_cells += 1
    return total / n_cells


def reweigh_cells(sums: ClusterSums, times: Times) -> Iterator[Floats]:
    """Rates [rows, settings] in one cell after another, each cluster counted ``times`` over.

    ``times`` [rows, clusters] is how often a resample drew each cluster, or 0 and 1 for a part of
    them. NaN where no item of the cell is left that counts.
    """
    # Usually every setting was asked the same items, and one column of counts does for all.
    alike = bool(np.all(sums.counts == sums.counts[:1]))
    dtype: Any = np.float32 if _is_whole(sums, times) else np.float64
    values: NDArray[Any] = sums.sums.T.astype(dtype)
    counts: NDArray[Any] = (sums.counts[:1] if alike else sums.counts).T.astype(dtype)
    shape = (len(times), len(sums.sums))
    for cell in range(int(sums.cells.max()) + 1):
        units = np.flatnonzero(sums.cells == cell)
        drawn = times[:, sums.clusters[units]].astype(dtype, copy=False)
        yield divide_counts(
            (drawn @ values[units]).astype(np.float64),
            np.broadcast_to(drawn @ counts[units], shape),
        )


def _is_whole(sums: ClusterSums, times: Times) -> bool:
    """Whether all that can come of these sums is whole and below 2**24, exact in float32.

    Weights in float32 are draws of `resample_clusters`, which are whole.
    """
    if times.dtype != np.float32:
        return False
    most = max(sums.counts.sum(axis=1).max(initial=0), np.abs(sums.sums).sum(axis=1).max(initial=0))
    return bool(
        most * np.max(times, initial=0) < 2**24 and np.array_equal(sums.sums, np.round(sums.sums))
    )


def percentile_interval(resampled: Floats, *, level: float = 0.95) -> Interval:
    """The central ``level`` of resamples [resamples, settings].

    NaN for a setting of which a resample is undefined, or of which all resamples are equal.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, (tail, 1 - tail), axis=0)
    varies = np.ptp(resampled, axis=0) > _ROUNDING
    return Interval(np.where(varies, low, np.nan), np.where(varies, high, np.nan))
