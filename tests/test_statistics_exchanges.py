"""Exchanging a persona with its references: exact where hits are rare and signs are not."""

from itertools import product

import numpy as np
import pytest

from analysis.statistics.contrasts import Contrasts, contrast_settings, measure_least_error
from analysis.statistics.estimates import Estimate, estimate_rates, standard_errors
from analysis.statistics.exchanges import exchange_settings
from analysis.statistics.rates import cluster_sums
from analysis.statistics.sign_flips import MOST_BLOCKS

SEED = 2_407_020_99
N_MEMBERS, N_CONTROLS = 24, 30


def draw_hits(rng: np.random.Generator, shares: np.ndarray, *, n_items: int = 120) -> np.ndarray:
    return rng.random((len(shares), n_items)) < shares[:, None]


def estimate(hits: np.ndarray) -> Estimate:
    everywhere = np.ones(hits.shape, np.bool_)
    return estimate_rates(cluster_sums(hits, everywhere, np.arange(hits.shape[1])))


def contrast(hits: np.ndarray, rng: np.random.Generator, n_members: int = N_MEMBERS) -> Contrasts:
    found = contrast_settings(
        estimate(hits),
        np.arange(n_members),
        references=np.arange(n_members, len(hits)),
        rng=rng,
        n_resamples=300,
        n_flips=999,
    )
    assert isinstance(found, Contrasts)
    return found


def test_p_is_that_of_all_exchanges() -> None:
    rng = np.random.default_rng(SEED)
    member, references = rng.integers(0, 4, (1, 4)), rng.integers(0, 4, (2, 4))

    p = exchange_settings(
        member.astype(float),
        references.astype(float),
        np.zeros(4, np.intp),
        rng=rng,
        n_draws=40_000,
    )

    together = np.concatenate([member, references])
    mean = together.sum() / 3
    sums = np.array([together[at, range(4)].sum() for at in product(range(3), repeat=4)])
    apart = member.sum() - mean
    on_side = np.mean((sums - mean) * np.sign(apart) >= abs(apart) - 1e-9)
    assert 0 < on_side < 0.5
    assert p.own_side[0] == pytest.approx(on_side, abs=0.01)
    assert p.two_sided[0] == pytest.approx(np.mean(abs(sums - mean) >= abs(apart) - 1e-9), abs=0.01)


def test_who_cannot_be_told_from_the_references_has_p_1_and_who_is_undefined_none() -> None:
    rng = np.random.default_rng(SEED)
    references = np.tile(rng.random(50), (3, 1))
    members = np.stack([references[0], np.full(50, np.nan), references[0] + 0.5])

    p = exchange_settings(members, references, np.zeros(50, np.intp), rng=rng, n_draws=999)

    assert p.two_sided[0] == 1
    assert p.own_side[0] > 0.4
    assert np.isnan(p.two_sided[1])
    assert np.isnan(p.own_side[1])
    assert p.two_sided[2] == p.own_side[2] == 1 / 1_000


def test_where_hits_are_rare_no_persona_stands_out_by_chance() -> None:
    rng = np.random.default_rng(SEED)
    by_signs, by_both, outside = [], [], []
    for _ in range(60):
        found = contrast(draw_hits(rng, np.full(N_MEMBERS + N_CONTROLS, 0.015)), rng)
        by_signs.append(np.nanmin(found.p_flip) < 0.05 / N_MEMBERS)
        by_both.append(np.nanmin(found.p_bh) < 0.05)
        outside.append(np.any((found.band.low > 0) | (found.band.high < 0)))

    assert np.mean(by_signs) > 0.5  # a persona without a hit differs one way in every cluster
    assert np.mean(by_both) <= 0.05
    assert np.mean(outside) <= 0.07


def test_one_persona_that_hits_often_is_found_among_those_that_hardly_do() -> None:
    rng = np.random.default_rng(SEED)
    shares = np.full(N_MEMBERS + N_CONTROLS, 0.015)
    shares[3] = 0.45

    found = contrast(draw_hits(rng, shares), rng)

    assert np.flatnonzero(found.p_bh < 0.05).tolist() == [3]
    assert found.critical < 5  # those without a hit or with one widen nobody's band by much
    assert found.band.low[3] > 0.2


def test_the_exchange_keeps_its_level_where_clusters_turn_together() -> None:
    rng = np.random.default_rng(SEED)
    rejected = []
    for _ in range(20):
        hits = draw_hits(rng, np.full(40 + 5, 0.02), n_items=2 * MOST_BLOCKS)
        parts = estimate(hits).contributions
        p = exchange_settings(
            parts[:40], parts[40:], np.zeros(2 * MOST_BLOCKS, np.intp), rng=rng, n_draws=199
        )
        rejected.append(p.two_sided <= 0.05)

    assert 0.02 < np.mean(rejected) < 0.07


def test_a_persona_without_a_hit_has_the_error_of_a_control() -> None:
    rng = np.random.default_rng(SEED)
    hits = draw_hits(rng, np.full(1 + N_CONTROLS, 0.05))
    hits[0] = False

    found = contrast(hits, rng, n_members=1)

    share = hits[1:].mean()
    expected = np.sqrt(share * (1 - share) / 119 * (1 + 1 / N_CONTROLS))
    assert found.standard_errors[0] == pytest.approx(expected, rel=0.02)
    own = hits[0] - hits[1:].mean(axis=0)
    assert found.standard_errors[0] > 4 * standard_errors(own / 120, np.zeros(120, np.intp))


def test_the_least_error_of_two_controls_is_that_of_their_difference() -> None:
    rng = np.random.default_rng(SEED)
    found = estimate(draw_hits(rng, np.array([0.5, 0.3, 0.6])))

    least = measure_least_error(found, np.array([1, 2]), n_references=1)

    difference = found.influences[1] - found.influences[2]
    assert least == pytest.approx(float(standard_errors(difference, found.strata)))
    assert measure_least_error(found, np.array([1]), n_references=1) == 0


def test_of_five_clusters_no_power_is_told() -> None:
    rng = np.random.default_rng(SEED)
    hits = draw_hits(rng, np.full(6, 0.5), n_items=6)
    hits[:, 0], hits[0] = [True, False, True, False, True, False], [True, True, False] * 2

    few, enough = (contrast(hits[:, :n], rng, n_members=1) for n in (5, 6))

    assert np.isnan(few.smallest).all()
    assert not np.isnan(enough.smallest).any()
