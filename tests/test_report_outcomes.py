"""The outcomes of every setting's cells beside its score: on pages, in LaTeX and in CSV files."""

import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from invented_accuracies import PEOPLE as ASKED_OF_THREE
from invented_accuracies import THREE, ask_three, spread_shares
from invented_experiments import QUICK, ask, join_asked, make_evidence, make_people

from analysis.overall import describe_overall
from analysis.readings import REFUSED, UNREADABLE
from analysis.report.blocks import Cell, write_details_csv
from analysis.report.contents import Contents
from analysis.report.latex import write_latex
from analysis.report.performance_blocks import list_performance_blocks
from analysis.report.persona_pages import list_people
from analysis.report.sections import Section
from analysis.report.tables import list_columns, list_rows, write_csv
from analysis.report.views import Linker, view_settings
from models.items import Kind

CHOICES = "Correct / wrong / refused / unreadable / cut off"
SCALES = "Answered / refused / unreadable / cut off"
FIVE = ["correct", "wrong", "refused", "unreadable", "cut_off"]
PEOPLE = make_people(["a cook", "a poet"])
BBQ = {"target_loc": 1, "groups": ["x", "y", "unknown"], "category": "c"}
TAGS = [{**BBQ, "context_condition": context} for context in ("ambig", "disambig") * 4]


@pytest.fixture(scope="module")
def contents() -> Contents:
    """The cook has 3 right, 2 wrong, 2 refusals, 1 unreadable, 4 texts cut off; a survey too."""
    choices = np.array([[0, 0, 0, 1, 2, REFUSED, REFUSED, UNREADABLE]] * len(PEOPLE), np.int8)
    choices[1:, 4:] = 0
    points = np.array([[1, 5, 3, REFUSED]] * len(PEOPLE), np.int8)
    quiz = ask("lion", "quiz", PEOPLE, choices, tags=TAGS)
    cut_off = np.zeros(choices.shape, np.bool_)
    cut_off[0, :4] = True
    quiz = quiz._replace(array=replace(quiz.array, cut_off=cut_off))
    survey = ask("lion", "survey", PEOPLE, points, kind=Kind.LIKERT, n_options=5)
    return Contents(make_evidence(join_asked([quiz, survey]), {}))


def find_sections(contents: Contents, dataset: str) -> dict[str, Section]:
    found = [each for each in contents.sections if each.progress.dataset == dataset]
    return {section.name: section for section in found}


def read_cells(section: Section) -> dict[str, str]:
    """The row of the cook as a page has it."""
    columns = list_columns(section, for_page=True)
    (row,) = (each for each in list_rows(section, columns) if each[0].text == "a cook")
    return {column.title: read_text(cell) for column, cell in zip(columns, row, strict=True)}


def read_text(cell: Cell) -> str:
    return cell.text.replace("\N{NO-BREAK SPACE}", " ")


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_measure_of_choices_shows_the_five_outcomes_of_each_setting(
    contents: Contents,
) -> None:
    sections = find_sections(contents, "quiz")

    assert set(sections) == {"accuracy", "bias_score", "unknown_frequency", "refusal_rate"}
    for name, section in sections.items():
        assert (name, read_cells(section)[CHOICES]) == (name, "3 / 2 / 2 / 1 / 4")
        (cook,) = (row for row in read_csv(write_csv(section)) if row["label"] == "a cook")
        assert (name, [cook[key] for key in FIVE]) == (name, ["3", "2", "2", "1", "4"])


def test_where_nothing_is_right_or_wrong_the_answered_stand_first(contents: Contents) -> None:
    sections = find_sections(contents, "survey")

    assert set(sections) == {"mean_answer", "refusal_rate"}
    for section in sections.values():
        cells = read_cells(section)
        assert CHOICES not in cells
        assert cells[SCALES] == "3 / 1 / 0 / 0"
        assert "correct" not in write_csv(section).splitlines()[0]


def test_choices_of_which_some_have_no_right_answer_are_not_called_wrong() -> None:
    asked = ask("lion", "quiz", PEOPLE, np.zeros((len(PEOPLE), 2), np.int8))
    items = (asked.array.items[0], replace(asked.array.items[1], answer=None))
    asked = asked._replace(array=replace(asked.array, items=items))

    sections = find_sections(Contents(make_evidence(join_asked([asked]), {})), "quiz")

    assert read_cells(sections["accuracy"])[CHOICES] == "1 / 0 / 0 / 0 / 0"  # of the one that has
    assert read_cells(sections["refusal_rate"])[SCALES] == "2 / 0 / 0 / 0"


def test_the_column_is_sorted_by_what_was_not_answered(contents: Contents) -> None:
    section = find_sections(contents, "quiz")["accuracy"]

    table = view_settings(section, Linker(contents, ""))

    (at,) = (at for at, column in enumerate(table.columns) if column.title == CHOICES)
    values = {row.label: row.cells[at].value for row in table.rows}
    assert (values["a cook"], values["a poet"]) == ("3", "0")


def test_a_personas_page_has_them_in_one_column_and_its_csv_in_one_each(
    contents: Contents,
) -> None:
    table = list_people(contents)["a cook"]

    titles = [column.title for column in table.columns]
    at = titles.index(CHOICES)
    assert [read_text(row[at]) for row in table.rows] == [
        *["3 / 2 / 2 / 1 / 4"] * 4,
        *["3 answered / 1 / 0 / 0"] * 2,
    ]
    first, *_, last = read_csv(write_details_csv(table))
    assert [first[key] for key in ("answered", *FIVE)] == ["5", "3", "2", "2", "1", "4"]
    assert [last[key] for key in ("answered", *FIVE)] == ["3", "", "", "1", "0", "0"]
    assert "outcomes" not in first
    assert None not in first  # a heading for every value


def test_in_latex_the_heading_has_a_line_for_each_outcome(contents: Contents) -> None:
    section = find_sections(contents, "quiz")["accuracy"]
    columns = list_columns(section, for_page=True)

    text = write_latex("quiz", "Quiz", columns, list_rows(section, columns))

    heading = r"\shortstack[r]{Correct /\\ wrong /\\ refused /\\ unreadable /\\ cut off}"
    assert text.count(heading) == 2  # on the first page and on every other
    assert "& 3~/ 2~/ 2~/ 1~/ 4 " in text


def test_accuracy_over_data_sets_has_the_outcomes_of_all_of_them() -> None:
    slices = join_asked(ask_three("lion", dict.fromkeys(THREE, spread_shares(0.7))))
    joint: dict[str, Any] = {"overall_accuracy": describe_overall(slices, QUICK)}

    (block,) = list_performance_blocks(make_evidence(slices, joint))

    (table,) = (each for each in block.tables if each.title == "Overall accuracy of every setting")
    at = [column.title for column in table.columns].index(CHOICES)
    assert table.rows[0][1].text == ASKED_OF_THREE[0]
    assert read_text(table.rows[0][at]) == "42 / 18 / 0 / 0 / 0"  # 14 of 20 right, three times
    first = read_csv(write_details_csv(table))[0]
    assert [first[key] for key in ("answered", *FIVE)] == ["60", "42", "18", "0", "0", "0"]
