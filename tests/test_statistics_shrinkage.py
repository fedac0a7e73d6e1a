"""Shrunken scores and chances of the top: against a mixed model, and on planted scores."""

import numpy as np
import pytest
from drawn_estimates import SEED, draw_estimate
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM

from analysis.statistics import Undefined
from analysis.statistics.estimates import Estimate, estimate_rates
from analysis.statistics.rates import cluster_sums
from analysis.statistics.shrinkage import (
    Shrunken,
    chance_of_top,
    regularise_covariance,
    shrink_gap,
    shrink_scores,
)
from analysis.statistics.spread import score_gap


def test_shrinkage_of_independent_errors_is_that_of_a_mixed_model() -> None:
    rng = np.random.default_rng(SEED)
    categories = np.repeat(["a", "b", "c"], 8)
    truth = np.repeat([0.0, 1, 3], 8) + rng.normal(0, 0.5, 24)
    values = truth[:, None] + rng.normal(0, 1, (24, 30))
    # One cluster per setting and item: errors are independent, and equal in expectation.
    fit = MixedLM(
        values.ravel(),
        np.repeat(np.eye(3), 8, axis=0).repeat(30, axis=0),
        groups=np.repeat(np.arange(24), 30),
    ).fit(reml=True)
    error = np.sqrt(fit.scale / 30)
    residuals = values - values.mean(axis=1, keepdims=True)
    whitened = np.linalg.svd(residuals, full_matrices=False)[2] * error * np.sqrt(29 / 30)
    estimate = Estimate(
        values.mean(axis=1), whitened, whitened, np.zeros(30, np.intp), lambda times: times
    )

    result = shrink_scores(estimate, np.arange(24), categories)

    assert isinstance(result, Shrunken)
    assert result.tau == pytest.approx(np.sqrt(fit.cov_re.item()), rel=0.02)
    assert list(result.category_means.values()) == pytest.approx(fit.fe_params, rel=0.01)
    effects = [effect.item() for effect in fit.random_effects.values()]
    means = np.repeat(fit.fe_params, 8)
    np.testing.assert_allclose(result.scores, means + effects, atol=0.02)


@pytest.mark.parametrize(("tau", "n_clusters"), [(0.0, 400), (0.05, 400), (0.05, 60)])
def test_shrunken_scores_are_nearer_the_truth_and_their_intervals_hold(
    tau: float, n_clusters: int
) -> None:
    rng = np.random.default_rng(SEED)
    categories = np.repeat(np.arange(4), 10)
    taus, nearer, covered = [], [], []
    for _ in range(40):
        truth = rng.normal(0, 0.1, 4)[categories] + rng.normal(0, tau, 40)
        estimate = draw_estimate(rng, truth, n_clusters=n_clusters)
        result = shrink_scores(estimate, np.arange(40), categories)
        assert isinstance(result, Shrunken)
        taus.append(result.tau)
        nearer.append(np.std(result.scores - truth) / np.std(estimate.scores - truth))
        covered.append((result.interval.low <= truth) & (result.interval.high >= truth))

    assert np.sqrt(np.mean(np.square(taus))) == pytest.approx(tau, abs=0.015)
    assert np.mean(nearer) < 0.95
    assert 0.85 < np.mean(covered) <= 1


def test_correlations_of_few_clusters_are_drawn_together_and_of_many_are_kept() -> None:
    rng = np.random.default_rng(SEED)
    root = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 0.6, 0.8]])
    few, many = (np.cov(root @ rng.normal(size=(3, n))) for n in (8, 20_000))

    pulled, kept = regularise_covariance(few, 7), regularise_covariance(many, 19_999)

    np.testing.assert_allclose(np.diag(pulled), np.diag(few))
    np.testing.assert_allclose(kept, many, rtol=0.01, atol=0.01)
    assert np.linalg.matrix_rank(regularise_covariance(np.cov(rng.normal(size=(20, 5))), 4)) == 20


def test_chances_of_the_top_sum_to_its_size_and_favour_the_best() -> None:
    rng = np.random.default_rng(SEED)
    truth = np.concatenate([[1.0, 0.9], np.zeros(18)])
    estimate = draw_estimate(rng, truth, n_clusters=300)
    result = shrink_scores(estimate, np.arange(20), np.zeros(20))
    assert isinstance(result, Shrunken)

    top = chance_of_top(result, rng, is_best_highest=True, n_top=2, n_draws=2_000)
    bottom = chance_of_top(result, rng, is_best_highest=False, n_top=2, n_draws=2_000)

    assert top.sum() == pytest.approx(2)
    assert top[:2].tolist() == pytest.approx([1, 1], abs=0.01)
    assert bottom[:2].tolist() == [0, 0]


def test_without_true_differences_all_of_a_category_have_the_same_chance() -> None:
    shrunken = Shrunken(
        scores=np.array([0.5, 0.5, np.nan, 0.5]),
        standard_errors=np.zeros(4),
        interval=(np.zeros(4), np.zeros(4)),  # type: ignore[arg-type]
        covariance=np.full((4, 4), 0.01),
        tau=0,
        category_means={},
    )

    chances = chance_of_top(
        shrunken, np.random.default_rng(SEED), is_best_highest=True, n_top=1, n_draws=5_000
    )

    np.testing.assert_allclose(chances, [1 / 3, 1 / 3, np.nan, 1 / 3], atol=0.03)


def test_a_shrunken_gap_is_narrower_than_the_gap_that_was_selected() -> None:
    rng = np.random.default_rng(SEED)
    truth = rng.normal(0, 0.05, 40)
    estimate = draw_estimate(rng, truth, n_clusters=100)
    gap = score_gap(estimate.scores)
    result = shrink_scores(estimate, np.arange(40), np.zeros(40))
    assert isinstance(result, Shrunken)
    assert not isinstance(gap, Undefined)

    shrunken = shrink_gap(result, gap.best, gap.worst)

    assert shrunken.value < gap.value
    assert shrunken.low < truth[gap.best] - truth[gap.worst] < shrunken.high


def test_a_member_without_a_score_or_an_error_is_left_out_alone() -> None:
    values = np.random.default_rng(SEED).normal(size=(6, 40))
    values[1] = 1
    counted = np.ones(values.shape, np.bool_)
    counted[4] = False
    estimate = estimate_rates(cluster_sums(values, counted, np.arange(40)))

    result = shrink_scores(estimate, np.arange(6), np.zeros(6))

    assert isinstance(result, Shrunken)
    assert np.isnan(result.scores).tolist() == [False, True, False, False, True, False]
    chances = chance_of_top(result, np.random.default_rng(SEED), is_best_highest=True, n_top=2)
    assert np.isnan(chances).tolist() == [False, True, False, False, True, False]


def test_settings_that_answer_alike_shrink_to_one_score_without_a_spread() -> None:
    values = np.repeat(np.random.default_rng(SEED).random((1, 30)), 5, axis=0)
    estimate = estimate_rates(cluster_sums(values, np.ones((5, 30), np.bool_), np.arange(30)))

    result = shrink_scores(estimate, np.arange(5), np.zeros(5))

    assert isinstance(result, Shrunken)
    assert result.tau == 0
    np.testing.assert_allclose(result.scores, values.mean())
    np.testing.assert_allclose(result.standard_errors, stats.sem(values[0]), rtol=1e-3)
