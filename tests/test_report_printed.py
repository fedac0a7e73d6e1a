"""The paper's printed numbers beside ours: on its own grid and template, and nowhere else."""

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
)

from analysis.arrays import SliceArray
from analysis.attitudes import has_wordings
from analysis.groups import OWN_GROUPS
from analysis.likert import measure_answers
from analysis.paper_names import LLMS
from analysis.plain import to_plain
from analysis.planned import NO_PERSONA, Setting
from analysis.printed_tables import (
    ACCURACY_AVERAGE,
    ACCURACY_EFFECTS,
    ATTITUDES,
    FRIEDMAN_P,
    SELECTION_AVERAGE,
    SELECTION_EFFECTS,
)
from analysis.report.attitude_blocks import list_attitude_blocks
from analysis.report.bias_blocks import list_bias_blocks
from analysis.report.blocks import DetailTable
from analysis.report.definitions import DEFINITIONS
from analysis.self_effect import describe_self_effect
from analysis.social_groups import measure_social_groups
from models.items import Kind
from models.personas import load_persona_set

PAPERS = [
    Setting(each.persona, each.category, f"You are {each.persona}." if each.persona else "")
    for name in ("universal", "control", "empty")
    for each in load_persona_set(name)
]
FEW = make_people([own.persona for own in OWN_GROUPS])


def ask_about_jews(llm: str, settings: Sequence[Setting]) -> Asked:
    """Two questions in each of the four kinds; everybody guesses."""
    tags = [
        {"category": "Religion", "stereotyped_groups": ["Jewish"],
         "groups": ["Jewish", "Muslim", "unknown"], "names": ["one", "the other", "nobody"],
         "target_loc": 0, "context_condition": context, "polarity": polarity,
         "cluster": f"Religion/{at}", "stratum": "Religion"}
        for at in range(2) for context in ("ambig", "disambig") for polarity in ("neg", "nonneg")
    ]  # fmt: skip
    codes = np.random.default_rng(LLMS.index(llm)).integers(0, 3, (len(settings), len(tags)))
    return ask(llm, "bbq", settings, codes, tags=tags)


def ask_attitude(llm: str, settings: Sequence[Setting]) -> Asked:
    """Two statements on empathy under three instructions."""
    tags = [
        {"attitude": "empathy", "statement": statement, "instruction": wording,
         "cluster": str(wording)}
        for statement in range(2) for wording in range(3)
    ]  # fmt: skip
    points = np.random.default_rng(LLMS.index(llm)).integers(1, 6, (len(settings), len(tags)))
    return ask(llm, "attitudes", settings, points, tags=tags, kind=Kind.LIKERT, n_options=5)


def describe(array: SliceArray) -> dict[str, Any]:
    """The part of a result that these tables are made of."""
    measures = measure_answers(array, QUICK) if has_wordings(array) else []
    parts = [{"kind": "likert", "measures": to_plain(measures)}] if measures else []
    groups = to_plain(measure_social_groups(array))
    settings = describe_settings(array)
    return {"settings": settings, "parts": parts, "refusals": [], "social_groups": groups,
            "repeats": 1}  # fmt: skip


def show_own_groups(
    settings: Sequence[Setting], llms: Sequence[str] = LLMS, *, template: str = "paper"
) -> list[DetailTable]:
    asked = [ask_about_jews(llm, settings) for llm in llms]
    slices = join_asked(asked, template=template, describe=describe)
    joint = {"self_effect": describe_self_effect(slices, QUICK)}
    (block,) = list_bias_blocks(make_evidence(slices, joint))
    return list(block.tables)


def show_attitudes(
    settings: Sequence[Setting], llms: Sequence[str], *, template: str = "paper"
) -> DetailTable:
    asked = [ask_attitude(llm, settings) for llm in llms]
    slices = join_asked(asked, template=template, describe=describe)
    blocks = {block.slug: block for block in list_attitude_blocks(make_evidence(slices, {}))}
    (table,) = blocks["attitude-tests"].tables
    return table


def read_table(table: DetailTable) -> list[dict[str, Any]]:
    keys = [column.key for column in table.columns]
    assert set(keys) <= set(DEFINITIONS)
    return [dict(zip(keys, (cell.value for cell in row), strict=True)) for row in table.rows]


def find_rows(table: DetailTable, **words: str) -> list[Mapping[str, Any]]:
    return [row for row in read_table(table) if all(row[key] == words[key] for key in words)]


def test_ranks_and_differences_of_the_papers_grid_have_its_numbers_beside_them() -> None:
    ranks, differences, *_ = show_own_groups(PAPERS)

    (none,) = find_rows(ranks, label=NO_PERSONA, scored_as="paper")
    (muslim,) = find_rows(ranks, own_group="Muslim", scored_as="paper")
    keys = ("printed_own_bias", "printed_own_accuracy", "printed_bias", "printed_accuracy")
    assert [none[key] for key in keys] == [None, None, 165, 127]
    assert [muslim[key] for key in keys] == [1, 193, 134, 143]
    jewish = find_rows(differences, own_group="Jewish", scored_as="paper")
    assert tuple(row["printed_correct_pp"] for row in jewish) == (-2.81, -24.77, -2.77, 2.41)
    assert tuple(row["printed_selected_pp"] for row in jewish) == (4.78, 30.20, 2.81, 7.20)


def test_the_last_row_is_the_mean_over_personas_beside_the_papers() -> None:
    _, differences, *_ = show_own_groups(PAPERS)

    average = find_rows(differences, label="average", scored_as="asked")
    assert tuple(row["printed_correct_pp"] for row in average) == ACCURACY_AVERAGE
    assert tuple(row["printed_selected_pp"] for row in average) == SELECTION_AVERAGE
    assert {row["own_group"] for row in average} == {"mean over 1 persona"}  # Jews alone
    jewish = find_rows(differences, own_group="Jewish", scored_as="asked")
    for ours, one in zip(average, jewish, strict=True):
        assert ours["own_correct_pp"] == pytest.approx(one["own_correct_pp"])
        assert ours["own_bias_difference"] == pytest.approx(one["own_bias_difference"])


def test_the_averages_that_are_printed_are_those_of_the_printed_rows() -> None:
    for rows, printed in (
        (ACCURACY_EFFECTS, ACCURACY_AVERAGE),
        (SELECTION_EFFECTS, SELECTION_AVERAGE),
    ):
        assert np.mean(list(rows.values()), axis=0) == pytest.approx(printed, abs=0.0051)


def test_the_printed_tests_are_as_often_not_significant_as_the_text_says() -> None:
    def is_above(p: str) -> bool:
        return not p.startswith("<") and float(p) >= 0.05

    counts = {
        group: sum(is_above(p) for (tested, _, _), p in FRIEDMAN_P.items() if tested == group)
        for group in ("personas", "controls")
    }

    assert len(FRIEDMAN_P) == 2 * len(LLMS) * len(ATTITUDES)
    assert counts == {"personas": 5, "controls": 14}  # section 6.2


def test_tests_of_attitudes_have_the_papers_p_as_it_is_printed() -> None:
    table = show_attitudes(PAPERS, LLMS)

    found = {(row["llm"], row["tested"]): row["printed_p"] for row in read_table(table)}
    assert found["Mixtral-8x7B-Instruct-v0.1", "personas and none"] == ".049"
    assert found["gpt-4-0125-preview", "personas and none"] == "<.001"
    assert found["gemma-7b-it", "controls"] == ".940"
    assert len(found) == 2 * len(LLMS)


def test_on_other_llms_or_settings_nothing_is_printed_beside() -> None:
    others = [show_own_groups(FEW), show_own_groups(PAPERS, LLMS[1:])]
    tables = [*others[0], *others[1], show_attitudes(FEW, LLMS), show_attitudes(PAPERS, LLMS[:1])]

    for table in tables:
        assert not any(column.key.startswith("printed") for column in table.columns)


def test_under_another_template_nothing_is_printed_beside() -> None:
    attitudes = show_attitudes(PAPERS, LLMS, template="clean")

    for table in [*show_own_groups(PAPERS, template="clean"), attitudes]:
        assert not any(column.key.startswith("printed") for column in table.columns)
