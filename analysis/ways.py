"""Every way of scoring one measure of one slice: what a specification curve runs over.

A way is a scoring, a reading, an aggregation and a choice of items. The texts' two readings are
each added up once (`analysis.statistics.tallies`); all ways follow from those sums.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.bias import select_items
from analysis.item_parts import ALL_ITEMS, ItemParts
from analysis.likert import SCALE_SCORINGS, SCALE_TAGS
from analysis.measures import MAIN
from analysis.performance import CELL_TAGS
from analysis.readings import FILTERED, REFUSED
from analysis.refusals import SPLIT_BY
from analysis.statistics.bias import BbqItems, combine_parts
from analysis.statistics.common_items import GivenPairs
from analysis.statistics.rates import ClusterSums, influence, macro_scores
from analysis.statistics.scorings import Scored, Scoring, score_choice, score_scale
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
    tally_choices,
    tally_outcome,
    tally_points,
)
from models.items import Kind

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


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of one slice; ``score`` yields every way, the main one first."""

    name: str
    of: str
    part: SliceArray
    score: Callable[[ItemParts], Iterator[tuple[Way, Linear]]]
    values: Callable[[], Scored] | None  # main scoring; None: the score is no mean of items' values


def list_measured(array: SliceArray) -> Iterator[Measured]:
    """The measures of a slice, as `analysis.analyse` has them."""
    for kind, part in array.split_by_kind().items():
        if kind is Kind.CHOICE:
            yield from _list_choices(part)
        elif kind is Kind.LIKERT:
            yield from _list_scales(part)
    yield from _list_refusals(array)


def _list_choices(part: SliceArray) -> Iterator[Measured]:
    has_answer = np.array([item.answer is not None for item in part.items], np.bool_)
    if has_answer.any():
        chosen = part.select_items(has_answer)
        targets = np.array([item.answer for item in chosen.items], np.int16)
        tags = CELL_TAGS.get(part.slice.dataset)
        yield Measured(
            "accuracy",
            "",
            chosen,
            partial(
                score_ways,
                chosen,
                tally=lambda codes, units: tally_choices(codes, targets, units),
                scorings=CHOICE_SCORINGS,
                cells=chosen.tag_items(*tags) if tags else None,
            ),
            partial(score_choice, chosen.codes, targets, scoring=MAIN),
        )
    found = select_items(part)
    if found is not None:
        chosen, items = found
        yield Measured("bias_score", "", chosen, partial(score_bias_ways, chosen, items), None)
        yield Measured(
            "unknown_frequency",
            "",
            chosen,
            partial(
                score_ways,
                chosen,
                tally=lambda codes, units: tally_choices(codes, items.unknowns, units),
                scorings=CHOICE_SCORINGS,
            ),
            partial(score_choice, chosen.codes, items.unknowns, scoring=MAIN),
        )


def _list_scales(part: SliceArray) -> Iterator[Measured]:
    tag = next((tag for tag in SCALE_TAGS if any(tag in item.tags for item in part.items)), None)
    for label, chosen in _split_by_tag(part, tag):
        is_reversed = np.array([bool(item.tags.get("reversed")) for item in chosen.items], np.bool_)
        yield Measured(
            "mean_answer",
            label,
            chosen,
            partial(
                score_ways,
                chosen,
                tally=partial(_tally_points, is_reversed),
                scorings=SCALE_SCORINGS,
            ),
            partial(score_scale, chosen.codes, is_reversed, scoring=MAIN),
        )


def _tally_points(is_reversed: NDArray[np.bool_], codes: Codes, units: Units) -> Tally:
    return tally_points(codes, is_reversed, units)


def _list_refusals(array: SliceArray) -> Iterator[Measured]:
    part = array.select_items(np.array([item.kind != Kind.FREE for item in array.items], np.bool_))
    if part.items:
        for label, chosen in _split_by_tag(part, SPLIT_BY.get(part.slice.dataset)):
            yield Measured(
                "refusal_rate",
                label,
                chosen,
                partial(
                    score_ways,
                    chosen,
                    tally=lambda codes, units: tally_outcome(codes, REFUSED, units),
                    scorings=CHOICE_SCORINGS[:1],
                ),
                partial(_mark_refused, chosen.codes),
            )


def _mark_refused(codes: Codes) -> Scored:
    return Scored(codes == REFUSED, codes >= FILTERED)


def _split_by_tag(part: SliceArray, tag: str | None) -> Iterator[tuple[str, SliceArray]]:
    if tag is None:
        yield "", part
        return
    labels = part.tag_items(tag)
    for label in dict.fromkeys(labels.tolist()):
        yield str(label), part.select_items(labels == label)


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
