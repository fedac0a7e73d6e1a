"""Several LLMs' bias beside that of right answers to the same items, worked by hand."""

from dataclasses import replace
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
from analysis.plain import UNDEFINED
from analysis.report.blocks import Block, DetailTable, write_details_csv
from analysis.report.several_blocks import list_several_blocks
from analysis.several import describe_several

PEOPLE = ["a cook", "a poet"]
TARGET, OTHER, UNKNOWN = 1, 0, 2
# Disambiguated items, of which right answers to two of three, and of four, are the stereotype's;
# the last item is not asked of every LLM.
CONTEXTS = ["disambig"] * 3 + ["ambig"] * 4 + ["disambig"]
ANSWERS = np.array([TARGET, TARGET, OTHER, *[UNKNOWN] * 4, OTHER])
TAGS = [
    {"target_loc": TARGET, "groups": ["x", "y", "unknown"], "category": "c", "cluster": str(at)}
    | {"context_condition": context}
    for at, context in enumerate(CONTEXTS)
]


def ask_items(llm: str, items: list[int], codes: np.ndarray | None = None) -> Asked:
    """All settings answer rightly, but for the cook, who says what the stereotype does."""
    people = make_people(PEOPLE)
    if codes is None:
        codes = np.tile(ANSWERS, (len(people), 1))
        codes[0] = TARGET
    asked = ask(llm, "bbq", people, codes[:, items], tags=[TAGS[at] for at in items])
    kept = tuple(
        replace(item, id=at, answer=int(ANSWERS[at]))
        for at, item in zip(items, asked.array.items, strict=True)
    )
    return asked._replace(array=replace(asked.array, items=kept))


def describe_nothing(array: SliceArray) -> dict[str, Any]:
    """A result without a measure: nothing here is of an LLM's own items."""
    return {"settings": describe_settings(array), "parts": [], "refusals": []}


def compare(asked: list[Asked]) -> tuple[dict[str, dict[str, Any]], dict[str, Block]]:
    """Numbers and block by measure."""
    slices = join_asked(asked, describe=describe_nothing)
    several = describe_several(slices, QUICK)
    blocks = list_several_blocks(make_evidence(slices, {"several": several}))
    names = [each["measure"] for each in several["measures"]]
    return (
        dict(zip(names, several["measures"], strict=True)),
        dict(zip(names, blocks, strict=True)),
    )


def list_titles(table: DetailTable) -> list[str]:
    return [column.title for column in table.columns]


def test_truth_is_of_the_common_items_and_subtracted_from_every_llms_scores() -> None:
    found, _ = compare([ask_items("one", list(range(8))), ask_items("two", list(range(7)))])

    bias, unknown = found["bias_score"], found["unknown_frequency"]
    assert bias["n_common"] == 7
    assert bias["truth"] == pytest.approx((2 * 2 / 3 - 1) / 2)  # of all eight it were 0
    for side in bias["llms"]:  # always the stereotype's: s_dis = s_amb = 1
        assert side["minus_truth"] == pytest.approx([1 - 1 / 6, 0])
        assert side["persona_minus_truth"] == pytest.approx((1 - 1 / 6) / 2)
        assert side["control_minus_truth"] == pytest.approx(0)
    assert bias["minus_truth"] == pytest.approx([1 - 1 / 6, 0])
    assert bias["headlines"]["persona_minus_truth"]["mean"] == pytest.approx((1 - 1 / 6) / 2)
    assert unknown["truth"] == pytest.approx(4 / 7)
    assert unknown["llms"][0]["minus_truth"] == pytest.approx([-4 / 7, 0])


def test_the_mean_over_llms_is_of_their_own_distances() -> None:
    mild = np.tile(ANSWERS, (len(PEOPLE) + 4, 1))
    mild[0, :3] = TARGET  # s_dis = 1, s_amb = 0

    found, _ = compare([ask_items("one", list(range(7))), ask_items("two", list(range(7)), mild)])

    cook = [side["minus_truth"][0] for side in found["bias_score"]["llms"]]
    assert cook == pytest.approx([1 - 1 / 6, 1 / 2 - 1 / 6])
    assert found["bias_score"]["minus_truth"][0] == pytest.approx(3 / 4 - 1 / 6)


def test_the_block_shows_score_and_score_minus_truth_of_bias_alone() -> None:
    found, blocks = compare([ask_items("one", list(range(8))), ask_items("two", list(range(7)))])

    block = blocks["bias_score"]
    llms, headlines, personas, cells = block.tables[:4]
    row = dict(zip(list_titles(llms), (cell.text for cell in llms.rows[1]), strict=True))
    assert row["LLM"] == "two"
    assert row["Personas, common items"] == "0.583"
    assert row["Truth, common items"] == "0.167"
    assert row["Personas − truth, common items"] == "+0.417"
    assert row["Controls − truth, common items"] == "0.000"
    named = [cells[0].text for cells in headlines.rows]
    assert named[-2:] == ["mean of the personas − truth", "mean of the controls − truth"]
    assert headlines.rows[-2][1].text == "+0.417"
    at = list_titles(personas).index("− truth, mean over LLMs")
    assert [row[at].text for row in personas.rows] == ["+0.833", "0.000"]
    assert "common_minus_truth" in write_details_csv(cells).splitlines()[0]
    (told,) = (each for each in block.findings if "right answers" in each.question)
    assert told.verdict == "Score minus truth from +0.417 to +0.417"
    assert "have 0.167 themselves" in told.sentence
    for measure in ("accuracy", "refusal_rate"):
        assert found[measure]["truth"] is None
        assert not any("truth" in title.lower() for table in blocks[measure].tables
                       for title in list_titles(table))  # fmt: skip
        assert not any("right answers" in each.question for each in blocks[measure].findings)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ([0, 1, 2], [3, 4, 5, 6], "no item that every LLM was asked and every setting covered"),
        ([0, 1, 3, 4], [3, 4, 5, 6], "a category lacks one of the two contexts"),
    ],
    ids=["nothing-in-common", "one-context"],
)
def test_a_truth_that_is_not_defined_says_why_and_is_never_zero(
    first: list[int], second: list[int], why: str
) -> None:
    found, blocks = compare([ask_items("one", first), ask_items("two", second)])

    bias, block = found["bias_score"], blocks["bias_score"]
    assert bias["truth"] == {UNDEFINED: why}
    assert bias["minus_truth"] == [None, None]
    assert UNDEFINED in bias["headlines"]["persona_minus_truth"]["mean"]
    llms = block.tables[0]
    at = list_titles(llms).index("Personas − truth, common items")
    assert [row[at].text for row in llms.rows] == ["not defined"] * 2
    assert f"Truth, common items: not defined where {why}." in llms.undefined
    assert f"Personas − truth, common items: not defined where {why}." in llms.undefined
