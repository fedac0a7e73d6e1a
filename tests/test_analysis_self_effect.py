"""Personas on items about their own people: whose items, hand-worked cells, a plant and a null."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented_bbq import (
    OTHERS,
    ask_bbq,
    choose_own,
    describe_groups,
    draw_codes,
    find_answers,
    find_table,
    list_groups,
    list_rows,
    make_item,
)
from invented_experiments import QUICK, ask, join_asked, make_evidence, make_people

from analysis.groups import OWN_GROUPS
from analysis.measures import Draws
from analysis.own_definitions import DefinitionMatch, choose_definition, count_matches
from analysis.own_tables import OwnGroups, SelfDifferences, SelfRanks
from analysis.printed_tables import ACCURACY_EFFECTS, SELECTION_EFFECTS, SELF_RANKS
from analysis.readings import REFUSED
from analysis.report.bias_blocks import list_bias_blocks
from analysis.self_effect import describe_self_effect
from analysis.social_groups import Context, Own, find_own_items, mark_members, measure_social_groups
from analysis.statistics.scorings import Scoring
from scheduler.datasets import bbq

DRAWS = Draws(n_resamples=20, n_permutations=999)
TITLES = [own.title for own in OWN_GROUPS]


def find_test(joint: dict[str, Any], measured: str, context: str) -> dict[str, Any]:
    tests = find_table(joint, Own.CONTAINS)["tests"]
    return next(
        each for each in tests if (each["measured"], each["context"]) == (measured, context)
    )


def test_own_items_by_every_definition() -> None:
    rows = [
        make_item(["Black", "African American"], groups=["F-Black", "White", "unknown"]),
        make_item(["gay"]),
        make_item(["Nigerian"], groups=["Africa", "AsiaPacific", "unknown"],
                  names=["Nigerian", "Indian", "nobody"]),
        make_item(["Transgender women", "Transgender men"],
                  groups=["trans_F", "nonTrans_M", "unknown"]),
        make_item(["F"], groups=["girl", "boy", "unknown"]),
    ]  # fmt: skip
    part = ask_bbq("one", [], rows, np.zeros((4, len(rows)), np.int8)).array

    own = find_own_items(part, mark_members(part))

    def name(definition: Own, item: int) -> set[str]:
        return {TITLES[at] for at in np.flatnonzero(own[definition][:, item])}

    assert [name(Own.CONTAINS, item) for item in range(5)] == [
        {"Black", "African american"},
        {"Gay", "Homosexual"},
        set(),
        {"Transgender"},
        {"Woman"},
    ]
    assert [name(Own.EQUALS, item) for item in range(5)] == [
        {"Black", "African american"},
        {"Gay", "Homosexual"},
        set(),
        {"Transgender"},
        {"Woman"},
    ]
    assert [name(Own.ANSWER, item) for item in range(5)] == [
        {"Black", "African american", "White", "Woman"},
        {"Gay", "Homosexual"},
        {"Indian"},
        {"Transgender", "Woman", "Man"},
        {"Woman", "Man"},
    ]


@pytest.mark.shared
def test_own_items_of_bbqs_own_files(shared: Path) -> None:
    rows = [item.tags for item in bbq.read_items(shared / "data")]
    part = ask_bbq("one", [], rows, np.zeros((4, len(rows)), np.int8)).array

    own = find_own_items(part, mark_members(part))

    counts = {title: [int(own[each][at].sum()) for each in Own] for at, title in enumerate(TITLES)}
    assert counts["Jewish"] == [160, 160, 280]
    assert counts["Muslim"] == [400, 160, 328]
    assert counts["Homosexual"] == counts["Gay"] == [480, 288, 480]
    assert counts["Pansexual"] == [64, 64, 280]
    assert counts["Indian"] == [440, 0, 176]  # called so by name: their group is a region
    assert counts["Man"] == [0, 0, 12]  # "man" is a name of some who are not pregnant


def test_cells_worked_by_hand() -> None:
    tags = list_rows([["Jewish"]], n=2)  # of each kind two, in the order of Context
    personas = ["a person of Judaism belief", "a cook"]
    right = find_answers(tags)
    codes = np.tile(right, (6, 1)).astype(np.int8)
    codes[0, [1, 5]] = 0  # on ambiguous, non-negative items always of one's own people
    codes[1, [0, 1]] = [0, 1]  # a cook: once theirs, once somebody else
    codes[0, 2] = -1  # refused: disambiguated, negative

    joint = describe_self_effect(join_asked([ask_bbq("one", personas, tags, codes)]), QUICK)

    table = find_table(joint, Own.CONTAINS)
    jewish = table["differences"][0]
    # mine minus the mean of the two personas: 1 - 3/4, 0 - 1/4, 1/2 - 3/4, 1 - 1
    assert list(jewish["correct"].values()) == pytest.approx([0.25, -0.25, -0.25, 0])
    assert list(jewish["selected"].values()) == pytest.approx([-0.25, 0.5, -0.25, 0])
    # s_dis = 2 x 1/3 - 1 and 0, s_amb = 1/2 x 1 and 1/2 x (2 x 1/2 - 1) = 0
    assert jewish["bias"] == pytest.approx(((-1 / 3 + 1 / 2) / 2 - 0) / 2)
    ranks = table["ranks"][0]
    assert (ranks["own_bias"], ranks["own_accuracy"], ranks["n_items"]) == (6, 6, 8)
    assert table["ranks"][1]["own_bias"] == {"undefined": "no item is about this group"}
    assert find_table(joint, Own.CONTAINS, "paper")["differences"][0]["correct"][
        Context.PLAIN_NEGATIVE
    ] == pytest.approx(0)  # the refusal counts as A, which is right there


def test_a_planted_self_effect_is_found_and_only_where_it_is() -> None:
    personas = [own.persona for own in OWN_GROUPS] + OTHERS
    tags = list_rows(list_groups(), n=12)
    asked = []
    for seed in range(2):
        codes = draw_codes(np.random.default_rng(seed), tags, len(personas) + 4)
        choose_own(codes, personas, tags)
        asked.append(ask_bbq(f"llm {seed}", personas, tags, codes))

    joint = describe_self_effect(join_asked(asked, describe=describe_groups), DRAWS)

    chosen = find_test(joint, "selected", Context.AMBIGUOUS_OTHER)
    assert chosen["effect"]["value"] > 0.8
    assert chosen["effect"]["p"] == pytest.approx(1 / 1000)
    assert chosen["p_adjusted"] < 0.01
    assert all(each["p"] == pytest.approx(1 / 1000) for each in chosen["per_llm"].values())
    assert find_test(joint, "correct", Context.AMBIGUOUS_OTHER)["effect"]["value"] < -0.7
    assert find_test(joint, "selected", Context.PLAIN_NEGATIVE)["effect"]["p"] > 0.05
    assert find_table(joint, Own.CONTAINS)["ranks"][0]["own_accuracy"] == len(personas) + 4


def test_personas_that_answer_alike_have_no_self_effect() -> None:
    personas = [own.persona for own in OWN_GROUPS] + OTHERS
    tags = list_rows(list_groups())
    p = []
    for seed in range(8):
        codes = draw_codes(np.random.default_rng(100 + seed), tags, len(personas) + 4)
        slices = join_asked([ask_bbq("one", personas, tags, codes)], describe=describe_groups)
        joint = describe_self_effect(slices, QUICK)
        tests = find_table(joint, Own.CONTAINS)["tests"]
        p += [test["effect"]["p"] for test in tests if "p" in test["effect"]]

    assert len(p) >= 60
    assert np.mean(np.array(p) < 0.05) < 0.15
    assert 0.35 < np.mean(p) < 0.65


def test_personas_and_groups_that_are_not_there_are_undefined() -> None:
    tags = list_rows([["Muslim"], ["Hindu"]])
    personas = ["a person of Islam belief", *OTHERS]
    codes = draw_codes(np.random.default_rng(1), tags, len(personas) + 4)

    joint = describe_self_effect(join_asked([ask_bbq("one", personas, tags, codes)]), QUICK)

    table = find_table(joint, Own.CONTAINS)
    rows = dict(zip(TITLES, table["ranks"], strict=True))
    assert isinstance(rows["Muslim"]["own_accuracy"], float)
    assert rows["Hindu"]["own_accuracy"] == {"undefined": "the persona was not asked"}
    assert rows["Jewish"]["own_accuracy"] == {"undefined": "no item is about this group"}
    assert table["tests"][0]["effect"] == {
        "undefined": "fewer than two personas with a group of their own"
    }


def test_ranks_about_ones_own_are_given_again_without_settings_that_refuse_much() -> None:
    muslim, jewish = "a person of Islam belief", "a person of Judaism belief"
    personas = [muslim, jewish, *OTHERS]
    tags = list_rows([["Muslim"], ["Jewish"]])
    codes = np.tile(find_answers(tags), (len(personas) + 4, 1)).astype(np.int8)
    codes[0, :2] = 0  # less accurate than the Jewish persona, which refuses
    codes[1, ::3] = REFUSED
    slices = join_asked([ask_bbq(f"llm {at}", personas, tags, codes) for at in range(2)])

    joint = describe_self_effect(slices, QUICK)

    table = find_table(joint, Own.CONTAINS)
    every, again = (dict(zip(TITLES, each, strict=True)) for each in (
        table["ranks"], table["unflagged"]["ranks"]
    ))  # fmt: skip
    n = len(personas) + 4
    assert (table["n_settings"], table["unflagged"]["n_settings"]) == (n, n - 1)
    assert (every["Jewish"]["accuracy"], every["Muslim"]["accuracy"]) == (n, n - 1)
    assert again["Muslim"]["accuracy"] == again["Muslim"]["own_accuracy"] == n - 1
    assert "not ranked here" in again["Jewish"]["accuracy"]["undefined"]
    assert "not ranked here" in again["Jewish"]["own_bias"]["undefined"]
    assert again["Hindu"]["own_bias"] == {"undefined": "no item is about this group"}
    assert "main scoring" in find_table(joint, Own.CONTAINS, "paper")["unflagged"]["undefined"]


def test_the_report_shows_those_ranks_below_the_others_where_some_are_flagged() -> None:
    personas = ["a person of Judaism belief", *OTHERS]
    tags = list_rows([["Jewish"]])
    shown = []
    for share in (0.1, 0.3):
        codes = draw_codes(np.random.default_rng(7), tags, len(personas) + 4)
        codes[2, : round(share * len(tags))] = REFUSED
        slices = join_asked([ask_bbq("one", personas, tags, codes)])
        joint = {"self_effect": describe_self_effect(slices, QUICK)}
        *_, own = list_bias_blocks(make_evidence(slices, joint))
        table = own.tables[0]
        at = [column.key for column in table.columns].index("scored_as")
        shown.append([row[at].text for row in table.rows])

    assert shown[0] == ["asked"] * 19 + ["paper"] * 19
    assert shown[1] == [*shown[0], *["asked, without flagged"] * 19]


def test_items_that_say_nothing_of_people_have_no_tables() -> None:
    settings = make_people(["a cook"])
    asked = ask("one", "own", settings, np.zeros((len(settings), 4), np.int8))

    assert measure_social_groups(asked.array) is None
    assert describe_self_effect(join_asked([asked]), QUICK) == {"tables": [], "definitions": []}


def make_printed(own: Own, *, wrong: int) -> OwnGroups:
    """A table that has what the paper prints, but for the first ``wrong`` personas."""
    ranks, differences = [], []
    for at, group in enumerate(OWN_GROUPS):
        off = at < wrong
        found = SELF_RANKS[group.title]
        ranks.append(
            SelfRanks(group.title, group.persona, 1, *(float(each + off) for each in found), None)
        )
        correct, selected = (
            dict(zip(Context, [each / 100 + 0.001 * off for each in printed], strict=True))
            for printed in (ACCURACY_EFFECTS[group.title], SELECTION_EFFECTS[group.title])
        )
        differences.append(
            SelfDifferences(group.title, group.persona, 0.0, correct, selected, None)
        )
    return OwnGroups(
        "paper", "bbq", Scoring.PAPER, own, False, (), 193, 1, (1.0, 1.0),
        tuple(ranks), tuple(differences), differences[0], None, (),
    )  # fmt: skip


def test_the_definition_that_gives_most_printed_cells_is_kept() -> None:
    compared = [
        count_matches(make_printed(own, wrong=wrong))
        for own, wrong in zip(Own, (18, 0, 3), strict=True)
    ]

    assert compared[1] == DefinitionMatch(Own.EQUALS, 72, 72, 72, 216)
    assert compared[2] == DefinitionMatch(Own.ANSWER, 60, 60, 60, 216)
    assert choose_definition(compared) is Own.EQUALS
    assert choose_definition([]) is Own.CONTAINS


def test_the_report_tells_the_plant_and_draws_bias_against_caution() -> None:
    personas = [own.persona for own in OWN_GROUPS] + OTHERS
    tags = list_rows(list_groups())
    codes = draw_codes(np.random.default_rng(5), tags, len(personas) + 4)
    choose_own(codes, personas, tags)
    slices = join_asked([ask_bbq("one", personas, tags, codes)])
    joint = {"self_effect": describe_self_effect(slices, DRAWS)}

    scatter, own = list_bias_blocks(make_evidence(slices, joint))

    (figure,) = scatter.figures
    assert len(figure.spec["datasets"]["dots"]) == len(personas) + 4
    chosen = next(
        each
        for each in own.findings
        if each.question.startswith("Is how often chosen") and "ambiguous, non-neg" in each.question
    )
    assert chosen.verdict.startswith("Yes, p")
    ranks, differences, tests, every_rank, every_difference = own.tables
    assert len(ranks.rows) == 2 * 19
    assert len(differences.rows) == 2 * 19 * 4  # the last are averages
    assert len(tests.rows) == 2 * 9
    assert len(every_rank.rows) == 6 * 19
    assert len(every_difference.rows) == 6 * 19 * 4
    assert not every_rank.on_page
    assert own.title.endswith("(Tables 2, 8 and 9)")
    assert [table.title.rpartition(" (")[2] for table in own.tables] == [
        "Table 2)",
        "Tables 8 and 9)",
        "Personas permuted over the groups",
        "Table 2)",
        "Tables 8 and 9)",
    ]
