"""A setting minus the average: against statsmodels and plain sums, coverage, a plant, the edges."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from analysis.statistics import Undefined
from analysis.statistics.differences import (
    ALL_ALIKE,
    NO_RATE,
    ONE_CLUSTER,
    Difference,
    DifferenceInterval,
    average_differences,
    subtract_average,
)
from analysis.statistics.rates import cluster_sums

SEED = 20_240_702
EVERYONE = np.arange(6)


def draw_hits(
    rng: np.random.Generator, clusters: np.ndarray, *, shared: np.ndarray | None = None
) -> np.ndarray:
    """Hits [settings, items] that hang together in clusters; ``shared`` [settings, clusters]."""
    if shared is None:
        shared = draw_ease(rng, clusters)
    ease = shared[:, clusters] + rng.normal(size=(len(EVERYONE), len(clusters)))
    return ease > 0


def draw_ease(rng: np.random.Generator, clusters: np.ndarray) -> np.ndarray:
    return rng.normal(size=(len(EVERYONE), int(clusters.max()) + 1))


def name_clusters(clusters: np.ndarray) -> np.ndarray:
    return np.array([f"file/{cluster:03}" for cluster in clusters])


def measure(
    hits: np.ndarray, clusters: np.ndarray, *, counted: np.ndarray | None = None, row: int = 0
) -> Difference:
    """The difference of a setting on all items."""
    counted = np.ones(hits.shape, np.bool_) if counted is None else counted
    names = name_clusters(clusters)
    sums = cluster_sums(hits, counted, names)
    (value,), influences, (is_varied,) = subtract_average(sums, row, EVERYONE)
    labels = np.unique(names)[sums.clusters]
    strata = np.full(len(labels), "file")
    return Difference(float(value), labels, strata, influences, bool(is_varied))


def find(*differences: Difference) -> DifferenceInterval:
    found = average_differences(differences)
    assert isinstance(found, DifferenceInterval)
    return found


def test_the_error_is_statsmodels_clustered_one_of_the_items_differences() -> None:
    rng = np.random.default_rng(SEED)
    clusters = np.repeat(np.arange(15), rng.integers(1, 6, 15))
    hits = draw_hits(rng, clusters)

    found = find(measure(hits, clusters))

    of_items = hits[0] - hits.mean(axis=0)
    fit = sm.OLS(of_items, np.ones(len(of_items))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    assert found.value == pytest.approx(of_items.mean())
    assert found.standard_error == pytest.approx(fit.bse[0])
    half = stats.t.ppf(0.975, 14) * fit.bse[0]
    assert (found.low, found.high) == pytest.approx(
        (of_items.mean() - half, of_items.mean() + half)
    )
    assert found.n_clusters == 15


def test_an_influence_is_what_the_difference_loses_without_a_little_of_the_cluster() -> None:
    rng = np.random.default_rng(SEED)
    clusters = np.repeat(np.arange(8), 4)
    hits, counted = draw_hits(rng, clusters), rng.random((6, 32)) < 0.8

    found = measure(hits, clusters, counted=counted)

    step = 1e-6
    for cluster in (0, 5):
        weights = counted * np.where(clusters == cluster, 1 + step, 1.0)
        rates = (weights * hits).sum(axis=1) / weights.sum(axis=1)
        slope = (rates[0] - rates.mean() - found.value) / step
        assert slope == pytest.approx(found.influences[cluster], abs=1e-5)


def test_llms_that_were_asked_the_same_items_share_their_clusters() -> None:
    rng = np.random.default_rng(SEED)
    clusters = np.repeat(np.arange(12), 3)
    one, two = (draw_hits(rng, clusters) for _ in range(2))

    found = find(measure(one, clusters), measure(two, clusters))
    twice = find(measure(one, clusters), measure(one, clusters))

    of_items = ((one[0] - one.mean(axis=0)) + (two[0] - two.mean(axis=0))) / 2
    means = np.array([of_items[clusters == cluster].mean() for cluster in range(12)])
    assert found.value == pytest.approx(means.mean())
    assert found.standard_error == pytest.approx(means.std(ddof=1) / np.sqrt(12))
    assert twice == pytest.approx(find(measure(one, clusters)))  # the same answers add nothing


def test_llms_that_were_asked_other_items_are_independent() -> None:
    rng = np.random.default_rng(SEED)
    clusters = np.repeat(np.arange(200), 2)
    one, two = (measure(draw_hits(rng, clusters), clusters) for _ in range(2))
    other = two._replace(clusters=np.char.replace(two.clusters, "file", "another"))

    found = find(one, other)

    expected = np.hypot(find(one).standard_error, find(two).standard_error) / 2
    assert found.standard_error == pytest.approx(expected, rel=0.01)
    assert found.n_clusters == 400


def test_files_are_fixed_strata() -> None:
    rng = np.random.default_rng(SEED)
    clusters = np.repeat(np.arange(10), 4)
    found = measure(draw_hits(rng, clusters), clusters)
    apart = found._replace(strata=np.repeat(["one", "two"], 5))

    stratified = find(apart)

    halves = apart.influences.reshape(2, 5)
    variance = 5 / 4 * ((halves - halves.mean(axis=1, keepdims=True)) ** 2).sum()
    assert stratified.standard_error == pytest.approx(np.sqrt(variance))
    half = (stratified.high - stratified.low) / 2
    assert half == pytest.approx(stats.t.ppf(0.975, 8) * stratified.standard_error)


@pytest.mark.parametrize("n_clusters", [5, 40])
def test_intervals_hold_no_difference_as_often_as_they_say(n_clusters: int) -> None:
    rng = np.random.default_rng(SEED)
    clusters = np.repeat(np.arange(n_clusters), 6)
    held = []
    for _ in range(1_000):
        shared = draw_ease(rng, clusters)
        llms = [measure(draw_hits(rng, clusters, shared=shared), clusters) for _ in range(2)]
        found = find(*llms)
        held.append(found.low <= 0 <= found.high)

    assert 0.93 < np.mean(held) < 0.975


def test_a_planted_difference_is_found() -> None:
    rng = np.random.default_rng(SEED)
    clusters = np.repeat(np.arange(40), 6)
    found = []
    for _ in range(100):
        shared = draw_ease(rng, clusters)
        shared[0] += 1.2
        interval = find(measure(draw_hits(rng, clusters, shared=shared), clusters))
        found.append(interval.low > 0)

    assert np.mean(found) > 0.9


def test_what_says_nothing_of_its_uncertainty_is_undefined_with_its_reason() -> None:
    clusters = np.repeat(np.arange(4), 3)
    alike = np.zeros((6, 12), np.bool_)
    alike[0] = True
    nobody = np.ones((6, 12), np.bool_)
    nobody[3] = False  # an average over settings of which one has no answer that counts
    rng = np.random.default_rng(SEED)

    known = measure(draw_hits(rng, clusters), clusters)

    steady = draw_hits(rng, clusters)
    steady[0] = True  # it never errs; the others do

    assert average_differences([measure(alike, clusters)]) == Undefined(ALL_ALIKE)
    assert average_differences([measure(steady, clusters)]) == Undefined(ALL_ALIKE)
    assert isinstance(average_differences([known, measure(steady, clusters)]), DifferenceInterval)
    assert average_differences(
        [known, measure(draw_hits(rng, clusters), clusters, counted=nobody)]
    ) == Undefined(NO_RATE)
    one = np.zeros(12, np.intp)
    assert average_differences([measure(draw_hits(rng, one), one)]) == Undefined(ONE_CLUSTER)
    assert average_differences([]) == Undefined(NO_RATE)
