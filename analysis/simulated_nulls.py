"""Experiments in which no persona changes anything, and which tests claim that one does.

A null has the farm's shape: personas, controls and the empty setting answer items that come in
blocks of four. All settings answer alike, so every rejection is a false one. What a block does to
one persona alone, and to its four answers together, is what tests differ in coping with.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import Undefined
from analysis.statistics.contrasts import contrast_settings
from analysis.statistics.estimates import estimate_rates
from analysis.statistics.omnibus import cluster_permutation, cochrans_q, friedman
from analysis.statistics.rates import cluster_sums

ALPHA = 0.05
PERSONAS, CONTROLS = 24, 5  # and the empty setting: 30
BLOCKS, BLOCK_SIZE = 60, 4  # items in a block, which is the cluster
PERMUTATIONS = 499  # .05 x 500 is whole: a p of .05 can be reached exactly
RESAMPLES = 999

# Test -> what it is of. Names are keys of the report's definitions.
TESTS = (
    "permutation",  # of hits
    "permutation_points",
    "cochran_q",
    "friedman_items",  # chi-square, items as blocks
    "iman_davenport_items",
    "friedman_clusters",  # chi-square, blocks of four as blocks, by their mean
    "iman_davenport_clusters",
    "sign_flip",  # one persona against the controls, unadjusted
    "exchange",  # the same
    "holm",  # any persona, adjusted
    "band",  # any persona outside its simultaneous band
)


class Design(NamedTuple):
    """A null: how far a persona's four answers to a block hang together beyond the block's own."""

    name: str
    correlation: float
    easiness: tuple[float, float] = (0.2, 0.9)  # of items, from and to


DESIGNS = (
    Design("independent", 0.0),
    Design("clustered_1", 0.1),
    Design("clustered_3", 0.3),
    Design("rare", 0.1, (0.0, 0.04)),  # about five hits of 240, as refusals are
)


class Drawn(NamedTuple):
    """Answers of a null."""

    hits: NDArray[np.bool_]  # [settings, items]
    points: NDArray[np.int8]  # [settings, items], 1 to 5
    clusters: NDArray[np.intp]  # [items]


def draw_null(design: Design, rng: np.random.Generator) -> Drawn:
    """Answers to items of different difficulty, as easy for every setting.

    An answer is a number u, uniform from 0 to 1: a hit where u is below the item's easiness, and a
    point by the item's own thresholds. With probability ``correlation`` a setting takes the same u
    for all items of a block, which makes that the correlation of its four.
    """
    n_settings, n_items = PERSONAS + CONTROLS + 1, BLOCKS * BLOCK_SIZE
    clusters = np.repeat(np.arange(BLOCKS), BLOCK_SIZE)
    own = rng.random((n_settings, n_items))
    shared = rng.random((n_settings, BLOCKS))
    is_shared = rng.random((n_settings, BLOCKS)) < design.correlation
    u = np.where(is_shared[:, clusters], shared[:, clusters], own)
    easiness = rng.uniform(*design.easiness, n_items)
    tilt = rng.uniform(0.5, 2.0, n_items)  # some statements draw high points, some low
    return Drawn(u < easiness, (1 + np.floor(5 * u**tilt)).astype(np.int8), clusters)


def reject_null(drawn: Drawn, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which of `TESTS` [tests] reject at .05."""
    points = drawn.points.astype(np.float64)
    means = points.reshape(len(points), -1, BLOCK_SIZE).mean(axis=2)
    by_item, by_cluster = friedman(points.T), friedman(means.T)
    by_persona, is_outside = _compare_personas(drawn, rng)
    p_values = (
        _take_p(cluster_permutation(drawn.hits, drawn.clusters, rng, n_permutations=PERMUTATIONS)),
        _take_p(
            cluster_permutation(drawn.points, drawn.clusters, rng, n_permutations=PERMUTATIONS)
        ),
        _take_p(cochrans_q(drawn.hits)),
        _take_p(by_item),
        _take_p(by_item, "p_f"),
        _take_p(by_cluster),
        _take_p(by_cluster, "p_f"),
        *by_persona,
    )
    return np.array([*(p <= ALPHA for p in p_values), is_outside])


def _take_p(result: object, name: str = "p") -> float:
    """A test's p; one that is not defined rejects nothing."""
    return 1.0 if isinstance(result, Undefined) else float(getattr(result, name))


def _compare_personas(
    drawn: Drawn, rng: np.random.Generator
) -> tuple[tuple[float, float, float], bool]:
    """The first persona's two p and the smallest adjusted one; whether a band leaves 0 out."""
    everywhere = np.ones(drawn.hits.shape, np.bool_)
    estimate = estimate_rates(cluster_sums(drawn.hits, everywhere, drawn.clusters))
    found = contrast_settings(
        estimate,
        np.arange(PERSONAS),
        references=np.arange(PERSONAS, PERSONAS + CONTROLS),
        rng=rng,
        n_resamples=RESAMPLES,
        n_flips=PERMUTATIONS,
    )
    if isinstance(found, Undefined):
        return (1.0, 1.0, 1.0), False
    is_outside = bool(((found.band.low > 0) | (found.band.high < 0)).any())
    by_persona = found.p_flip[0], found.p_exchange[0], np.nanmin(found.p_holm)
    return (float(by_persona[0]), float(by_persona[1]), float(by_persona[2])), is_outside
