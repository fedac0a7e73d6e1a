"""Contrasts: against scipy, statsmodels and full enumeration; on nulls; on planted effects."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import zt_ind_solve_power

from analysis.statistics import Undefined
from analysis.statistics.contrasts import (
    Contrasts,
    McNemar,
    Verdict,
    Wilcoxon,
    adjust_p,
    compare_hits,
    compare_points,
    contrast_settings,
    find_smallest_effect,
    judge_equivalence,
)
from analysis.statistics.estimates import (
    Estimate,
    bootstrap_scores,
    error_covariance,
    estimate_rates,
    standard_errors,
)
from analysis.statistics.rates import ClusterSums, cluster_bootstrap, cluster_sums

SEED = 20_240_702
N_CONTROLS = 6


def draw_points(
    rng: np.random.Generator, abilities: np.ndarray, *, n_clusters: int = 60
) -> ClusterSums:
    """Points in clusters of two or three items, that a setting does well or badly together."""
    clusters = np.repeat(np.arange(n_clusters), 2 + np.arange(n_clusters) % 2)
    by_cluster = rng.normal(0, 0.5, n_clusters) + rng.normal(0, 0.2, (len(abilities), n_clusters))
    values = abilities[:, None] + by_cluster[:, clusters]
    values += rng.normal(0, 0.2, values.shape)
    strata = clusters % 3
    return cluster_sums(
        values, np.ones(values.shape, np.bool_), clusters, cells=strata, strata=strata
    )


def contrast(
    sums: ClusterSums, n_members: int, rng: np.random.Generator, *, n_flips: int = 199
) -> Contrasts:
    estimate = estimate_rates(sums)
    result = contrast_settings(
        estimate,
        np.arange(n_members),
        references=np.arange(n_members, len(estimate.scores)),
        rng=rng,
        n_resamples=400,
        n_flips=n_flips,
    )
    assert isinstance(result, Contrasts)
    return result


def test_contributions_sum_to_the_score_and_keep_their_influence() -> None:
    rng = np.random.default_rng(SEED)
    hits = rng.random((4, 60)) < 0.6
    counted = rng.random(hits.shape) < 0.8
    sums = cluster_sums(hits, counted, np.arange(60) // 3, cells=np.arange(60) % 2)

    estimate = estimate_rates(sums)

    np.testing.assert_allclose(estimate.contributions.sum(axis=1), estimate.scores)
    np.testing.assert_allclose(estimate.influences.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_array_equal(
        bootstrap_scores(estimate, np.random.default_rng(1), n_resamples=20),
        cluster_bootstrap(sums, np.random.default_rng(1), n_resamples=20),
    )


def test_with_equal_counts_a_contribution_is_the_clusters_part_of_the_mean() -> None:
    hits = np.array([[1, 0, 1, 1], [0, 0, 1, 0]])
    sums = cluster_sums(hits, np.ones((2, 4), np.bool_), np.array([0, 0, 1, 1]))

    estimate = estimate_rates(sums)

    np.testing.assert_allclose(
        estimate.contributions[0] - estimate.contributions[1], [1 / 4, 1 / 4]
    )


def test_the_covariance_of_errors_holds_the_clustered_errors_and_those_of_differences() -> None:
    sums = draw_points(np.random.default_rng(SEED), np.zeros(3))
    estimate = estimate_rates(sums)

    covariance = error_covariance(estimate)
    resampled = bootstrap_scores(estimate, np.random.default_rng(SEED), n_resamples=4_000)

    np.testing.assert_allclose(
        np.sqrt(np.diag(covariance)), standard_errors(estimate.influences, estimate.strata)
    )
    np.testing.assert_allclose(np.cov(resampled.T), covariance, rtol=0.1)


def test_a_difference_and_its_error_are_those_of_paired_clusters() -> None:
    rng = np.random.default_rng(SEED)
    values = rng.normal(size=(4, 50))
    sums = cluster_sums(values, np.ones(values.shape, np.bool_), np.arange(50))

    result = contrast(sums, 2, rng)

    paired = values[:2] - values[2:].mean(axis=0)
    np.testing.assert_allclose(result.differences, paired.mean(axis=1))
    np.testing.assert_allclose(result.standard_errors, stats.sem(paired, axis=1))
    low, high = stats.t.interval(0.9, 49, paired.mean(axis=1), stats.sem(paired, axis=1))
    np.testing.assert_allclose(result.narrow.low, low)
    np.testing.assert_allclose(result.narrow.high, high)


def test_the_band_of_independent_members_is_that_of_sidak() -> None:
    rng = np.random.default_rng(SEED)
    values = np.concatenate([rng.normal(size=(20, 800)), np.zeros((1, 800))])
    sums = cluster_sums(values, np.ones(values.shape, np.bool_), np.arange(800))

    critical = contrast(sums, 20, rng).critical

    assert critical == pytest.approx(stats.norm.isf((1 - 0.95 ** (1 / 20)) / 2), rel=0.06)


# 300 nulls have a standard error of .013 at a rate of .05.
def test_under_a_null_bands_hold_for_all_members_at_once_and_p_keeps_its_level() -> None:
    rng = np.random.default_rng(SEED)
    missed, flipped, exchanged, rejected = [], [], [], []
    for _ in range(300):
        result = contrast(draw_points(rng, np.zeros(10 + N_CONTROLS)), 10, rng)
        missed.append(np.any((result.band.low > 0) | (result.band.high < 0)))
        flipped.append(result.p_flip <= 0.05)
        exchanged.append(result.p_exchange <= 0.05)
        rejected.append(result.p <= 0.05)

    assert 0.02 < np.mean(missed) < 0.09
    assert 0.04 < np.mean(flipped) < 0.06
    assert 0.03 < np.mean(exchanged) < 0.06
    assert 0.02 < np.mean(rejected) <= min(np.mean(flipped), np.mean(exchanged))


def test_a_planted_difference_is_found_and_the_others_are_not() -> None:
    rng = np.random.default_rng(SEED)
    abilities = np.zeros(20 + N_CONTROLS)
    abilities[3] = 0.3

    result = contrast(draw_points(rng, abilities), 20, rng, n_flips=999)

    assert result.differences[3] == pytest.approx(0.3, abs=0.1)
    outside = (result.band.low > 0) | (result.band.high < 0)
    assert np.flatnonzero(outside).tolist() == [3]
    assert np.flatnonzero(result.p_holm <= 0.05).tolist() == [3]
    assert result.smallest[3] < 0.3


def test_p_that_can_only_be_1_are_in_no_family() -> None:
    rng = np.random.default_rng(SEED)
    hits = rng.random((1, 40)) < 0.5
    values = np.repeat(hits, 14, axis=0).astype(np.float64)
    values[0, :15] = 1 - values[0, :15]
    values[0, :9] = 1
    values[1:12, 20] = 1 - values[1:12, 20]  # eleven differ in one item alone
    sums = cluster_sums(values, np.ones(values.shape, np.bool_), np.arange(40))

    result = contrast(sums, 12, rng, n_flips=999)

    assert np.isnan(result.p[1:]).all()
    assert not np.isnan(result.standard_errors).any()
    assert result.p_holm[0] == result.p_bh[0] == result.p[0]


def test_adjusted_p_leave_out_what_is_undefined() -> None:
    p = np.random.default_rng(SEED).random(40) ** 3
    p[[3, 17]] = np.nan
    defined = ~np.isnan(p)

    for method in ("fdr_bh", "holm"):
        adjusted = adjust_p(p, method=method)

        np.testing.assert_allclose(adjusted[defined], multipletests(p[defined], method=method)[1])
        assert np.isnan(adjusted[~defined]).all()
        assert np.isnan(adjust_p(np.full(2, np.nan), method=method)).all()


def test_the_smallest_effect_is_that_of_a_power_calculation() -> None:
    effect = find_smallest_effect(np.array([0.02, np.nan]), n_tests=162)

    expected = zt_ind_solve_power(nobs1=1, alpha=0.05 / 162, power=0.8, ratio=0) * 0.02
    assert effect[0] == pytest.approx(expected, rel=1e-4)
    assert np.isnan(effect[1])


def test_a_verdict_needs_an_interval_on_one_side_of_the_margin() -> None:
    rng = np.random.default_rng(SEED)
    abilities = np.zeros(4 + 30)
    abilities[1:3] = [0.6, 0.1]
    sums = draw_points(rng, abilities, n_clusters=600)
    alike = sums.sums.copy()
    alike[3] = alike[4:].mean(axis=0)  # never anything but the mean of the controls

    result = contrast(
        ClusterSums(alike, sums.counts, sums.clusters, sums.cells, sums.strata), 4, rng
    )

    assert judge_equivalence(result, delta=0.1) == (
        Verdict.EQUIVALENT,
        Verdict.DIFFERENT,
        Verdict.UNDECIDED,
        None,
    )
    assert np.isnan(result.p[3])
    assert np.isnan(result.band.low[3])
    assert not np.isnan(result.critical)


def test_mcnemar_counts_the_items_on_which_two_settings_differ() -> None:
    first = np.array([1] * 8 + [0] * 2 + [1] * 20, np.bool_)
    second = np.array([0] * 8 + [1] * 2 + [1] * 20, np.bool_)

    result = compare_hits(first, second)

    assert result == McNemar(pytest.approx(stats.binomtest(2, 10).pvalue), 8, 2)
    assert isinstance(compare_hits(first, first), Undefined)


def test_wilcoxon_is_that_of_scipy_without_equal_answers() -> None:
    rng = np.random.default_rng(SEED)
    first, second = rng.integers(1, 6, (2, 60))

    result = compare_points(first, second)

    expected = stats.wilcoxon(first - second, zero_method="wilcox", correction=True)
    assert result == Wilcoxon(
        pytest.approx(expected.pvalue, rel=1e-6), expected.statistic, np.sum(first != second)
    )
    assert isinstance(compare_points(first, first), Undefined)


def test_a_single_cluster_gives_a_difference_without_an_error() -> None:
    values = np.array([[1.0, 0, 1], [0, 0, 1]])
    sums = cluster_sums(values, np.ones((2, 3), np.bool_), np.zeros(3))

    result = contrast(sums, 1, np.random.default_rng(SEED))

    assert result.differences[0] == pytest.approx(1 / 3)
    for undefined in (result.standard_errors, result.p, result.band.low, result.smallest):
        assert np.isnan(undefined).all()
    assert np.isnan(result.critical)


@pytest.mark.parametrize(
    ("members", "references", "reason"),
    [
        ([], [1], "no persona"),
        ([0], [], "no reference to compare with"),
        ([0], [1, 2], "a reference has no score"),
    ],
)
def test_what_cannot_be_contrasted_is_undefined(
    members: list[int], references: list[int], reason: str
) -> None:
    values = np.array([[1.0, 0, 1], [0, 1, 1], [0, 0, 0]])
    sums = cluster_sums(values, np.array([[True], [True], [False]]) & (values < 9), np.arange(3))
    estimate: Estimate = estimate_rates(sums)

    result = contrast_settings(
        estimate,
        np.array(members, np.intp),
        references=np.array(references, np.intp),
        rng=np.random.default_rng(SEED),
        n_resamples=5,
    )

    assert result == Undefined(reason)


def test_a_member_without_a_score_is_left_out_alone() -> None:
    values = np.random.default_rng(SEED).normal(size=(4, 30))
    counted = np.ones(values.shape, np.bool_)
    counted[1] = False

    result = contrast(cluster_sums(values, counted, np.arange(30)), 3, np.random.default_rng(SEED))

    for column in (result.differences, result.band.low, result.p, result.p_bh):
        assert np.isnan(column).tolist() == [False, True, False]
