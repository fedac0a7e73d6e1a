"""Specification curves of invented experiments, and their blocks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import vl_convert
from invented_experiments import (
    Asked,
    ask,
    describe_settings,
    join_asked,
    make_evidence,
    make_people,
    mark_right,
)

from analysis.arrays import SliceArray
from analysis.measures import Draws
from analysis.plain import UNDEFINED
from analysis.planned import Setting
from analysis.readings import UNREADABLE
from analysis.report.figure_files import VEGALITE
from analysis.report.ranking_blocks import list_ranking_blocks
from analysis.report.specification_blocks import list_specification_blocks
from analysis.report.specification_figures import choose_ticks, write_tick
from analysis.slices import Slices
from analysis.specifications import describe_specifications
from models.aims import Aims, NamedClaim
from models.items import Kind

PEOPLE = ["a cook", "a poet", "a judge", "a pilot"]
N = 40


def describe_bare(array: SliceArray) -> dict[str, Any]:
    """The part of a result that the curves need: they are made of arrays."""
    return {"settings": describe_settings(array), "parts": [], "refusals": []}


def know(shares: Sequence[float], *, n: int = N) -> np.ndarray:
    """Every setting knows its share of the items."""
    return mark_right(np.arange(n) < np.round(n * np.array(shares))[:, None])


def ask_one(codes: np.ndarray, *, llm: str = "one", dataset: str = "quiz") -> Asked:
    return ask(llm, dataset, make_people(PEOPLE), codes)


def describe(asked: Sequence[Asked], **changes: Any) -> tuple[Slices, dict[str, Any]]:
    slices = replace(join_asked(asked, describe=describe_bare), **changes)
    return slices, describe_specifications(slices, Draws())


def find(topic: dict[str, Any], measure: str, *, llm: str = "one") -> dict[str, Any]:
    return next(m for m in topic["measures"] if (m["llm"], m["measure"]) == (llm, measure))


SHARES = (0.9, 0.5, 0.5, 0.4, 0.45, 0.5, 0.55, 0.5)


def test_a_difference_that_only_the_authors_scoring_makes_shows_in_the_curve() -> None:
    codes = know([0.5] * 8)
    codes[0, 10:] = UNREADABLE  # the authors take A, which is right
    asked = ask_one(codes)
    claims = (NamedClaim(persona="a cook", measure="accuracy"),)
    array = replace(asked.array, aims=Aims(claims=claims))

    _, topic = describe([asked._replace(array=array)])

    found = find(topic, "accuracy")
    (curve,) = [each for each in found["curves"] if each["source"] == "experiment"]
    main, *_ = curve["estimates"]["controls"]
    assert main["value"] == pytest.approx(-0.25)
    by_scoring = {
        spec["scoring"]: each["value"]
        for spec, each in zip(found["specifications"], curve["estimates"]["controls"], strict=True)
    }
    assert by_scoring == {
        "asked": pytest.approx(-0.25),
        "paper": pytest.approx(0.5),
        "answered": pytest.approx(0),  # on the ten items that it answered all others are right too
        "lowest": pytest.approx(-0.25),
        "highest": pytest.approx(0.5),
    }
    assert curve["summary"]["n_agree"] == 4  # of two references; no side at 0
    assert curve["summary"]["n"] == 10


def test_without_a_missing_answer_scorings_are_one_estimate() -> None:
    _, topic = describe([ask_one(know(SHARES))])

    gap = next(each for each in find(topic, "accuracy")["curves"] if each["kind"] == "gap")

    assert gap["summary"]["main"] == pytest.approx(0.5)
    assert (gap["summary"]["n"], gap["summary"]["n_distinct"]) == (5, 1)
    assert gap["summary"]["rank_correlation"] == pytest.approx(1)


def test_the_strict_reading_and_another_template_are_axes() -> None:
    first = ask_one(know(SHARES))
    strict = first.array.codes.copy()
    strict[0] = UNREADABLE
    first = first._replace(array=replace(first.array, strict=strict))
    slices = join_asked([first, ask_one(know(SHARES))], describe=describe_bare)
    parts = (slices.parts[0], replace(slices.parts[1], template="clean"))

    _, topic = describe([first, ask_one(know(SHARES))], parts=parts)

    specifications = find(topic, "accuracy")["specifications"]
    assert {(s["template"], s["extraction"]) for s in specifications} == {
        ("paper", "paper"),
        ("paper", "strict"),
        ("clean", "paper"),
    }
    gap = find(topic, "accuracy")["curves"][0]
    by = [
        each["value"]
        for s, each in zip(specifications, gap["estimates"][""], strict=True)
        if (s["extraction"], s["scoring"]) == ("strict", "asked")
    ]
    assert by == [pytest.approx(0.5)]  # from nothing to a half: the best is another persona now


def test_an_llm_with_a_subsample_gives_the_others_a_choice_of_items() -> None:
    whole, part = ask_one(know(SHARES)), ask_one(know(SHARES)[:, ::2], llm="two")
    items = whole.array.items[::2]
    part = part._replace(array=replace(part.array, items=items))

    _, topic = describe([whole, part])

    def list_items(llm: str) -> set[str]:
        return {s["items"] for s in find(topic, "accuracy", llm=llm)["specifications"]}

    assert list_items("one") == {"all", "shared"}
    assert list_items("two") == {"all"}
    (ranking,) = topic["rankings"]
    assert {s["items"] for s in ranking["specifications"]} == {"all", "shared"}
    assert ranking["summary"]["main"] == pytest.approx(1)


def ask_mmlu(llm: str, n: int) -> Asked:
    """An LLM that was asked the first items of a data set of one subject."""
    asked = ask_one(know(SHARES, n=n), llm=llm, dataset="mmlu")
    items = tuple(replace(item, tags={"subject": "anatomy"}) for item in asked.array.items)
    return asked._replace(array=replace(asked.array, items=items))


def test_every_llm_that_was_asked_more_is_scored_on_gpt_4s_subsample() -> None:
    _, topic = describe([ask_mmlu("one", 300)])

    found = find(topic, "accuracy")
    gap = next(each for each in found["curves"] if each["kind"] == "gap")["estimates"][""]
    values = {
        spec["items"]: ends["value"]
        for spec, ends in zip(found["specifications"], gap, strict=True)
        if spec["scoring"] == "asked"
    }
    drawn = np.random.RandomState(42).choice(300, 250, replace=False)  # as pandas samples
    assert values == {
        "all": pytest.approx(0.5),
        "gpt-4": pytest.approx(((drawn < 270) & (drawn >= 120)).mean()),
    }


def test_llms_are_ranked_on_a_subsample_only_where_it_is_the_same() -> None:
    _, same = describe([ask_mmlu("one", 300), ask_mmlu("two", 300)])
    _, other = describe([ask_mmlu("one", 300), ask_mmlu("two", 280)])

    def list_items(topic: dict[str, Any]) -> list[set[str]]:
        return [{s["items"] for s in each["specifications"]} for each in topic["rankings"]]

    assert list_items(same) == [{"all", "gpt-4"}]
    assert list_items(other) == [{"all", "shared"}]  # the rule takes others of 280 than of 300


def test_personas_of_the_paper_bring_its_claims() -> None:
    people = make_people(["a middle-class person", "a lower class person", "an upper-class person"])
    codes = know([0.9, 0.5, 0.6, 0.5, 0.5, 0.5, 0.5])

    _, topic = describe([ask("one", "truthfulqa", people, codes)])

    curves = find(topic, "accuracy")["curves"]
    (claim,) = [each for each in curves if each["source"] == "paper"]
    assert list(claim["estimates"]) == [""]  # no reference: personas are compared
    assert claim["summary"]["main"] == pytest.approx(0.35)


def test_settings_that_are_missing_leave_numbers_undefined() -> None:
    alone = [Setting("a cook", "people", "You are a cook.")]

    _, topic = describe([ask("one", "quiz", alone, know([0.5]))])

    summaries = [each["summary"] for each in find(topic, "accuracy")["curves"]]
    assert all(UNDEFINED in each for each in summaries)
    assert topic["rankings"] == []


def test_scales_and_refusals_have_curves_of_their_own() -> None:
    codes = np.tile(np.arange(1, 6), (8, 4)).astype(np.int8)
    codes[0] = 5
    asked = ask("one", "attitudes", make_people(PEOPLE), codes, kind=Kind.LIKERT)

    _, topic = describe([asked])

    gap = find(topic, "mean_answer")["curves"][0]
    assert gap["summary"]["main"] == pytest.approx(2)
    assert find(topic, "refusal_rate")["curves"][0]["summary"]["main"] == 0


def test_blocks_say_which_claims_turn_and_draw_them() -> None:
    codes = know(SHARES)
    codes[0, 10:] = UNREADABLE
    codes[1] = know([0.1])[0]
    asked = ask_one(codes)
    aims = Aims(claims=(NamedClaim(persona="a cook", measure="accuracy"),))
    slices, topic = describe([asked._replace(array=replace(asked.array, aims=aims))])

    (block,) = list_specification_blocks(
        make_evidence(slices, {"specifications": topic}), measures=("accuracy",)
    )

    assert block.findings[0].verdict == "1 of 2 do"
    assert "a cook: different" in block.findings[0].sentence
    assert len(block.tables[0].rows) == 3
    assert len(block.figures) == 2  # the claim of the file, the spread of accuracy
    for figure in block.figures:
        svg = vl_convert.vegalite_to_svg({**figure.spec, "width": 600}, vl_version=VEGALITE)
        assert "lower bound" in svg
        assert "10 specifications, sorted" in svg or "5 specifications, sorted" in svg


def find_gaps(value: Any, at: str = "") -> list[str]:
    """Where a bare null stands."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        gap
        for key, each in pairs
        for gap in (
            find_gaps(each, f"{at}/{key}")
            if isinstance(each, dict | list | tuple)
            else [f"{at}/{key}"] * (each is None)
        )
    ]


@pytest.mark.parametrize("shares", [SHARES, [0.5] * 8])
def test_no_number_of_a_curve_is_missing_without_a_reason(shares: Sequence[float]) -> None:
    one, two = ask_one(know(shares)), ask_one(know(shares)[:, ::-1].copy(), llm="two")
    slices, topic = describe([one, two])
    evidence = make_evidence(slices, {"specifications": topic})

    (block,) = list_specification_blocks(evidence, measures=("accuracy",))
    (ranks, *_) = list_ranking_blocks(evidence)

    assert find_gaps(topic)
    assert find_gaps(block.numbers) == []
    assert find_gaps(ranks.numbers) == []


def test_rankings_that_the_paper_claims_are_drawn() -> None:
    people = [
        replace(each, category="religious") if each.category == "people" else each
        for each in make_people(PEOPLE)
    ]
    asked = [ask(llm, "truthfulqa", people, know(SHARES)) for llm in ("one", "two", "three")]
    slices, topic = describe(asked)

    (block,) = list_ranking_blocks(make_evidence(slices, {"specifications": topic}))

    assert block.findings[0].verdict == "Not in 1 of 1 categories"
    assert "religious on truthfulqa" in block.findings[0].sentence
    assert len(block.figures) == 1


def test_nothing_to_specify_makes_no_block() -> None:
    slices, _ = describe([ask_one(know(SHARES))])
    evidence = make_evidence(slices, {})

    assert list_specification_blocks(evidence, measures=("accuracy",)) == []
    assert list_ranking_blocks(evidence) == []


def test_ticks_are_round_and_reach_over_both_ends() -> None:
    ticks = choose_ticks(-0.31, 1.27)

    assert ticks == [-0.5, 0, 0.5, 1, 1.5]
    assert [write_tick(tick, ticks) for tick in ticks[:2]] == ["\N{MINUS SIGN}0.5", "0.0"]
    assert choose_ticks(2, 2)[0] < 2 < choose_ticks(2, 2)[-1]
