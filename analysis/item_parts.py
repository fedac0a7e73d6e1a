"""Which items a score may be taken over: all, those that every LLM was asked, GPT-4's subsample.

GPT-4 was asked a part of MMLU and BBQ (`models.subsample`), so the paper compares its scores with
others of more items. Every other LLM can be scored on that part as well.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from models.errors import DataError
from models.subsample import find_subsample

ALL_ITEMS, SHARED_ITEMS, GPT_4_ITEMS = "all", "shared", "gpt-4"

ItemParts = Mapping[str, NDArray[np.bool_]]  # name -> marks [columns]; each a part, no two alike


def find_shared_items(arrays: Sequence[SliceArray]) -> frozenset[int]:
    """The items that all these slices have: where one LLM was asked a subsample, that one."""
    return frozenset.intersection(*(frozenset(item.id for item in array.items) for array in arrays))


def find_gpt_4_items(array: SliceArray) -> frozenset[int]:
    """The items of a slice that the rule of GPT-4's subsample takes; none where it has no rule.

    On part of a data set the rule takes other items than the paper's. BBQ that does not come in
    whole blocks has no subsample.
    """
    items = list({item.id: item for item in array.items}.values())  # repeats: one of each
    try:
        places = find_subsample(array.slice.dataset, items)
    except DataError:
        return frozenset()
    return frozenset(items[place].id for place in places or ())


def list_item_parts(part: SliceArray, named: Mapping[str, frozenset[int]]) -> ItemParts:
    """Marks of the ``named`` items [columns], of those that are a part of them and differ."""
    found: dict[str, NDArray[np.bool_]] = {}
    for name, marks in _mark_items(part, named).items():
        is_new = not any(np.array_equal(marks, other) for other in found.values())
        if marks.any() and not marks.all() and is_new:
            found[name] = marks
    return found


def identify_items(part: SliceArray, named: Mapping[str, frozenset[int]]) -> dict[str, str]:
    """A digest of which items stand behind every name, all of them included."""
    ids = _list_ids(part)
    everything = {ALL_ITEMS: np.ones(len(ids), np.bool_)}
    return {
        name: hashlib.sha256(np.unique(ids[marks]).tobytes()).hexdigest()
        for name, marks in (everything | _mark_items(part, named)).items()
    }


def _mark_items(
    part: SliceArray, named: Mapping[str, frozenset[int]]
) -> dict[str, NDArray[np.bool_]]:
    ids = _list_ids(part)
    return {
        name: np.isin(ids, np.fromiter(chosen, np.int64, len(chosen)))
        for name, chosen in named.items()
    }


def _list_ids(part: SliceArray) -> NDArray[np.int64]:
    return np.array([item.id for item in part.items], np.int64)
