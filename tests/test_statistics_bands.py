"""The largest of many t: against Student's, on sparse nulls, and with errors that vanish."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.bands import bound_largest, bound_pairs
from analysis.statistics.estimates import standard_errors

SEED = 20_240_702


def centre(values: np.ndarray) -> np.ndarray:
    """Influences on a mean of values [members, clusters]."""
    influences: np.ndarray = (values - values.mean(axis=1, keepdims=True)) / values.shape[1]
    return influences


def draw_hits(
    rng: np.random.Generator, n_members: int, n_clusters: int, share: float
) -> np.ndarray:
    """Hits in clusters of four, as easy for all members; a tenth of the clusters go together."""
    shape = (n_members, n_clusters)
    own = rng.random((*shape, 4))
    is_shared = (rng.random(shape) < 0.1)[:, :, None]
    u = np.where(is_shared, rng.random(shape)[:, :, None], own)
    hits: np.ndarray = (u < rng.uniform(0, 2 * share, (n_clusters, 4))).mean(axis=2)
    return hits


def test_the_largest_of_few_clusters_reaches_further_than_a_normal_one() -> None:
    rng = np.random.default_rng(SEED)
    strata = np.zeros(25, np.intp)
    found = []
    for _ in range(20):
        influences = centre(rng.normal(size=(1, 25)))
        errors = standard_errors(influences, strata)
        largest = bound_largest(influences, errors, strata, rng=rng, level=0.95, n_resamples=999)
        found.append(largest.critical)

    assert np.mean(found) == pytest.approx(stats.t.ppf(0.975, 24), abs=0.1)


# 300 nulls have a standard error of .013 at a rate of .05; dividing by the error of the data leaves
# out some member in 12% of the first, 24% of the second and 76% of the third.
@pytest.mark.parametrize(
    ("n_members", "n_clusters", "share"), [(24, 60, 0.45), (60, 31, 0.45), (60, 60, 0.03)]
)
def test_bands_hold_for_all_members_with_few_clusters_and_rare_hits(
    n_members: int, n_clusters: int, share: float
) -> None:
    rng = np.random.default_rng(SEED)
    strata = np.zeros(n_clusters, np.intp)
    missed = []
    for _ in range(300):
        hits = draw_hits(rng, n_members + 10, n_clusters, share)
        differences = hits[:n_members] - hits[n_members:].mean(axis=0)
        influences = centre(differences)
        errors = standard_errors(influences, strata)
        largest = bound_largest(influences, errors, strata, rng=rng, level=0.95, n_resamples=299)
        t = np.abs(differences.mean(axis=1) / errors)
        missed.append(np.any(t[largest.is_usable] > largest.critical))

    assert np.mean(missed) < 0.09


def test_a_member_whose_error_rests_on_few_clusters_spoils_no_others_band() -> None:
    rng = np.random.default_rng(SEED)
    values = rng.normal(size=(5, 200))
    values[2] = 0
    values[2, :3] = 1  # one in twenty resamples draws none of them
    influences = centre(values)
    errors = standard_errors(influences, np.zeros(200, np.intp))

    found = bound_largest(
        influences, errors, np.zeros(200, np.intp), rng=rng, level=0.95, n_resamples=999
    )

    assert found.is_usable.tolist() == [True, True, False, True, True]
    assert found.critical == pytest.approx(stats.norm.isf((1 - 0.95**0.25) / 2), rel=0.08)


def test_strata_and_joined_clusters_change_little() -> None:
    rng = np.random.default_rng(SEED)
    influences = centre(rng.normal(size=(20, 3_000)))
    expected = stats.norm.isf((1 - 0.95 ** (1 / 20)) / 2)

    for strata in (np.zeros(3_000, np.intp), np.arange(3_000) % 40):
        errors = standard_errors(influences, strata)
        largest = bound_largest(influences, errors, strata, rng=rng, level=0.95, n_resamples=999)

        assert largest.critical == pytest.approx(expected, rel=0.06)


def test_without_errors_there_is_no_band() -> None:
    nothing = bound_largest(
        np.zeros((2, 4)),
        np.full(2, np.nan),
        np.zeros(4, np.intp),
        rng=np.random.default_rng(SEED),
        level=0.95,
        n_resamples=9,
    )

    assert np.isnan(nothing.critical)
    assert not nothing.is_usable.any()


@pytest.mark.parametrize(
    ("n_members", "n_clusters", "n_strata", "share"),
    [(24, 30, 1, 0.45), (24, 60, 6, 0.45), (24, 60, 1, 0.03)],
)
def test_pairs_of_equal_members_are_seldom_set_apart(
    n_members: int, n_clusters: int, n_strata: int, share: float
) -> None:
    rng = np.random.default_rng(SEED)
    strata = np.arange(n_clusters) % n_strata
    apart = []
    for _ in range(300):
        hits = draw_hits(rng, n_members, n_clusters, share)
        critical = bound_pairs(centre(hits), strata, rng=rng, level=0.95, n_flips=299)
        first, second = np.triu_indices(n_members, k=1)
        gaps = hits[first] - hits[second]
        errors = standard_errors(centre(gaps), strata)
        t = np.abs(gaps.mean(axis=1) / errors)
        apart.append(np.nanmax(t) > critical)

    assert np.mean(apart) < 0.09


@pytest.mark.parametrize("strata", [[0, 0], [0, 0, 1, 1]])
def test_pairs_of_two_clusters_have_no_largest_t(strata: list[int]) -> None:
    rng = np.random.default_rng(SEED)
    influences = centre(rng.normal(size=(6, len(strata))))

    critical = bound_pairs(influences, np.array(strata), rng=rng, level=0.95, n_flips=499)

    assert np.isnan(critical)  # any t can be had by chance, however large


def test_equal_members_make_no_pair() -> None:
    influences = centre(np.repeat(np.random.default_rng(SEED).random((1, 9)), 3, axis=0))

    critical = bound_pairs(
        influences, np.zeros(9, np.intp), rng=np.random.default_rng(SEED), level=0.95, n_flips=9
    )

    assert np.isnan(critical)
