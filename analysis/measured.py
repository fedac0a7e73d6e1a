"""The measures of a slice as specification curves take them: each with every way of scoring it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.bias import score_truth, select_items, share_unknown
from analysis.item_parts import ItemParts
from analysis.likert import SCALE_SCORINGS, SCALE_TAGS
from analysis.measures import MAIN
from analysis.performance import CELL_TAGS
from analysis.readings import FILTERED, REFUSED
from analysis.refusals import SPLIT_BY
from analysis.statistics import Undefined
from analysis.statistics.scorings import Scored, score_choice, score_scale
from analysis.statistics.specifications import Linear
from analysis.statistics.tallies import Tally, Units, tally_choices, tally_outcome, tally_points
from analysis.ways import CHOICE_SCORINGS, Codes, Way, score_bias_ways, score_ways
from models.items import Kind


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of one slice; ``score`` yields every way, the main one first."""

    name: str
    of: str
    part: SliceArray
    score: Callable[[ItemParts], Iterator[tuple[Way, Linear]]]
    values: Callable[[], Scored] | None  # main scoring; None: the score is no mean of items' values
    # score of the right answers to some columns; None: right answers have no such score
    truth: Callable[[NDArray[np.bool_]], float | Undefined] | None = None


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
        yield Measured(
            "bias_score",
            "",
            chosen,
            partial(score_bias_ways, chosen, items),
            None,
            lambda columns: score_truth(items.take(columns)),
        )
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
            lambda columns: share_unknown(items.take(columns)),
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
