"""Settings compared only on items that both have: a contrast that missing answers cannot fake."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.readings import MISSING
from analysis.statistics.estimates import standard_errors
from analysis.statistics.rates import Floats, merge_lonely_strata

Rows = NDArray[np.intp]
Codes = NDArray[np.int8]
T = TypeVar("T")


class CommonContrast(NamedTuple):
    """Each member against the references [members]; NaN where a pair has no item in common."""

    differences: Floats
    standard_errors: Floats  # clustered
    n_common: Floats  # mean over the references of the items that a pair has in common


def contrast_common(
    values: NDArray[Any],
    counted: NDArray[np.bool_],
    clusters: NDArray[np.intp],
    members: Rows,
    *,
    references: Rows,
    cells: NDArray[np.intp] | None = None,
    strata: NDArray[np.intp] | None = None,
) -> CommonContrast:
    """Delta_p = mean over references r and cells g of the mean of v_p - v_r on common items.

    ``values`` [settings, items] where ``counted``; ``clusters``, ``cells``, ``strata`` [items] are
    numbers from 0. A member and a reference are compared on the items that count in both, cell by
    cell. Errors are linearised: each pair's difference in a cell is a ratio of sums (Woodruff
    1971). All of it is matrix products of who has which item.
    """
    n_cells = 1 if cells is None else int(cells.max()) + 1
    weight = 1 / (len(references) * n_cells)
    n_clusters = int(clusters.max()) + 1
    cell_of = np.zeros(len(clusters), np.intp) if cells is None else cells
    order = np.lexsort((clusters, cell_of))  # cells are slices then, and clusters runs in them
    ends = np.searchsorted(cell_of[order], np.arange(n_cells + 1))
    has_any, has_other = (
        counted[rows][:, order].astype(np.float32) for rows in (members, references)
    )
    all_mine, all_others = (
        values[rows][:, order].astype(np.float32) for rows in (members, references)
    )
    all_mine *= has_any
    all_others *= has_other
    differences, n_common = np.zeros((2, len(members)))
    influences = np.zeros((len(members), n_clusters))
    for cell in range(n_cells):
        inside = slice(ends[cell], ends[cell + 1])
        has, other_has = has_any[:, inside], has_other[:, inside]
        mine, others = all_mine[:, inside], all_others[:, inside]
        common = (has @ other_has.T).astype(np.float64)  # [members, references]
        n_common += common.mean(axis=1)
        shares = np.full(common.shape, np.nan)
        np.divide(weight, common, out=shares, where=common > 0)
        found = (mine @ other_has.T).astype(np.float64) - has @ others.T
        differences += (found * shares).sum(axis=1)
        own = shares.astype(np.float32)
        of_pair = np.divide(found, common, out=np.zeros_like(found), where=common > 0)
        # what an item adds to a pair's sum, minus its share of the pair's mean
        moves = mine * (own @ other_has) - has * (own @ others)
        moves -= has * ((own * of_pair.astype(np.float32)) @ other_has)
        there_clusters, starts = np.unique(clusters[order[inside]], return_index=True)
        influences[:, there_clusters] += np.add.reduceat(moves, starts, axis=1, dtype=np.float64)
    strata_of = np.zeros(n_clusters, np.intp)
    if strata is not None:
        strata_of[clusters] = strata
    errors = standard_errors(influences, merge_lonely_strata(strata_of))
    return CommonContrast(differences, errors, n_common)


class Scores(Protocol):
    """Scores of some answers, with what each cluster does to them."""

    @property
    def scores(self) -> Floats:
        """[rows]"""
        ...

    @property
    def influences(self) -> Floats:
        """[rows, clusters]"""
        ...


class PairMean(NamedTuple):
    """Mean difference over pairs of settings, with what each cluster does to it."""

    value: float
    influences: Floats  # [clusters]


_PAIRS_KEPT = 16  # comparisons with 30 controls on MMLU's units take 20 MiB each


class GivenPairs(Generic[T]):
    """Settings compared two by two, on the items that both of the two answered.

    ``codes`` [settings, items], negative where there is no answer. ``tally`` adds up answers that
    come in the same layout; what it has added up is kept for the first pairs, since many ways score
    them.
    """

    def __init__(self, codes: Codes, tally: Callable[[Codes], T]) -> None:
        self._codes = codes
        self._tally = tally
        self._tallied: dict[tuple[bytes, bytes], list[tuple[T, T]]] = {}

    def compare(self, score: Callable[[T], Scores], higher: Rows, lower: Rows) -> PairMean:
        """Mean over the pairs of score(higher) - score(lower); NaN where a pair shares nothing."""
        moves = []
        values = []
        for mine, others in self._tally_pairs(higher, lower):
            first, second = score(mine), score(others)
            values.append((first.scores - second.scores).mean())
            moves.append((first.influences - second.influences).mean(axis=0))
        return PairMean(float(np.mean(values)), np.mean(moves, axis=0))

    def _tally_pairs(self, higher: Rows, lower: Rows) -> list[tuple[T, T]]:
        """Per setting of ``higher`` itself and all of ``lower``, [len(lower), items] each."""
        key = (higher.tobytes(), lower.tobytes())
        if key in self._tallied:
            return self._tallied[key]
        others = self._codes[lower]
        pairs = []
        for row in higher:
            both = (self._codes[row] >= 0) & (others >= 0)
            mine, theirs = (
                np.where(both, each, np.int8(MISSING)) for each in (self._codes[row], others)
            )
            pairs.append((self._tally(mine), self._tally(theirs)))
        if len(self._tallied) < _PAIRS_KEPT:
            self._tallied[key] = pairs
        return pairs
