"""Estimates of settings whose true scores are planted."""

import numpy as np

from analysis.statistics.estimates import Estimate, estimate_rates
from analysis.statistics.rates import cluster_sums

SEED = 20_240_702


def draw_estimate(
    rng: np.random.Generator, truth: np.ndarray, *, n_clusters: int, noise: float = 0.5
) -> Estimate:
    """One point per cluster; hard clusters pull all settings down together."""
    values = truth[:, None] + rng.normal(0, 1, n_clusters)
    values += rng.normal(0, noise, values.shape)
    sums = cluster_sums(values, np.ones(values.shape, np.bool_), np.arange(n_clusters))
    return estimate_rates(sums)
