"""Persona by wording: planted interactions of templates, and experiments that have none."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from invented_slices import make_settings, make_slice
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.measures import Draws
from analysis.readings import REFUSED
from analysis.report.wording_blocks import list_wording_blocks
from analysis.slices import Slices
from analysis.statistics.components import Components, measure_components
from analysis.statistics.facets import Facet
from analysis.wordings import describe_wordings
from models.coverage import SliceProgress
from models.items import Kind

SEED = 2_407
N_PERSONAS, N_ITEMS = 30, 200
NAMES = ("one", "two", "three", "four", "five", "six")


class Joint:
    """As much of an `Evidence` as blocks of a topic read."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.joint = {"wordings": found}


def make_slices(arrays: dict[str, SliceArray]) -> Slices:
    parts = tuple(
        SliceProgress(at, "scripted", "invented", template, 1, 1, 0, 0, 0, False)
        for at, template in enumerate(arrays)
    )
    return Slices(parts, {}, lambda at: list(arrays.values())[at], {})


def draw_arrays(*, own: float, by_template: float, n: int = 6) -> dict[str, SliceArray]:
    """Hits with persona effects of SD ``own``, and others under each template."""
    rng = np.random.default_rng(SEED)
    people = make_settings(N_PERSONAS, 2)
    persona = rng.normal(0, own, (len(people), 1))
    arrays = {}
    for name in NAMES[:n]:
        shares = 0.5 + persona + rng.normal(0, by_template, (len(people), 1))
        codes: NDArray[Any] = np.where(rng.random((len(people), N_ITEMS)) < shares, 0, 1)
        arrays[name] = make_slice(
            people,
            codes,
            kind=Kind.CHOICE,
            tags=[{"cluster": f"c{n // 2}"} for n in range(N_ITEMS)],
        )
    return arrays


def test_what_wordings_do_to_personas_is_told_from_what_personas_do() -> None:
    found = describe_wordings(make_slices(draw_arrays(own=0.05, by_template=0.15)), Draws())

    each, refusals = found["wordings"]
    parts = each["components"]["parts"]
    assert each["templates"] == list(NAMES)
    assert parts["persona x template"]["sd"] == pytest.approx(0.15, abs=0.03)
    assert parts["persona x template"]["low"] < parts["persona x template"]["sd"]
    assert list(parts)[-1] == "persona x item x template"
    assert (each["measure"], each["components"]["n_units"]) == ("accuracy", N_ITEMS)
    assert refusals["measure"] == "refusal_rate"
    assert refusals["components"] == {"undefined": "all cells are equal"}  # nobody refuses


def test_without_such_effects_their_variance_is_within_noise_of_0() -> None:
    found = describe_wordings(make_slices(draw_arrays(own=0.15, by_template=0)), Draws())

    parts = found["wordings"][0]["components"]["parts"]
    assert abs(parts["persona x template"]["variance"]) < 0.001
    assert parts["persona"]["sd"] == pytest.approx(0.15, abs=0.05)


def test_fewer_than_five_templates_say_nothing() -> None:
    found = describe_wordings(make_slices(draw_arrays(own=0.1, by_template=0.1, n=4)), Draws())

    assert found == {"wordings": []}
    assert list_wording_blocks(Joint(found)) == []  # type: ignore[arg-type]


def test_items_that_some_template_lacks_are_left_out() -> None:
    arrays = draw_arrays(own=0.1, by_template=0.1)
    arrays["two"] = arrays["two"].select_items(np.arange(N_ITEMS) >= 20)
    codes = arrays["three"].codes.copy()
    codes[4, 50:60] = -6  # missing
    arrays["three"] = replace(arrays["three"], codes=codes)

    found = describe_wordings(make_slices(arrays), Draws())

    components = found["wordings"][0]["components"]
    assert (components["n_units"], components["n_items_left_out"]) == (170, 10)


def test_attitudes_are_measured_one_by_one_and_other_personas_leave_no_array() -> None:
    rng = np.random.default_rng(SEED)
    tags = [{"attitude": "order" if n % 2 else "calm", "cluster": f"i{n // 2}"} for n in range(24)]
    arrays = {
        name: make_slice(
            make_settings(6, 0), rng.integers(1, 6, (7, 24)), kind=Kind.LIKERT, tags=tags
        )
        for name in NAMES
    }

    found = describe_wordings(make_slices(arrays), Draws())
    others = {**arrays, "one": replace(arrays["one"], settings=tuple(make_settings(5, 1)))}
    apart = describe_wordings(make_slices(others), Draws())

    assert [each["of"] for each in found["wordings"]] == ["calm", "order", ""]
    assert found["wordings"][2]["measure"] == "refusal_rate"
    assert "undefined" in apart["wordings"][0]["components"]
    (block,) = list_wording_blocks(Joint(found))  # type: ignore[arg-type]
    assert len(block.tables) == 2
    assert "Persona × template: SD" in block.findings[0].verdict


def ask_questionnaire(rng: np.random.Generator, levels: NDArray[Any]) -> SliceArray:
    """Four statements under 20 instructions; ``levels`` [settings], statements lie far apart."""
    tags = [
        {"attitude": "order", "statement": f"s{n % 4}", "instruction": f"i{n // 4:02}",
         "cluster": f"i{n // 4:02}"}
        for n in range(80)
    ]  # fmt: skip
    statements = np.tile([-1.0, -0.5, 0.5, 1.0], 20)
    points = rng.normal(levels[:, None] + statements, 0.7)
    codes = np.clip(np.round(points), 1, 5)
    return make_slice(make_settings(12, 0), codes, kind=Kind.LIKERT, tags=tags)


def test_statements_are_fixed_and_a_persona_that_refuses_is_left_out_alone() -> None:
    rng = np.random.default_rng(SEED)
    levels = np.r_[rng.normal(3, 0.4, 12), 3]
    arrays = {name: ask_questionnaire(rng, levels) for name in NAMES}
    codes = arrays["four"].codes.copy()
    codes[3] = REFUSED
    codes[5, 7] = REFUSED
    arrays["four"] = replace(arrays["four"], codes=codes)

    answers, refusals = describe_wordings(make_slices(arrays), Draws())["wordings"]
    (block,) = list_wording_blocks(Joint({"wordings": [answers, refusals]}))  # type: ignore[arg-type]

    found = answers["components"]
    assert (found["unit"], found["n_units"]) == ("instruction", 20)
    assert (found["n_personas"], found["n_personas_left_out"]) == (11, 1)
    assert found["n_items_left_out"] == 1
    assert list(found["parts"])[-1] == "persona x instruction x template"
    kept = np.delete(np.arange(12), 3)
    complete = np.ones(80, np.bool_)
    complete[7] = False
    means = np.array(
        [
            [each.codes[kept][:, (np.arange(80) // 4 == at) & complete].mean(axis=1)
             for at in range(20)]
            for each in arrays.values()
        ]
    )  # fmt: skip  # [templates, instructions, personas]
    direct = measure_components(
        means.transpose(2, 1, 0),
        Facet.of("persona", 11),
        Facet.of("instruction", 20),
        rng=Draws().start(),
        third="template",
    )
    assert isinstance(direct, Components)
    for name, part in direct.parts.items():
        assert found["parts"][name]["variance"] == pytest.approx(part.value)
    assert found["parts"]["persona"]["sd"] == pytest.approx(levels[kept].std(ddof=1), abs=0.15)
    assert refusals["components"]["n_personas"] == 12  # a refusal is an answer there
    assert "1 persona" in block.findings[0].sentence


def test_what_wordings_do_to_unknown_answers_is_measured_too() -> None:
    rng = np.random.default_rng(SEED)
    tags = [
        {
            "target_loc": 1, "groups": ["x", "y", "unknown"], "category": "c",
            "context_condition": "ambig" if at % 2 else "disambig",
        }
        for at in range(60)
    ]  # fmt: skip
    arrays = {
        name: make_slice(
            make_settings(8, 0), rng.integers(0, 3, (9, 60)), kind=Kind.CHOICE, tags=tags
        )
        for name in NAMES
    }

    found = describe_wordings(make_slices(arrays), Draws())["wordings"]

    assert [each["measure"] for each in found] == ["accuracy", "unknown_frequency", "refusal_rate"]
    assert found[1]["components"]["n_units"] == 60
