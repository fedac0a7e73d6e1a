"""How sure Tables 8 and 9 are: intervals over items of every persona minus the average one.

What each cluster of items adds to a difference (`analysis.statistics.differences`) takes the
readings and not only a slice's result: of the 18 personas and of the average over all, under the
definition of own items that the report keeps.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.groups import OWN_GROUPS
from analysis.measures import find_groups
from analysis.own_averages import CORRECT, SELECTED
from analysis.social_groups import (
    SCORINGS,
    Context,
    Own,
    find_own_items,
    mark_contexts,
    mark_members,
    select_items,
)
from analysis.statistics import Undefined
from analysis.statistics.bias import Choices, Masks, choose_options
from analysis.statistics.differences import (
    Difference,
    DifferenceInterval,
    average_differences,
    subtract_average,
)
from analysis.statistics.rates import cluster_sums
from analysis.statistics.scorings import Scoring

Key = tuple[str, Context]  # what is measured, on which of a group's items
Found = DifferenceInterval | Undefined


class OwnIntervals(NamedTuple):
    """Under one scoring; a persona without a difference has none here either."""

    groups: tuple[Mapping[Key, Found], ...]  # of each of `OWN_GROUPS`
    average: Mapping[Key, Found]  # over the groups that have a difference in every LLM


class _OwnItems(NamedTuple):
    """Items about groups: what LLMs that were asked the same ones have in common."""

    own: Masks  # [groups, items]
    members: NDArray[np.bool_]  # [groups, items, options]
    contexts: NDArray[np.intp]  # [items], places in `Context`
    clusters: NDArray[np.str_]  # [items]
    strata: NDArray[np.str_]  # [items]
    answers: NDArray[np.int16]  # [items]


def measure_intervals(arrays: Sequence[SliceArray], *, own: Own) -> dict[Scoring, OwnIntervals]:
    """Of the mean over LLMs; ``arrays`` has a slice of the same data set for each."""
    asked: list[tuple[SliceArray, _OwnItems]] = []
    described: dict[int, _OwnItems] = {}  # LLMs that were asked the same items share their tuple
    for array in arrays:
        part = select_items(array)
        if part is not None:
            if id(array.items) not in described:
                described[id(array.items)] = _describe_items(part, own)
            asked.append((part, described[id(array.items)]))
    return {scoring: _measure_scoring(asked, scoring) for scoring in SCORINGS}


def _describe_items(part: SliceArray, own: Own) -> _OwnItems:
    members = mark_members(part)
    contexts = np.zeros(len(part.items), np.intp)
    for place, inside in enumerate(mark_contexts(part).values()):
        contexts[inside] = place
    clusters = part.tag_items("cluster")
    alone = np.array([f"#{item.id}" for item in part.items], np.str_)
    return _OwnItems(
        own=find_own_items(part, members)[own],
        members=members,
        contexts=contexts,
        clusters=np.where(clusters == "", alone, clusters),
        strata=np.full(len(clusters), "") if part.strata is None else part.tag_items("stratum"),
        answers=np.array([item.answer for item in part.items], np.int16),
    )


def _measure_scoring(
    asked: Sequence[tuple[SliceArray, _OwnItems]], scoring: Scoring
) -> OwnIntervals:
    choices = [choose_options(part.codes, scoring=scoring) for part, _ in asked]
    differences = [
        [
            _subtract(part, items, chosen, at)
            for (part, items), chosen in zip(asked, choices, strict=True)
        ]
        for at in range(len(OWN_GROUPS))
    ]
    keys = [(measured, context) for measured in (CORRECT, SELECTED) for context in Context]
    of_groups: dict[Key, list[list[Difference]]] = {
        key: [[each[key] for each in llms if key in each] for llms in differences] for key in keys
    }
    n_llms = len(asked)
    return OwnIntervals(
        groups=tuple(
            {key: _average(of_groups[key][at], n_llms) for key in keys}
            for at in range(len(OWN_GROUPS))
        ),
        average={
            key: average_differences(
                [each for llms in of_groups[key] if _is_known(llms, n_llms) for each in llms]
            )
            for key in keys
        },
    )


def _average(llms: Sequence[Difference], n_llms: int) -> Found:
    return average_differences(llms if len(llms) == n_llms else [])


def _is_known(llms: Sequence[Difference], n_llms: int) -> bool:
    return len(llms) == n_llms and not any(np.isnan(each.value) for each in llms)


def _subtract(
    part: SliceArray, items: _OwnItems, chosen: Choices, at: int
) -> dict[Key, Difference]:
    """One LLM's differences of one persona; nothing where it was not asked or has no items."""
    personas = find_groups(part).personas
    names = [part.settings[row].persona for row in personas]
    own = np.flatnonzero(items.own[at])
    if OWN_GROUPS[at].persona not in names or not len(own):
        return {}
    row = names.index(OWN_GROUPS[at].persona)
    options = chosen.options[np.ix_(personas, own)]
    counted = chosen.counted[np.ix_(personas, own)]
    is_member = items.members[at, own][np.arange(len(own)), np.maximum(options, 0)]
    marks = {
        CORRECT: options == items.answers[own],
        SELECTED: is_member & (options >= 0),
    }
    contexts, clusters, strata = (
        each[own] for each in (items.contexts, items.clusters, items.strata)
    )
    labels, first = np.unique(clusters, return_index=True)
    found = {}
    for measured, hits in marks.items():
        sums = cluster_sums(hits, counted, clusters, cells=contexts)
        found_in = subtract_average(sums, row, np.arange(len(personas)))
        for cell, place in enumerate(np.unique(contexts)):
            units = sums.cells == cell
            inside = sums.clusters[units]
            found[measured, list(Context)[place]] = Difference(
                float(found_in.values[cell]),
                labels[inside],
                strata[first][inside],
                found_in.influences[units],
                bool(found_in.is_varied[cell]),
            )
    return found
