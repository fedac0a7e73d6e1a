"""Averages over data sets: overall accuracy, refusals, disparity, pairs, and their blocks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
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
from analysis.planned import Setting
from analysis.readings import REFUSED
from analysis.refusal_rates import describe_refusals
from analysis.report.blocks import write_details_csv
from analysis.report.definitions import DEFINITIONS
from analysis.report.distributions import POINTS
from analysis.report.performance_blocks import list_performance_blocks
from analysis.report.persona_averages import list_persona_averages
from analysis.report.refusal_blocks import list_refusal_blocks
from analysis.slices import Roster
from analysis.statistics import Undefined
from models.items import Kind

PEOPLE = ["a cook", "a poet", "a gay person", "a homosexual person"]
N_SETTINGS = len(PEOPLE) + 4
THREE = ("truthfulqa", "mmlu", "bbq")


def ask_three(llm: str, shares: Mapping[str, Sequence[float]], *, n: int = 20) -> list[Asked]:
    """Every setting knows a share of each data set's items."""
    settings = make_people(PEOPLE)
    return [
        ask(
            llm, name, settings,
            mark_right(np.arange(n) < np.round(n * np.array(shares[name]))[:, None]),
            tags=[{"subject": "s", "category": "c", "context_condition": "ambig"}] * n,
        )
        for name in shares
    ]  # fmt: skip


def select_overall(asked: Sequence[Asked]) -> dict[str, Any]:
    (llm,) = describe_overall(join_asked(asked), QUICK)["llms"]
    return dict(llm)


def spread_shares(first: float) -> list[float]:
    return [first, 0.5, 0.4, 0.4, 0.45, 0.5, 0.55, 0.6]


def refuse(name: str, rates: Sequence[float], *, n: int = 20, llm: str = "one") -> Asked:
    """A slice in which every setting refuses a share of the items; tweets of both questions."""
    is_scale = name in {"attitudes", "tweets"}
    refused = np.arange(n) < np.round(n * np.array(rates))[:, None]
    codes = np.where(refused, REFUSED, 3 if is_scale else 0)
    tags: list[dict[str, Any]] = [{} for _ in range(n)]
    if name == "tweets":
        codes = np.concatenate([codes, codes], axis=1)
        tags = [{"question": q} for q in ("offensiveness", "racism") for _ in range(n)]
    settings = make_people(PEOPLE)
    kind = Kind.LIKERT if is_scale else Kind.CHOICE
    return ask(llm, name, settings, codes, tags=tags, kind=kind)


def refuse_six(rates: Mapping[str, Sequence[float]], *, llm: str = "one") -> list[Asked]:
    return [refuse(name, each, llm=llm) for name, each in rates.items()]


def describe_accuracy(array: SliceArray) -> dict[str, Any]:
    """The part of a result that an overall accuracy is made of."""
    measures = [to_plain(measure_accuracy(array, QUICK))]
    settings = describe_settings(array)
    return {"settings": settings, "parts": [{"measures": measures}], "refusals": []}


BASE = [0.1, 0.3, 0.2, 0.6, 0.0, 0.1, 0.2, 0.0]  # four people, three controls, no persona
ALL = dict.fromkeys(("attitudes", "tweets", "truthfulqa", "mmlu", "bbq"), BASE)


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


def test_refusals_are_averaged_over_six_and_disparity_by_hand() -> None:
    rates = ALL | {"bbq": [0.4, 0.3, 0.2, 0.6, 0.1, 0.1, 0.1, 0.0]}

    (found,) = describe_refusals(join_asked(refuse_six(rates)), QUICK)["llms"]

    assert list(found["datasets"]) == [
        "attitudes", "offensiveness", "racism", "truthfulqa", "mmlu", "bbq",
    ]  # fmt: skip
    assert found["mean"][0] == pytest.approx((5 * 0.1 + 0.4) / 6)
    assert found["control_sd"] == pytest.approx(5 * 0.1 / 6)
    (people,) = found["spreads"]
    within = [np.std(each[:4], ddof=1) for each in (BASE, rates["bbq"])]
    assert people["sd"] == pytest.approx((5 * within[0] + within[1]) / 6)
    assert people["ratio"] == pytest.approx(people["sd"] / (0.5 / 6))
    assert people["n_datasets_above"] == 5  # of BBQ there is no ratio: its controls are alike
    (pair,) = found["pairs"]
    assert (pair["first_rate"], pair["ratio"]) == pytest.approx((0.2, 1 / 3))


def test_a_planted_disparity_is_above_one_and_equal_refusals_are_not() -> None:
    wide, alike = BASE, [0.1, 0.1, 0.1, 0.1, *BASE[4:]]
    asked = refuse_six(ALL) + refuse_six(dict.fromkeys(ALL, alike), llm="two")
    assert wide is not alike

    one, two = describe_refusals(join_asked(asked), QUICK)["llms"]

    assert one["spreads"][0]["ratio"] > 2
    assert two["spreads"][0]["ratio"] == 0
    assert two["pairs"][0]["ratio"] == pytest.approx(1)


def test_what_needs_all_six_is_undefined_without_one_of_them() -> None:
    rates = {name: each for name, each in ALL.items() if name != "tweets"}

    (found,) = describe_refusals(join_asked(refuse_six(rates)), QUICK)["llms"]

    assert found["missing"] == ["offensiveness", "racism"]
    assert found["mean"] == [None] * N_SETTINGS
    assert found["spreads"][0]["ratio"] == {"undefined": "not asked: offensiveness, racism"}
    assert found["datasets"]["mmlu"][3] == pytest.approx(0.6)


def test_controls_that_are_refused_alike_leave_nothing_to_divide_by() -> None:
    rates = {name: [*BASE[:4], 0.2, 0.2, 0.2, 0] for name in ALL}

    (found,) = describe_refusals(join_asked(refuse_six(rates)), QUICK)["llms"]

    assert "nothing to divide by" in found["spreads"][0]["ratio"]["undefined"]


def test_settings_that_a_data_set_lacks_are_left_out() -> None:
    asked = refuse_six(ALL)
    settings: list[Setting] = make_people(PEOPLE[:2])
    asked[-1] = ask("one", "bbq", settings, np.zeros((6, 8), np.int8))

    (found,) = describe_refusals(join_asked(asked), QUICK)["llms"]

    assert found["labels"] == [setting.label for setting in settings]
    assert found["pairs"] == []


def test_blocks_have_definitions_tables_and_figures_that_hold_every_setting() -> None:
    shares = {name: spread_shares(0.9) for name in THREE}
    slices = join_asked(ask_three("one", shares) + ask_three("two", shares))
    joint = {"overall_accuracy": describe_overall(slices, QUICK)}
    refused = join_asked(refuse_six(ALL) + refuse_six(ALL, llm="two"))
    joint["refusals"] = describe_refusals(refused, QUICK)
    evidence = make_evidence(slices, joint)

    (accuracy,), (refusals,) = list_performance_blocks(evidence), list_refusal_blocks(evidence)

    assert (len(accuracy.findings), len(refusals.findings)) == (6, 2)  # three and one for each LLM
    assert accuracy.findings[0].verdict == "50.0 percentage points"
    assert "2 personas that share the score" in accuracy.findings[0].sentence
    assert refusals.findings[0].verdict == "A ratio above 1 in 1 of 1 categories"
    for block in (accuracy, refusals):
        assert set(block.numbers["fields"]) <= set(block.numbers["llms"][0])
        for table in block.tables:
            assert {column.key for column in table.columns} <= set(DEFINITIONS)
            assert len(write_details_csv(table).splitlines()) == 1 + len(table.rows)
    (dots,) = accuracy.figures
    assert len(dots.spec["datasets"][POINTS]) == 2 * 4 * N_SETTINGS
    assert [figure.slug for figure in refusals.figures] == [
        "refusals-paper-mean",
        "refusals-paper-rates",
        "refusals-paper-disparity",
    ]


def test_points_in_the_csv_are_percentage_points() -> None:
    shares = {name: spread_shares(0.9) for name in THREE}
    slices = join_asked(ask_three("one", shares))
    joint = {"overall_accuracy": describe_overall(slices, QUICK)}

    (block,) = list_performance_blocks(make_evidence(slices, joint))

    gaps = block.tables[0]
    column = [each.key for each in gaps.columns].index("gap_pp")
    assert gaps.rows[0][column].value == pytest.approx(50)
    assert gaps.rows[0][column].text == "50.00"


def test_a_persona_has_its_averages_and_others_have_none() -> None:
    shares = {name: spread_shares(0.9) for name in THREE}
    slices = join_asked(ask_three("one", shares))
    joint = {"overall_accuracy": describe_overall(slices, QUICK)}
    evidence = make_evidence(slices, joint)

    (block,) = list_persona_averages(evidence, "a cook")

    cells = dict(
        zip([c.key for c in block.tables[0].columns], block.tables[0].rows[0], strict=True)
    )
    assert cells["overall_accuracy"].text == "90.0%"
    assert cells["refusal_mean"].value is None
    assert list_persona_averages(evidence, "a stranger") == []


def test_an_experiment_of_other_data_sets_has_no_blocks() -> None:
    evidence = make_evidence(join_asked([]), {})

    assert list_performance_blocks(evidence) == list_refusal_blocks(evidence) == []


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
