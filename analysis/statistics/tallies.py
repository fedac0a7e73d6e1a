"""Answers added up once by cluster and cell, so that every scoring follows without reading them.

A specification curve scores the same answers in dozens of ways. What the ways differ in is how a
cell without an answer counts, and which items and cells of the data set there are; both are sums of
what stands here. The scorings are those of `analysis.statistics.scorings`, and give the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analysis.readings import FILTERED
from analysis.statistics.rates import ClusterSums, Floats, merge_lonely_strata
from analysis.statistics.scorings import Scoring

_FEW = 0.05  # of all cells: fewer marks than this are counted one by one
NEVER = 127  # an option that nobody chooses
MIDDLE = 3  # what the authors score an unreadable answer on a scale as


class Range(NamedTuple):
    """The lowest and the highest value of one item."""

    low: float
    high: float


SHARE = Range(0, 1)
SCALE = Range(1, 5)


@dataclass(frozen=True, slots=True)
class Units:
    """Which unit, items of one cluster and cell, an item belongs to."""

    of_item: NDArray[np.intp]  # [items]
    clusters: NDArray[np.intp]  # [units], numbers as they are among the items
    cells: NDArray[np.intp]  # [units]
    strata: NDArray[np.intp]  # [units]
    parts: NDArray[np.bool_]  # [parts, units]: a chosen part of the items has a unit or has it not

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.clusters)

    def add(self, marks: NDArray[Any]) -> Floats:
        """Sums of bool or small whole ``marks`` [settings, items] by unit [settings, units]."""
        n_settings, n_items = marks.shape
        if marks.dtype == np.bool_ and np.count_nonzero(marks) < _FEW * marks.size:
            row, column = np.nonzero(marks)
            at = row * self.n + self.of_item[column]
            counts = np.bincount(at, minlength=n_settings * self.n)
            return counts.reshape(n_settings, self.n).astype(np.float64)
        # float32 adds whole numbers exactly up to 16 million
        one_each = (np.ones(n_items, np.float32), (np.arange(n_items), self.of_item))
        by_unit = sparse.csr_array(one_each, shape=(n_items, self.n))
        return np.asarray(marks.astype(np.float32) @ by_unit, np.float64)

    def restrict(self, chosen: NDArray[np.bool_]) -> "Units":
        """The same units of some of the items [items]."""
        return replace(self, of_item=self.of_item[chosen])

    def sizes(self) -> Floats:
        """Items in each unit [units]."""
        return np.bincount(self.of_item, minlength=self.n).astype(np.float64)


def make_units(
    clusters: NDArray[np.intp],
    *,
    cells: NDArray[Any] | None = None,
    strata: NDArray[np.intp] | None = None,
    parts: Sequence[NDArray[np.bool_]] = (),
) -> Units:
    """Units of items with these labels [items]; ``parts`` are choices of some of the items."""
    nothing = np.zeros(len(clusters), np.intp)
    cell = nothing if cells is None else np.unique(cells, return_inverse=True)[1]
    stratum = nothing if strata is None else strata
    n_clusters = int(clusters.max(initial=-1)) + 1
    key = cell * n_clusters + clusters
    for part in parts:
        key = key * 2 + part
    _, first, of_item = np.unique(key, return_index=True, return_inverse=True)
    inside = np.array([part[first] for part in parts], np.bool_).reshape(len(parts), len(first))
    return Units(of_item.astype(np.intp), clusters[first], cell[first], stratum[first], inside)


@dataclass(frozen=True, slots=True)
class Tally:
    """Values added up; arrays [settings, units]."""

    units: Units
    sums: Floats  # values of the answers that were given
    fallback: Floats  # what the authors put where an answer was covered and could not be read
    given: Floats  # answers that could be read
    covered: Floats
    values: Range


def tally_choices(
    codes: NDArray[np.int8], targets: NDArray[np.integer[Any]], units: Units
) -> Tally:
    """Hits of ``targets`` [items], all of them options, in ``codes`` [settings, items]."""
    unread, given, covered = _count_unread(codes, units)
    return Tally(
        units,
        sums=units.add(codes == targets),
        fallback=units.add(unread & (targets == 0)),  # as option A
        given=given,
        covered=covered,
        values=SHARE,
    )


def tally_points(codes: NDArray[np.int8], is_reversed: NDArray[np.bool_], units: Units) -> Tally:
    """Points 1 to 5, 6 - x on the items that are reversed [items]."""
    unread, given, covered = _count_unread(codes, units)
    points = np.where(codes >= 0, np.where(is_reversed, 6 - codes, codes), 0)
    return Tally(
        units,
        sums=units.add(points),
        fallback=MIDDLE * units.add(unread),
        given=given,
        covered=covered,
        values=SCALE,
    )


def tally_outcome(codes: NDArray[np.int8], outcome: int, units: Units) -> Tally:
    """Covered cells with this outcome (refused): nothing is missing from such a rate."""
    _, _, covered = _count_unread(codes, units)
    nothing = np.zeros_like(covered)
    return Tally(units, units.add(codes == outcome), nothing, covered, covered, SHARE)


def _count_unread(
    codes: NDArray[np.int8], units: Units
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Where a covered cell has no answer; the sums of given answers and of covered cells."""
    unread = (codes < 0) & (codes >= FILTERED)
    covered = units.sizes() - units.add(codes < FILTERED)
    return unread, covered - units.add(unread), covered


def score_tally(tally: Tally, scoring: Scoring) -> ClusterSums:
    """What `analysis.statistics.rates.cluster_sums` makes of the values under this scoring."""
    sizes = np.broadcast_to(tally.units.sizes(), tally.sums.shape)
    low, high = tally.values
    is_scale = tally.values == SCALE
    sums, counts = {
        Scoring.PAPER: (tally.sums + tally.fallback, tally.covered),
        # no hit is a value, no point is none
        Scoring.ASKED: (tally.sums, tally.given if is_scale else tally.covered),
        Scoring.ANSWERED: (tally.sums, tally.given),
        Scoring.LOWEST: (tally.sums + low * (sizes - tally.given), sizes),
        Scoring.HIGHEST: (tally.sums + high * (sizes - tally.given), sizes),
    }[scoring]
    return gather(tally.units, sums, counts)


def gather(units: Units, sums: Floats, counts: Floats) -> ClusterSums:
    """Sums and counts [settings, units] with clusters, cells and strata numbered from 0."""
    _, first, cluster = np.unique(units.clusters, return_index=True, return_inverse=True)
    return ClusterSums(
        sums=sums,
        counts=np.asarray(counts),
        clusters=cluster.astype(np.intp),
        cells=np.unique(units.cells, return_inverse=True)[1].astype(np.intp),
        strata=merge_lonely_strata(units.strata[first]),
    )


def keep_units(sums: ClusterSums, units: Units, *, part: int | None, pooled: bool) -> ClusterSums:
    """The sums of the units in a part alone, and of all cells as one where ``pooled``."""
    kept = replace(sums, cells=np.zeros_like(sums.cells)) if pooled else sums
    if part is None or units.parts[part].all():
        return kept
    at = np.flatnonzero(units.parts[part])
    there = Units(at, units.clusters[at], kept.cells[at], units.strata[at], units.parts[:, at])
    return gather(there, kept.sums[:, at], kept.counts[:, at])


@dataclass(frozen=True, slots=True)
class BiasTally:
    """What a bias score is made of, in one context; arrays [settings, units].

    Each has what given answers say and what the authors' option A says where none was given.
    """

    signs: tuple[Floats, Floats]  # biased minus pointed the other way
    pointed: tuple[Floats, Floats]  # at a person
    wrong: tuple[Floats, Floats]
    given: Floats
    covered: Floats


def tally_bias(
    codes: NDArray[np.int8], options: Mapping[str, NDArray[np.integer[Any]]], units: Units
) -> BiasTally:
    """Answers to items [items] with the ``options`` "target", "unknown" and "answer"."""
    target, unknown, answer = (options[name] for name in ("target", "unknown", "answer"))
    target = np.where(target == unknown, NEVER, target)  # who says "unknown" points at nobody
    unread, given, covered = _count_unread(codes, units)
    biased = units.add(codes == target)
    pointed = given - units.add(codes == unknown)
    right = units.add(codes == answer)
    as_a = [units.add(unread & (each == 0)) for each in (target, unknown, answer)]
    n_unread = covered - given
    return BiasTally(
        signs=(2 * biased - pointed, 2 * as_a[0] - (n_unread - as_a[1])),
        pointed=(pointed, n_unread - as_a[1]),
        wrong=(given - right, n_unread - as_a[2]),
        given=given,
        covered=covered,
    )


class BiasParts(NamedTuple):
    """Sums of one context, in the order that `analysis.statistics.bias.combine_parts` wants."""

    ratio: ClusterSums  # signs over those pointed at
    error: ClusterSums  # wrong over counted


def score_bias_tally(tally: BiasTally, scoring: Scoring, units: Units) -> BiasParts:
    """The sums under a scoring; raises ValueError for the bounds, which a bias score lacks."""
    if scoring is Scoring.PAPER:
        signs, pointed, wrong = (a + b for a, b in (tally.signs, tally.pointed, tally.wrong))
        counted = tally.covered
    elif scoring is Scoring.ASKED:
        signs, pointed = tally.signs[0], tally.pointed[0]
        wrong, counted = tally.wrong[0] + tally.covered - tally.given, tally.covered
    elif scoring is Scoring.ANSWERED:
        signs, pointed, wrong = tally.signs[0], tally.pointed[0], tally.wrong[0]
        counted = tally.given
    else:
        raise ValueError(f"bias has no scoring {scoring}")
    return BiasParts(gather(units, signs, pointed), gather(units, wrong, counted))
