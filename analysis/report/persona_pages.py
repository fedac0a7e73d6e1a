"""A persona's page: all its numbers over LLMs and measures, each beside the controls."""

from collections.abc import Mapping
from typing import Any

from analysis.report.addresses import make_slug
from analysis.report.blocks import Cell, DetailTable
from analysis.report.contents import Contents
from analysis.report.outcome_counts import OUTCOME_COUNTS, write_outcomes
from analysis.report.overview import make_columns, name_measure
from analysis.report.sections import Section
from analysis.report.tables import RARE, is_persona
from analysis.report.wording import (
    NOT_DEFINED,
    is_undefined,
    write_bare_p,
    write_count,
    write_difference,
    write_score,
)

KEYS = ("llm", "measure_of", "score", "interval", "control_mean", "difference", "band",
        "p_adjusted", "verdict", OUTCOME_COUNTS, *RARE)  # fmt: skip


def list_people(contents: Contents) -> dict[str, DetailTable]:
    """Label -> its table, a row per LLM, data set, template and measure."""
    rows: dict[str, list[list[Cell]]] = {label: [] for label in contents.persona_pages}
    reasons: dict[str, list[list[str]]] = {label: [] for label in contents.persona_pages}
    for section in contents.sections:
        columns = section.columns
        for row, setting in enumerate(section.settings):
            cells = _describe_setting(contents, section, columns, row)
            label = setting["label"]
            rows[label].append([cells[key] for key in KEYS])
            reasons[label].append(_list_reasons(section, cells))
    return {
        label: _drop_rare(
            DetailTable(
                make_slug("persona", contents.name_persona(label)),
                "All measures",
                True,
                make_columns(*KEYS),
                rows[label],
                reasons[label],
            )
        )
        for label in contents.persona_pages
    }


def _describe_setting(
    contents: Contents,
    section: Section,
    columns: Mapping[str, list[Any]],
    row: int,
) -> dict[str, Cell]:
    name, part = section.name, section.progress
    nothing = Cell(NOT_DEFINED if is_persona(section, row) else "", None)
    undefined = Cell(NOT_DEFINED, None)

    def write_pair(low: str, high: str, *, is_signed: bool, empty: Cell) -> Cell:
        ends = columns[low][row], columns[high][row]
        if None in ends:
            return empty
        pair = (
            write_difference(end, name, sign=True)
            if is_signed
            else write_score(end, name, unit=False)
            for end in ends
        )
        return Cell(" to ".join(pair), ends[0])

    score, difference = columns["score"][row], columns["difference"][row]
    mean = section.measure["control_mean"]
    p, verdict = columns["p_adjusted"][row], columns["verdict"][row]
    return {
        "llm": Cell(part.llm, part.llm, True),
        "measure_of": name_measure(contents, section),
        "score": undefined if score is None else Cell(write_score(score, name), score),
        "interval": write_pair("low", "high", is_signed=False, empty=undefined),
        "control_mean": undefined if is_undefined(mean) else Cell(write_score(mean, name), mean),
        "difference": undefined
        if difference is None
        else Cell(write_difference(difference, name, sign=True), difference),
        "band": write_pair("band_low", "band_high", is_signed=True, empty=nothing),
        "p_adjusted": nothing if p is None else Cell(write_bare_p(p), p),
        "verdict": nothing if verdict is None else Cell(verdict, verdict, True),
        OUTCOME_COUNTS: write_outcomes(columns, row, is_named=True),
        **{key: Cell(write_count(columns[key][row]), columns[key][row]) for key in RARE},
    }


def _list_reasons(section: Section, cells: Mapping[str, Cell]) -> list[str]:
    """Why a cell is not defined, in the words of the column that it is made of."""
    made_of = {"interval": "low", "band": "band_low"}
    found = []
    for key, cell in cells.items():
        if cell.value is None and cell.text:
            mean = section.measure["control_mean"]
            reason = (
                next(iter(mean.values()), "") if key == "control_mean" and mean
                else section.find_reason(made_of.get(key, key))
            )  # fmt: skip
            found.append(f"{key}: {reason}")
    return found


def _drop_rare(table: DetailTable) -> DetailTable:
    """Without the columns of outcomes that no cell of this persona has."""
    kept = [
        at
        for at, column in enumerate(table.columns)
        if column.key not in RARE or any(row[at].value for row in table.rows)
    ]
    return table._replace(
        columns=[table.columns[at] for at in kept],
        rows=[[row[at] for at in kept] for row in table.rows],
    )
