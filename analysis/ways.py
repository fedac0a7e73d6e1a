"""Every way of scoring one measure of one slice: what a specification curve runs over.

A way is a scoring, a reading, an aggregation and a choice of items. The texts' two readings are
each added up once (`analysis.statistics.tallies`); all ways follow from those sums.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.item_parts import ALL_ITEMS, ItemParts
from analysis.statistics.bias import BbqItems, combine_parts
from analysis.statistics.common_items import GivenPairs
from analysis.statistics.rates import ClusterSums, influence, macro_scores
from analysis.statistics.scorings import Scoring
from analysis.statistics.specifications import Linear
from analysis.statistics.tallies import (
    BiasTally,
    Tally,
    Units,
    keep_units,
    make_units,
    score_bias_tally,
    score_tally,
    tally_bias,
)

Codes = NDArray[np.int8]

# of every axis the first is the main one
CHOICE_SCORINGS = (
    Scoring.ASKED,
    Scoring.PAPER,
    Scoring.ANSWERED,
    Scoring.LOWEST,
    Scoring.HIGHEST,
)
BIAS_SCORINGS = CHOICE_SCORINGS[:3]  # a bias score has no bounds
READ_AS_PAPER, READ_STRICTLY = "paper", "strict"
MACRO, MICRO = "macro", "micro"

T = TypeVar("T")
S = TypeVar("S")


class Way(NamedTuple):
    """How the answers under one template are scored."""

    items: str  # all that this LLM was asked, or a part of them (`analysis.item_parts`)
    aggregation: str  # mean over cells (subjects), or over all items alike
    extraction: str
    scoring: str


class Cut(NamedTuple):
    """Which units of a tally a way takes, and how it puts them together."""

    items: str
    aggregation: str
    part: int | None  # of `Units.parts`; None: all of them

    @property
    def is_pooled(self) -> bool:
        """Whether all cells are taken for one."""
        return self.aggregation == MICRO


def score_ways(
    part: SliceArray,
    chosen: ItemParts,
    *,
    tally: Callable[[Codes, Units], Tally],
    scorings: Sequence[Scoring],
    cells: NDArray[np.str_] | None = None,
) -> Iterator[tuple[Way, Linear]]:
    """Scores that are means over cells of rates; ``chosen`` are further choices of columns."""
    units = make_units(part.clusters, cells=cells, strata=part.strata, parts=list(chosen.values()))

    def cut_sums(sums: ClusterSums, cut: Cut) -> Linear:
        kept = keep_units(sums, units, part=cut.part, pooled=cut.is_pooled)
        return Linear(macro_scores(kept), influence(kept), kept.strata)

    return _iterate_ways(
        part,
        list_cuts(units, chosen),
        scorings,
        tally=lambda codes: tally(codes, units),
        score=score_tally,
        cut_sums=cut_sums,
    )


def score_bias_ways(
    part: SliceArray, items: BbqItems, chosen: ItemParts
) -> Iterator[tuple[Way, Linear]]:
    """Bias scores; micro takes all categories for one."""
    units = make_units(
        part.clusters, cells=items.categories, strata=part.strata, parts=list(chosen.values())
    )
    options: Mapping[str, NDArray[np.integer]] = {
        "target": items.targets,
        "unknown": items.unknowns,
        "answer": items.answers,
    }

    def tally(codes: Codes) -> list[BiasTally]:
        return [
            tally_bias(
                codes[:, context],
                {name: each[context] for name, each in options.items()},
                units.restrict(context),
            )
            for context in (~items.is_ambiguous, items.is_ambiguous)
        ]

    def score(tallies: list[BiasTally], scoring: Scoring) -> list[ClusterSums]:
        plain, ambiguous = (score_bias_tally(each, scoring, units) for each in tallies)
        return [plain.ratio, ambiguous.ratio, ambiguous.error]

    def cut_sums(sums: list[ClusterSums], cut: Cut) -> Linear:
        kept = [keep_units(each, units, part=cut.part, pooled=cut.is_pooled) for each in sums]
        scores, influences = combine_parts(*kept)
        return Linear(scores.mean(axis=1), influences, kept[0].strata)

    return _iterate_ways(
        part,
        list_cuts(units, chosen),
        BIAS_SCORINGS,
        tally=tally,
        score=score,
        cut_sums=cut_sums,
    )


def _iterate_ways(
    part: SliceArray,
    cuts: Sequence[Cut],
    scorings: Sequence[Scoring],
    *,
    tally: Callable[[Codes], T],
    score: Callable[[T, Scoring], S],
    cut_sums: Callable[[S, Cut], Linear],
) -> Iterator[tuple[Way, Linear]]:
    """Every way; of complete cases with the comparison of pairs on the items that both answered."""

    def score_pair(scoring: Scoring, cut: Cut, tallied: T) -> Linear:
        return cut_sums(score(tallied, scoring), cut)

    for extraction, codes in list_readings(part).items():
        tallied = tally(codes)
        pairs = None if (codes >= 0).all() else GivenPairs(codes, tally)
        for scoring in scorings:
            sums = score(tallied, scoring)
            for cut in cuts:
                found = cut_sums(sums, cut)
                if scoring is Scoring.ANSWERED and pairs is not None:
                    compare = partial(pairs.compare, partial(score_pair, scoring, cut))
                    found = found._replace(compare=compare)
                yield Way(cut.items, cut.aggregation, extraction, scoring), found


def list_cuts(units: Units, chosen: ItemParts) -> list[Cut]:
    """Choices of items and aggregations that differ, the main one first."""
    aggregations = (MACRO, MICRO) if units.cells.any() else (MACRO,)
    parts = {ALL_ITEMS: None, **{name: at for at, name in enumerate(chosen)}}
    return [
        Cut(name, aggregation, part) for name, part in parts.items() for aggregation in aggregations
    ]


def list_readings(part: SliceArray) -> dict[str, Codes]:
    """The authors' reading, and the strict one where texts were read twice."""
    if part.strict is None:
        return {READ_AS_PAPER: part.codes}
    return {READ_AS_PAPER: part.codes, READ_STRICTLY: part.strict}
