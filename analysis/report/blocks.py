"""What pages are made of: a block has a title, what was found, tables, figures and its numbers.

Every topic makes blocks of plain numbers; the site puts them on its pages, and writes tables as CSV
and LaTeX, figures as SVG and PDF, numbers into numbers.json.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analysis.plain import UNDEFINED
from analysis.report.definitions import DEFINITIONS
from analysis.report.wording import NOT_DEFINED, is_undefined

Writer = Callable[[Any], str]
# Columns of identifiers, read with blanks for underscores; what people named stands as it is.
IDENTIFIERS = {
    *("category", "ranked_group", "items_of", "items_are"),
    *("attitude", "correlated_with", "read_of"),
}


class Finding(NamedTuple):
    """A question, its answer in a few words, a sentence on it, and what to know beside."""

    question: str
    verdict: str
    sentence: str = ""
    notes: str = ""


class Column(NamedTuple):
    """A column of a table."""

    key: str
    title: str
    meaning: str
    is_word: bool = False


class Cell(NamedTuple):
    """One cell: what is read, and what it is sorted by (None: not defined)."""

    text: str
    value: float | str | None
    is_word: bool = False
    parts: tuple[tuple[str, float | str | None], ...] = ()  # its columns in the CSV, if several


class DetailTable(NamedTuple):
    """A table of records, and its CSV."""

    slug: str
    title: str
    on_page: bool  # else in the CSV alone
    columns: list[Column]
    rows: list[list[Cell]]
    reasons: list[list[str]]  # of each row: "column: why it is not defined"

    @property
    def undefined(self) -> list[str]:
        """What is not defined in some row, each said once."""
        titles = {column.key: column.title for column in self.columns}
        said = []
        for reason in dict.fromkeys(reason for row in self.reasons for reason in row):
            key, _, why = reason.partition(": ")
            said.append(f"{titles[key]}: {NOT_DEFINED} where {why}.")
        return said


class Figure(NamedTuple):
    """A Vega-Lite spec that fills its container's width."""

    slug: str  # unique in the report: the name of its files
    caption: str
    alternative: str  # what it shows, for those who cannot see it
    spec: dict[str, Any]


class Turn(NamedTuple):
    """A message of a prompt: who speaks ("system", "user"; "" for a rendered text), and what."""

    role: str
    text: str


class Sample(NamedTuple):
    """One generation to be read: what was asked, what came back, what was made of it."""

    title: str  # in a few words: the outcome and the item
    prompt: tuple[Turn, ...]
    text: str  # as the LLM returned it
    facts: tuple[tuple[str, str], ...]  # name and value: reading, right answer, finish, command


class SampleGroup(NamedTuple):
    """Samples of one LLM and data set, where links from tables lead."""

    anchor: str  # `analysis.report.addresses.address_answers`
    title: str
    note: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One heading of a page and what stands below it."""

    slug: str  # unique in the report
    title: str
    lead: str = ""
    findings: tuple[Finding, ...] = ()
    tables: tuple[DetailTable, ...] = ()
    figures: tuple[Figure, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)  # for numbers.json
    samples: tuple[SampleGroup, ...] = ()


def make_table(
    slug: str,
    title: str,
    records: list[dict[str, Any]],
    *,
    writers: Mapping[str, Writer],
    on_page: bool = True,
) -> DetailTable:
    """A table of records that share their keys, each a definition's; without records it is empty.

    A key without a writer is a word; a `Cell` stands as it is; {"undefined": reason} is not
    defined.

    Raises:
        ValueError: a value is None: what is not defined needs a reason
            (`analysis.report.wording.give_reason`).
    """
    keys = list(records[0]) if records else []
    bare = [key for record in records for key in keys if record[key] is None]
    if bare:
        raise ValueError(f"table {slug!r}: {bare[0]} is not defined and has no reason")
    columns = [Column(key, *DEFINITIONS[key], is_word=key not in writers) for key in keys]
    rows = [[make_cell(key, record[key], writers.get(key)) for key in keys] for record in records]
    reasons = [
        [
            f"{key}: {value[UNDEFINED]}"
            for key, value in record.items()
            if isinstance(value, dict) and UNDEFINED in value
        ]
        for record in records
    ]
    return DetailTable(slug, title, on_page and bool(records), columns, rows, reasons)


def make_cell(key: str, value: Any, write: Writer | None) -> Cell:
    """A cell of a plain value in the column ``key``; without a writer it is a word."""
    if isinstance(value, Cell):
        return value
    if is_undefined(value):
        return Cell(NOT_DEFINED, None)
    if write is not None:
        return Cell(write(value), value)
    word = str(value)
    return Cell(word.replace("_", " ") if key in IDENTIFIERS else word, value, True)


def write_details_csv(table: DetailTable) -> str:
    """All digits; what is not defined is empty and named in the last column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_list_keys(table), "not_defined"])
    for cells, reasons in zip(table.rows, table.reasons, strict=True):
        values = [value for cell in cells for _, value in cell.parts or (("", cell.value),)]
        writer.writerow(["" if value is None else value for value in values] + ["; ".join(reasons)])
    return text.getvalue()


def _list_keys(table: DetailTable) -> list[str]:
    """The CSV's columns: a cell with parts has the same ones in every row."""
    parts = [cell.parts for cell in table.rows[0]] if table.rows else [()] * len(table.columns)
    pairs = zip(table.columns, parts, strict=True)
    return [key for column, of in pairs for key, _ in of or ((column.key, None),)]
