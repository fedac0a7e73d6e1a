"""Resamples of clusters: how often each is drawn, the same draws for everything that asks.

One resample of clusters serves all settings, so their differences keep their pairing; two LLMs
resampled from Generators of one seed are paired as well.
"""

from collections.abc import Iterator
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.floating[Any]]  # how often each cluster counts [rows, clusters]

# Clusters x resamples drawn at a time: 4 million draws are about 100 MiB.
_DRAWS_AT_ONCE = 4_000_000
# Draws that are kept for the next measure, a byte each: MMLU's are 28 million.
_DRAWS_KEPT = 50_000_000
_SETS_KEPT = 4

_DrawnTimes = tuple[NDArray[np.uint8], ...]
_DRAWN: dict[tuple[object, ...], tuple[_DrawnTimes, Any]] = {}
_DRAWN_LOCK = Lock()


def resample_clusters(
    strata: NDArray[np.intp], rng: np.random.Generator, *, n_resamples: int
) -> Iterator[Times]:
    """How often each cluster is drawn, block after block of [resamples, clusters].

    Within each stratum as many clusters are drawn, with replacement, as it has.
    """
    block = max(1, _DRAWS_AT_ONCE // max(len(strata), 1))
    sizes = (min(block, n_resamples - first) for first in range(0, n_resamples, block))
    if n_resamples * len(strata) > _DRAWS_KEPT:
        for size in sizes:
            yield _draw_times(strata, rng, size).astype(np.float32)
        return
    # Together again: what is multiplied with a block is prepared once for it.
    drawn = np.concatenate(_draw_once(strata, rng, tuple(sizes)))
    for first in range(0, n_resamples, 4 * block):
        yield drawn[first : first + 4 * block].astype(np.float32)


def _draw_once(
    strata: NDArray[np.intp], rng: np.random.Generator, sizes: tuple[int, ...]
) -> _DrawnTimes:
    """Draws of blocks of these sizes, taken from the last few where they began at this state.

    Every measure of a data set starts from the same seed, so most resamples are asked for again.
    The Generator ends up where drawing would have left it.
    """
    key = (strata.tobytes(), repr(rng.bit_generator.state), sizes)
    with _DRAWN_LOCK:
        found = _DRAWN.get(key)
    if found is None:
        drawn = tuple(_draw_times(strata, rng, size) for size in sizes)
        found = (drawn, rng.bit_generator.state)
        with _DRAWN_LOCK:
            _DRAWN[key] = found
            if len(_DRAWN) > _SETS_KEPT:
                del _DRAWN[next(iter(_DRAWN))]
    drawn, rng.bit_generator.state = found
    return drawn


def _draw_times(
    strata: NDArray[np.intp], rng: np.random.Generator, n_rows: int
) -> NDArray[np.uint8]:
    order = np.argsort(strata, kind="stable")
    sizes = np.bincount(strata)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    n_clusters = len(strata)
    drawn = order[starts + rng.integers(np.repeat(sizes, sizes), size=(n_rows, n_clusters))]
    at = drawn + np.arange(n_rows)[:, None] * n_clusters
    times = np.bincount(at.ravel(), minlength=n_rows * n_clusters)
    # A cluster drawn 255 times by chance: below 1 in 1e300.
    return times.reshape(n_rows, n_clusters).astype(np.uint8)
