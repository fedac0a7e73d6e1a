"""Scores over several data sets as one estimate, against drawing the clusters of each by hand."""

import numpy as np
import pytest

from analysis.statistics.estimates import (
    Estimate,
    average_estimates,
    bootstrap_scores,
    error_covariance,
    estimate_rates,
    standard_errors,
    take_settings,
)
from analysis.statistics.rates import cluster_sums

N_SETTINGS = 4


def draw_estimate(seed: int, n_clusters: int, *, n_strata: int = 1) -> Estimate:
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_clusters), 3)
    hits = rng.random((N_SETTINGS, len(clusters))) < rng.uniform(0.2, 0.8, (N_SETTINGS, 1))
    counted = rng.random(hits.shape) < 0.9
    strata = clusters % n_strata
    return estimate_rates(cluster_sums(hits & counted, counted, clusters, strata=strata))


def test_the_mean_of_independent_scores_has_half_their_joint_error() -> None:
    one, two = draw_estimate(1, 30), draw_estimate(2, 50, n_strata=2)

    mean = average_estimates([one, two])

    np.testing.assert_allclose(mean.scores, (one.scores + two.scores) / 2)
    np.testing.assert_allclose(mean.contributions.sum(axis=1), mean.scores)
    errors = [standard_errors(each.influences, each.strata) for each in (one, two)]
    np.testing.assert_allclose(standard_errors(mean.influences, mean.strata), np.hypot(*errors) / 2)
    expected = (error_covariance(one) + error_covariance(two)) / 4
    np.testing.assert_allclose(error_covariance(mean), expected)


def test_a_resample_of_the_mean_draws_within_each_data_set() -> None:
    one, two = draw_estimate(1, 30), draw_estimate(2, 50, n_strata=2)
    mean = average_estimates([one, two])
    times = np.random.default_rng(3).integers(0, 3, (5, 80)).astype(np.float64)

    found = mean.reweigh(times)

    expected = (one.reweigh(times[:, :30]) + two.reweigh(times[:, 30:])) / 2
    np.testing.assert_allclose(found, expected)
    drawn = bootstrap_scores(mean, np.random.default_rng(4), n_resamples=4_000)
    np.testing.assert_allclose(
        drawn.std(axis=0), standard_errors(mean.influences, mean.strata), rtol=0.1
    )


def test_a_score_that_one_data_set_lacks_is_not_defined() -> None:
    one = draw_estimate(1, 30)
    hits = np.zeros((N_SETTINGS, 9), np.bool_)
    counted = np.ones_like(hits)
    counted[2] = False
    two = estimate_rates(cluster_sums(hits, counted, np.arange(9)))

    mean = average_estimates([one, two])

    assert np.isnan(mean.scores).tolist() == [False, False, True, False]


def test_settings_are_taken_in_the_order_asked_for() -> None:
    whole, rows = draw_estimate(1, 30), np.array([3, 1])

    some = take_settings(whole, rows)

    assert some.scores.tolist() == whole.scores[rows].tolist()
    times = np.ones((2, 30))
    assert some.reweigh(times)[0] == pytest.approx(whole.scores[rows])
