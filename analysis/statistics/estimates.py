"""A score per setting with what each cluster of items contributes to it.

Contrasts, shrinkage and rank sets need no more of a score than this: its value, its influences and
how to compute it with other weights on the clusters. Rates (`estimate_rates`) have it in closed
form, and so have BBQ's bias scores (`analysis.statistics.bias`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.rates import (
    ClusterSums,
    Floats,
    divide_counts,
    influence,
    macro_scores,
    rate_cells,
    reweigh_scores,
    stratified_variance,
    sum_by_cell,
    sum_by_cluster,
)
from analysis.statistics.resamples import Times, resample_clusters


@dataclass(frozen=True, slots=True)
class Estimate:
    """Scores of all settings; NaN throughout a setting whose score is undefined."""

    scores: Floats  # [settings]
    influences: Floats  # [settings, clusters], what a cluster does to the score, to first order
    contributions: Floats  # [settings, clusters], parts of the score: they sum to it
    strata: NDArray[np.intp]  # [clusters]
    reweigh: Callable[[Times], Floats]  # times each cluster counts [rows, clusters] -> [rows, set]


def estimate_rates(sums: ClusterSums) -> Estimate:
    """The macro scores of `macro_scores` as an estimate."""
    influences = influence(sums)
    return Estimate(
        scores=macro_scores(sums),
        influences=influences,
        contributions=influences + share_out(rate_cells(sums), sums),
        strata=sums.strata,
        reweigh=lambda times: reweigh_scores(sums, times),
    )


def take_settings(estimate: Estimate, rows: NDArray[np.intp]) -> Estimate:
    """The estimate of some of the settings, in the order of ``rows``."""
    return Estimate(
        scores=estimate.scores[rows],
        influences=estimate.influences[rows],
        contributions=estimate.contributions[rows],
        strata=estimate.strata,
        reweigh=lambda times: estimate.reweigh(times)[:, rows],
    )


def average_estimates(estimates: Sequence[Estimate]) -> Estimate:
    """The unweighted mean of scores of the same settings on items that have nothing in common.

    theta = (1/k) sum theta_i: clusters of each are drawn within it, and what one does to the mean
    is a k-th of what it does to its own score. Each has two clusters or more.
    """
    k = len(estimates)
    first = np.cumsum([0, *(int(each.strata.max(initial=-1)) + 1 for each in estimates)])
    ends = np.cumsum([len(each.strata) for each in estimates])[:-1]

    def reweigh(times: Times) -> Floats:
        parts = np.split(times, ends, axis=1)
        scores = [each.reweigh(part) for each, part in zip(estimates, parts, strict=True)]
        return np.asarray(np.mean(scores, axis=0))

    return Estimate(
        scores=np.mean([each.scores for each in estimates], axis=0),
        influences=np.concatenate([each.influences for each in estimates], axis=1) / k,
        contributions=np.concatenate([each.contributions for each in estimates], axis=1) / k,
        strata=np.concatenate(
            [each.strata + start for each, start in zip(estimates, first[:-1], strict=True)]
        ),
        reweigh=reweigh,
    )


def share_out(cell_scores: Floats, sums: ClusterSums) -> Floats:
    """Each setting's mean of cell scores shared out by items [settings, clusters].

    A cluster's share of a cell is that of the items that count, over all settings together: the
    same for every setting, so that a difference in what was answered is not a difference in score.
    """
    counts = sums.counts.sum(axis=0, keepdims=True)
    shares = divide_counts(counts, sum_by_cell(counts, sums)[:, sums.cells])
    return sum_by_cluster(cell_scores[:, sums.cells] * shares / cell_scores.shape[1], sums)


def bootstrap_scores(
    estimate: Estimate, rng: np.random.Generator, *, n_resamples: int = 2_000
) -> Floats:
    """Scores of resampled clusters [resamples, settings], NaN where undefined.

    For rates the same draws as `analysis.statistics.rates.cluster_bootstrap` from the same state.
    """
    if len(estimate.strata) < 2:
        return np.full((n_resamples, len(estimate.scores)), np.nan)
    blocks = resample_clusters(estimate.strata, rng, n_resamples=n_resamples)
    return np.concatenate([estimate.reweigh(times) for times in blocks])


def error_covariance(estimate: Estimate) -> Floats:
    """Clustered sampling covariance S of the scores [settings, settings].

    S_pq = sum over strata of n/(n - 1) sum (u_p - mean u_p)(u_q - mean u_q). All NaN with a single
    cluster; its diagonal is that of `stratified_variance`.
    """
    strata = estimate.strata
    if len(strata) < 2:
        return np.full((len(estimate.scores),) * 2, np.nan)
    sizes = np.bincount(strata)
    centred = estimate.influences.copy()
    for stratum in range(len(sizes)):
        inside = strata == stratum
        centred[:, inside] -= centred[:, inside].mean(axis=1, keepdims=True)
    covariance: Floats = (centred * (sizes / (sizes - 1))[strata]) @ centred.T
    return covariance


def standard_errors(influences: Floats, strata: NDArray[np.intp]) -> Floats:
    """Clustered standard errors of influences [..., clusters].

    NaN where a score is undefined, for a single cluster, and where all clusters say the same: 817
    hits of 817 are no evidence of an error of 0.
    """
    errors = np.sqrt(stratified_variance(influences, strata))
    return np.where(errors > 1e-12, errors, np.nan)
