"""The page on attitudes: blocks, tables and figures over all LLMs, and beside people."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import vl_convert
from invented_slices import make_settings, make_slice

from analysis.analyse import describe_slice
from analysis.arrays import SliceArray
from analysis.evidence import Coverage, Evidence
from analysis.measures import Draws
from analysis.people import join_people
from analysis.readings import REFUSED
from analysis.report.annotation_blocks import find_ends, list_annotation_blocks
from analysis.report.association_blocks import list_association_blocks
from analysis.report.attitude_blocks import list_attitude_blocks
from analysis.report.blocks import Block, Figure
from analysis.report.definitions import DEFINITIONS
from analysis.report.figure_files import VEGALITE
from analysis.report.figures import HIDDEN_CATEGORIES, NEEDLE
from analysis.report.pages import BLOCKS
from analysis.report.sections import list_sections
from analysis.report.tables import list_columns, write_csv
from analysis.slices import Slices
from models.coverage import SliceProgress
from models.items import Kind

QUICK = Draws(n_resamples=100, n_permutations=99)
SEED = 20_240_702
ATTITUDES = ("thrift", "haste", "mirth")


def make_part(tags: Sequence[dict[str, Any]], dataset: str, *, seed: int) -> SliceArray:
    """Twelve settings whose level differs, with noise."""
    rng = np.random.default_rng([SEED, seed])
    points = 3 + rng.normal(0, 0.6, (12, 1)) + rng.normal(0, 0.8, (12, len(tags)))
    codes = np.clip(np.round(points), 1, 5)
    settings = make_settings(7, 4)
    return make_slice(settings, codes, kind=Kind.LIKERT, tags=tags, n_options=5, dataset=dataset)


def make_statements(seed: int) -> SliceArray:
    tags = [
        {"cluster": str(wording), "attitude": attitude, "statement": at * 2 + part,
         "instruction": wording}
        for at, attitude in enumerate(ATTITUDES) for part in range(2) for wording in range(4)
    ]  # fmt: skip
    return make_part(tags, "attitudes", seed=seed)


def make_posts(seed: int) -> SliceArray:
    rng = np.random.default_rng(SEED)
    people = [
        dict(zip(ATTITUDES, row, strict=True)) for row in rng.integers(1, 6, (12, 3)).tolist()
    ]
    tags = [
        {"cluster": str(post), "question": question, "is_aae": post % 2 == 0,
         "annotations": [
             {"rating": int(rng.integers(1, 6)), "annotator": who, "attitudes": people[who]}
             for who in range(post % 3, 12, 3)
         ]}
        for question in ("offensiveness", "racism") for post in range(15)
    ]  # fmt: skip
    return make_part(tags, "posts", seed=seed)


def make_evidence(arrays: dict[tuple[str, str], SliceArray]) -> Evidence:
    """Evidence of slices by LLM and template, as an analysis leaves it."""
    parts = tuple(
        SliceProgress(
            slice=at, llm=llm, dataset=array.slice.dataset, template=template, planned=1,
            covered=1, failed=0, cut_off=0, rate_per_s=0, is_imported=False,
        )
        for at, ((llm, _), array) in enumerate(arrays.items())
        for template in ["paper"]
    )  # fmt: skip
    loaded = dict(enumerate(arrays.values()))
    results = {at: describe_slice(array, QUICK) for at, array in loaded.items()}
    joint = {"people": join_people(Slices(parts, results, loaded.__getitem__, {}), QUICK)}
    return Evidence(None, Coverage(parts, {}), results, (), (), {}, joint)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """Two LLMs with both data sets; the second leaves many prompts unanswered for one persona."""
    arrays = {
        (llm, dataset): make(seed)
        for seed, llm in enumerate(("one", "two"))
        for dataset, make in (("attitudes", make_statements), ("posts", make_posts))
    }
    arrays["two", "attitudes"].codes[0, ::2] = REFUSED
    return make_evidence(arrays)


@pytest.fixture(scope="module")
def blocks(evidence: Evidence) -> dict[str, Block]:
    """All blocks of the page by slug."""
    return {block.slug: block for make in BLOCKS["attitudes"] for block in make(evidence)}


def read_table(block: Block, slug: str) -> list[dict[str, Any]]:
    (table,) = [table for table in block.tables if table.slug == slug]
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, (cell.value for cell in row), strict=True)) for row in table.rows]


def list_values(figure: Figure) -> list[dict[str, Any]]:
    """All rows of all data in a figure."""
    return [row for rows in figure.spec["datasets"].values() for row in rows]


def test_the_page_has_every_figure_and_table_of_its_question(blocks: dict[str, Block]) -> None:
    figures = [figure.slug for block in blocks.values() for figure in block.figures]

    assert {
        "attitude-scores", "wording-spread", "toxicity-ratings", "toxicity-agreement",
        "cosines-with-people", "attitude-correlations", "rating-correlations",
    } <= set(figures)  # fmt: skip
    assert len(figures) == len(set(figures))
    for block in blocks.values():
        for table in block.tables:
            assert {column.key for column in table.columns} <= set(DEFINITIONS)
            assert all(len(row) == len(table.columns) for row in table.rows)


def test_every_figure_can_be_drawn(blocks: dict[str, Block]) -> None:
    for block in blocks.values():
        for figure in block.figures:
            spec = {**figure.spec, "width": 600}
            svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGALITE)
            assert svg.count("<path") > 10, figure.slug
            assert ("thrift" in svg) == ("correlations" in figure.slug or "scores" in figure.slug)


def test_points_of_settings_follow_the_pages_search_and_toggles(blocks: dict[str, Block]) -> None:
    for slug in ("attitude-scores", "wording-spread", "agreement-with-people"):
        for figure in blocks[slug].figures:
            params = {param["name"] for param in figure.spec["params"]}
            assert {NEEDLE, HIDDEN_CATEGORIES} <= params
            labels = {row["label"] for row in figure.spec["datasets"]["distribution_settings"]}
            assert {"a person 0", "an aide 0"} < labels


def test_table_10_has_both_block_choices_of_every_attitude_and_llm(
    blocks: dict[str, Block], evidence: Evidence
) -> None:
    records = read_table(blocks["attitude-tests"], "friedman-attitudes")

    assert len(records) == 2 * len(ATTITUDES) * 2
    first = records[0]
    section = next(each for each in list_sections(evidence) if each.measure["of"] == "thrift")
    tests = section.measure["details"]["questionnaire"]["tests"]
    by_choice = {
        (test["scoring"], test["blocks"]): test["friedman"]
        for test in tests
        if test["group"] == "personas"
    }
    assert first["published_p"] == by_choice["paper", "statement"]["p"]
    assert first["instructions_p"] == by_choice["asked", "instruction"]["p"]
    assert first["instructions_w"] == by_choice["asked", "instruction"]["kendalls_w"]
    shown = sum(
        record["instructions_p"] is not None and record["instructions_p"] >= 0.05
        for record in records
        if record["tested"] == "controls"
    )
    assert blocks["attitude-tests"].findings[1].verdict == f"{shown} of 6"


def test_the_spread_over_wordings_of_an_llm_is_a_mean_over_its_statements(
    blocks: dict[str, Block], evidence: Evidence
) -> None:
    (figure,) = blocks["wording-spread"].figures
    found = [
        point["v"] for point in figure.spec["datasets"]["distribution"] if point["llm"] == "one"
    ]

    codes = make_statements(0).codes.reshape(12, 6, 4)
    assert sorted(found) == pytest.approx(sorted(codes.std(axis=2, ddof=1).mean(axis=1)), abs=1e-5)
    means = read_table(blocks["wording-spread"], "wording-spread")[0]
    assert means["all_wording_sd"] == pytest.approx(codes[:, :2].std(axis=2, ddof=1).mean())
    assert means["all_wording_sd_0"] == pytest.approx(codes[:, :2].std(axis=2).mean())
    assert means["all_wording_sd_paper"] == means["all_wording_sd"]  # nobody refused


def test_the_spread_is_shown_under_both_scorings_and_counts_whom_a_mean_leaves_out() -> None:
    part = make_statements(0)
    part.codes[0, :3] = REFUSED  # of the first statement on thrift one answer is left
    block = list_attitude_blocks(make_evidence({("one", "attitudes"): part}))[-1]

    thrift, haste, _ = read_table(block, "wording-spread")
    (figure,) = block.figures
    points = figure.spec["datasets"]["distribution"]

    filled = np.where(part.codes == REFUSED, 3, part.codes).reshape(12, 6, 4)
    sd, paper = (each.std(axis=2, ddof=1) for each in (part.codes.reshape(12, 6, 4), filled))
    assert thrift["persona_wording_sd"] == pytest.approx(sd[[*range(1, 7), 11], :2].mean())
    assert thrift["persona_wording_sd_paper"] == pytest.approx(paper[[*range(7), 11], :2].mean())
    assert thrift["all_wording_sd"] == pytest.approx(sd[1:, :2].mean())
    assert (thrift["persona_wording_left_out"], haste["persona_wording_left_out"]) == (1, 0)
    assert thrift["control_wording_left_out"] == 0
    shown = {name: [p["v"] for p in points if p["llm"] == name] for name in ("one", "one, paper")}
    assert sorted(shown["one"]) == pytest.approx(sorted(sd[1:].mean(axis=1)), abs=1e-5)
    assert sorted(shown["one, paper"]) == pytest.approx(sorted(paper.mean(axis=1)), abs=1e-5)


def test_agreement_names_its_ends_and_says_ties(evidence: Evidence) -> None:
    section = next(each for each in list_sections(evidence) if "people_alpha" in each.columns)
    values = section.columns["people_alpha"]
    personas = values[:7]

    (highest, who), _ = find_ends(section, "people_alpha")
    assert highest == max(personas)
    assert who == section.settings[personas.index(highest)]["label"]

    values[:3] = [2.0, 2.0, 2.0]
    try:
        assert find_ends(section, "people_alpha")[0] == (2.0, "3 personas share it")
    finally:
        values[:3] = personas[:3]


def test_agreement_stands_beside_one_person(blocks: dict[str, Block], evidence: Evidence) -> None:
    block = blocks["agreement-with-people"]
    records = read_table(block, "agreement-with-people")

    assert [(each["llm"], each["question"]) for each in records] == [
        (llm, question) for question in ("offensiveness", "racism") for llm in ("one", "two")
    ]
    section = next(each for each in list_sections(evidence) if "people_alpha" in each.columns)
    alphas = section.columns["people_alpha"]
    assert records[0]["persona_alpha"] == pytest.approx(np.mean(alphas[:7]))
    assert records[0]["control_alpha"] == pytest.approx(np.mean(alphas[7:11]))
    assert records[0]["empty_alpha"] == alphas[11]
    reference = section.measure["details"]["people"]["reference"]["alpha"]
    assert records[0]["reference_alpha"] == reference
    assert len(read_table(block, "agreement-with-people-settings")) == 2 * 2 * 12
    marks = [value for value in list_values(block.figures[1]) if "is" in value]
    assert [value["v"] for value in marks] == pytest.approx(
        [record["reference_alpha"] for record in records], abs=1e-5
    )


def test_cosines_are_shown_with_and_without_those_who_refuse(blocks: dict[str, Block]) -> None:
    block = blocks["cosines-with-people"]
    records = read_table(block, "cosines-with-people")

    left_out = [each for each in records if each["n_left_out"]]
    assert {(each["llm"], each["selection"]) for each in left_out} == {("two", "few missing")}
    assert all(each["n_correlated"] == 11 for each in left_out)
    values = list_values(block.figures[0])
    few = [value for value in values if value.get("series") == "asked, few missing"]
    assert {value["llm"] for value in few} == {"two"}
    assert "12 people on 30 items" in block.lead


def test_correlations_of_people_stand_beside_those_of_llms(blocks: dict[str, Block]) -> None:
    block = blocks["attitude-correlations"]

    people = read_table(block, "human-correlations")
    every = read_table(block, "correlations")

    assert {each["correlated_in"] for each in every} == {"people", "one", "two"}
    assert len(people) == 3 + 6
    assert len(every) == len(people) * (1 + 2 * 2)
    assert all(each["r_low"] <= each["r"] <= each["r_high"] for each in people)


def test_numbers_of_people_stand_in_the_csv_of_a_measure(evidence: Evidence) -> None:
    section = next(each for each in list_sections(evidence) if "people_alpha" in each.columns)

    keys = {column.key for column in list_columns(section, for_page=False)}

    assert {"people_alpha", "people_alpha_ordinal", "people_shift_low", "people_items"} <= keys
    header, first, *_ = write_csv(section).splitlines()
    at = header.split(",").index("people_alpha")
    assert float(first.split(",")[at]) == section.columns["people_alpha"][0]


def test_without_people_or_statements_a_page_has_what_there_is() -> None:
    statements = make_evidence({("one", "attitudes"): make_statements(0)})
    choices = make_slice(
        make_settings(4, 2), np.zeros((7, 5)), kind=Kind.CHOICE, tags=[{}] * 5
    )  # fmt: skip
    neither = make_evidence({("one", "sums"): choices})

    assert list_annotation_blocks(statements) == []
    (only,) = list_association_blocks(statements)
    assert "No people are part of this experiment" in only.lead
    assert [figure.slug for figure in only.figures] == ["attitude-correlations"]
    assert len(list_attitude_blocks(statements)) == 3
    for make in (list_attitude_blocks, list_annotation_blocks, list_association_blocks):
        assert make(neither) == []


def test_what_cannot_be_compared_says_why_and_is_still_drawn() -> None:
    refused, posts = make_statements(0), make_posts(0)
    refused.codes[:] = REFUSED
    evidence = make_evidence({("one", "attitudes"): refused, ("one", "posts"): posts})

    found = {block.slug: block for make in BLOCKS["attitudes"] for block in make(evidence)}

    cosines = found["cosines-with-people"]
    assert all(each.verdict.startswith("Not defined: ") for each in cosines.findings)
    assert cosines.figures == ()
    assert found["attitude-tests"].findings[0].verdict == "0 of 0 (3 not defined)"
    for block in found.values():
        for figure in block.figures:
            vl_convert.vegalite_to_svg({**figure.spec, "width": 600}, vl_version=VEGALITE)
