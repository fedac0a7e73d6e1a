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
    ShrunkenGap,
    chance_of_top,
    pool_variances,
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


@pytest.mark.parametrize("n_clusters", [4, 8, 31])
@pytest.mark.parametrize("tau", [0.0, 0.3])
def test_shrunken_intervals_hold_with_few_clusters(tau: float, n_clusters: int) -> None:
    rng = np.random.default_rng(SEED)
    covered = []
    for _ in range(120):
        truth = rng.normal(0, tau, 24)
        estimate = draw_estimate(rng, truth, n_clusters=n_clusters)
        result = shrink_scores(estimate, np.arange(24), np.zeros(24))
        assert isinstance(result, Shrunken)
        covered.append((result.interval.low <= truth) & (result.interval.high >= truth))

    assert np.mean(covered) > 0.92  # 70% to 80% with each persona's own variance


@pytest.mark.parametrize("n_clusters", [2, 3])
def test_with_fewer_than_three_degrees_of_freedom_nothing_is_shrunken(n_clusters: int) -> None:
    estimate = draw_estimate(np.random.default_rng(SEED), np.zeros(24), n_clusters=n_clusters)

    result = shrink_scores(estimate, np.arange(24), np.zeros(24))

    assert isinstance(result, Undefined)
    assert "degrees of freedom" in result.reason


def test_variances_of_few_clusters_are_drawn_together_and_of_many_are_kept() -> None:
    rng = np.random.default_rng(SEED)
    equal = np.cov(rng.normal(size=(40, 5)))
    apart = np.cov(rng.normal(size=(3, 20_000)) * np.array([[1.0], [2], [5]]))

    pooled, kept = pool_variances(equal, 4), pool_variances(apart, 19_999)

    assert np.diag(pooled).std() < 0.4 * np.diag(equal).std()
    assert np.trace(pooled) == pytest.approx(np.trace(equal))
    scales = np.sqrt(np.diag(pooled)) / np.sqrt(np.diag(equal))
    np.testing.assert_allclose(pooled, equal * np.outer(scales, scales))
    np.testing.assert_allclose(kept, apart, rtol=0.01)
    np.testing.assert_allclose(pool_variances(np.eye(3), 4), np.eye(3))


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
        n_free=20,
        least_error=0,
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

    assert isinstance(shrunken, ShrunkenGap)
    assert shrunken.value < gap.value
    assert shrunken.low < truth[gap.best] - truth[gap.worst] < shrunken.high


def test_a_shrunken_gap_has_the_quantile_of_the_shrunken_intervals() -> None:
    rng = np.random.default_rng(SEED)
    held = []
    for _ in range(300):
        truth = rng.normal(0, 0.5, 12)
        estimate = draw_estimate(rng, truth, n_clusters=6)
        result = shrink_scores(estimate, np.arange(12), np.zeros(12))
        assert isinstance(result, Shrunken)
        found = shrink_gap(result, 3, 7)
        if isinstance(found, ShrunkenGap):
            held.append(found.low <= truth[3] - truth[7] <= found.high)
            error = np.sqrt(np.array([1, -1]) @ result.covariance[np.ix_([3, 7], [3, 7])] @ [1, -1])
            assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 5) * error)

    assert 0.91 < np.mean(held) < 0.995


def test_a_shrunken_gap_without_an_error_is_undefined() -> None:
    rng = np.random.default_rng(SEED)
    values = np.repeat(rng.random((1, 40)), 6, axis=0)
    tied = estimate_rates(cluster_sums(values, np.ones((6, 40), np.bool_), np.arange(40)))
    flats = [
        shrink_scores(draw_estimate(rng, np.zeros(24), n_clusters=100), np.arange(24), np.zeros(24))
        for _ in range(10)
    ]
    result = shrink_scores(tied, np.arange(6), np.zeros(6))
    assert isinstance(result, Shrunken)
    flat = [each for each in flats if isinstance(each, Shrunken) and each.tau == 0]

    same, equal = shrink_gap(result, 2, 2), shrink_gap(result, 1, 4)

    assert same == Undefined("the highest is the lowest: all scores are equal")
    assert isinstance(equal, Undefined)
    assert "item noise" in equal.reason
    assert flat
    assert all(isinstance(shrink_gap(each, 0, 1), Undefined) for each in flat)


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


def test_personas_that_are_one_to_the_llm_do_not_prove_that_nobody_differs() -> None:
    rng = np.random.default_rng(SEED)
    difficulty = rng.random(60)
    noise = rng.normal(0, 0.05, (12, 60))
    noise[4:] = noise[4]  # eight personas that the LLM takes for one
    skills = np.array([0.2, 0.4, 0.7, 0.9, *[0.55] * 8])
    hits = difficulty + noise < skills[:, None]
    estimate = estimate_rates(cluster_sums(hits, np.ones(hits.shape, np.bool_), np.arange(60)))

    result = shrink_scores(estimate, np.arange(12), np.zeros(12))

    assert isinstance(result, Shrunken)
    assert result.tau > 0.1
    assert result.scores[0] < 0.35
    assert result.scores[3] > 0.75
    np.testing.assert_allclose(result.scores[4:], result.scores[4])


def test_where_too_few_answer_differently_nothing_is_shrunken() -> None:
    hits = np.zeros((9, 40), np.bool_)
    hits[0, :20] = hits[1:, ::7] = True  # one refuses half of the time, eight as one

    estimate = estimate_rates(cluster_sums(hits, np.ones(hits.shape, np.bool_), np.arange(40)))
    result = shrink_scores(estimate, np.arange(9), np.zeros(9))

    assert isinstance(result, Undefined)
    assert result.reason.startswith("9 settings answer in 2 different ways")
