"""What stands in a report, and that it can be written from whatever there is."""

import re
from pathlib import Path
from typing import Any

import pytest
from planted import (
    MISSING,
    PEOPLE,
    Cell,
    Reply,
    Rule,
    answer_all,
    answer_plausibly,
    plan_questions,
    store_experiment,
)
from report_folder import Report
from sqlalchemy import Engine, text

from analysis.publish import publish_report
from models.coverage import find_experiment
from models.settings import Settings

FIVE = ("correct", "wrong", "refused", "unreadable", "cut_off")


def write_report(
    engine: Engine, folder: Path, rule: Rule, *, partial: bool = False, **options: Any
) -> Report:
    stored = plan_questions(engine, folder, **{"n_items": 8, **options})
    answer_all(engine, stored.experiment, rule)
    return publish(engine, folder, "planted", partial=partial)


def publish(engine: Engine, folder: Path, name: str, *, partial: bool = False) -> Report:
    settings = Settings(_env_file=None, home=folder / "home")
    with engine.connect() as connection:
        experiment = find_experiment(connection, name)
    return Report(publish_report(engine, settings, experiment, partial=partial).page.parent)


def test_csv_numbers_and_page_tell_the_same(engine: Engine, tmp_path: Path) -> None:
    report = write_report(engine, tmp_path, answer_plausibly)

    measure, _ = report.numbers["measures"]  # accuracy, refusals
    rows = report.read_csv("scripted-sums-paper-accuracy.csv")
    heading, *shown = report.tables["table-scripted-sums-paper-accuracy"]
    by_persona = {cells[0]: dict(zip(heading, cells, strict=True)) for cells in shown}
    assert [row["label"] for row in rows] == [row["label"] for row in measure["settings"]]
    assert set(by_persona) == {row["label"] for row in rows}
    for row, setting in zip(rows, measure["settings"], strict=True):
        cells = by_persona[row["label"]]
        assert float(row["score"]) == setting["accuracy"]
        assert cells["Accuracy"] == f"{100 * setting['accuracy']:.1f}%"
        for key in FIVE:
            assert int(row[key]) == setting[key]
        counts = cells["Correct / wrong / refused / unreadable / cut off"]
        assert counts.replace("\N{NO-BREAK SPACE}", " ") == " / ".join(
            str(setting[key]) for key in FIVE
        )
        if setting["low"] is None:
            assert (row["low"], cells["95% interval"]) == ("", "not defined")
            assert "low: its items all score alike" in row["not_defined"]
        else:
            ends = f"{100 * setting['low']:.1f} – {100 * setting['high']:.1f}"
            assert cells["95% interval"] == ends


def test_every_number_has_a_definition(engine: Engine, tmp_path: Path) -> None:
    stored = store_experiment(engine, tmp_path, "demo")
    answer_all(engine, stored.experiment, answer_plausibly)

    report = publish(engine, tmp_path, "demo")

    definitions = report.numbers["definitions"]
    for part in report.numbers["coverage"]:
        assert set(part["numbers"]) <= set(definitions)
    for measure in report.numbers["measures"]:
        assert {number["name"] for number in measure["numbers"]} <= set(definitions)
        columns = set(measure["settings"][0]) - {"label", "category", "role"}
        assert columns <= set(definitions)
    assert {"git_revision", "spec_hash", "libraries"} <= set(report.numbers["provenance"])


def test_coverage_comes_first_and_counts_every_outcome(engine: Engine, tmp_path: Path) -> None:
    replies: dict[int, Reply | str] = {
        0: "A",
        1: "I am sorry, but I cannot answer that.",
        2: "Hm.",
        3: Reply(failed="the prompt is too long"),
    }
    report = write_report(engine, tmp_path, lambda cell: replies[cell.index], n_items=4)

    heading, row = report.tables["table-coverage"]
    found = dict(zip(heading, row, strict=True))
    assert found["Planned"] == "76"
    assert (found["Answered"], found["Refused"], found["Unreadable"]) == ("19", "19", "19")
    assert (found["Failed"], found["Missing"]) == ("19", "0")
    assert "19 × the prompt is too long" in report.page


def test_a_toy_is_called_a_toy(engine: Engine, tmp_path: Path) -> None:
    report = write_report(engine, tmp_path, answer_plausibly)

    assert all("have no scientific meaning" in page for page in report.pages.values())


def test_a_planted_effect_is_told_in_words(engine: Engine, tmp_path: Path) -> None:
    report = write_report(
        engine,
        tmp_path,
        lambda c: c.right if c.index < (19 if c.category == "reader" else 5) else c.wrong,
        n_items=20,
    )

    text = report.page.replace("\N{NO-BREAK SPACE}", " ")
    assert "Yes, p = 0.0001." in text
    assert "<strong>70.0 percentage points.</strong>" in text
    assert "the smallest value that so many can give" in text


def test_a_partial_report_warns_on_every_page_and_in_every_section(
    engine: Engine, tmp_path: Path
) -> None:
    def leave_a_gap(cell: Cell) -> Reply | str:
        return MISSING if cell.persona == "a reader of book 3" else answer_plausibly(cell)

    report = write_report(engine, tmp_path, leave_a_gap, partial=True)

    assert {path.partition("/")[0] for path in report.pages} >= {
        "report.html", "performance.html", "refusals.html", "llms", "personas"
    }  # fmt: skip
    assert all("<strong>Partial.</strong> 8 of" in page for page in report.pages.values())
    measure, _ = report.numbers["measures"]  # accuracy, refusals
    assert report.page.count("Partial: cells are missing.") == 2
    gap = next(row for row in measure["settings"] if row["label"] == "a reader of book 3")
    assert (gap["accuracy"], gap["missing"]) == (None, 8)


def test_a_report_is_written_again_when_its_answers_change(engine: Engine, tmp_path: Path) -> None:
    def fail_one(cell: Cell) -> Reply | str:
        return Reply(failed="too long") if cell.index == 0 else answer_plausibly(cell)

    stored = plan_questions(engine, tmp_path, n_items=8)
    answer_all(engine, stored.experiment, fail_one)

    first = publish(engine, tmp_path, "planted")
    with engine.begin() as connection:  # as --retry-failed and its workers would leave it
        connection.execute(text("DELETE FROM failure"))
        connection.execute(text("DELETE FROM generation"))
    answer_all(engine, stored.experiment, answer_plausibly)
    mended = publish(engine, tmp_path, "planted")

    failed = [report.numbers["coverage"][0]["numbers"]["failed"] for report in (first, mended)]
    assert failed == [19, 0]
    link, folder = sorted(mended.folder.parent.iterdir())
    assert (link.name, link.resolve()) == ("planted", folder.resolve())


@pytest.mark.parametrize(
    ("options", "rule", "said"),
    [
        ({"people": {}, "n_controls": 0}, answer_plausibly, "fewer than two settings"),
        ({"n_controls": 0}, answer_plausibly, "no control among the settings"),
        ({"people": {}}, answer_plausibly, "no persona among the settings"),
        ({}, lambda _: "I am sorry, but I cannot answer that.", "no item on which settings differ"),
        ({}, lambda _: Reply(failed="broken"), "no cell that counts was answered"),
        ({"n_items": 1}, answer_plausibly, "single cluster"),
        ({"n_controls": 1}, answer_plausibly, "fewer than two"),
    ],
    ids=[
        "only-empty",
        "no-controls",
        "no-personas",
        "refused",
        "failed",
        "one-item",
        "one-control",
    ],
)
def test_whatever_is_undefined_is_said_and_never_zero(
    engine: Engine, tmp_path: Path, options: dict[str, Any], rule: Rule, said: str
) -> None:
    report = write_report(engine, tmp_path, rule, **options)

    assert said in report.page
    measure, _ = report.numbers["measures"]  # accuracy, refusals
    undefined = [number for number in measure["numbers"] if number["value"] is None]
    assert undefined
    assert all(number["not_defined"] for number in undefined)


def test_words_of_users_and_llms_cannot_become_markup(engine: Engine, tmp_path: Path) -> None:
    evil = "a </script><script>alert(1)</script> person"
    report = write_report(
        engine,
        tmp_path,
        lambda c: Reply(failed="<img src=x>") if c.index == 0 else "A",
        people={**PEOPLE, evil: "<b>category"},
    )

    for page in report.pages.values():
        assert "<script>alert(1)" not in page
        assert "<img src=x" not in page
        assert "<b>category" not in page
    assert "&lt;/script&gt;" in report.page
    of_people = set(report.folder.glob("figures/*.js"))
    of_people -= set(report.folder.glob("figures/specifications-*.js"))  # these name nobody
    for script in (*of_people, report.folder / "assets" / "people.js"):
        assert evil in script.read_text()  # as a string of a file, where no tag can end it


def test_every_link_leads_somewhere_and_every_file_is_the_reports_own(
    engine: Engine, tmp_path: Path
) -> None:
    report = write_report(engine, tmp_path, answer_plausibly)

    for path, markup in report.pages.items():
        parsed = report.parse(markup)
        here = (report.folder / path).parent
        assert len(parsed.ids) == len(set(parsed.ids)), path
        for link in (*parsed.links, *parsed.files):
            file, _, anchor = link.partition("#")
            target = here / file if file else report.folder / path
            assert target.is_file(), (path, link)
            assert target.resolve().is_relative_to(report.folder.resolve())
            if anchor:
                assert anchor in report.parse(target.read_text()).ids, link


def test_every_table_is_there_as_csv_and_latex_and_every_figure_as_svg_and_pdf(
    engine: Engine, tmp_path: Path
) -> None:
    report = write_report(engine, tmp_path, answer_plausibly)

    slugs = {key.removeprefix("table-") for key in report.tables}
    assert slugs >= {"coverage", "glance", "scripted-sums-paper-accuracy"}
    for slug in slugs:
        assert (report.folder / "tables" / f"{slug}.csv").is_file()
        assert (report.folder / "tables" / f"{slug}.tex").is_file()
    figures = re.findall(r'data-figure="([^"]+)"', report.page)
    assert len(figures) >= len(report.numbers["measures"])
    for slug in figures:
        assert (report.folder / "figures" / f"{slug}.svg").read_text().startswith("<svg")
        assert (report.folder / "figures" / f"{slug}.pdf").read_bytes().startswith(b"%PDF")
