"""The subsample that GPT-4 was asked in arXiv 2407.02099: a selection of a data set's items.

MMLU: 250 questions of each subject, subjects with fewer whole (10,219). BBQ: all files one after
another in blocks of four rows, the blocks grouped by the stereotyped groups of their first row, at
most 30 blocks per group (5,788 rows). Other data sets are asked whole. Checked against the ids
that the authors published with their generations.

Both draws are pandas' ``sample(n, random_state=42)``, which is a draw of a fresh legacy NumPy
stream per group. The items come back in the publisher's order.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from models.errors import DataError
from models.items import Item

SAMPLE_SEED = 42
MMLU_PER_SUBJECT = 250
BBQ_BLOCKS_PER_GROUP = 30
BLOCK_ROWS = 4  # of BBQ: neighbouring rows about the same people


class Tagged(Protocol):
    """An item, or what is known of one without its words."""

    @property
    def tags(self) -> dict[str, Any]:
        """``subject`` (MMLU) or ``stereotyped_groups`` (BBQ) decide."""
        ...


def subsample_items(items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items of one data set that the subsample has, in the publisher's order.

    On part of a data set the rule gives another subsample than the paper's, wherever a group
    lost members. Raises DataError where BBQ does not come in whole blocks.
    """
    places = find_subsample(items[0].dataset, items) if items else None
    return tuple(items) if places is None else tuple(items[place] for place in places)


def find_subsample(dataset: str, items: Sequence[Tagged]) -> list[int] | None:
    """Return the places (ascending) of the subsample; None: the data set was asked whole.

    ``items`` are in the publisher's order, each once. Raises DataError as `subsample_items` does.
    """
    rule = _RULES.get(dataset)
    return None if rule is None else rule(items)


def sample_mmlu(items: Sequence[Tagged]) -> list[int]:
    """Return the places (ascending) of at most 250 questions of each subject."""
    subjects: dict[str, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        subjects[item.tags["subject"]].append(place)
    return sorted(
        place for places in subjects.values() for place in _draw(places, MMLU_PER_SUBJECT)
    )


def sample_bbq(items: Sequence[Tagged]) -> list[int]:
    """Return the places (ascending) of at most 30 four-row blocks per stereotyped group."""
    if len(items) % BLOCK_ROWS:
        raise DataError(
            f"BBQ: {len(items):,} items are no whole number of {BLOCK_ROWS}-row blocks, so"
            " they cannot be subsampled"
        )
    groups: dict[str, list[int]] = defaultdict(list)
    for first in range(0, len(items), BLOCK_ROWS):
        groups[", ".join(items[first].tags["stereotyped_groups"])].append(first)
    firsts = sorted(
        first for blocks in groups.values() for first in _draw(blocks, BBQ_BLOCKS_PER_GROUP)
    )
    return [first + row for first in firsts for row in range(BLOCK_ROWS)]


def _draw(places: list[int], n: int) -> list[int]:
    """Draw n of them as ``pandas.Series(places).sample(n, random_state=42)`` does, at most all."""
    if len(places) <= n:
        return places
    stream = np.random.RandomState(SAMPLE_SEED)
    return [places[drawn] for drawn in stream.choice(len(places), size=n, replace=False)]


_RULES: Mapping[str, Callable[[Sequence[Tagged]], list[int]]] = {
    "mmlu": sample_mmlu,
    "bbq": sample_bbq,
}
