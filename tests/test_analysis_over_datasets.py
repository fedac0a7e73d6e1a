"""Averages over data sets: refusals, disparity, pairs, and the blocks with overall accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from invented_accuracies import N_SETTINGS, PEOPLE, THREE, ask_three, spread_shares
from invented_experiments import (
    QUICK,
    Asked,
    ask,
    join_asked,
    make_evidence,
    make_people,
)

from analysis.overall import describe_overall
from analysis.planned import Setting
from analysis.readings import REFUSED
from analysis.refusal_rates import describe_refusals
from analysis.report.blocks import write_details_csv
from analysis.report.definitions import DEFINITIONS
from analysis.report.distributions import POINTS
from analysis.report.performance_blocks import list_performance_blocks
from analysis.report.persona_averages import list_persona_averages
from analysis.report.refusal_blocks import list_refusal_blocks
from models.items import Kind

BASE = [0.1, 0.3, 0.2, 0.6, 0.0, 0.1, 0.2, 0.0]  # four people, three controls, no persona
ALL = dict.fromkeys(("attitudes", "tweets", "truthfulqa", "mmlu", "bbq"), BASE)


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
    why = {"undefined": "not asked: offensiveness, racism"}
    (people,) = found["spreads"]
    assert (people["sd"], people["ratio"], people["n_datasets_above"]) == (why, why, why)
    assert people["n_members"] == len(PEOPLE)
    assert found["datasets"]["mmlu"][3] == pytest.approx(0.6)


def test_a_mean_over_six_that_is_not_defined_says_why_in_the_numbers() -> None:
    rates = {name: each for name, each in ALL.items() if name != "mmlu"}
    joint = {"refusals": describe_refusals(join_asked(refuse_six(rates)), QUICK)}

    (block,) = list_refusal_blocks(make_evidence(join_asked(refuse_six(rates)), joint))

    assert block.numbers is not None
    (found,) = block.numbers["llms"]
    assert found["mean"] == [{"undefined": "mmlu not asked"}] * N_SETTINGS


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
