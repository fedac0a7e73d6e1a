"""All that the report shows, gathered once: measures, blocks, and where everything stands."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.evidence import Evidence
from analysis.report.addresses import address_answers, address_llms, address_personas
from analysis.report.blocks import Block, DetailTable
from analysis.report.details import list_details
from analysis.report.figures import name_band
from analysis.report.namesakes import rename_blocks
from analysis.report.pages import (
    BLOCKS,
    CLOSING_BLOCKS,
    LLM_BLOCKS,
    PAGES,
    PERSONA_BLOCKS,
    SECTION_BLOCKS,
    Page,
    name_page,
)
from analysis.report.sections import Section, list_sections
from analysis.report.summary import summarise

# Rows of settings that a page of a research question may have; with more (a dozen LLMs' measures of
# two hundred settings), the tables stand on the LLMs' own pages alone.
MOST_ROWS = 2_500
OWN_TABLES = ("coverage", "glance", "flagged")  # of the overview


@dataclass(frozen=True)
class Contents:
    """A report's evidence with everything that is made of it for several pages."""

    evidence: Evidence

    @cached_property
    def sections(self) -> list[Section]:
        """Every measure of every slice."""
        return list_sections(self.evidence)

    @cached_property
    def summary(self) -> list[dict[str, Any]]:
        """A row per section, in their order."""
        return summarise(self.sections)

    @property
    def blocks(self) -> Mapping[str, list[Block]]:
        """Page -> the topics' blocks on it."""
        return self._blocks[0]

    @property
    def closing_blocks(self) -> Mapping[str, list[Block]]:
        """Page -> the topics' blocks after its measures."""
        return self._blocks[4]

    @property
    def section_blocks(self) -> Mapping[str, list[Block]]:
        """Slug of a section -> its blocks."""
        return self._blocks[1]

    @cached_property
    def details(self) -> Mapping[str, list[DetailTable]]:
        """Slug of a section -> its further tables."""
        return {section.slug: list_details(section) for section in self.sections}

    @property
    def persona_blocks(self) -> Mapping[str, list[Block]]:
        """Label -> blocks of that persona's page."""
        return self._blocks[2]

    @property
    def llm_blocks(self) -> Mapping[str, list[Block]]:
        """LLM -> blocks of its page."""
        return self._blocks[3]

    @cached_property
    def _blocks(self) -> list[Mapping[str, list[Block]]]:
        """Blocks of pages, sections, personas, LLMs, and pages' ends; no two files of one name."""
        evidence = self.evidence
        found: list[dict[str, list[Block]]] = [
            {name: _describe(functions, evidence) for name, functions in BLOCKS.items()},
            {section.slug: _describe(SECTION_BLOCKS, section) for section in self.sections},
            {label: _describe(PERSONA_BLOCKS, evidence, label) for label in self.persona_pages},
            {llm: _describe(LLM_BLOCKS, evidence, llm) for llm in self.llm_pages},
            {page.name: _describe(CLOSING_BLOCKS.get(page.name, ()), evidence) for page in PAGES},
        ]
        slugs = {section.slug for section in self.sections}
        details = {table.slug for tables in self.details.values() for table in tables}
        every = [block for part in found for blocks in part.values() for block in blocks]
        own = iter(rename_blocks(every, tables={*slugs, *details, *OWN_TABLES}, figures=slugs))
        return [{name: [next(own) for _ in part[name]] for name in part} for part in found]

    def list_blocks(self) -> Iterator[Block]:
        """The topics' blocks of all pages."""
        for found in self._blocks:
            for blocks in found.values():
                yield from blocks

    @cached_property
    def settings(self) -> Mapping[str, dict[str, str]]:
        """Label -> the setting, of all slices."""
        return {
            setting["label"]: setting
            for part in self.evidence.coverage.parts
            for setting in self.evidence.results[part.slice]["settings"]
        }

    @cached_property
    def persona_pages(self) -> Mapping[str, str]:
        """Label -> path of its page."""
        return address_personas(self.settings)

    def name_persona(self, label: str) -> str:
        """A persona as its page's file is called, for names of its tables."""
        return self.persona_pages[label].removeprefix("personas/").removesuffix(".html")

    @cached_property
    def llm_pages(self) -> Mapping[str, str]:
        """LLM -> path of its page."""
        return address_llms(part.llm for part in self.evidence.coverage.parts)

    @cached_property
    def answer_anchors(self) -> Mapping[tuple[str, str], str]:
        """LLM and data set -> "#..." of its answers on every persona's page."""
        asked = ((part.llm, part.dataset) for part in self.evidence.coverage.parts)
        return {pair: f"#{anchor}" for pair, anchor in address_answers(asked).items()}

    @cached_property
    def categories(self) -> list[str]:
        """Categories of settings as readers see them, in the experiment's order."""
        named = (name_band(setting["category"]) for setting in self.settings.values())
        return list(dict.fromkeys(named))

    @cached_property
    def pages(self) -> list[Page]:
        """The pages that have something on them."""
        measured = {name_page(section) for section in self.sections}
        return [page for page in PAGES if page.name in measured or self.blocks[page.name]]

    @property
    def has_templates(self) -> bool:
        """Whether a prompt's template must be named to tell two slices apart."""
        return len({part.template for part in self.evidence.coverage.parts}) > 1

    @cached_property
    def section_links(self) -> Mapping[str, str]:
        """Slug of a section -> where its page has it."""
        return {each.slug: f"{name_page(each)}.html#{each.slug}" for each in self.sections}

    def list_page_sections(self, page: str) -> list[Section]:
        """The measures of a page."""
        return [section for section in self.sections if name_page(section) == page]

    def has_tables(self, page: str) -> bool:
        """Whether a page has the tables of settings itself."""
        rows = sum(len(section.settings) for section in self.list_page_sections(page))
        return rows <= MOST_ROWS

    def find_category(self, label: str) -> str:
        """A setting's category as readers see it."""
        return name_band(self.settings[label]["category"]) if label in self.settings else ""


def _describe(functions: Iterable[Callable[..., list[Block]]], *about: Any) -> list[Block]:
    return [block for describe in functions for block in describe(*about)]
