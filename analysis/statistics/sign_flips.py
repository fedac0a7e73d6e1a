"""Is a difference that clusters of items contribute to symmetric about 0? Random signs tell."""

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.rates import Floats

# Clusters x flips drawn at a time: 2 million signs are 16 MiB.
_SIGNS_AT_ONCE = 2_000_000
_ROUNDING = 1e-12  # of a member's largest contribution: what is smaller is none
MOST_BLOCKS = 1_000  # of clusters that turn as one


def flip_signs(
    contributions: Floats,
    strata: NDArray[np.intp],
    *,
    rng: np.random.Generator,
    n_flips: int = 9_999,
) -> Floats:
    """Two-sided p of sum_c v_c for each row of v [members, clusters] under random signs.

    t = sum v/sqrt(V), V = sum over strata of n/(n - 1) sum (v - mean v)^2, anew for every flip
    (Canay, Romano and Shaikh 2017, Econometrica 85); p = (1 + #{|t*| >= |t|})/(1 + flips). One draw
    of signs serves all members. More than 1,000 clusters are put together at random into blocks
    that turn as one: a part of all flips, which keeps the test's level and takes a fraction of the
    time. NaN where a contribution is undefined, and where fewer than two clusters (or blocks)
    differ: no sign changes t then, and p would be 1 whatever the data.
    """
    p = np.full(len(contributions), np.nan)
    if len(strata) < 2:
        return p
    tested = np.flatnonzero(np.abs(contributions).sum(axis=1) > 0)  # NaN is not above 0
    v, strata = join_clusters(contributions[tested], strata, rng)
    n_clusters = len(strata)
    sizes = np.bincount(strata)
    members_of = [np.flatnonzero(strata == stratum) for stratum in range(len(sizes))]
    spread = np.square(v) @ (sizes / (sizes - 1))[strata]

    def measure(signs: Floats) -> tuple[Floats, Floats]:
        """Squared sums and their variances [flips, members]."""
        total, between = np.zeros((2, len(signs), len(v)))
        for inside, size in zip(members_of, sizes, strict=True):
            part = signs[:, inside] @ v[:, inside].T
            total += part
            between += np.square(part) / (size - 1)
        return np.square(total), np.maximum(spread - between, 0)

    square, variance = measure(np.ones((1, n_clusters)))
    reached = np.zeros(len(v), np.intp)
    block = max(1, _SIGNS_AT_ONCE // n_clusters)
    for first in range(0, n_flips, block):
        shape = (min(block, n_flips - first), n_clusters)
        signs = rng.integers(0, 2, shape, np.int8).astype(np.float64) * 2 - 1
        squares, variances = measure(signs)
        # t*^2 >= t^2 without a division, and a tie up to rounding counts
        reached += np.count_nonzero(
            squares * variance >= square * variances * (1 - 1e-9), axis=0
        ).astype(np.intp)
    moves = np.abs(v) > _ROUNDING * np.abs(v).max(axis=1, keepdims=True, initial=0)
    is_test = np.count_nonzero(moves, axis=1) > 1
    p[tested[is_test]] = (1 + reached[is_test]) / (1 + n_flips)
    return p


def join_clusters(
    contributions: Floats, strata: NDArray[np.intp], rng: np.random.Generator
) -> tuple[Floats, NDArray[np.intp]]:
    """At most about `MOST_BLOCKS` blocks of clusters, two or more to a stratum, and their strata.

    Blocks of a stratum are as equal in size as can be.
    """
    if len(strata) <= MOST_BLOCKS:
        return contributions, strata
    joined, labels = [], []
    for stratum, size in enumerate(np.bincount(strata)):
        n_blocks = max(2, round(size * MOST_BLOCKS / len(strata)))
        inside = rng.permutation(np.flatnonzero(strata == stratum))
        starts = np.arange(n_blocks) * size // n_blocks
        joined.append(np.add.reduceat(contributions[:, inside], starts, axis=1))
        labels.append(np.full(n_blocks, stratum))
    return np.concatenate(joined, axis=1), np.concatenate(labels)
