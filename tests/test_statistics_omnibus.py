"""Omnibus tests: against statsmodels, scipy and full enumeration; on nulls; on planted effects."""

import itertools
import json

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q as reference_q

from analysis.plain import to_plain
from analysis.report.wording import write_bare_p
from analysis.statistics import Undefined
from analysis.statistics.omnibus import (
    ClusterPermutation,
    CochransQ,
    Friedman,
    cluster_permutation,
    cochrans_q,
    friedman,
)
from analysis.statistics.tails import LEAST_P

SEED = 20_240_702


def permute(
    values: np.ndarray, clusters: np.ndarray, *, n_permutations: int = 999
) -> ClusterPermutation:
    result = cluster_permutation(
        values, clusters, np.random.default_rng(SEED), n_permutations=n_permutations
    )
    assert isinstance(result, ClusterPermutation)
    return result


def draw_null(
    rng: np.random.Generator, n_settings: int, n_clusters: int, *, shared: float
) -> tuple[np.ndarray, np.ndarray]:
    """Hits in blocks of four without any effect of the setting.

    ``shared`` is how far a setting's four answers to a block hang together, over and above the
    block's own difficulty: 0 for items that are exchangeable.
    """
    clusters = np.repeat(np.arange(n_clusters), 4)
    ability = rng.normal(0, 1, n_clusters) + np.sqrt(shared) * rng.normal(
        0, 1, (n_settings, n_clusters)
    )
    noise = np.sqrt(1 - shared) * rng.normal(0, 1, (n_settings, len(clusters)))
    return ability[:, clusters] + noise > 0, clusters


def test_cochrans_q_is_that_of_statsmodels_whatever_unanimous_items_are_added() -> None:
    hits = np.random.default_rng(SEED).random((6, 40)) < 0.6
    padded = np.concatenate([hits, np.ones((6, 5), np.bool_), np.zeros((6, 7), np.bool_)], axis=1)

    result = cochrans_q(padded)

    expected = reference_q(hits.T)
    assert isinstance(result, CochransQ)
    assert result.statistic == pytest.approx(expected.statistic)
    assert result.p == pytest.approx(expected.pvalue)
    assert result.df == 5
    assert (result.n_blocks, result.n_not_unanimous) == (
        52,
        np.sum(hits.any(axis=0) & ~hits.all(axis=0)),
    )


def test_kendalls_w_is_one_where_the_same_settings_always_hit() -> None:
    hits = np.repeat([[True], [True], [False]], 4, axis=1)

    result = cochrans_q(hits)

    assert isinstance(result, CochransQ)
    assert result.kendalls_w == pytest.approx(1)
    assert result.statistic == pytest.approx(8)  # b (k - 1)


def test_two_settings_are_exchanged_in_all_ways_one_by_one() -> None:
    values = np.array([[5, 0, 2, 3, 1, 4, 0, 1, 6], [2, 1, 2, 0, 2, 1, 3, 0, 1]])
    signs = np.array(list(itertools.product([-1, 1], repeat=9)))
    reference = np.square(signs @ (values[0] - values[1])) / 2

    result = permute(values, np.arange(9), n_permutations=9_999)

    observed = np.square(np.sum(values[0] - values[1])) / 2
    assert result.statistic == pytest.approx(observed)
    assert result.expected == pytest.approx(reference.mean())
    assert result.p == pytest.approx(np.mean(reference >= observed), abs=0.015)


def test_the_expected_statistic_is_the_mean_over_all_permutations() -> None:
    values = np.array([[3, 0, 1], [1, 2, 0], [0, 0, 0], [0, 1, 1]])  # four settings, three clusters
    rows = [list(itertools.permutations(column)) for column in values.T.tolist()]
    sums = np.array([np.sum(chosen, axis=0) for chosen in itertools.product(*rows)])

    result = permute(values, np.arange(3))

    assert result.expected == pytest.approx(np.mean(sums.var(axis=1) * 4))


@pytest.mark.parametrize("seed", range(5))
def test_the_test_never_claims_more_than_its_turns_can_show(seed: int) -> None:
    values = np.array([[0, 0], [1, 1], [3, 3], [7, 7], [20, 20]])  # no larger T can be had

    result = cluster_permutation(
        values, np.arange(2), np.random.default_rng(seed), n_permutations=999
    )

    assert isinstance(result, ClusterPermutation)
    assert result.p > 0.02  # both circles stand alike at one of 5 turns, or more often


def test_the_permutation_test_agrees_with_fresh_shuffles_on_a_larger_table() -> None:
    rng = np.random.default_rng(SEED)
    hits, clusters = draw_null(rng, 12, 60, shared=0.2)
    hits[:3, :40] |= rng.random((3, 40)) < 0.05
    vectors = np.add.reduceat(hits, np.arange(0, 240, 4), axis=1).T
    observed = vectors.sum(axis=0).var()
    shuffled = [rng.permuted(vectors, axis=1).sum(axis=0).var() for _ in range(4_000)]

    result = permute(hits, clusters, n_permutations=4_000)

    expected = np.mean(np.array(shuffled) >= observed - 1e-9)
    assert 0.02 < expected < 0.98
    assert result.p == pytest.approx(expected, abs=0.03)
    assert result.expected == pytest.approx(np.mean(shuffled) * 12, rel=0.03)


@pytest.mark.parametrize("most", [50, 7, 1])  # 60 clusters: to a circle 2, 9 (the last 6), all
def test_clusters_that_turn_together_give_the_same_test(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    rng = np.random.default_rng(SEED)
    vectors = rng.integers(0, 30, (60, 12))  # sums of a circle pass 255
    vectors[:, 0] += rng.integers(0, 4, 60)
    apart = permute(vectors.T, np.arange(60), n_permutations=4_000)

    monkeypatch.setattr("analysis.statistics.omnibus.MOST_CIRCLES", most)
    together = permute(vectors.T, np.arange(60), n_permutations=4_000)
    broken = permute(vectors.T / 3, np.arange(60), n_permutations=4_000)

    assert 0.02 < apart.p < 0.98
    assert together.p == pytest.approx(broken.p)
    if most > 1:  # a single circle has as many turns as there are settings
        assert together.p == pytest.approx(apart.p, abs=0.08)


def test_circles_of_several_clusters_keep_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.statistics.omnibus.MOST_CIRCLES", 15)
    rng = np.random.default_rng(SEED)
    rejected = []
    for _ in range(600):
        hits, clusters = draw_null(rng, 12, 60, shared=0.2)
        result = cluster_permutation(hits, clusters, rng, n_permutations=99)
        assert isinstance(result, ClusterPermutation)
        rejected.append(result.p <= 0.05)

    assert 0.03 < np.mean(rejected) < 0.07  # the standard error of 5% is .9 points


def test_whole_and_broken_numbers_give_the_same_test() -> None:
    hits, clusters = draw_null(np.random.default_rng(SEED), 8, 30, shared=0.2)

    whole, broken = permute(hits, clusters), permute(hits / 3, clusters)

    assert broken.p == whole.p
    assert broken.statistic == pytest.approx(whole.statistic / 9)
    assert broken.expected == pytest.approx(whole.expected / 9)


def test_unanimous_clusters_and_the_clusters_labels_change_nothing() -> None:
    hits, clusters = draw_null(np.random.default_rng(SEED), 8, 30, shared=0.2)
    padded = np.concatenate([hits, np.ones((8, 12), np.bool_)], axis=1)
    named = np.array([f"question {c:03}" for c in clusters] + ["unanimous"] * 12)

    result = permute(padded, named)

    assert result.p == permute(hits, clusters).p
    assert result.n_clusters == 31
    assert result.n_not_unanimous <= 30


# 2,000 true nulls have a standard error of .005 at a rate of .05; the seeds are fixed.
@pytest.mark.parametrize("shared", [0, 0.3])
def test_a_true_null_is_rejected_as_often_as_promised_and_by_q_only_if_items_are_independent(
    shared: float,
) -> None:
    rng = np.random.default_rng(SEED)
    by_permutation, by_q = [], []
    for _ in range(2_000):
        hits, clusters = draw_null(rng, 10, 25, shared=shared)
        test = cluster_permutation(hits, clusters, rng, n_permutations=199)
        q = cochrans_q(hits)
        assert isinstance(test, ClusterPermutation)
        assert isinstance(q, CochransQ)
        by_permutation.append(test.p <= 0.05)
        by_q.append(q.p <= 0.05)

    assert 0.04 < np.mean(by_permutation) < 0.06
    if shared:
        assert np.mean(by_q) > 0.15
    else:
        assert 0.03 < np.mean(by_q) < 0.06


def test_a_planted_effect_is_found() -> None:
    hits, clusters = draw_null(np.random.default_rng(SEED), 20, 100, shared=0.3)
    hits[0, ::3] = True

    result = permute(hits, clusters)

    assert result.p == 1 / 1_000
    assert result.statistic > 2 * result.expected


def test_friedman_is_that_of_scipy_with_the_f_of_iman_and_davenport() -> None:
    # Wine tasting, 3 blocks x 4 settings; ranks 1 2 3 4 / 2 1 3 4 / 1 3 2 4: sums 4 6 8 12
    values = np.array([[10.0, 20, 30, 40], [2, 1, 3, 4], [0.1, 0.3, 0.2, 0.4]])

    result = friedman(values)

    assert isinstance(result, Friedman)
    assert result.statistic == pytest.approx(12 / (3 * 4 * 5) * (16 + 36 + 64 + 144) - 3 * 3 * 5)
    assert result.p == pytest.approx(stats.friedmanchisquare(*values.T).pvalue)
    assert result.f == pytest.approx(2 * 7 / (3 * 3 - 7))
    assert result.p_f == pytest.approx(stats.f.sf(7, 3, 6))
    assert result.kendalls_w == pytest.approx(7 / 9)


def test_blocks_that_all_rank_alike_have_no_f_but_an_exact_p() -> None:
    untied = friedman(np.array([[1.0, 2, 3], [4, 5, 6], [0, 5, 9]]))
    tied = friedman(np.array([[1.0, 1, 3], [4, 4, 6], [0, 0, 9]]))

    assert isinstance(untied, Friedman)
    assert isinstance(tied, Friedman)
    assert (untied.f, tied.f) == (None, None)
    assert untied.p_f == pytest.approx(1 / 6**2)
    assert tied.p_f == pytest.approx(1 / 3**2)
    assert untied.kendalls_w == pytest.approx(1)


def test_overwhelming_evidence_has_no_p_of_0() -> None:
    hits = np.repeat(np.arange(20)[:, None] < 10, 3_000, axis=1)
    points = np.arange(20.0) + np.random.default_rng(SEED).normal(0, 0.1, (3_000, 20))

    q, rank = cochrans_q(hits), friedman(points)
    small = cochrans_q(hits[:, :6])

    assert isinstance(q, CochransQ)
    assert isinstance(rank, Friedman)
    assert isinstance(small, CochransQ)
    for test in (q, rank):
        assert test.p == LEAST_P
        assert test.log10_p < -1_000
        assert test.kendalls_w <= 1
    assert rank.p_f >= LEAST_P
    assert 10**small.log10_p == pytest.approx(small.p)
    json_p = json.loads(json.dumps(to_plain(q)))["p"]
    assert json_p == LEAST_P > 0
    assert write_bare_p(json_p) == "< 0.0001"


def test_friedman_finds_a_planted_shift_and_little_else() -> None:
    rng = np.random.default_rng(SEED)
    nulls = [friedman(rng.normal(size=(12, 6))) for _ in range(500)]
    planted = friedman(rng.normal(size=(12, 6)) + np.array([0, 0, 0, 0, 0, 3]))

    rejected = np.mean([r.p_f <= 0.05 for r in nulls if isinstance(r, Friedman)])
    assert 0.03 < rejected < 0.07
    assert isinstance(planted, Friedman)
    assert planted.p_f < 0.001


@pytest.mark.parametrize(
    ("hits", "reason"),
    [
        (np.ones((1, 5), np.bool_), "fewer than two settings"),
        (np.zeros((3, 5), np.bool_), "settings differ"),
        (np.repeat([[True, False]], 3, axis=0), "settings differ"),
        (np.zeros((3, 0), np.bool_), "settings differ"),
    ],
)
def test_what_cannot_be_tested_is_undefined_with_its_reason(hits: np.ndarray, reason: str) -> None:
    clusters = np.arange(hits.shape[1])

    results = [cochrans_q(hits), cluster_permutation(hits, clusters, np.random.default_rng(SEED))]

    for result in results:
        assert isinstance(result, Undefined)
        assert reason in result.reason


def test_settings_that_differ_only_within_a_cluster_cannot_be_told_apart() -> None:
    hits = np.array([[True, False], [False, True]])

    result = cluster_permutation(hits, np.zeros(2), np.random.default_rng(SEED))

    assert result == Undefined("no cluster in which settings differ")


def test_a_single_cluster_in_which_settings_differ_is_no_test() -> None:
    hits = np.array([[True, True, False], [False, True, False]])

    result = cluster_permutation(hits, np.arange(3), np.random.default_rng(SEED))

    assert isinstance(result, Undefined)
    assert "a single cluster of items" in result.reason


def test_turns_that_all_give_the_same_spread_are_no_test() -> None:
    values = np.array([[1, 1], [0, 1], [1, 0], [0, 0]])
    found = [
        cluster_permutation(values * scale, np.arange(2), np.random.default_rng(seed))
        for seed in range(12)
        for scale in (1, 1 / 3)
    ]

    undefined = [each for each in found if isinstance(each, Undefined)]
    assert 0 < len(undefined) < len(found)  # it hangs on the order of the circles
    assert all("leaves the same spread" in each.reason for each in undefined)
    assert all(0.05 < each.p < 1 for each in found if isinstance(each, ClusterPermutation))


def test_a_p_of_1_by_chance_is_kept() -> None:
    values = np.array([[1, 0], [0, 1]])  # sums are equal: nothing is less spread

    result = permute(values, np.arange(2))

    assert result.p == 1
    assert result.statistic == 0


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.eye(2), "fewer than three settings"),
        (np.arange(3.0)[None], "fewer than two blocks"),
        (np.ones((4, 3)), "no block in which settings differ"),
    ],
)
def test_what_friedman_cannot_test_is_undefined(values: np.ndarray, reason: str) -> None:
    assert friedman(values) == Undefined(reason)
