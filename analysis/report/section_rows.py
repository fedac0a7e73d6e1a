"""Sections of several LLMs beside each other: how they are named, as rows of figures, as means."""

import math
from collections.abc import Iterable
from typing import Any

from analysis.plain import UNDEFINED
from analysis.report.distributions import Row
from analysis.report.sections import Section


def name_llm(section: Section, sections: Iterable[Section]) -> str:
    """The LLM, with its template where there are several."""
    part = section.progress
    has_templates = len({each.progress.template for each in sections}) > 1
    return f"{part.llm}, {part.template}" if has_templates else part.llm


def name_band(section: Section, sections: Iterable[Section]) -> str:
    """The attitude, with its data set where there are several."""
    of = str(section.measure["of"]) or section.progress.dataset
    several = len({each.progress.dataset for each in sections}) > 1
    dataset = section.progress.dataset
    return f"{of} ({dataset})" if several and of != dataset else of


def list_rows(sections: list[Section], column: str) -> list[Row]:
    """A row of a figure for every section, attitude by attitude."""
    rows = [
        Row(
            name_band(section, sections),
            name_llm(section, sections),
            section.settings,
            section.columns[column],
        )
        for section in sections
    ]
    order = list(dict.fromkeys(row.band for row in rows))
    return sorted(rows, key=lambda row: order.index(row.band))


def average_column(section: Section, key: str, *, role: str = "") -> Any:
    """Mean over the settings (of a role) of a column; undefined unless each has the number."""
    values = [
        value
        for value, setting in zip(section.columns[key], section.settings, strict=True)
        if role in ("", setting["role"])
    ]
    if not values:
        return {UNDEFINED: f"no {role} among the settings"}
    if any(value is None for value in values):
        return {UNDEFINED: section.find_reason(key)}
    return math.fsum(values) / len(values)
