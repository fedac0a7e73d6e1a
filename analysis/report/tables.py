"""Tables: what stands in which column, how it is written, and the same as CSV.

A cell keeps its raw number beside its words, so that the page sorts by it and the CSV has all its
digits. What is not defined is empty in the CSV and named in its last column.
"""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from analysis.report.blocks import Cell, Column
from analysis.report.definitions import DEFINITIONS
from analysis.report.figures import name_band
from analysis.report.outcome_counts import JOINED, name_column, write_outcomes
from analysis.report.sections import Section
from analysis.report.wording import (
    NOT_DEFINED,
    write_bare_p,
    write_count,
    write_difference,
    write_fixed,
    write_score,
)

OUTCOMES = ("answered", "refused", "unreadable", "filtered", "failed", "missing")
UNANSWERED = OUTCOMES[1:]
RARE = ("filtered", "failed", "missing")  # a column on the page only where there are any
_SCORES = ("score", "low", "high", "score_answered", "score_lowest", "score_highest",
           "score_paper", "truth", "shrunken", "shrunken_low", "shrunken_high")  # fmt: skip
_OF_TRUTH = ("minus_truth", "minus_truth_low", "minus_truth_high")
_CHOSEN = ("biased", "known", "unknown")  # counts of a bias score, of an unknown frequency
_EXCHANGE = ("p_exchange", "p_exchange_side")
_CONTRASTS = ("difference_error", "band_low", "band_high", "p_flip", *_EXCHANGE, "p_adjusted",
              "verdict")  # fmt: skip
_RANKS = ("rank", "rank_low", "rank_high", "rank_unflagged")
_CHANCES = ("chance_top", "chance_bottom")
_SHRUNKEN = ("shrunken", "shrunken_low", "shrunken_high")
_SELECTION = (*_SHRUNKEN, *_RANKS, *_CHANCES)
_PLACES = ("place_t", "place_p")
_COMMON = ("common_difference", "common_error", "common_items")  # where answers can be missing
# Columns that hold nothing for controls and the empty setting: personas are compared with those.
OF_PERSONAS = (
    *_CONTRASTS,
    "verdict_by_controls",
    "smallest_effect",
    "empty_difference",
    *(f"empty_{key}" for key in _CONTRASTS if key not in _EXCHANGE),
    "empty_smallest_effect",
    *_SELECTION,
)
_VERDICTS = ("verdict", "verdict_by_controls", "empty_verdict")
_WORDINGS = ("wording_sd", "wording_sd_0", "wording_sd_paper", "unreversed")  # of a questionnaire
_PEOPLE = "people_"  # columns of settings beside people who rated the same items


def list_columns(section: Section, *, for_page: bool) -> list[Column]:
    """The columns of a section: in the CSV all, on the page those that fit beside each other."""
    has = section.columns
    answers = [key for key in ("score_answered",) if key in has]
    if for_page:
        rare = [key for key in RARE if any(has[key])]
        keys = ["score", "interval", "difference", "p_adjusted", "verdict"]
        keys += ["minus_truth"] if "minus_truth" in has else []
        keys += [name_column(has), *rare, *answers]
        keys += ["bounds"] if "score_lowest" in has else []
    else:
        keys = ["score", "low", "high", "standard_error", "difference", *_PLACES]
        keys += [*OF_PERSONAS, *(key for key in _COMMON if key in has), "is_flagged"]
        keys += [key for key in ("correct", "wrong", "truth", *_OF_TRUTH, *_CHOSEN) if key in has]
        others = [key for key in ("score_lowest", "score_highest", "score_paper") if key in has]
        keys += [*OUTCOMES, "cut_off", *answers, *others]
        keys += [key for key in _WORDINGS if key in has]
        keys += [key for key in has if key.startswith(_PEOPLE)]
    words = [Column("label", "Persona", "The persona as it was sent.", is_word=True)]
    words.append(Column("category", "Category", "Its category in the persona set.", is_word=True))
    if not for_page:
        words.append(Column("role", "Role", "persona, control or empty.", is_word=True))
    return [*words, *(_describe_column(key, section) for key in keys)]


def _describe_column(key: str, section: Section) -> Column:
    if key == "score":
        title, meaning = DEFINITIONS[section.name]
        return Column(key, title, meaning)
    if key == "bounds":
        meaning = "The score if every answer that is not there scored lowest, and highest."
        return Column(key, "Bounds", meaning)
    return Column(key, *DEFINITIONS[key])


def list_rows(section: Section, columns: Sequence[Column]) -> list[list[Cell]]:
    """A row of cells per setting, the best score first and undefined ones last."""
    scores = section.columns["score"]
    order = sorted(
        range(len(scores)), key=lambda row: (scores[row] is None, -(scores[row] or 0.0), row)
    )
    return [[_make_cell(section, column, row) for column in columns] for row in order]


def _make_cell(section: Section, column: Column, row: int) -> Cell:
    if column.is_word:
        word = section.settings[row][column.key]
        return Cell(name_band(word) if column.key == "category" else word, word, True)
    if column.key in {"interval", "bounds"}:
        ends = ("low", "high") if column.key == "interval" else ("score_lowest", "score_highest")
        low, high = (section.columns[end][row] for end in ends)
        if low is None or high is None:
            return Cell(NOT_DEFINED, None)
        pair = (write_score(end, section.name, unit=False) for end in (low, high))
        return Cell(" – ".join(pair), low)
    if column.key in JOINED:
        return write_outcomes(section.columns, row)
    value = section.columns[column.key][row]
    if value is None and not _has_cell(section, column.key, row):
        return Cell("", None)
    if column.key in _VERDICTS and value is not None:
        return Cell(value, value, True)
    return Cell(NOT_DEFINED if value is None else _find_writer(column.key, section)(value), value)


def _has_cell(section: Section, key: str, row: int) -> bool:
    """Whether a column is about this setting at all: a control is not placed among the controls."""
    if key in (*OF_PERSONAS, *_COMMON):
        return is_persona(section, row)
    return key not in _PLACES or section.settings[row]["role"] != "control"


def is_persona(section: Section, row: int) -> bool:
    """Whether a row is neither a control nor the empty setting."""
    return section.settings[row]["role"] == "persona"


def _find_writer(key: str, section: Section) -> Callable[[Any], str]:
    if key in _SCORES:
        return lambda value: write_score(value, section.name)
    if key == "standard_error":
        return lambda value: write_difference(value, section.name, sign=True).removeprefix("+")
    if key == "difference" or key in _OF_TRUTH:
        return lambda value: write_difference(value, section.name, sign=True)
    if key in _PLACES:
        return lambda value: write_fixed(value, digits=2)
    if key.endswith(("p_flip", "p_adjusted")) or key in _EXCHANGE:
        return write_bare_p
    if key in _WORDINGS or (key.startswith(_PEOPLE) and key != "people_items"):
        return lambda value: write_fixed(value, digits=2)
    if key in _RANKS or key == "common_items":
        return lambda value: write_count(round(value))
    if key in _CHANCES:
        return lambda value: write_score(value, "accuracy")
    if key == "is_flagged":
        return lambda value: "yes" if value else "no"
    if key in OF_PERSONAS or key in _COMMON:
        return lambda value: write_difference(value, section.name, sign=True)
    return write_count


def list_undefined(section: Section, columns: Sequence[Column]) -> list[str]:
    """A sentence for every column in which something is not defined."""
    said = []
    for column in columns:
        key = {"interval": "low", "bounds": "score_lowest"}.get(column.key, column.key)
        gaps = sum(
            value is None and _has_cell(section, key, row)
            for row, value in enumerate(section.columns.get(key, []))
        )
        if gaps:
            settings = f"{gaps} {'setting' if gaps == 1 else 'settings'}"
            reason = section.find_reason(key)
            said.append(f"{column.title}: {NOT_DEFINED} for {settings}: {reason}.")
    return said


def write_csv(section: Section) -> str:
    """All columns with all digits, in the experiment's order of settings."""
    columns = list_columns(section, for_page=False)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.key for column in columns] + ["not_defined"])
    for row in range(len(section.settings)):
        cells = [_make_cell(section, column, row) for column in columns]
        gaps = [
            f"{column.key}: {section.find_reason(column.key)}"
            for column, cell in zip(columns, cells, strict=True)
            if cell.value is None and cell.text
        ]
        writer.writerow(
            ["" if cell.value is None else cell.value for cell in cells] + ["; ".join(gaps)]
        )
    return text.getvalue()
