"""The report's folder from invented evidence: several LLMs, names as files, tables as LaTeX."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented_slices import make_section, make_settings, make_slice
from report_folder import Report

from analysis.analyse import describe_slice
from analysis.evidence import Coverage, Evidence, LlmNote
from analysis.measures import Draws
from analysis.performance import measure_accuracy
from analysis.readings import REFUSED, UNREADABLE
from analysis.report.addresses import LONGEST, address_personas
from analysis.report.blocks import Cell, Column
from analysis.report.contents import Contents
from analysis.report.findings import describe_contrasts, describe_gap
from analysis.report.latex import escape_latex, write_latex
from analysis.report.overview import list_cautions, list_flagged
from analysis.report.selection_blocks import list_selection_blocks
from analysis.report.site import write_site
from analysis.report.standings import rank_personas
from analysis.report.summary import list_ties
from models.coverage import SliceProgress, StoredExperiment
from models.items import Kind

QUICK = Draws(n_resamples=50, n_permutations=49)
SETTINGS = make_settings(6, 4)
LLMS = ("lion", "tiger")


def draw_codes(seed: int, *, n_items: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (len(SETTINGS), n_items))


def make_evidence(
    *, llms: tuple[str, ...] = LLMS, notes: dict[str, LlmNote] | None = None, **of_slices: Any
) -> Evidence:
    """Two data sets for every LLM."""
    parts, results = [], {}
    for at, (llm, dataset) in enumerate((llm, data) for llm in llms for data in ("one", "two")):
        tags: list[dict[str, Any]] = [{} for _ in range(12)]
        array = make_slice(SETTINGS, draw_codes(at), kind=Kind.CHOICE, tags=tags, dataset=dataset)
        results[at] = describe_slice(array, QUICK)
        words = {"covered": 132, "failed": 0, "cut_off": 0, "rate_per_s": 0, "is_imported": False}
        parts.append(SliceProgress(at, llm, dataset, "paper", 132, **{**words, **of_slices}))
    spec = {"title": "Cats", "settings": [[each.statement] for each in SETTINGS]}
    return Evidence(
        experiment=StoredExperiment(1, "cats", spec, "0" * 64, "abcdef"),
        coverage=Coverage(tuple(parts), {part.slice: "" for part in parts}),
        results=results,
        llms=(),
        failures=(),
        notes=notes or {},
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("cats")
    write_site(make_evidence(), folder)
    return Report(folder)


def test_every_persona_and_every_llm_has_a_page(report: Report) -> None:
    personas = {path for path in report.pages if path.startswith("personas/")}
    llms = {path for path in report.pages if path.startswith("llms/")}

    assert len(personas) == len(SETTINGS)
    assert llms == {"llms/lion.html", "llms/tiger.html"}
    parsed = report.parse(report.pages["personas/a-person-3.html"])
    heading, *rows = parsed.tables["table-persona-a-person-3"]
    assert [row[0] for row in rows] == ["lion", "tiger"] * 4  # a row per measure
    scores = {
        (each["llm"], each["dataset"]): setting["accuracy"]
        for each in report.numbers["measures"]
        if each["measure"] == "accuracy"
        for setting in each["settings"]
        if setting["label"] == "a person 3"
    }
    at = heading.index("Score")
    shown = [row[at] for row in rows if "accuracy" in row[1]]
    assert sorted(shown) == sorted(f"{100 * score:.1f}%" for score in scores.values())


def test_a_persona_in_a_table_leads_to_its_answers_of_that_llm_and_data_set(
    report: Report,
) -> None:
    section = report.pages["performance.html"].partition('id="tiger-two-paper-accuracy"')[2]

    assert 'href="personas/a-person-3.html#answers-tiger-two"' in section.partition("</section>")[0]


def test_a_measure_of_every_llm_stands_on_the_page_of_its_question(report: Report) -> None:
    assert set(report.pages) >= {"report.html", "performance.html", "refusals.html", "across.html"}
    assert "bias.html" not in report.pages
    ids = report.parse(report.pages["performance.html"]).ids
    assert {f"{llm}-{data}-paper-accuracy" for llm in LLMS for data in ("one", "two")} <= set(ids)


def test_where_there_are_many_settings_their_tables_stand_with_their_llm(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.report.contents.MOST_ROWS", 10)

    write_site(make_evidence(), tmp_path)

    heavy = Report(tmp_path)
    name = "table-lion-one-paper-accuracy"
    assert name in report.parse(report.pages["performance.html"]).ids
    assert name not in heavy.parse(heavy.pages["performance.html"]).ids
    assert f'href="llms/lion.html#{name}"' in heavy.pages["performance.html"]
    assert name in heavy.parse(heavy.pages["llms/lion.html"]).ids


def test_a_page_defines_what_stands_on_it_and_nothing_else(report: Report) -> None:
    overview, performance = (report.pages[name] for name in ("report.html", "performance.html"))

    defined = [page.partition('id="definitions"')[2] for page in (overview, performance)]
    assert ["<dt>Refusal rate</dt>" in page for page in defined] == [False, False]
    assert ["<dt>95% interval</dt>" in page for page in defined] == [False, True]
    assert all("<dt>Kendall’s W</dt>" in page for page in defined)
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", defined[1])
    assert len(pairs) == len(set(pairs)) > 10


def test_numbers_hold_the_contrasts_with_their_margins(report: Report) -> None:
    measure = report.numbers["measures"][0]

    against = measure["contrasts"]["controls"]
    numbers = {number["name"]: number["value"] for number in measure["numbers"]}
    assert against["main"]["delta"] == numbers["margin"]
    assert against["n_significant"] == numbers["n_significant"]
    assert set(against["by_controls"]) == {"delta", "equivalent", "different", "undecided"}
    assert numbers["brown_forsythe"] > 0


def test_numbers_tell_columns_from_items(report: Report) -> None:
    tests, _ = report.numbers["measures"][0]["omnibus"]

    assert (tests["n_columns"], tests["n_columns_asked"]) == (12, 12)
    assert "n_items" not in tests


def test_a_glance_says_on_how_many_prompts_the_tests_stand(tmp_path: Path) -> None:
    evidence = make_evidence(llms=("lion",))
    measure = evidence.results[0]["parts"][0]["measures"][0]
    measure["omnibus"][0]["n_items"] = 7

    write_site(evidence, tmp_path)

    heading, row, *_ = Report(tmp_path).tables["table-glance"]
    found = dict(zip(heading, row, strict=True))
    assert (found["Items"], found["Tested"]) == ("12", "7")


def test_ends_that_personas_share_are_told_as_shared(tmp_path: Path) -> None:
    codes = np.ones((len(SETTINGS), 12), np.int8)
    codes[:3] = 0  # three personas answer everything right, three nothing
    tags: list[dict[str, Any]] = [{} for _ in range(12)]
    part = make_slice(SETTINGS, codes, kind=Kind.CHOICE, tags=tags)
    found = measure_accuracy(part, QUICK)
    assert found is not None

    gap = describe_gap(make_section(found, SETTINGS))

    assert gap.sentence.count("a score that 3 personas share") == 2
    evidence = make_evidence(llms=("lion",))
    evidence.results[0]["parts"] = describe_slice(part, QUICK)["parts"]
    summary = write_site(evidence, tmp_path)
    assert (summary[0]["best_ties"], summary[0]["worst_ties"]) == (3, 3)
    assert "a person 0 and 2 others, 100.0%" in Report(tmp_path).pages["report.html"]


def test_where_all_are_equal_there_is_no_highest_and_no_lowest(tmp_path: Path) -> None:
    codes = np.zeros((len(SETTINGS), 12), np.int8)  # everybody answers everything right
    tags: list[dict[str, Any]] = [{} for _ in range(12)]
    part = make_slice(SETTINGS, codes, kind=Kind.CHOICE, tags=tags)
    found = measure_accuracy(part, QUICK)
    assert found is not None
    section = make_section(found, SETTINGS)

    gap, highest = describe_gap(section), list_selection_blocks(section)[0].findings[0]

    assert gap.verdict == "They are equal"
    assert gap.sentence.startswith("All 6 personas score 100.0%.")
    assert highest.verdict == "All 6 personas are equal: none is the highest"
    evidence = make_evidence(llms=("lion",))
    evidence.results[0]["parts"] = describe_slice(part, QUICK)["parts"]
    write_site(evidence, tmp_path)
    row = Report(tmp_path).tables["table-glance"][1]
    assert row.count("all are equal, 100.0%") == 2


def test_scores_that_differ_by_rounding_share_a_place() -> None:
    codes = draw_codes(0)
    codes[:2] = codes[0]
    tags: list[dict[str, Any]] = [{} for _ in range(12)]
    found = measure_accuracy(make_slice(SETTINGS, codes, kind=Kind.CHOICE, tags=tags), QUICK)
    assert found is not None
    section = make_section(found, SETTINGS)
    section.measure["per_setting"]["score"][1] += 1e-16 + np.spacing(1.0)

    ranks, ties = rank_personas(section), list_ties(section, 0)

    assert ranks[0] == ranks[1]
    assert {0, 1} <= set(ties)


def test_a_band_beyond_the_margin_with_a_large_p_is_explained() -> None:
    tags: list[dict[str, Any]] = [{} for _ in range(12)]
    part = make_slice(SETTINGS, draw_codes(1), kind=Kind.CHOICE, tags=tags)
    found = measure_accuracy(part, QUICK)
    assert found is not None
    clear, clash = (make_section(found, SETTINGS) for _ in range(2))
    clash.measure["per_setting"]["verdict"][2] = "different"
    clash.measure["per_setting"]["p_adjusted"][2] = 0.07
    clear.measure["per_setting"]["verdict"] = ["undecided"] * len(SETTINGS)

    said = [describe_contrasts(section).notes for section in (clear, clash)]

    assert "although the adjusted p is not below 0.05" not in said[0]
    assert "The band of “a person 2” lies beyond the margin although" in said[1]


def test_settings_with_many_answers_missing_are_flagged() -> None:
    evidence = make_evidence(llms=("lion",))
    codes = draw_codes(0)
    codes[1, :3], codes[2, :2] = (REFUSED, UNREADABLE, REFUSED), UNREADABLE  # 3 and 2 of 12
    tags: list[dict[str, Any]] = [{} for _ in range(12)]
    part = make_slice(SETTINGS, codes, kind=Kind.CHOICE, tags=tags, dataset="one")
    evidence.results[0]["parts"] = describe_slice(part, QUICK)["parts"]

    contents = Contents(evidence)

    assert list_flagged(contents.sections[0]) == [("a person 1", 0.25)]
    said = [caution.title for caution in list_cautions(contents)]
    assert said == ["Many answers missing"]


def test_imported_and_retired_llms_are_named(tmp_path: Path) -> None:
    notes = {"lion": LlmNote("", is_toy=False, retired="2026-10-23")}

    write_site(make_evidence(llms=("lion",), notes=notes, is_imported=True), tmp_path)

    page = Report(tmp_path).pages["report.html"]
    assert "<strong>Imported.</strong> The answers of lion were not asked here" in page
    assert "<strong>Retired.</strong> lion was shut down by its provider on 2026-10-23" in page


def test_names_that_make_one_slug_or_none_have_pages_of_their_own() -> None:
    long = "a person who " * 20
    pages = address_personas(["a C person", "a C++ person", "日本", long, long + "2", "a man"])

    assert len(set(pages.values())) == 6
    assert pages["a man"] == "personas/a-man.html"
    assert all(re.fullmatch(r"personas/[a-z0-9-]+\.html", page) for page in pages.values())
    assert all(len(page) < LONGEST + 30 for page in pages.values())


def test_latex_escapes_whatever_a_name_holds() -> None:
    escaped = escape_latex(r"50% of \input{x} & $_#~^ [a] −1 <b>")

    assert escaped == (
        r"50\% of \textbackslash{}input\{x\} \& \$\_\#\textasciitilde{}\textasciicircum{} "
        r"{[}a{]} \ensuremath{-}1 \textless{}b\textgreater{}"
    )


def test_a_latex_table_is_ruled_by_booktabs_and_has_a_cell_per_column() -> None:
    columns = [Column("label", "Who & where", "", is_word=True), Column("score", "Score", "")]
    rows = [
        [Cell("a man \\ woman", "", True), Cell("63.3%", 0.6333)],
        [Cell("[x]", "", True), Cell("not defined", None)],
    ]

    text = write_latex("people", "Scores of 100%", columns, rows)

    lines = text.splitlines()
    assert lines[0] == r"\begin{longtable}{lr}"
    assert lines[1] == r"\caption{Scores of 100\%}\label{tab:people}\\"
    assert lines[-1] == r"\end{longtable}"
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [2, 2, 1]
    body = lines[lines.index(r"\endlastfoot") + 1 : -1]
    assert body == [
        r"a man \textbackslash{} woman & 63.3\% \\",
        r"{[}x{]} & not defined \\",
    ]
    for row in (*body, lines[3]):
        assert len(re.findall(r"(?<!\\)&", row)) == 1


def test_a_figure_is_a_script_that_names_itself(report: Report) -> None:
    (script,) = report.folder.glob("figures/lion-one-paper-accuracy.js")

    name, _, spec = script.read_text().removeprefix("farmFigures[").partition("] = ")

    assert json.loads(name) == "lion-one-paper-accuracy"
    params = {each["name"] for each in json.loads(spec.rstrip(";\n"))["params"]}
    assert params >= {"needle", "hidden_categories"}
