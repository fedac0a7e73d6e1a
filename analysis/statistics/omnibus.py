"""Do settings differ at all? One test over all of them.

The main test is `cluster_permutation`. Cochran's Q and Friedman's chi-square are the paper's; they
take items for exchangeable, and within clusters of related items they reject a true null far too
often. Rejection means "not exchangeable", which is more than "the means differ".
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats import contingency_tables

from analysis.statistics import Undefined
from analysis.statistics.rates import Floats, cluster_sums
from analysis.statistics.tails import bound_p, measure_chi2_tail

_PERMUTED_AT_ONCE = 1_000  # x 193 settings: 193 KB, half of a small second-level cache
_TURNED_TOGETHER = 64  # circles, whose turns are 80 KB each
MOST_CIRCLES = 2_000  # of clusters that turn by themselves


@dataclass(frozen=True, slots=True)
class CochransQ:
    """Cochran's Q over settings, items as blocks."""

    statistic: float
    p: float  # chi-square with df degrees of freedom; at least `tails.LEAST_P`
    log10_p: float
    df: int
    n_blocks: int
    n_not_unanimous: int  # blocks in which settings differ; the others carry no information
    kendalls_w: float  # Q/(n_blocks (k - 1)): 0 no agreement on which settings hit, 1 full


@dataclass(frozen=True, slots=True)
class ClusterPermutation:
    """T = sum_j (S_j - mean S)^2 over the settings' sums, under permutation within clusters."""

    statistic: float  # in squared items
    expected: float  # mean of T under the null: the sum of the clusters' own squared deviations
    p: float  # (1 + permutations that reach T)/(1 + permutations)
    n_permutations: int
    n_clusters: int
    n_not_unanimous: int  # clusters in which settings differ


@dataclass(frozen=True, slots=True)
class Friedman:
    """Friedman's chi-square with ties, and Iman and Davenport's F of it."""

    statistic: float
    p: float  # at least `tails.LEAST_P`, and so is ``p_f``
    log10_p: float
    df: int
    n_blocks: int
    kendalls_w: float
    f: float | None  # None where all blocks rank alike: F is infinite
    p_f: float


def cochrans_q(hits: NDArray[np.bool_]) -> CochransQ | Undefined:
    """Cochran's Q of hits [settings, items], every item answered for in every setting.

    Source: Cochran (1950), Biometrika 37; effect size as in Serlin, Carr and Marascuilo (1982),
    the tie-corrected Kendall's W of the same table.
    """
    n_settings, n_blocks = hits.shape
    if n_settings < 2:
        return Undefined("fewer than two settings")
    hit = np.count_nonzero(hits, axis=0)
    mixed = hits[:, (hit > 0) & (hit < n_settings)]
    if mixed.shape[1] == 0:
        return Undefined("no item on which settings differ")
    q = contingency_tables.cochrans_q(mixed.T)
    tail = measure_chi2_tail(float(q.statistic), n_settings - 1)
    return CochransQ(
        statistic=float(q.statistic),
        p=tail.p,
        log10_p=tail.log10_p,
        df=n_settings - 1,
        n_blocks=n_blocks,
        n_not_unanimous=mixed.shape[1],
        kendalls_w=min(float(q.statistic) / (n_blocks * (n_settings - 1)), 1.0),
    )


def cluster_permutation(
    values: NDArray[Any],
    clusters: NDArray[Any],
    rng: np.random.Generator,
    *,
    n_permutations: int = 9_999,
) -> ClusterPermutation | Undefined:
    """Exchange settings within each cluster's vector of sums, all clusters at once.

    ``values`` [settings, items], hits or points, complete; ``clusters`` [items] labels. A cluster
    in which all settings are equal cannot move and is left out, which changes nothing. With a
    single cluster left every permutation has the same T, and there is no test; nor where all that
    are drawn have.

    The settings of a cluster are put on a circle in an order drawn once for that cluster, and a
    permutation turns every circle by its own random number of places; of more than 2,000 clusters
    some turn as one, each in its own order. Those turns are a subgroup of all permutations, so the
    test keeps its level exactly (Hemerik and Goeman 2018, Exact testing with random permutations,
    TEST 27, theorem 2). A turn is one row out of a small table, twenty times as fast as a fresh
    shuffle. ``expected`` is E[T] over all permutations.
    """
    if len(values) < 2:
        return Undefined("fewer than two settings")
    everywhere = np.ones(values.shape, np.bool_)
    vectors = cluster_sums(values, everywhere, clusters).sums.T
    moving = vectors[np.ptp(vectors, axis=1) > 0] if vectors.size else vectors
    if not len(moving):
        return Undefined("no cluster in which settings differ")
    if len(moving) == 1:
        return Undefined(
            "settings differ in a single cluster of items, and exchanging them changes nothing"
        )
    expected = float(moving.var(axis=1).sum() * len(values))
    if np.array_equal(moving, np.round(moving)):
        # Points that all settings share change no T; without them sums are exact in fewer bytes.
        moving = (moving - moving.min(axis=1, keepdims=True)).astype(np.int64)
        slack = 0.0
    else:
        moving = moving - moving.mean(axis=1, keepdims=True)
        slack = 1e-9  # equal sums in another order differ by rounding, and a tie counts

    observed = _sum_squares(moving.sum(axis=0, dtype=np.float64)[None])[0]
    permuted = _sum_squares(_draw_permuted_sums(moving, rng, n_permutations))
    reached = np.count_nonzero(permuted >= observed * (1 - slack))
    if np.ptp(np.append(permuted, observed)) <= slack * expected * len(values):
        return Undefined("every exchange of settings that was drawn leaves the same spread")
    return ClusterPermutation(
        statistic=float(observed) / len(values),
        expected=expected,
        p=(1 + reached) / (1 + n_permutations),
        n_permutations=n_permutations,
        n_clusters=len(vectors),
        n_not_unanimous=len(moving),
    )


def _sum_squares(sums: NDArray[Any]) -> Floats:
    """k T = k sum_j S_j^2 - (sum_j S_j)^2 of each row of [rows, settings]; whole for whole sums."""
    wide = sums.astype(np.float64)
    squares: Floats = sums.shape[1] * np.square(wide).sum(axis=1) - np.square(wide.sum(axis=1))
    return squares


def _draw_permuted_sums(
    vectors: NDArray[Any], rng: np.random.Generator, n_permutations: int
) -> NDArray[Any]:
    """Settings' sums over clusters [permutations, settings] of vectors [clusters, settings].

    Whole vectors are 0 or more. Moving bytes is what takes the time: sums are made in a narrow
    type, in pieces that stay in the processor's cache, and carried into a wide one in time.
    """
    n_settings = vectors.shape[1]
    n_joined = max(1, -(-len(vectors) // MOST_CIRCLES))  # clusters to a circle
    narrow, n_together = _choose_width(vectors, n_joined)
    totals = np.zeros((n_permutations, n_settings), np.result_type(narrow, np.int64))
    circle = np.empty(2 * n_settings, narrow)
    circles = sliding_window_view(circle, n_settings)[:n_settings]  # from each place, round
    place = np.empty(n_settings, np.intp)
    for start in range(0, len(vectors), n_together * n_joined):
        tables, turns = [], []
        for at in range(start, min(start + n_together * n_joined, len(vectors)), n_joined):
            table = np.zeros((n_settings, n_settings), narrow)  # [turn, setting]
            for vector in vectors[at : at + n_joined]:
                order = rng.permutation(n_settings)  # the setting at each place of this circle
                place[order] = np.arange(n_settings)
                circle[:n_settings] = circle[n_settings:] = vector[order]
                table += circles[place].T
            tables.append(table)
            turns.append(rng.integers(n_settings, size=n_permutations))
        for first in range(0, n_permutations, _PERMUTED_AT_ONCE):
            some = slice(first, first + _PERMUTED_AT_ONCE)
            drawn, part = np.zeros((2, *totals[some].shape), narrow)
            for table, turn in zip(tables, turns, strict=True):
                np.take(table, turn[some], axis=0, out=drawn, mode="clip")
                part += drawn
            totals[some] += part
    return totals


def _choose_width(vectors: NDArray[Any], n_joined: int) -> tuple[type[np.generic], int]:
    """The type to sum circles in, and how many of them to sum in it: it must not overflow."""
    if vectors.dtype.kind == "f":
        return np.float64, _TURNED_TOGETHER
    most = max(int(vectors.max()), 1) * n_joined
    for width, room in ((np.uint8, 2**8 - 1), (np.uint16, 2**16 - 1)):
        if room // most >= 8:  # below that, adding to the wide type costs more than is won
            return width, min(room // most, _TURNED_TOGETHER)
    return np.int64, _TURNED_TOGETHER


def friedman(values: Floats) -> Friedman | Undefined:
    """Friedman's test of values [blocks, settings], complete.

    Chi-square with ties by scipy; F = (b - 1) chi2/(b (k - 1) - chi2) with k - 1 and
    (b - 1)(k - 1) degrees of freedom (Iman and Davenport 1980). Where every block ranks the
    settings alike F is infinite and its p is (1/m)^(b - 1), m the orders that a block's ranks can
    stand in, k! without ties (Conover 1999, Practical Nonparametric Statistics, 5.8).
    """
    n_blocks, n_settings = values.shape
    if n_settings < 3:
        return Undefined("fewer than three settings")
    if n_blocks < 2:
        return Undefined("fewer than two blocks")
    if not np.any(np.ptp(values, axis=1) > 0):
        return Undefined("no block in which settings differ")
    chi2, _ = stats.friedmanchisquare(*values.T)
    df = n_settings - 1
    tail = measure_chi2_tail(float(chi2), df)
    room = n_blocks * df - chi2
    if room > 1e-9 * n_blocks * df:
        f = float((n_blocks - 1) * chi2 / room)
        p_f = float(stats.f.sf(f, df, (n_blocks - 1) * df))
    else:
        _, ties = np.unique(values[0], return_counts=True)
        orders = math.lgamma(n_settings + 1) - sum(math.lgamma(tied + 1) for tied in ties)
        f, p_f = None, math.exp(-(n_blocks - 1) * orders)
    return Friedman(
        statistic=float(chi2),
        p=tail.p,
        log10_p=tail.log10_p,
        df=df,
        n_blocks=n_blocks,
        kendalls_w=min(float(chi2) / (n_blocks * df), 1.0),
        f=f,
        p_f=bound_p(p_f),
    )
