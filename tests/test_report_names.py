"""Names as people write them: quotes, slashes, other alphabets, markup, one slug for several."""

import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from invented_experiments import QUICK, ask, join_asked, make_evidence, make_people, mark_right
from planted import PEOPLE, answer_all, answer_plausibly, plan_questions
from report_folder import Report
from sqlalchemy import Engine

from analysis.joint import join_slices
from analysis.publish import publish_report
from analysis.report.addresses import make_slug, tell_apart
from analysis.report.blocks import Block, Figure, make_table
from analysis.report.contents import Contents
from analysis.report.definitions import merge_topics
from analysis.report.definitions.record import Definition
from analysis.report.namesakes import rename_blocks
from analysis.report.sections import Section
from analysis.report.site import write_site
from models.coverage import SliceProgress, find_experiment
from models.settings import Settings

ODD = (
    'a "quoted" person',
    "an A/C engineer",
    "an O'Neil",
    "a C person",
    "a C++ person",
    "a </script><b>person",
    "100% & #1 \\ {x}",
    "日本人",
    "ein Ärztin",
    "../up",
    "🙂",
)


def publish(engine: Engine, folder: Path, **options: Any) -> Report:
    stored = plan_questions(engine, folder, n_items=6, **options)
    answer_all(engine, stored.experiment, answer_plausibly)
    with engine.connect() as connection:
        experiment = find_experiment(connection, "planted")
    settings = Settings(_env_file=None, home=folder / "home")
    return Report(publish_report(engine, settings, experiment).page.parent)


def test_only_identifiers_are_read_without_their_underscores() -> None:
    record = {"label": "K_1 50%", "llm": "li_on", "dataset": "my_quiz", "category": "social_class"}

    table = make_table("odd", "Odd", [record], writers={})

    texts = [cell.text for cell in table.rows[0]]
    assert texts == ["K_1 50%", "li_on", "my_quiz", "social class"]
    assert [cell.value for cell in table.rows[0]] == list(record.values())


def find_broken_links(report: Report) -> list[tuple[str, str]]:
    ids = {path: set(report.parse(text).ids) for path, text in report.pages.items()}
    broken = []
    for path, text in report.pages.items():
        parsed = report.parse(text)
        for link in [*parsed.links, *parsed.files]:
            if link.startswith(("http", "data:", "mailto:")) or not link:
                continue
            file, _, anchor = unquote(link).partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            is_there = (report.folder / target).exists()
            if not is_there or (anchor and target in ids and anchor not in ids[target]):
                broken.append((path, link))
    return broken


def test_oddly_named_personas_have_pages_tables_and_links(engine: Engine, tmp_path: Path) -> None:
    people = {**PEOPLE, **{name: "odd / “one”" for name in ODD}}

    report = publish(
        engine, tmp_path, people=people, settings='templates = ["paper", "clean"]', n_controls=3
    )

    rows = report.read_csv("scripted-sums-paper-accuracy.csv")
    assert {row["label"] for row in rows} >= set(ODD)
    assert sum(path.startswith("personas/") for path in report.pages) == len(rows)
    assert find_broken_links(report) == []
    assert not any("</script><b>person" in page for page in report.pages.values())
    for path, page in report.pages.items():
        twice = [each for each, n in Counter(report.parse(page).ids).items() if n > 1]
        assert (path, twice) == (path, [])


@pytest.mark.parametrize(
    ("one", "other"), [("日本", "中国"), ("ärger", "örger"), ("信任", ""), ("!!", "??")]
)
def test_names_beyond_ascii_have_slugs_of_their_own(one: str, other: str) -> None:
    slugs = {make_slug("tiny", name, "accuracy") for name in (one, other)}

    assert len(slugs) == 2
    assert all(slug.isascii() and slug.startswith("tiny-") for slug in slugs)


def test_two_measures_named_in_another_alphabet_do_not_share_files() -> None:
    part = SliceProgress(1, "tiny", "survey", "paper", 1, 1, 0, 0, 0, False)
    slugs = {
        Section(part, "likert", {"name": "mean_answer", "of": of}, [], 1).slug
        for of in ("信任", "焦虑", "")
    }

    assert len(slugs) == 3


def test_slugs_that_do_not_meet_are_left_as_they_are() -> None:
    assert tell_apart(["a", "b"], ["A", "B"]) == ["a", "b"]


def test_slugs_that_meet_have_digests_of_their_names_whatever_their_order() -> None:
    one, other = tell_apart(["a-b", "a-b"], ["a.b", "a_b"])

    assert len({one, other, "a-b"}) == 3
    assert tell_apart(["a-b", "a-b"], ["a_b", "a.b"]) == [other, one]
    assert re.fullmatch(r"a-b-[0-9a-f]{8}", one)


def test_equal_names_are_numbered_and_what_is_taken_is_left_alone() -> None:
    first, second = tell_apart(["a", "a"], ["same", "same"])

    assert second == f"{first}-2"
    assert tell_apart(["a"], ["own"], taken={"a"}) != ["a"]


def test_tables_and_figures_of_blocks_with_one_name_have_files_of_their_own() -> None:
    table = make_table("a-b", "", [{"llm": "lion"}], writers={})
    figure = Figure("a-b-curve", "A curve", "", {})
    blocks = [Block("a-b", title, tables=(table,), figures=(figure,)) for title in ("a.b", "a_b")]

    named = rename_blocks(blocks, tables={"a-b"}, figures=())

    for slugs in (
        {block.slug for block in named},
        {block.tables[0].slug for block in named} | {"a-b"},
        {block.figures[0].slug for block in named},
    ):
        assert len(slugs) >= 2
    assert len({block.tables[0].slug for block in named} - {"a-b"}) == 2


def test_two_templates_that_differ_in_punctuation_do_not_share_files(
    engine: Engine, tmp_path: Path
) -> None:
    templates = (
        'templates = ["one.two", "one-two"]\n'
        '[template."one.two"]\nbase = "paper"\nstatement = "Be {noun}."\n'
        '[template."one-two"]\nbase = "paper"\nstatement = "Act as {noun}."\n'
    )

    report = publish(engine, tmp_path, settings=templates, n_controls=3)

    names = [path.name for path in (report.folder / "tables").glob("*-accuracy*.csv")]
    of_settings = [
        each for each in names if re.fullmatch(r"scripted-sums-.*-accuracy-\w{8}.csv", each)
    ]
    assert len(of_settings) == 2
    assert find_broken_links(report) == []
    for path, page in report.pages.items():
        twice = [each for each, n in Counter(report.parse(page).ids).items() if n > 1]
        assert (path, twice) == (path, [])


def test_two_llms_that_differ_in_punctuation_do_not_share_files(tmp_path: Path) -> None:
    rng, people = np.random.default_rng(0), make_people(["a cook", "a poet", "a judge"])
    slices = join_asked(
        [
            ask(llm, "quiz", people, mark_right(rng.random((len(people), 30)) < skill))
            for llm, skill in (("li.on", 0.4), ("li-on", 0.7))
        ]
    )
    evidence = make_evidence(slices, join_slices(slices, QUICK))
    evidence = replace(evidence, samples={"a cook": []})

    write_site(evidence, tmp_path)

    report = Report(tmp_path)
    assert find_broken_links(report) == []
    sections = Contents(evidence).sections
    assert len({section.slug for section in sections}) == len(sections)
    for section in sections:
        rows = report.read_csv(f"{section.slug}.csv")
        assert [float(row["score"]) for row in rows] == pytest.approx(section.columns["score"])
    curves = [path.stem for path in (tmp_path / "figures").glob("specifications-li-on-quiz-*.js")]
    assert len(curves) == 2
    page = report.parse(report.pages["personas/a-cook.html"])
    anchors = [each for each in page.ids if each.startswith("answers-")]
    led = {link.partition("#")[2] for link in report.parse(report.page).links if "a-cook" in link}
    assert len(anchors) == 2
    assert set(anchors) <= led  # each LLM's tables lead to its own


def test_a_number_that_two_topics_define_is_refused() -> None:
    one, other = {"second": Definition("With", "a")}, {"second": Definition("Second", "b")}

    with pytest.raises(ValueError, match="second"):
        merge_topics([one, other])
