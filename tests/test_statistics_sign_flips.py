"""Random signs: all signs of few clusters, normal tails of many, and what no sign changes."""

import itertools

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.sign_flips import MOST_BLOCKS, flip_signs

SEED = 20_240_702


def test_flips_of_one_stratum_are_those_of_all_signs() -> None:
    v = np.random.default_rng(SEED).normal(0.4, 1, (3, 10))
    signs = np.array(list(itertools.product([-1, 1], repeat=10)))
    reference = np.abs(signs @ v.T)  # one stratum: studentised orders flips alike

    p = flip_signs(v, np.zeros(10, np.intp), rng=np.random.default_rng(SEED))

    expected = np.mean(reference >= np.abs(v.sum(axis=1)) - 1e-12, axis=0)
    np.testing.assert_allclose(p, expected, atol=0.015)


def test_flips_over_strata_are_studentised_in_each() -> None:
    rng = np.random.default_rng(SEED)
    v = rng.normal(0.3, 1, (2, 9)) * np.array([1, 1, 1, 1, 5, 5, 5, 5, 5])
    strata = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    squares = []
    for signs in itertools.product([1, -1], repeat=9):  # the first is the data
        flipped = v * np.array(signs)
        variance = sum(
            flipped[:, strata == s].var(axis=1, ddof=1) * np.sum(strata == s) for s in (0, 1)
        )
        squares.append(flipped.sum(axis=1) ** 2 / variance)

    p = flip_signs(v, strata, rng=rng)

    expected = np.mean(np.array(squares) >= squares[0] * (1 - 1e-9), axis=0)
    np.testing.assert_allclose(p, expected, atol=0.015)


def test_a_member_that_differs_in_a_single_cluster_has_no_p() -> None:
    rng = np.random.default_rng(SEED)
    v = np.zeros((5, 12))
    v[0, 3] = v[1, 3] = v[1, 7] = 0.5
    v[2] = rng.normal(0, 1e-17, 12)
    v[2, 3] = 0.5  # but for rounding the first
    v[3, ::2], v[3, 1::2] = 0.5, -0.5  # a sum of 0: no flip has a smaller one

    p = flip_signs(v, np.arange(12) % 2, rng=rng, n_flips=999)

    assert np.isnan(p[[0, 2, 4]]).all()
    assert p[1] == pytest.approx(0.5, abs=0.05)
    assert p[3] == 1  # by chance, not by construction


def test_many_clusters_turn_in_blocks_and_say_the_same() -> None:
    rng = np.random.default_rng(SEED)
    n_clusters = 3 * MOST_BLOCKS
    strata = np.arange(n_clusters) % 4
    v = rng.normal(np.linspace(0, 0.06, 5)[:, None], 1, (5, n_clusters))

    p = flip_signs(v, strata, rng=rng, n_flips=999)

    t = v.sum(axis=1) / np.sqrt(n_clusters)
    np.testing.assert_allclose(p, 2 * stats.norm.sf(np.abs(t)), atol=0.06)
    assert p[4] < 0.01
