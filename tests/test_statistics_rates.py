"""Rates: sums, scores, clustered errors and the bootstrap against second implementations."""

import numpy as np
import pytest
import statsmodels.api as sm

from analysis.statistics.estimates import standard_errors
from analysis.statistics.rates import (
    ClusterSums,
    cluster_bootstrap,
    cluster_sums,
    influence,
    macro_scores,
    merge_lonely_strata,
    percentile_interval,
)

SEED = 20_240_702


def draw_clustered(
    rng: np.random.Generator, n_settings: int, n_clusters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hits [settings, items] in clusters of 1 to 5 items that are right or wrong together."""
    clusters = np.repeat(np.arange(n_clusters), rng.integers(1, 6, n_clusters))
    chance = rng.beta(0.5, 0.5, (n_settings, n_clusters))[:, clusters]
    return rng.random(chance.shape) < chance, clusters


def sum_all(hits: np.ndarray, clusters: np.ndarray, **labels: np.ndarray) -> ClusterSums:
    return cluster_sums(hits, np.ones(hits.shape, np.bool_), clusters, **labels)


def find_errors(sums: ClusterSums) -> np.ndarray:
    return standard_errors(influence(sums), sums.strata)


def test_sums_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(SEED)
    hits, clusters = draw_clustered(rng, 3, 20)
    counted = rng.random(hits.shape) < 0.8
    cells = rng.integers(2, size=len(clusters))

    sums = cluster_sums(hits, counted, clusters, cells=cells)

    for unit, (cluster, cell) in enumerate(zip(sums.clusters, sums.cells, strict=True)):
        items = (clusters == cluster) & (cells == cell)
        for setting in range(3):
            counts = counted[setting] & items
            assert sums.sums[setting, unit] == np.sum(hits[setting] & counts)
            assert sums.counts[setting, unit] == np.sum(counts)
    assert sums.counts.sum() == counted.sum()


def test_a_score_is_the_mean_of_its_cells_not_of_its_items() -> None:
    hits = np.array([[1, 1, 1, 0], [0, 0, 0, 1]], np.bool_)
    cells = np.array(["law", "law", "law", "virology"])

    scores = macro_scores(sum_all(hits, np.arange(4), cells=cells))

    assert scores.tolist() == [0.5, 0.5]


def test_the_clustered_error_is_that_of_statsmodels() -> None:
    hits, clusters = draw_clustered(np.random.default_rng(SEED), 4, 30)

    errors = find_errors(sum_all(hits, clusters))

    for row, error in zip(hits, errors, strict=True):
        model = sm.OLS(row.astype(float), np.ones(len(row)))
        fitted = model.fit(cov_type="cluster", cov_kwds={"groups": clusters})
        assert error == pytest.approx(fitted.bse[0], rel=1e-10)


def test_the_bootstrap_agrees_with_the_clustered_error_of_a_macro_score() -> None:
    rng = np.random.default_rng(SEED)
    hits, clusters = draw_clustered(rng, 5, 400)
    strata = clusters % 4
    cells = strata * 2 + rng.integers(2, size=len(clusters))  # a cluster reaches over two cells
    sums = sum_all(hits, clusters, cells=cells, strata=strata)

    resampled = cluster_bootstrap(sums, rng, n_resamples=4_000)

    np.testing.assert_allclose(resampled.mean(axis=0), macro_scores(sums), atol=0.003)
    np.testing.assert_allclose(resampled.std(axis=0), find_errors(sums), rtol=0.05)


def test_the_bootstrap_keeps_the_pairing_of_settings() -> None:
    hits, clusters = draw_clustered(np.random.default_rng(SEED), 1, 50)
    sums = sum_all(np.concatenate([hits, hits]), clusters)

    resampled = cluster_bootstrap(sums, np.random.default_rng(SEED), n_resamples=50)
    again = cluster_bootstrap(sum_all(hits, clusters), np.random.default_rng(SEED), n_resamples=50)

    np.testing.assert_array_equal(resampled[:, 0], resampled[:, 1])
    np.testing.assert_allclose(resampled[:, 0], again[:, 0])  # and that of LLMs, by one seed


def test_the_bootstrap_divides_by_what_each_setting_answered() -> None:
    hits = np.array([[1, 0, 1, 0], [1, 1, 1, 1]], np.bool_)
    counted = np.array([[1, 0, 1, 0], [1, 1, 1, 0]], np.bool_)
    sums = cluster_sums(hits, counted, np.array([0, 0, 1, 1]))

    resampled = cluster_bootstrap(sums, np.random.default_rng(SEED), n_resamples=20)

    assert np.all(resampled == 1)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(SEED)
    covered = []
    for _ in range(40):
        hits, clusters = draw_clustered(rng, 50, 100)  # every setting's true rate is one half
        sums = sum_all(hits, clusters)
        low, high = percentile_interval(cluster_bootstrap(sums, rng, n_resamples=300))
        covered.append((low <= 0.5) & (high >= 0.5))

    assert 0.92 < np.mean(covered) < 0.96  # percentile intervals of 100 clusters fall a bit short


def test_a_cluster_in_two_strata_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one stratum"):
        sum_all(np.ones((1, 2), np.bool_), np.array([0, 0]), strata=np.array([0, 1]))


@pytest.mark.parametrize(
    ("strata", "merged"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1]),
        ([0, 0, 1, 2], [0, 0, 1, 1]),  # two lonely ones keep each other company
        ([0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 1]),  # one joins the smallest
        ([0, 1], [0, 0]),
        ([0], [0]),
        ([], []),
    ],
)
def test_a_lonely_stratum_is_merged(strata: list[int], merged: list[int]) -> None:
    assert merge_lonely_strata(np.array(strata, np.intp)).tolist() == merged


def test_what_a_setting_never_answered_is_undefined_for_it_alone() -> None:
    hits = np.array([[1, 0, 1, 0], [0, 0, 0, 0]], np.bool_)
    counted = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], np.bool_)
    cells = np.array([0, 0, 1, 1])

    sums = cluster_sums(hits, counted, np.arange(4), cells=cells, strata=cells)
    scores, errors = macro_scores(sums), find_errors(sums)
    low, high = percentile_interval(
        cluster_bootstrap(sums, np.random.default_rng(SEED), n_resamples=200)
    )

    assert scores[0] == 0.5
    assert low[0] < 0.5 < high[0]
    assert np.isnan([scores[1], errors[1], low[1]]).all()
    assert sums.counts.sum(axis=1).tolist() == [4, 2]


@pytest.mark.parametrize("n_items", [0, 1])
def test_a_single_cluster_has_no_error_and_no_interval(n_items: int) -> None:
    sums = sum_all(np.ones((2, n_items), np.bool_), np.zeros(n_items, np.intp))

    interval = percentile_interval(
        cluster_bootstrap(sums, np.random.default_rng(SEED), n_resamples=10)
    )

    assert np.isnan(find_errors(sums)).all()
    assert np.isnan(interval.low).all()
    assert np.isnan(interval.high).all()
    assert np.isnan(macro_scores(sums)).all() == (n_items == 0)


def test_equal_answers_give_no_error_of_zero() -> None:
    sums = sum_all(np.ones((1, 30), np.bool_), np.arange(30))

    interval = percentile_interval(
        cluster_bootstrap(sums, np.random.default_rng(SEED), n_resamples=10)
    )

    assert macro_scores(sums).tolist() == [1]
    assert np.isnan(find_errors(sums)).all()
    assert np.isnan(interval.high).all()


def test_percentiles_are_those_of_each_column() -> None:
    resampled = np.column_stack([np.arange(101.0), np.arange(101.0) + 1, np.full(101, np.nan)])

    low, high = percentile_interval(resampled, level=0.9)

    assert low[:2].tolist() == pytest.approx([5, 6])
    assert high[:2].tolist() == pytest.approx([95, 96])
    assert np.isnan([low[2], high[2]]).all()
