"""Several LLMs side by side: invented experiments, planted effects, and their blocks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import vl_convert
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
from analysis.performance import measure_accuracy
from analysis.plain import UNDEFINED, to_plain
from analysis.readings import MISSING, UNREADABLE
from analysis.report.blocks import write_details_csv
from analysis.report.figure_files import VEGALITE
from analysis.report.several_blocks import list_several_blocks
from analysis.several import describe_several
from analysis.slices import Slices
from analysis.variance import draw_clusters
from models.items import Kind

PEOPLE = ["a cook", "a poet", "a judge", "a pilot", "a clerk"]
N = 80
LLMS = ("one", "two", "three")


def describe_accuracy(array: SliceArray) -> dict[str, Any]:
    """The part of a result that effects on own items are read from."""
    measures = [to_plain(measure_accuracy(array, QUICK))]
    return {
        "settings": describe_settings(array),
        "parts": [{"measures": measures}],
        "refusals": [],
    }


def answer(
    rng: np.random.Generator, *, effect: float, llm_effects: Sequence[float] = (), n: int = N
) -> np.ndarray:
    """The first persona is right more often by ``effect``, or a persona by what is named."""
    shares = np.full(len(PEOPLE) + 4, 0.5)
    shares[0] += effect
    shares[: len(llm_effects)] += llm_effects
    return mark_right(rng.random((len(shares), n)) < shares[:, None])


def ask_all(effect: float, *, seed: int = 0, n: int = N) -> list[Asked]:
    rng = np.random.default_rng(seed)
    people = make_people(PEOPLE)
    return [ask(llm, "quiz", people, answer(rng, effect=effect, n=n)) for llm in LLMS]


def join(asked: Sequence[Asked], *, families: Sequence[str] = ("cat", "cat", "dog")) -> Slices:
    slices = join_asked(asked, describe=describe_accuracy)
    return replace(slices, families=dict(zip(LLMS, families, strict=True)))


def find_accuracy(slices: Slices) -> dict[str, Any]:
    found = describe_several(slices, QUICK)["measures"]
    return next(each for each in found if each["measure"] == "accuracy")


def test_a_planted_persona_differs_in_all_llms_and_families() -> None:
    found = find_accuracy(join(ask_all(0.45)))

    assert (found["n_llms"], found["n_families"], found["n_common"]) == (3, 2, N)
    assert found["support"]["llms_higher"] == [3, 0, 0, 0, 0]
    assert found["support"]["families_higher"][0] == 2
    assert found["effects"]["mean"][0] == pytest.approx(0.45, abs=0.1)
    assert found["effects"]["low"][0] <= found["effects"]["mean"][0] <= found["effects"]["high"][0]


def test_llms_are_compared_on_the_items_that_all_were_asked_and_covered() -> None:
    people = make_people(["a cook", "a poet"], n_controls=1)
    codes = mark_right(np.ones((4, 6), np.bool_))
    codes[0, 4:] = 1  # the cook is wrong on two items that the other LLM was not asked
    whole = ask("one", "quiz", people, codes)
    other = ask("two", "quiz", people, mark_right(np.ones((4, 4), np.bool_)))
    gappy = other.array.codes.copy()
    gappy[1, 0] = MISSING
    other = other._replace(array=replace(other.array, codes=gappy))
    slices = join_asked([whole, other], describe=describe_accuracy)

    found = find_accuracy(slices)

    assert found["n_common"] == 3
    assert [side["n_items"] for side in found["llms"]] == [6, 4]
    first = found["llms"][0]
    assert first["effects"] == [0, 0]
    assert first["own_effects"][0] == pytest.approx(-1 / 3)
    assert first["gap"] == 0


def test_every_headline_is_given_without_each_llm_and_each_family() -> None:
    found = find_accuracy(join(ask_all(0.3)))

    gaps = np.array([side["gap"] for side in found["llms"]])
    without = [np.delete(gaps, at).mean() for at in range(3)]
    headline = found["headlines"]["gap"]
    assert headline["mean"] == pytest.approx(gaps.mean())
    assert (headline["low"], headline["high"]) == pytest.approx((min(without), max(without)))
    families = sorted([gaps[2], gaps[:2].mean()])
    assert [headline["family_low"], headline["family_high"]] == pytest.approx(families)


def test_components_tell_a_shared_effect_from_one_llms_own() -> None:
    rng = np.random.default_rng(4)
    own = rng.normal(0, 0.15, (3, len(PEOPLE)))
    people = make_people(PEOPLE)
    shared = join(ask_all(0.45, n=400))
    single = join(
        [
            ask(llm, "quiz", people, answer(rng, effect=0, llm_effects=own[at], n=400))
            for at, llm in enumerate(LLMS)
        ]
    )

    parts = [find_accuracy(each)["components"]["parts"] for each in (shared, single)]

    assert parts[0]["persona"]["variance"] > 5 * abs(parts[0]["persona x llm"]["variance"])
    assert parts[1]["persona x llm"]["sd"] == pytest.approx(own.std(axis=0).mean(), abs=0.06)
    assert parts[1]["persona x llm"]["variance"] > parts[1]["persona"]["variance"]


def test_components_leave_out_what_some_llm_did_not_answer() -> None:
    asked = ask_all(0.2)
    codes = asked[0].array.codes.copy()
    codes[1] = UNREADABLE  # scored as no hit: it counts
    codes[2, :3] = MISSING
    asked[0] = asked[0]._replace(array=replace(asked[0].array, codes=codes))

    components = find_accuracy(join(asked))["components"]

    assert components["n_units"] == N - 3
    assert components["n_personas_left_out"] == 0


def test_of_a_large_array_whole_clusters_are_drawn() -> None:
    clusters = np.repeat(np.arange(50), 4)
    complete = np.ones(200, np.bool_)
    complete[0] = False

    chosen = draw_clusters(clusters, complete, most=100, rng=np.random.default_rng(0))

    assert 90 <= chosen.sum() <= 100
    assert not chosen[0]
    kept = np.unique(clusters[chosen])
    assert np.isin(clusters, kept)[complete].sum() == chosen.sum()
    assert draw_clusters(clusters, complete, most=200, rng=np.random.default_rng(0)) is complete


def test_g_of_a_draw_is_for_all_common_items_and_gaps_are_not_taken_for_the_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng, n = np.random.default_rng(8), 2_000
    people = make_people([f"a person {at}" for at in range(20)])
    levels = rng.normal(3, 0.2, (len(people), 1))
    points = [np.clip(np.round(rng.normal(levels, 1, (24, n))), 1, 5) for _ in LLMS]
    points[0][2, :5] = UNREADABLE
    slices = join_asked(
        [
            ask(llm, "mood", people, each, kind=Kind.LIKERT)
            for llm, each in zip(LLMS, points, strict=True)
        ],
        describe=describe_nothing,
    )

    whole = describe_several(slices, QUICK)["measures"][0]["components"]
    monkeypatch.setattr("analysis.variance.MOST_CELLS", 20 * 3 * 300)
    drawn = describe_several(slices, QUICK)["measures"][0]
    block = list_several_blocks(make_evidence(slices, {"several": {"measures": [drawn]}}))[0]

    left = [(e["n_items_left_out"], e["n_items_not_drawn"]) for e in (whole, drawn["components"])]
    assert left == [(5, 0), (5, n - 5 - 300)]
    found = drawn["components"]
    assert found["n_units"] == 300
    own, by_llm, by_item, rest = (
        found["parts"][name]["variance"]
        for name in ("persona", "persona x llm", "persona x item", "persona x item x llm")
    )
    parts = (by_llm / 3, by_item / (n - 5), rest / 3 / (n - 5))
    noise = sum(max(part, 0) for part in parts)
    assert found["g"]["value"] == pytest.approx(own / (own + noise))
    assert found["g"]["value"] == pytest.approx(whole["g"]["value"], abs=0.03)
    assert "5 askings are left out" in block.findings[2].notes
    assert "1,695 more" in block.findings[2].notes


def test_llms_without_a_common_item_are_told_so() -> None:
    asked = ask_all(0.2)
    for at in (1, 2):
        items = tuple(replace(item, id=item.id + 1000 * at) for item in asked[at].array.items)
        asked[at] = asked[at]._replace(array=replace(asked[at].array, items=items))
    slices = join(asked)

    found = find_accuracy(slices)
    block = list_several_blocks(make_evidence(slices, {"several": {"measures": [found]}}))[0]

    assert found["n_common"] == 0
    assert found["effects"]["mean"] == [None] * len(PEOPLE)
    assert UNDEFINED in found["components"]
    assert UNDEFINED in found["headlines"]["gap"]["mean"]
    assert block.figures == ()
    assert "not defined" in block.findings[1].verdict.lower()


def test_without_controls_effects_are_not_defined() -> None:
    people = [each for each in make_people(PEOPLE) if each.category == "people"]
    asked = [
        ask(llm, "quiz", people, answer(np.random.default_rng(1), effect=0)[: len(people)])
        for llm in LLMS
    ]

    found = find_accuracy(join(asked))

    assert found["llms"][0]["effects"] == [None] * len(PEOPLE)
    assert found["llms"][0]["excess"] is None
    assert found["llms"][0]["gap"] is not None


def test_bias_scores_have_no_components() -> None:
    tags = [
        {
            "target_loc": 1, "groups": ["x", "y", "unknown"], "category": "c",
            "context_condition": "ambig" if at % 2 else "disambig",
        }
        for at in range(N)
    ]  # fmt: skip
    people, rng = make_people(PEOPLE), np.random.default_rng(2)
    asked = [
        ask(llm, "quiz", people, rng.integers(0, 3, (len(people), N)), tags=tags) for llm in LLMS
    ]

    found = {each["measure"]: each for each in describe_several(join(asked), QUICK)["measures"]}

    assert "no mean" in found["bias_score"]["components"][UNDEFINED]
    assert found["bias_score"]["llms"][0]["gap"] > 0
    assert "parts" in found["unknown_frequency"]["components"]


def test_one_llm_alone_is_not_compared() -> None:
    slices = join_asked(ask_all(0.1)[:1], describe=describe_accuracy)

    assert describe_several(slices, QUICK) == {"measures": []}
    assert list_several_blocks(make_evidence(slices, {"several": {"measures": []}})) == []


def test_a_block_shows_who_differs_where_and_draws_it() -> None:
    slices = join(ask_all(0.45))
    evidence = make_evidence(slices, {"several": describe_several(slices, QUICK)})

    block = list_several_blocks(evidence)[0]

    assert block.findings[0].verdict == "1 of 5 personas in all 3"
    assert "“a cook”, in 3 of 3 LLMs, in every LLM of 2 of 2 families" in block.findings[0].sentence
    assert [len(table.rows) for table in block.tables[:4]] == [3, 4, 5, 15]
    headlines = block.tables[1].rows
    assert headlines[2][1].text.endswith("%")
    assert headlines[0][1].text.startswith("+")
    assert "a cook,one," in write_details_csv(block.tables[3])
    svg = vl_convert.vegalite_to_svg({**block.figures[0].spec, "width": 600}, vl_version=VEGALITE)
    assert "a poet" in svg
    assert "three" in svg


def test_llms_of_one_family_leave_none_out_and_the_table_says_why() -> None:
    slices = join(ask_all(0.2), families=("cat", "cat", "cat"))
    evidence = make_evidence(slices, {"several": describe_several(slices, QUICK)})

    personas = list_several_blocks(evidence)[0].tables[2]

    assert "Lowest without a family: not defined where all LLMs are of one family." in (
        personas.undefined
    )
    assert not any("not defined where not defined" in line for line in personas.undefined)


def test_scales_are_compared_too() -> None:
    rng, people = np.random.default_rng(3), make_people(PEOPLE)
    asked = [
        ask(llm, "mood", people, rng.integers(1, 6, (len(people), 30)), kind=Kind.LIKERT)
        for llm in LLMS
    ]
    slices = join_asked(asked, describe=describe_nothing)

    found = describe_several(slices, QUICK)["measures"]

    assert {each["measure"] for each in found} == {"mean_answer", "refusal_rate"}
    assert found[0]["support"]["llms_higher"] == [0] * len(PEOPLE)  # no own tests: none is shown


def describe_nothing(array: SliceArray) -> dict[str, Any]:
    """A result without a measure."""
    return {"settings": describe_settings(array), "parts": [], "refusals": []}
