"""Tables and measures as the templates take them: texts, links, and what the page's script reads.

Templates compute nothing; what is decided for a cell or a row is decided here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analysis.report.blocks import Cell, Column, DetailTable, Finding
from analysis.report.contents import Contents
from analysis.report.definitions import DEFINITIONS
from analysis.report.figures import describe_strip, name_band
from analysis.report.findings import list_findings
from analysis.report.sections import Section
from analysis.report.special_findings import list_special_findings
from analysis.report.tables import RARE, list_columns, list_rows, list_undefined

_OF_PERSONAS = (
    "label",
    "first",
    "second",
    "persona",
    "highest",
    "lowest",
)  # columns whose words are personas
SHORT_WORDS = 18  # characters of words that may stand in a column of any width
SIGNIFICANT_DIGITS = 7  # of what a column is sorted by


class CellView(NamedTuple):
    """A cell; ``value`` is what it is sorted by where its text does not do."""

    text: str
    value: str
    kind: str  # its classes: "word", "long", "counts", "undefined"; "" for a number
    href: str


class RowView(NamedTuple):
    """A row, and the persona and category that searching and switching look for."""

    label: str
    category: str
    cells: list[CellView]


@dataclass(frozen=True, slots=True)
class TableView:
    """A table on a page."""

    slug: str
    title: str
    columns: Sequence[Column]
    rows: list[RowView]
    remarks: Sequence[str]  # what is not defined, and why
    sorted_by: str = ""  # a column's key, highest first
    is_tall: bool = False


@dataclass(frozen=True, slots=True)
class SectionView:
    """One measure of one LLM on a page."""

    section: Section
    title: str
    findings: Sequence[Finding]
    alternative: str
    table: TableView | None  # of the settings; None: it stands on the LLM's page
    tables: Sequence[TableView]  # its further ones
    tables_page: str  # where the table of settings is


class Linker:
    """Links from one page, ``root`` being its way back to the report's folder ("", "../")."""

    def __init__(self, contents: Contents, root: str) -> None:
        self.contents = contents
        self.root = root

    def link_persona(self, label: str, *, llm: str = "", dataset: str = "") -> str:
        """A persona's page, at the answers of an LLM to a data set where both are given."""
        page = self.contents.persona_pages.get(label)
        if page is None:
            return ""
        anchor = self.contents.answer_anchors.get((llm, dataset), "")
        return f"{self.root}{page}{anchor}"

    def link_llm(self, llm: str, *, anchor: str = "") -> str:
        """An LLM's page."""
        page = self.contents.llm_pages.get(llm)
        return "" if page is None else f"{self.root}{page}{f'#{anchor}' if anchor else ''}"

    def link_section(self, slug: str) -> str:
        """A measure on the page of its research question."""
        link = self.contents.section_links.get(slug)
        return "" if link is None else f"{self.root}{link}"


def view_table(
    table: DetailTable, links: Linker, *, llm: str = "", dataset: str = "", is_tall: bool = False
) -> TableView:
    """A topic's table; ``llm`` and ``dataset`` are what all of it is about, if it is."""
    return TableView(
        table.slug,
        table.title,
        table.columns,
        _view_rows(table.columns, table.rows, links, llm=llm, dataset=dataset),
        table.undefined,
        is_tall=is_tall or len(table.rows) > 30,
    )


def view_settings(section: Section, links: Linker) -> TableView:
    """The table of a measure's settings."""
    columns = list_columns(section, for_page=True)
    part = section.progress
    rows = list_rows(section, columns)
    has = section.columns
    none_of = [DEFINITIONS[key].title.lower() for key in RARE if not any(has[key])]
    remarks = [*list_undefined(section, columns), "The CSV has further columns, and all digits."]
    if none_of:
        left_out = f"No cell is {' or '.join(none_of)}: columns left out here."
        remarks = [left_out, *remarks]
    return TableView(
        section.slug,
        "The settings",
        [each._replace(is_word=each.is_word or each.key == "verdict") for each in columns],
        _view_rows(columns, rows, links, llm=part.llm, dataset=part.dataset),
        remarks,
        sorted_by="score",
        is_tall=True,
    )


def view_section(section: Section, links: Linker, *, has_table: bool) -> SectionView:
    """A measure with all that stands below its heading."""
    part = section.progress
    llm = f", {part.llm}" if len(links.contents.llm_pages) > 1 else ""
    template = f", {part.template}" if links.contents.has_templates else ""
    return SectionView(
        section,
        f"{part.dataset}: {section.title.lower()}{llm}{template}",
        [*list_findings(section), *list_special_findings(section)],
        describe_strip(section),
        view_settings(section, links) if has_table else None,
        [
            view_table(table, links, llm=part.llm, dataset=part.dataset)
            for table in links.contents.details[section.slug]
            if table.on_page
        ],
        links.link_llm(part.llm, anchor=f"table-{section.slug}"),
    )


def _view_rows(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    links: Linker,
    *,
    llm: str,
    dataset: str,
) -> list[RowView]:
    keys = [column.key for column in columns]

    def read(cells: Sequence[Cell], key: str, default: str = "") -> str:
        return str(cells[keys.index(key)].value or "") if key in keys else default

    views = []
    for cells in rows:
        label = read(cells, "label")
        found = links.contents.find_category(label) or name_band(read(cells, "category"))
        of = {"llm": read(cells, "llm", llm), "dataset": read(cells, "dataset", dataset)}
        view = [
            _view_cell(column, cell, _link_cell(column.key, cell, links, **of))
            for column, cell in zip(columns, cells, strict=True)
        ]
        has_category = bool(label) or "category" in keys
        views.append(RowView(label, found if has_category else "", view))
    return views


def _link_cell(key: str, cell: Cell, links: Linker, *, llm: str, dataset: str) -> str:
    name = cell.value
    if not isinstance(name, str):
        return ""
    if key in _OF_PERSONAS:
        return links.link_persona(name, llm=llm, dataset=dataset)
    if key == "measure_of":
        return links.link_section(name)
    return links.link_llm(name) if key == "llm" else ""


def _view_cell(column: Column, cell: Cell, href: str) -> CellView:
    if cell.value is None:
        kind = "undefined word" if column.is_word else "undefined"
        return CellView(cell.text, "", kind, "")
    if cell.is_word:
        kind = "word long" if len(cell.text) > SHORT_WORDS else "word"
        return CellView(cell.text, "", kind, href)
    is_told = isinstance(cell.value, int | str)  # the text sorts as well
    value = "" if is_told else f"{cell.value:.{SIGNIFICANT_DIGITS}g}"
    return CellView(cell.text, value, "counts" if cell.parts else "", href)
