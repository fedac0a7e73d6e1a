"""One measure in several LLMs: agreement on rankings, and where the report says so."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from invented_slices import make_section, make_settings, make_slice

from analysis.across import LlmScores, adjust_agreements, compare_llms
from analysis.analyse import describe_slice
from analysis.evidence import Coverage, Evidence, LlmNote
from analysis.measures import Draws
from analysis.performance import measure_accuracy
from analysis.report.across import list_across
from analysis.report.definitions import DEFINITIONS
from analysis.report.sections import Section
from analysis.report.site import write_site
from analysis.statistics import Undefined
from analysis.statistics.consistency import Consistency, measure_consistency
from models.coverage import StoredExperiment
from models.items import Kind

QUICK = Draws(n_resamples=100, n_permutations=99)
NOTES = {name: LlmNote("", False, family) for name, family in (("a1", "A"), ("a2", "A"))}
N_PERSONAS, N_CONTROLS, N_ITEMS = 7, 4, 40
TOWN = {"one": "town", "two": "town", "three": "town", "four": "town"}


def score(
    llm: str, family: str, *, flagged: frozenset[str] = frozenset(), **scores: float
) -> LlmScores:
    return LlmScores(llm, family, scores, scores, flagged, exceeds_rewording=llm != "b1")


def draw_codes(llm: str, *, is_shared: bool) -> np.ndarray:
    """Personas from worst to best, in every LLM alike or in an order of its own."""
    skills = np.linspace(0.2, 0.8, N_PERSONAS)
    if not is_shared:
        skills = np.random.default_rng(sum(llm.encode())).permutation(skills)
    skills = np.concatenate([skills, np.full(N_CONTROLS + 1, 0.5)])
    return np.where(np.arange(N_ITEMS)[None] / N_ITEMS < skills[:, None], 0, 1)


def show(llm: str, *, is_shared: bool = True) -> Section:
    settings = make_settings(N_PERSONAS, N_CONTROLS)
    codes = draw_codes(llm, is_shared=is_shared)
    part = make_slice(settings, codes, kind=Kind.CHOICE, tags=[{} for _ in range(N_ITEMS)])
    found = measure_accuracy(part, QUICK)
    assert found is not None
    section = make_section(found, settings)
    return replace(section, progress=replace(section.progress, llm=llm))


def test_agreement_is_the_consistency_of_each_category() -> None:
    rng = np.random.default_rng(3)
    table = rng.random((3, 4))
    measured = [
        score(llm, llm[0], **dict(zip(TOWN, row.tolist(), strict=True)), elsewhere=0.5)
        for llm, row in zip(("a1", "a2", "b1"), table, strict=True)
    ]

    found = compare_llms(measured, TOWN | {"elsewhere": "lonely"}, seed=5, n_permutations=199)

    expected = measure_consistency(
        table, np.array(["a", "a", "b"]), rng=np.random.default_rng(5), n_permutations=199
    )
    assert found.categories["town"] == expected
    assert isinstance(found.categories["lonely"], Undefined)
    support = found.exceeds_rewording
    assert not isinstance(support, Undefined)
    assert (support.llms, support.of_llms, support.families, support.of_families) == (2, 3, 1, 2)


def test_a_persona_that_one_llm_refuses_to_play_makes_no_order() -> None:
    alike = {"one": 0.1, "two": 0.9, "three": 0.2, "four": 0.3}
    other = {"one": 0.1, "two": 0.9, "three": 0.3, "four": 0.2}
    measured = [
        score("a1", "A", **alike),
        score("b1", "B", flagged=frozenset({"one", "two"}), **other),
    ]

    found = compare_llms(measured, TOWN, seed=5, n_permutations=199)

    assert found.n_flagged == {"town": 2}
    with_all, without = found.categories["town"], found.unflagged["town"]
    assert not isinstance(with_all, Undefined)
    assert not isinstance(without, Undefined)
    assert with_all.tau.value == pytest.approx(4 / 6)
    assert without.value == pytest.approx(-1)


def test_the_papers_flag_is_told_of_the_papers_scores() -> None:
    scores = {"one": 0.1, "two": 0.2, "three": 0.3}
    turned = {"one": 0.3, "two": 0.2, "three": 0.1}
    measured = [
        score("a1", "A", **scores),
        replace(score("b1", "B", **scores), paper=turned),
    ]

    found = compare_llms(measured, dict.fromkeys(scores, "town"), seed=5, n_permutations=199)

    asked, paper = found.categories["town"], found.paper["town"]
    assert not isinstance(asked, Undefined)
    assert not isinstance(paper, Undefined)
    assert (asked.tau.value, paper.value) == (pytest.approx(1), pytest.approx(-1))
    assert paper.n_pairs == 1


def test_an_llm_without_a_ratio_is_no_llm_in_which_it_is_small() -> None:
    full = {"one": 0.1, "two": 0.2}
    told = [
        replace(score(name, "A", **full), exceeds_rewording=exceeds)
        for name, exceeds in (("a1", True), ("a2", None))
    ]

    one = compare_llms(told, TOWN, seed=5, n_permutations=99).exceeds_rewording
    none = compare_llms(
        [replace(each, exceeds_rewording=None) for each in told], TOWN, seed=5, n_permutations=99
    ).exceeds_rewording

    assert not isinstance(one, Undefined)
    assert (one.llms, one.of_llms) == (1, 1)
    assert none == Undefined("R is not defined in any LLM")


def test_a_persona_without_a_score_somewhere_is_left_out() -> None:
    full = {"one": 0.1, "two": 0.2, "three": 0.3, "four": 0.4}
    gap = {name: value for name, value in full.items() if name != "two"}

    found = compare_llms(
        [score("a1", "A", **full), score("a2", "A", **gap)], TOWN, seed=5, n_permutations=99
    )

    town = found.categories["town"]
    assert isinstance(town, Consistency)
    assert town.n_personas == 3
    assert town.tau.value == pytest.approx(1)


def test_p_is_adjusted_over_all_measures_at_once() -> None:
    full = {"one": 0.1, "two": 0.2, "three": 0.3, "four": 0.4}
    alike = [score("a1", "A", **full), score("a2", "A", **full)]
    flat = [score("a1", "A", **full), score("a2", "A", **dict.fromkeys(full, 0.5))]
    opposed = [score("a1", "A", **full), score("a2", "A", **{k: -v for k, v in full.items()})]
    found = [
        compare_llms(each, TOWN, seed=5, n_permutations=999) for each in (alike, flat, opposed)
    ]

    adjusted = adjust_agreements(found)

    first = found[0].categories["town"]
    assert isinstance(first, Consistency)
    assert adjusted[0]["town"] == pytest.approx(2 * first.p)  # of two that have a p
    assert adjusted[1]["town"] is None
    assert adjusted[2]["town"] == pytest.approx(1)


def test_the_report_flags_a_ranking_that_llms_share() -> None:
    (across,) = list_across([show("a1"), show("a2"), show("b1")], NOTES, n_permutations=99)

    (row,) = across.table.rows
    cells = {column.key: cell for column, cell in zip(across.table.columns, row, strict=True)}
    assert (cells["tau"].text, cells["tau_flag"].text) == ("1.00", "yes")
    assert cells["n_ranked"].value == N_PERSONAS
    assert "above 0.5 in 1 of 1 categories (people)" in across.sentence
    assert across.numbers["families"] == ["A", "A", "b1"]


def test_the_report_does_not_flag_rankings_of_their_own() -> None:
    sections = [show(llm, is_shared=False) for llm in ("a1", "a2", "b1")]

    (across,) = list_across(sections, NOTES, n_permutations=99)

    tau = across.numbers["categories"]["people"]["tau"]["value"]
    assert across.table.rows[0][4].text == "no"
    assert tau < 0.5
    assert "above 0.5 in 0 of 1 categories." in across.sentence


def test_one_llm_has_nothing_to_agree_with() -> None:
    assert list_across([show("a1")], NOTES) == []


def test_two_llms_are_too_few_to_leave_one_out() -> None:
    (across,) = list_across([show("a1"), show("a2")], NOTES, n_permutations=99)

    said = " ".join(across.table.undefined)
    assert "Lowest: not defined where fewer than three LLMs have a tau" in said
    assert "Across families: not defined where no pair of LLMs" in said


def test_page_csv_and_numbers_of_two_llms_tell_the_same(tmp_path: Path) -> None:
    sections = {1: show("a1"), 2: show("a2")}
    settings = make_settings(N_PERSONAS, N_CONTROLS)
    results = {}
    for at, section in sections.items():
        codes = draw_codes(section.progress.llm, is_shared=True)
        part = make_slice(settings, codes, kind=Kind.CHOICE, tags=[{} for _ in range(N_ITEMS)])
        results[at] = describe_slice(part, QUICK)
    evidence = Evidence(
        experiment=StoredExperiment(1, "two", {"title": "Two", "settings": []}, "0" * 64, None),
        coverage=Coverage(
            tuple(replace(section.progress, slice=at) for at, section in sections.items()),
            {1: "", 2: ""},
        ),
        results=results,
        llms=(),
        failures=(),
        notes=NOTES,
    )

    write_site(evidence, tmp_path)

    numbers = json.loads((tmp_path / "numbers.json").read_text())
    with (tmp_path / "tables" / "across-invented-paper-accuracy.csv").open() as file:
        (row,) = csv.DictReader(file)
    found = numbers["blocks"]["across-invented-paper-accuracy"]["numbers"]["categories"]["people"]
    assert float(row["tau"]) == found["tau"]["value"] == pytest.approx(1)
    assert set(row) - {"not_defined"} <= set(DEFINITIONS)
    page = (tmp_path / "across.html").read_text()
    assert '<section id="across-invented-paper-accuracy"' in page
    assert "rewordings do cannot be told: R is not defined in any LLM" in page  # equal controls
    assert page.count('id="table-across-invented-paper-accuracy"') == 1
