"""What a measure's items allow beyond its scores: checks that stand beside the main numbers.

Contrasts on the items that both settings answered; the paper's kind of test, which takes items for
independent (an appendix); and BBQ's blocks of four rows in place of its clusters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.statistics import Undefined
from analysis.statistics.common_items import contrast_common
from analysis.statistics.contrasts import McNemar, Wilcoxon, compare_hits, compare_points
from analysis.statistics.estimates import standard_errors
from analysis.statistics.omnibus import cluster_permutation
from analysis.statistics.rates import Floats, cluster_sums, influence
from analysis.statistics.scorings import Scored, Scoring

BLOCK = "block"  # tag of items that share their people: BBQ's four rows
N_BLOCK_PERMUTATIONS = 199  # of the sensitivity check; p cannot go below .005

NO_COMMON = (
    "only personas are compared; of one that has no item in common with some control, in some cell "
    "of the score, the difference is not defined"
)
NO_COMMON_ERROR = "there is no such difference, or it is the same in every cluster of items"
NO_EMPTY = "no setting without a persona to compare with"
NO_BLOCK_ERROR = "a single block of items, or scores that are the same in every block"


@dataclass(frozen=True, slots=True)
class CommonItems:
    """How much it changes to compare settings on the items alone that both answered."""

    n_compared: int
    largest_change: float  # of a difference from the controls, in either direction
    largest_change_of: int  # the persona's row


@dataclass(frozen=True, slots=True)
class Unclustered:
    """Every persona against having none, items taken for independent; rows [tests]."""

    test: str  # "McNemar", "Wilcoxon"
    rows: NDArray[np.intp]
    n_items: NDArray[np.intp]  # that count in both
    results: tuple[McNemar | Wilcoxon | Undefined, ...]


@dataclass(frozen=True, slots=True)
class BlockCheck:
    """The same with blocks of items in place of clusters."""

    n_blocks: int
    n_clusters: int
    se_ratio: float | Undefined  # median over settings, blocks over clusters
    se_ratio_low: float | Undefined
    se_ratio_high: float | Undefined
    permutation_p: float | Undefined
    n_permutations: int


def compare_common(
    part: SliceArray,
    scored: Mapping[Scoring, Scored],
    differences: Floats,
    *,
    personas: NDArray[np.intp],
    controls: NDArray[np.intp],
    cells: NDArray[Any] | None,
) -> tuple[dict[str, Floats], dict[str, str], CommonItems | Undefined]:
    """Columns [settings] of each persona against the controls on common items, and their reasons.

    ``differences`` are the main ones, to compare with. Nothing where every scoring sees the same
    cells (refusals are what is measured).
    """
    complete = scored.get(Scoring.ANSWERED) or scored[Scoring.ASKED]
    columns = {key: np.full(len(differences), np.nan) for key in COMMON_COLUMNS}
    reasons = {"common_difference": NO_COMMON, "common_error": NO_COMMON_ERROR,
               "common_items": NO_COMMON}  # fmt: skip
    if not len(personas) or not len(controls):
        return columns, reasons, Undefined("no personas, or no controls to compare with")
    found = contrast_common(
        complete.values,
        complete.counted,
        np.unique(part.clusters, return_inverse=True)[1],
        personas,
        references=controls,
        cells=None if cells is None else np.unique(cells, return_inverse=True)[1],
        strata=None if part.strata is None else np.unique(part.strata, return_inverse=True)[1],
    )
    for key, values in zip(COMMON_COLUMNS, found, strict=True):
        columns[key][personas] = values
    changes = np.abs(columns["common_difference"] - differences)
    if np.isnan(changes).all():
        return columns, reasons, Undefined("no persona has items in common with all controls")
    most = int(np.nanargmax(changes))
    n_compared = int(np.count_nonzero(~np.isnan(changes)))
    return columns, reasons, CommonItems(n_compared, float(changes[most]), most)


COMMON_COLUMNS = ("common_difference", "common_error", "common_items")


def compare_unclustered(
    part: SliceArray, scored: Scored, personas: NDArray[np.intp]
) -> Unclustered | Undefined:
    """McNemar's test of hits, Wilcoxon's of points: every persona against having none."""
    empty = [row for row, setting in enumerate(part.settings) if setting.is_empty]
    if not empty:
        return Undefined(NO_EMPTY)
    is_hits = scored.values.dtype == np.bool_
    none, there = scored.values[empty[0]], scored.counted[empty[0]]
    n_items, results = [], []
    for row in personas.tolist():
        both = there & scored.counted[row]
        n_items.append(np.count_nonzero(both))
        mine, others = scored.values[row][both], none[both]
        results.append(compare_hits(mine, others) if is_hits else compare_points(mine, others))
    return Unclustered(
        test="McNemar" if is_hits else "Wilcoxon",
        rows=personas,
        n_items=np.array(n_items, np.intp),
        results=tuple(results),
    )


def check_blocks(
    part: SliceArray,
    scored: Scored,
    errors: Floats,
    *,
    cells: NDArray[Any] | None,
    rng: np.random.Generator,
) -> BlockCheck | None:
    """Standard errors and the permutation test by blocks; None where items have none.

    ``errors`` [settings] are those by clusters.
    """
    if not has_blocks(part):
        return None
    blocks = np.unique(part.tag_items(BLOCK), return_inverse=True)[1]
    sums = cluster_sums(scored.values, scored.counted, blocks, cells=cells, strata=part.strata)
    common = scored.counted.all(axis=0)
    test = (
        cluster_permutation(
            scored.values[:, common], blocks[common], rng, n_permutations=N_BLOCK_PERMUTATIONS
        )
        if common.any()
        else Undefined("no item that counts in every setting")
    )
    return describe_blocks(
        part,
        standard_errors(influence(sums), sums.strata) / errors,
        test if isinstance(test, Undefined) else test.p,
    )


def has_blocks(part: SliceArray) -> bool:
    """Whether every item says which block it is in."""
    return bool(part.items) and all(item.tags.get(BLOCK) is not None for item in part.items)


def describe_blocks(part: SliceArray, ratios: Floats, p: float | Undefined) -> BlockCheck:
    """The check from ratios of standard errors [settings] and a permutation's p."""
    known = ratios[~np.isnan(ratios)]
    median, low, high = (
        [float(end) for end in np.quantile(known, (0.5, 0, 1))]
        if len(known)
        else [Undefined(NO_BLOCK_ERROR)] * 3
    )
    return BlockCheck(
        n_blocks=len(np.unique(part.tag_items(BLOCK))),
        n_clusters=len(np.unique(part.clusters)),
        se_ratio=median,
        se_ratio_low=low,
        se_ratio_high=high,
        permutation_p=p,
        n_permutations=N_BLOCK_PERMUTATIONS,
    )
