"""Ranks, rank sets and split halves: by hand, and on planted scores."""

import itertools

import numpy as np
import pytest
from drawn_estimates import SEED, draw_estimate
from scipy import stats

from analysis.statistics import Undefined
from analysis.statistics.estimates import estimate_rates
from analysis.statistics.ranks import (
    GroupRank,
    RandomBest,
    RankSets,
    SplitGap,
    bound_ranks,
    draw_best_of_group,
    halve_clusters,
    rank_group,
    rank_settings,
    split_half_gap,
)
from analysis.statistics.rates import cluster_sums
from analysis.statistics.shrinkage import shrink_scores


def test_tied_settings_share_the_better_rank_and_one_without_a_score_has_none() -> None:
    scores = np.array([0.5, 0.1 + 0.2, np.nan, 0.3, 0.1])

    best_high = rank_settings(scores, is_best_highest=True)
    best_low = rank_settings(scores, is_best_highest=False)

    np.testing.assert_array_equal(best_high, [1, 2, np.nan, 2, 4])
    np.testing.assert_array_equal(best_low, [4, 2, np.nan, 2, 1])


def test_a_group_is_the_mean_of_its_members_ranks_with_the_best() -> None:
    ranks = np.array([4.0, 1, 3, 2, np.nan])

    assert rank_group(ranks, np.array([0, 2, 3])) == GroupRank(3.0, 2, 3)
    assert rank_group(ranks, np.array([4])) == Undefined("a setting of the group has no rank")
    assert rank_group(ranks, np.array([], np.intp)) == Undefined("no setting in the group")


def test_the_best_of_a_random_group_is_that_of_all_groups() -> None:
    ranks = np.array([1.0, 2, 2, 4, 5, 6, 7, 8])
    pool, members = np.array([0, 1, 2, 4, 5, 7]), np.array([1, 5, 7])
    bests = [min(group) for group in itertools.combinations(ranks[pool], 3)]

    result = draw_best_of_group(ranks, members, pool=pool)

    expected = RandomBest(
        pytest.approx(np.mean(bests)), pytest.approx(np.mean(np.array(bests) <= 2))
    )
    assert result == expected
    too_small = draw_best_of_group(ranks, members, pool=pool[:2])
    assert too_small == Undefined("the pool is smaller than the group")


def test_a_group_that_beats_the_whole_pool_has_no_chance_to_be_random() -> None:
    result = draw_best_of_group(np.array([1.0, 2, 3]), np.array([0]), pool=np.array([1, 2]))

    assert result == RandomBest(pytest.approx(2.5), 0.0)


def test_rank_sets_hold_for_all_settings_at_once() -> None:
    rng = np.random.default_rng(SEED)
    truth = np.repeat([0.0, 0.1, 0.4], 4)
    covered = []
    for _ in range(200):
        estimate = draw_estimate(rng, truth, n_clusters=100)
        sets = bound_ranks(
            estimate,
            np.arange(12),
            rng=rng,
            is_best_highest=True,
            n_flips=200,
        )
        assert isinstance(sets, RankSets)
        # Tied truths may stand in any order: their ranks run from the first to the last of them.
        first = rank_settings(truth, is_best_highest=True)
        last = 13 - rank_settings(truth, is_best_highest=False)
        covered.append(np.all((sets.low <= first) & (sets.high >= last)))

    assert np.mean(covered) > 0.91  # 200 draws of .95 have a standard error of .015


def test_settings_far_apart_have_one_rank_each_in_the_direction_asked() -> None:
    rng = np.random.default_rng(SEED)
    estimate = draw_estimate(rng, np.array([0.0, 5, 2, 9]), n_clusters=200)
    members = np.array([0, 1, 3])

    up = bound_ranks(estimate, members, rng=rng, is_best_highest=True)
    down = bound_ranks(estimate, members, rng=rng, is_best_highest=False)

    assert isinstance(up, RankSets)
    assert isinstance(down, RankSets)
    assert up.low.tolist() == up.high.tolist() == [3, 2, 1]
    assert down.low.tolist() == down.high.tolist() == [1, 2, 3]


def test_identical_settings_are_never_told_apart() -> None:
    values = np.repeat(np.random.default_rng(SEED).random((1, 30)), 3, axis=0)
    estimate = estimate_rates(cluster_sums(values, np.ones((3, 30), np.bool_), np.arange(30)))

    sets = bound_ranks(
        estimate,
        np.arange(3),
        rng=np.random.default_rng(SEED),
        is_best_highest=True,
        n_flips=20,
    )

    assert isinstance(sets, Undefined)
    assert "the same in every cluster" in sets.reason


def test_halves_are_halves_of_every_stratum() -> None:
    strata = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])

    halves = halve_clusters(strata, np.random.default_rng(SEED), n_splits=400)

    assert set(halves[:, :4].sum(axis=1)) == {2}
    assert set(halves[:, 4:7].sum(axis=1)) == {1, 2}
    np.testing.assert_allclose(halves.mean(axis=0), 0.5, atol=0.1)


def test_a_gap_on_other_items_is_free_of_selection() -> None:
    rng = np.random.default_rng(SEED)
    flat, naive, planted = [], [], []
    for _ in range(60):
        null = split_half_gap(
            draw_estimate(rng, np.zeros(40), n_clusters=60), np.arange(40), rng=rng, n_splits=20
        )
        truth = np.zeros(40)
        truth[[3, 7]] = [1, -1]
        effect = split_half_gap(
            draw_estimate(rng, truth, n_clusters=60), np.arange(40), rng=rng, n_splits=20
        )
        assert isinstance(null, SplitGap)
        assert isinstance(effect, SplitGap)
        flat.append(null.value)
        naive.append(null.chosen)
        planted.append(effect.value)

    assert abs(np.mean(flat)) < 0.02
    assert np.mean(naive) > 0.3
    assert np.mean(planted) == pytest.approx(2, abs=0.05)


def test_degenerate_settings_are_undefined_with_their_reason() -> None:
    rng = np.random.default_rng(SEED)
    one = draw_estimate(rng, np.zeros(1), n_clusters=10)
    lumped = estimate_rates(cluster_sums(np.eye(3), np.ones((3, 3), np.bool_), np.zeros(3)))

    assert isinstance(shrink_scores(one, np.arange(1), np.zeros(1)), Undefined)
    assert isinstance(shrink_scores(lumped, np.arange(3), np.zeros(3)), Undefined)
    sets = bound_ranks(lumped, np.arange(3), rng=rng, is_best_highest=True)
    assert sets == Undefined("fewer than two settings with a score and an error")
    halves = draw_estimate(rng, np.arange(5.0), n_clusters=2)
    few = bound_ranks(halves, np.arange(5), rng=rng, is_best_highest=True)
    assert few == Undefined("too few clusters of items: by chance alone t can be of any size")
    assert split_half_gap(one, np.arange(1), rng=rng) == Undefined("fewer than two settings")
    halved = split_half_gap(lumped, np.arange(3), rng=rng)
    assert halved == Undefined("a single cluster of items cannot be halved")


def test_rank_sets_see_two_settings_as_a_two_sided_test_does() -> None:
    rng = np.random.default_rng(SEED)
    estimate = draw_estimate(rng, np.zeros(2), n_clusters=400)

    sets = bound_ranks(
        estimate,
        np.arange(2),
        rng=rng,
        is_best_highest=True,
        n_flips=4_000,
    )

    assert isinstance(sets, RankSets)
    assert sets.critical == pytest.approx(stats.norm.ppf(0.975), abs=0.1)
