"""The hash that names a data set's items, and the paper's GPT-4 subsample of them."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataError
from models.items import Item, Kind
from models.subsample import sample_bbq, sample_mmlu, subsample_items
from scheduler.datasets.loaded import hash_items


def make_item(number: int, **tags: Any) -> Item:
    fields = {"question": f"q{number}", "options": ["a", "b"]}
    return Item("set", number, Kind.CHOICE, fields, 2, answer=0, tags=tags)


def test_the_hash_is_the_same_for_the_same_items_and_blind_to_the_order_of_keys() -> None:
    item = make_item(0, a=1, b=2)
    turned = replace(item, tags={"b": 2, "a": 1})

    assert hash_items([item]) == hash_items([turned])


@given(st.data())
def test_the_hash_changes_with_any_item_and_with_their_order(data: st.DataObject) -> None:
    items = [make_item(number) for number in range(4)]
    place = data.draw(st.integers(0, 3))
    changed = data.draw(
        st.sampled_from(
            [
                replace(items[place], answer=1),
                replace(items[place], answer=None),
                replace(items[place], fields={**items[place].fields, "question": "other"}),
                replace(items[place], tags={"cluster": "x"}),
                replace(items[place], dataset="other"),
                replace(items[place], kind=Kind.FREE),
            ]
        )
    )

    assert hash_items(items) != hash_items([*items[:place], changed, *items[place + 1 :]])
    assert hash_items(items) != hash_items(items[::-1])


def test_mmlu_is_subsampled_to_250_of_a_subject_as_pandas_draws_them() -> None:
    items = [make_item(n, subject="big" if n % 3 else "small") for n in range(600)]

    places = sample_mmlu(items)

    big = pd.Series([n for n in range(600) if n % 3])
    drawn = big.sample(n=250, random_state=42)
    assert places == sorted([*drawn.tolist(), *range(0, 600, 3)])


def test_bbq_is_subsampled_in_blocks_across_files() -> None:
    groups = [["a", "b"] if block < 40 else ["c"] for block in range(45)]
    items = [
        replace(make_item(n, stereotyped_groups=groups[n // 4]), dataset="bbq") for n in range(180)
    ]

    places = sample_bbq(items)

    assert len(places) == (30 + 5) * 4
    assert places == sorted(places)
    assert all(places[n] == places[n - 1] + 1 for n in range(len(places)) if n % 4)
    assert places[-20:] == list(range(160, 180))
    assert subsample_items(items) == tuple(items[place] for place in places)


def test_bbq_in_broken_blocks_cannot_be_subsampled_and_other_data_sets_are_whole() -> None:
    items = [make_item(n, stereotyped_groups=["a"]) for n in range(6)]

    with pytest.raises(DataError, match="no whole number of 4-row blocks"):
        sample_bbq(items)
    assert subsample_items(items) == tuple(items)
    assert subsample_items([]) == ()
