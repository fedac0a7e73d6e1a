"""Pages as HTML: what stands on each of them, and what stands around all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from analysis.report.blocks import Block, Column, DetailTable
from analysis.report.concordance import list_concordance
from analysis.report.contents import Contents
from analysis.report.definitions import DEFINITIONS, Definition
from analysis.report.numbers import describe_provenance, list_datasets
from analysis.report.overview import (
    list_banners,
    list_cautions,
    make_coverage_table,
    make_flagged_table,
    make_glance_table,
)
from analysis.report.pages import Page
from analysis.report.rendering import render
from analysis.report.views import Linker, SectionView, TableView, view_section, view_table

MOST_REASONS = 20  # why cells failed, the most frequent ones


@dataclass(frozen=True, slots=True)
class BlockView:
    """A topic's block with its tables as templates take them."""

    block: Block
    tables: Sequence[TableView]


class Renderer:
    """Makes every page of one report."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.provenance = describe_provenance(contents.evidence)
        self.written_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")

    def render_overview(self) -> str:
        """Coverage, warnings, every measure in one line, and where everything is."""
        contents, links = self.contents, Linker(self.contents, "")
        flagged = make_flagged_table(contents)
        tables = [
            make_coverage_table(contents),
            make_glance_table(contents, contents.sections, slug="glance"),
            *([flagged] if flagged else []),
        ]
        views = [view_table(table, links, is_tall=table is flagged) for table in tables]
        blocks = _view_blocks(contents.blocks["overview"], links)
        return self._render(
            "overview.html.jinja",
            "",
            page="overview",
            title=contents.evidence.experiment.spec.get("title", ""),
            shown=[*views, *_list_views(blocks)],
            cautions=list_cautions(contents),
            coverage=views[0],
            glance=views[1],
            flagged=views[2:],
            failures=contents.evidence.failures[:MOST_REASONS],
            blocks=blocks,
            concordance=list_concordance(contents),
            people=_group_people(contents),
        )

    def render_question(self, page: Page) -> str:
        """A research question: its topics' blocks, every measure of every LLM, closing blocks."""
        contents, links = self.contents, Linker(self.contents, "")
        sections = contents.list_page_sections(page.name)
        has_tables = contents.has_tables(page.name)
        views = [view_section(section, links, has_table=has_tables) for section in sections]
        below = {
            section.slug: _view_blocks(contents.section_blocks[section.slug], links)
            for section in sections
        }
        blocks = _view_blocks(contents.blocks[page.name], links)
        closing = _view_blocks(contents.closing_blocks[page.name], links)
        glance = make_glance_table(contents, sections, slug="glance")
        tables = [view_table(glance, links)] if sections else []
        return self._render(
            "question.html.jinja",
            "",
            page=page.name,
            title=page.title,
            shown=[*tables, *_list_views(blocks), *_list_section_views(views), *(
                view for each in below.values() for view in _list_views(each)),
                *_list_views(closing)],
            numbers=[key for section in sections for key in section.numbers],
            question=page.question,
            glance=tables,
            blocks=blocks,
            sections=views,
            below=below,
            closing=closing,
        )  # fmt: skip

    def render_llm(self, llm: str) -> str:
        """One LLM: where it comes from, what it answered, all its measures with their tables."""
        contents, links = self.contents, Linker(self.contents, "../")
        sections = [each for each in contents.sections if each.progress.llm == llm]
        views = [view_section(section, links, has_table=True) for section in sections]
        coverage = make_coverage_table(contents)
        mine = [row for row in coverage.rows if row[0].value == llm]
        tables = [
            view_table(coverage._replace(rows=mine), links),
            view_table(make_glance_table(contents, sections, slug="glance"), links),
        ]
        blocks = _view_blocks(contents.llm_blocks[llm], links)
        return self._render(
            "llm.html.jinja",
            "../",
            page="",
            title=llm,
            shown=[*tables, *_list_views(blocks), *_list_section_views(views)],
            numbers=[],
            llm=next((each for each in contents.evidence.llms if each.name == llm), None),
            note=contents.evidence.notes.get(llm),
            coverage=tables[0],
            glance=tables[1],
            sections=views,
            blocks=blocks,
        )

    def render_persona(self, label: str, tables: Sequence[DetailTable]) -> str:
        """One persona over all LLMs and measures."""
        contents, links = self.contents, Linker(self.contents, "../")
        views = [view_table(table, links, is_tall=True) for table in tables]
        blocks = _view_blocks(contents.persona_blocks[label], links)
        return self._render(
            "persona.html.jinja",
            "../",
            page="",
            title=label,
            shown=[*views, *_list_views(blocks)],
            setting=contents.settings[label],
            category=contents.find_category(label),
            tables=views,
            blocks=blocks,
        )

    def _render(
        self,
        template: str,
        root: str,
        *,
        shown: Iterable[TableView],
        numbers: Sequence[str] = (),
        **words: Any,
    ) -> str:
        contents = self.contents
        evidence = contents.evidence
        return render(
            template,
            root=root,
            evidence=evidence,
            experiment=evidence.experiment,
            contents=contents,
            banners=list_banners(evidence),
            provenance=self.provenance,
            datasets=list_datasets(self.provenance),
            written_at=self.written_at,
            definitions=_list_definitions(shown, numbers),
            all_definitions=DEFINITIONS,
            **words,
        )


def _view_blocks(blocks: Iterable[Block], links: Linker) -> list[BlockView]:
    return [
        BlockView(block, [view_table(table, links) for table in block.tables if table.on_page])
        for block in blocks
    ]


def _list_views(blocks: Iterable[BlockView]) -> Iterable[TableView]:
    return (table for block in blocks for table in block.tables)


def _list_section_views(sections: Iterable[SectionView]) -> Iterable[TableView]:
    for section in sections:
        yield from section.tables
        if section.table is not None:
            yield section.table


def _list_definitions(tables: Iterable[TableView], numbers: Sequence[str]) -> list[Definition]:
    """What the columns of a page and its findings mean, each once."""
    columns: list[Column] = [column for table in tables for column in table.columns]
    found = [Definition(column.title, column.meaning) for column in columns if column.meaning]
    return list(dict.fromkeys([*found, *(DEFINITIONS[key] for key in numbers)]))


def _group_people(contents: Contents) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {category: [] for category in contents.categories}
    for label in contents.settings:
        groups[contents.find_category(label)].append(label)
    return groups
