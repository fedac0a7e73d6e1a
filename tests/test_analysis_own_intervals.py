"""Intervals of Tables 8 and 9: around their differences, over clusters that LLMs share."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from invented_bbq import (
    OTHERS,
    TITLES,
    ask_bbq,
    choose_own,
    describe_groups,
    draw_codes,
    find_table,
    list_groups,
    list_rows,
)
from invented_experiments import QUICK, Asked, join_asked, make_evidence

from analysis.groups import OWN_GROUPS
from analysis.readings import REFUSED
from analysis.report.bias_blocks import list_bias_blocks
from analysis.self_effect import describe_self_effect
from analysis.social_groups import Context, Own

PERSONAS = [own.persona for own in OWN_GROUPS] + OTHERS
TAGS = list_rows(list_groups(), n=10)
MEASURED = ("correct", "selected")


def answer(seed: int, *, is_planted: bool = False) -> Asked:
    """Everybody guesses; planted: personas name their own people, but for one time in seven."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, (len(PERSONAS) + 4, len(TAGS)))
    if is_planted:
        guesses = codes.copy()
        choose_own(codes, PERSONAS, TAGS)
        codes = np.where(rng.random(codes.shape) < 0.2, guesses, codes)
    return ask_bbq(f"llm {seed}", PERSONAS, TAGS, codes)


def describe(*asked: Asked, scoring: str = "asked") -> dict[str, Any]:
    """The table of the kept definition."""
    joint = describe_self_effect(join_asked(asked, describe=describe_groups), QUICK)
    return find_table(joint, Own.CONTAINS, scoring)


def list_pairs(table: dict[str, Any]) -> list[tuple[float, dict[str, Any]]]:
    """Every difference with its interval, averages too."""
    return [
        (row[measured][context], row[f"{measured}_intervals"][context])
        for row in [*table["differences"], table["average"]]
        for measured in MEASURED
        for context in Context
    ]


@pytest.mark.parametrize("scoring", ["asked", "paper"])
def test_an_interval_is_around_the_difference_that_is_shown(scoring: str) -> None:
    one, two = answer(1), answer(2)
    one.array.codes[np.random.default_rng(3).random(one.array.codes.shape) < 0.1] = REFUSED

    pairs = list_pairs(describe(one, two, scoring=scoring))

    assert len(pairs) == 19 * 2 * 4
    for value, interval in pairs:
        assert interval["value"] == pytest.approx(value)
        assert interval["low"] < value < interval["high"]
        assert interval["n_clusters"] >= 10


def test_the_error_is_that_of_a_plain_mean_over_clusters() -> None:
    asked = answer(1)
    table = describe(asked)

    mine = np.array([tag["stereotyped_groups"] == ["Jewish"] for tag in TAGS])
    mine &= np.array([(tag["context_condition"], tag["polarity"]) == ("ambig", "neg")
                      for tag in TAGS])  # fmt: skip
    chosen = asked.array.codes[:, mine] == 0  # one row of this kind to a cluster
    paired = chosen[0] - chosen[: len(PERSONAS)].mean(axis=0)
    found = table["differences"][0]["selected_intervals"][Context.AMBIGUOUS_NEGATIVE]
    assert TITLES[0] == table["differences"][0]["group"] == "Jewish"
    assert found["n_clusters"] == 10
    assert found["value"] == pytest.approx(paired.mean())
    assert found["standard_error"] == pytest.approx(paired.std(ddof=1) / np.sqrt(10))


def test_a_persona_that_always_names_its_own_people_has_no_interval() -> None:
    codes = np.random.default_rng(1).integers(0, 3, (len(PERSONAS) + 4, len(TAGS)))
    choose_own(codes, PERSONAS, TAGS)

    jewish = describe(ask_bbq("one", PERSONAS, TAGS, codes))["differences"][0]

    assert jewish["selected"][Context.AMBIGUOUS_OTHER] > 0.5
    assert "score alike" in jewish["selected_intervals"][Context.AMBIGUOUS_OTHER]["undefined"]


def test_llms_that_answer_alike_are_no_surer_than_one() -> None:
    one = answer(5)

    alone, twice = describe(one), describe(one, Asked("another", one.array))

    for (_, single), (_, double) in zip(list_pairs(alone), list_pairs(twice), strict=True):
        assert double == pytest.approx(single)


def test_an_llm_that_was_asked_fewer_items_counts_as_much() -> None:
    one, two = answer(6), answer(7)
    few = np.array([int(tag["cluster"].rpartition("/")[2]) < 4 for tag in TAGS])
    two = Asked(two.llm, two.array.select_items(few))

    table = describe(one, two)

    for value, interval in list_pairs(table):
        if "value" in interval:
            assert interval["value"] == pytest.approx(value)
    found = table["differences"][0]["correct_intervals"][Context.AMBIGUOUS_NEGATIVE]
    single = describe(one)["differences"][0]["correct_intervals"][Context.AMBIGUOUS_NEGATIVE]
    assert found["n_clusters"] == single["n_clusters"] == 10


def test_a_planted_self_effect_lies_outside_and_no_effect_inside_as_often_as_said() -> None:
    table = describe(*(answer(seed, is_planted=True) for seed in (8, 9)))

    for row in [*table["differences"], table["average"]]:
        assert row["selected_intervals"][Context.AMBIGUOUS_OTHER]["low"] > 0
    assert table["average"]["selected_intervals"][Context.AMBIGUOUS_OTHER]["low"] > 0.4
    assert table["average"]["correct_intervals"][Context.AMBIGUOUS_OTHER]["high"] < -0.1
    held = [
        interval["low"] <= 0 <= interval["high"]
        for seed in range(10, 14)
        for _, interval in list_pairs(describe(answer(seed), answer(seed + 100)))
        if "low" in interval  # by chance ten guesses of two LLMs are all wrong
    ]
    assert len(held) > 500
    assert 0.92 < np.mean(held) < 0.98


def test_what_has_no_difference_or_a_single_cluster_has_no_interval_and_says_why() -> None:
    tags = list_rows([["Muslim"]], n=1) + list_rows([["Hindu"]], n=6)
    personas = ["a person of Islam belief", *OTHERS]
    codes = draw_codes(np.random.default_rng(1), tags, len(personas) + 4)

    table = describe(ask_bbq("one", personas, tags, codes))

    rows = {row["group"]: row["correct_intervals"] for row in table["differences"]}
    assert rows["Muslim"][Context.PLAIN_OTHER] == {"undefined": "its items are a single cluster"}
    assert rows["Hindu"][Context.PLAIN_OTHER] == {"undefined": "the persona was not asked"}
    assert rows["Jewish"][Context.PLAIN_OTHER] == {"undefined": "no item is about this group"}


def test_items_without_clusters_are_clusters_of_their_own() -> None:
    tags = [{key: tag[key] for key in tag if key != "cluster"} for tag in TAGS]
    codes = np.random.default_rng(1).integers(0, 3, (len(PERSONAS) + 4, len(tags)))

    table = describe(ask_bbq("one", PERSONAS, tags, codes))

    found = table["differences"][0]["correct_intervals"][Context.AMBIGUOUS_NEGATIVE]
    assert found["n_clusters"] == 10


def test_other_definitions_than_the_kept_one_have_none() -> None:
    joint = describe_self_effect(join_asked([answer(1)], describe=describe_groups), QUICK)

    for own in (Own.EQUALS, Own.ANSWER):
        assert find_table(joint, own)["differences"][0]["correct_intervals"] == {}


def test_the_report_has_both_ends_in_percentage_points() -> None:
    asked = answer(1)
    slices = join_asked([asked], describe=describe_groups)
    joint = describe_self_effect(slices, QUICK)
    parts = {at: {**result, "parts": [], "refusals": []} for at, result in slices.results.items()}
    slices = replace(slices, results=parts)

    (block,) = list_bias_blocks(make_evidence(slices, {"self_effect": joint}))

    _, differences, _, _, every_difference = block.tables
    keys = [column.key for column in differences.columns]
    first = dict(zip(keys, (cell.value for cell in differences.rows[0]), strict=True))
    interval = find_table(joint, Own.CONTAINS)["differences"][0]["correct_intervals"]
    found = interval[Context.AMBIGUOUS_NEGATIVE]
    assert first["own_correct_low"] == pytest.approx(100 * found["low"])
    assert first["own_correct_high"] == pytest.approx(100 * found["high"])
    assert first["n_own_clusters"] == 10
    assert any("the report goes by another definition" in said
               for said in every_difference.undefined)  # fmt: skip
