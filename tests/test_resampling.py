"""Draws that are taken again, and sums in narrow numbers, are the same as made anew and in wide."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.statistics import resamples
from analysis.statistics.omnibus import ClusterPermutation, cluster_permutation
from analysis.statistics.rates import cluster_bootstrap, cluster_sums
from analysis.statistics.resamples import resample_clusters


def make_hits(n_settings: int, n_items: int) -> NDArray[np.bool_]:
    return np.random.default_rng(5).random((n_settings, n_items)) < 0.6


def test_resamples_from_the_same_state_are_the_same_however_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strata = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    rng, again, anew = (np.random.default_rng(3) for _ in range(3))

    drawn = np.concatenate([*resample_clusters(strata, rng, n_resamples=70)])
    second = np.concatenate([*resample_clusters(strata, again, n_resamples=70)])
    monkeypatch.setattr(resamples, "_DRAWS_KEPT", 0)
    fresh = np.concatenate([*resample_clusters(strata, anew, n_resamples=70)])

    np.testing.assert_array_equal(drawn, second)
    np.testing.assert_array_equal(drawn, fresh)
    assert rng.random() == again.random() == anew.random()  # and all go on alike
    for stratum in range(3):
        assert (drawn[:, strata == stratum].sum(axis=1) == (strata == stratum).sum()).all()
    later = np.concatenate([*resample_clusters(strata, rng, n_resamples=70)])
    assert not np.array_equal(later, drawn)


@pytest.mark.parametrize("scale", [1, 0.5, 2.0**22])
def test_a_bootstrap_is_the_same_in_narrow_and_wide_numbers(scale: float) -> None:
    hits = make_hits(5, 60)
    clusters, cells = np.arange(60) // 3, np.arange(60) % 2
    counted = np.random.default_rng(6).random(hits.shape) < 0.9
    sums = cluster_sums(hits * scale, counted, clusters, cells=cells)

    found = cluster_bootstrap(sums, np.random.default_rng(1), n_resamples=40)

    times = np.concatenate(
        [*resample_clusters(sums.strata, np.random.default_rng(1), n_resamples=40)]
    )
    weights = times.astype(np.float64)[:, clusters]  # an item as often as its cluster
    expected = np.mean(
        [
            (weights[:, cells == cell] @ (hits & counted)[:, cells == cell].T * scale)
            / (weights[:, cells == cell] @ counted[:, cells == cell].T)
            for cell in (0, 1)
        ],
        axis=0,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.int64, np.float64])
def test_sums_of_clusters_are_the_same_in_every_type(kind: type[np.generic]) -> None:
    values = (np.random.default_rng(2).integers(-1, 2, (4, 50)) ** 2).astype(kind)
    counted = make_hits(4, 50)
    labels = np.random.default_rng(3).integers(0, 7, 50)

    found = cluster_sums(values, counted, labels)

    for cluster in range(7):
        inside = labels == cluster
        expected = (values.astype(float) * counted)[:, inside].sum(axis=1)
        np.testing.assert_array_equal(found.sums[:, cluster], expected)
        np.testing.assert_array_equal(found.counts[:, cluster], counted[:, inside].sum(axis=1))


def permute_plainly(values: NDArray[Any], clusters: NDArray[Any], n_permutations: int) -> float:
    """p of the permutation test, circle by circle and turn by turn, in whole numbers."""
    rng = np.random.default_rng(9)
    vectors = [values[:, clusters == c].sum(axis=1) for c in np.unique(clusters)]
    moving = [vector for vector in vectors if np.ptp(vector) > 0]
    drawn = np.zeros((n_permutations, len(values)))
    for vector in moving:
        order = rng.permutation(len(values))
        for row, turn in enumerate(rng.integers(len(values), size=n_permutations)):
            drawn[row, order] += np.roll(vector[order], -turn)
    spread = drawn.var(axis=1)
    reached = np.count_nonzero(spread >= np.sum(moving, axis=0).var() * (1 - 1e-12))
    return float((1 + reached) / (1 + n_permutations))


@pytest.mark.parametrize("points", [1, 30, 200, 10_000, 70_000, 0.3])
def test_a_permutation_is_the_same_whatever_numbers_it_is_summed_in(points: float) -> None:
    values = make_hits(6, 300) * points
    clusters = np.arange(300) // 2

    found = cluster_permutation(values, clusters, np.random.default_rng(9), n_permutations=60)

    assert isinstance(found, ClusterPermutation)
    assert found.p == permute_plainly(values, clusters, 60)
    totals = values.sum(axis=1)
    assert found.statistic == pytest.approx(np.square(totals - totals.mean()).sum())
