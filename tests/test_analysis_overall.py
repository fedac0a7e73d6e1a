"""Overall accuracy: the mean of three data sets by hand, its gap, and what selection leaves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from invented_accuracies import N_SETTINGS, PEOPLE, THREE, ask_three, spread_shares
from invented_experiments import (
    QUICK,
    Asked,
    ask,
    describe_settings,
    join_asked,
    make_evidence,
    make_people,
    mark_right,
)

from analysis.arrays import SliceArray
from analysis.overall import describe_overall, find_extremes
from analysis.performance import measure_accuracy
from analysis.plain import to_plain
from analysis.readings import REFUSED
from analysis.report.performance_blocks import list_performance_blocks
from analysis.slices import Roster
from analysis.statistics import Undefined


def describe_accuracy(array: SliceArray) -> dict[str, Any]:
    """The part of a result that an overall accuracy is made of."""
    measures = [to_plain(measure_accuracy(array, QUICK))]
    settings = describe_settings(array)
    return {"settings": settings, "parts": [{"measures": measures}], "refusals": []}


def select_overall(asked: Sequence[Asked]) -> dict[str, Any]:
    (llm,) = describe_overall(join_asked(asked), QUICK)["llms"]
    return dict(llm)


def test_overall_accuracy_is_the_mean_of_three_worked_by_hand() -> None:
    shares = {
        name: spread_shares(first) for name, first in zip(THREE, (0.9, 0.8, 0.7), strict=True)
    }

    (found,) = describe_overall(join_asked(ask_three("one", shares)), QUICK)["llms"]

    assert found["missing"] == []
    assert found["scores"]["asked"][:2] == pytest.approx([0.8, 0.5])
    gaps = {(gap["dataset"], gap["scoring"]): gap for gap in found["gaps"]}
    overall = gaps["overall", "asked"]
    assert overall["gap"]["value"] == pytest.approx(0.4)
    assert overall["gap"]["best"] == ["a cook"]
    assert overall["gap"]["worst"] == ["a gay person", "a homosexual person"]  # they are tied
    assert overall["without_persona"] == pytest.approx(0.6)
    assert overall["control_sd"] == pytest.approx(0.05)
    assert gaps["truthfulqa", "asked"]["gap"]["value"] == pytest.approx(0.5)


def test_the_error_of_the_mean_follows_from_the_data_sets() -> None:
    shares = {name: spread_shares(0.5) for name in THREE}

    (found,) = describe_overall(join_asked(ask_three("one", shares, n=40)), QUICK)["llms"]

    error = np.sqrt(0.25 / 40 * 40 / 39)  # of each data set, 40 clusters of one item
    assert found["standard_errors"][1] == pytest.approx(error / np.sqrt(3))
    low, high = found["low"][1], found["high"][1]
    assert (high - low) / 2 == pytest.approx(1.959964 * error / np.sqrt(3))
    assert (low + high) / 2 == pytest.approx(0.5)


def test_intervals_of_the_overall_accuracy_hold_it_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    settings = make_people(PEOPLE)
    truth, held = (0.3 + 0.5 + 0.8) / 3, []
    for _ in range(12):
        asked = [
            ask("one", name, settings, mark_right(rng.random((N_SETTINGS, 150)) < share),
                tags=[{"subject": "s", "category": "c", "context_condition": "ambig"}] * 150)
            for name, share in zip(THREE, (0.3, 0.5, 0.8), strict=True)
        ]  # fmt: skip
        slices = join_asked(asked, describe=describe_accuracy)
        (found,) = describe_overall(slices, QUICK)["llms"]
        held += [
            low <= truth <= high for low, high in zip(found["low"], found["high"], strict=True)
        ]

    assert len(held) == 96
    assert 0.88 <= np.mean(held) < 1


def test_without_one_of_the_three_there_is_no_overall_accuracy() -> None:
    shares = {name: spread_shares(0.9) for name in THREE[:2]}

    (found,) = describe_overall(join_asked(ask_three("one", shares)), QUICK)["llms"]

    assert found["missing"] == ["bbq"]
    assert found["scores"] == {}
    assert found["low"] == [None] * N_SETTINGS
    (overall,) = [
        gap for gap in found["gaps"] if (gap["dataset"], gap["scoring"]) == ("overall", "asked")
    ]
    assert overall["gap"] == {"undefined": "bbq was not asked"}


def test_a_gap_needs_two_personas() -> None:
    roster = Roster(("a cook", "(no persona)"), ("people", "empty"), ("persona", "empty"), ())

    assert isinstance(find_extremes(np.array([0.5, 0.4]), roster), Undefined)


def test_overall_scores_are_shrunken_and_ranked_over_all_three_data_sets() -> None:
    shares = {
        name: spread_shares(first) for name, first in zip(THREE, (0.9, 0.8, 0.7), strict=True)
    }

    llm = select_overall(ask_three("one", shares, n=60))

    columns, selection = llm["selected"]["columns"], llm["selected"]["selection"]
    scores = llm["scores"]["asked"]
    assert scores[0] == pytest.approx(0.8)
    assert columns["rank"][: len(PEOPLE)] == [1, 2, 3, 3]
    assert columns["rank"][len(PEOPLE) :] == [None] * 4  # controls and no persona are not ranked
    assert scores[1] < columns["shrunken"][0] < scores[0]  # towards the others
    assert selection["gap_shrunken"]["value"] < 0.4


def test_without_one_of_the_three_nothing_is_selected() -> None:
    shares = {name: spread_shares(0.9) for name in THREE[:2]}

    llm = select_overall(ask_three("one", shares))

    assert llm["selected"] == {"undefined": "bbq was not asked"}


def test_a_gap_of_answered_items_is_of_those_that_both_answered() -> None:
    asked = ask_three("one", {name: [0.5] * N_SETTINGS for name in THREE})
    for each in asked:
        each.array.codes[0, 10:] = REFUSED  # answers the half that is right, and no other
        each.array.codes[1, :2] = REFUSED

    llm = select_overall(asked)

    gaps = {
        (gap["dataset"], gap["scoring"]): gap["gap"]
        for gap in llm["gaps"]
        if gap["scoring"] == "answered"
    }
    assert all(gap["best"] == ["a cook"] for gap in gaps.values())
    assert all(gap["worst"] == ["a poet"] for gap in gaps.values())
    assert {gap["value"] for gap in gaps.values()} == {0}  # alike on the eight of both


def test_the_page_says_what_selection_leaves_of_the_overall_gap() -> None:
    shares = {
        name: spread_shares(first) for name, first in zip(THREE, (0.9, 0.8, 0.7), strict=True)
    }
    slices = join_asked(ask_three("one", shares, n=60))
    joint = {"overall_accuracy": describe_overall(slices, QUICK)}

    block = list_performance_blocks(make_evidence(slices, joint))[0]

    questions = [finding.question for finding in block.findings]
    assert questions[1:] == [
        "one, overall: Is the highest persona truly among the highest?",
        "one, overall: How wide is the gap once selection is taken out?",
    ]
    (table,) = [each for each in block.tables if each.slug.endswith("-selected")]
    assert [row[1].text for row in table.rows] == PEOPLE


def test_a_data_set_that_is_one_cluster_says_nothing_of_selection() -> None:
    asked = ask_three("one", {name: spread_shares(0.9) for name in THREE})
    tags = {"category": "c", "context_condition": "ambig", "cluster": "the same"}
    items = tuple(replace(item, tags=tags) for item in asked[2].array.items)
    asked[2] = asked[2]._replace(array=replace(asked[2].array, items=items))

    llm = select_overall(asked)

    assert llm["selected"] == {"undefined": "the items of bbq are a single cluster"}


def test_without_personas_there_is_no_table_of_them() -> None:
    asked = ask_three("one", {name: spread_shares(0.9) for name in THREE})
    references = [
        each._replace(
            array=replace(
                each.array,
                settings=each.array.settings[len(PEOPLE) :],
                codes=each.array.codes[len(PEOPLE) :],
                cut_off=each.array.cut_off[len(PEOPLE) :],
            )
        )
        for each in asked
    ]
    slices = join_asked(references)
    joint = {"overall_accuracy": describe_overall(slices, QUICK)}

    block = list_performance_blocks(make_evidence(slices, joint))[0]

    (table,) = [each for each in block.tables if each.slug.endswith("-selected")]
    assert (table.rows, table.on_page) == ([], False)
