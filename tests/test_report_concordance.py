"""The paper's figures and tables on the report: how they are named, and where they are."""

import re

import numpy as np
import pytest
from invented_experiments import ask, join_asked, make_evidence, make_people, mark_right
from invented_paper import invent_paper
from report_folder import PageParser

from analysis.report.concordance import list_concordance
from analysis.report.contents import Contents
from analysis.report.paper_labels import (
    PaperLabel,
    add_labels,
    find_labels,
    strip_labels,
    write_labels,
)
from analysis.report.renderer import Renderer

FIGURES = [f"Figure {number}" for number in range(2, 13)]
TABLES = [f"Table {number}" for number in (1, 2, 6, 7, 8, 9, 10)]


@pytest.fixture(scope="module")
def contents() -> Contents:
    """A report on all five data sets."""
    return Contents(invent_paper())


@pytest.fixture(scope="module")
def pages(contents: Contents) -> dict[str, str]:
    """Overview and research questions by file."""
    renderer = Renderer(contents)
    questions = {f"{page.name}.html": renderer.render_question(page) for page in contents.pages}
    return {"report.html": renderer.render_overview(), **questions}


def read_page(text: str) -> PageParser:
    parser = PageParser()
    parser.feed(text)
    return parser


def test_the_overview_leads_to_every_figure_and_table_of_the_paper(
    contents: Contents, pages: dict[str, str]
) -> None:
    entries = list_concordance(contents)

    ids = {path: read_page(text).ids for path, text in pages.items()}
    overview = read_page(pages["report.html"]).links
    assert [entry.label for entry in entries] == [*FIGURES, *TABLES]
    for entry in entries:
        for place in entry.places:
            path, _, anchor = place.href.partition("#")
            assert anchor in ids[path], entry.label
            assert place.href in overview
            assert place.title
            assert not find_labels(place.title)


def test_a_figure_or_table_is_named_where_it_stands(
    contents: Contents, pages: dict[str, str]
) -> None:
    for entry in list_concordance(contents):
        kind, number = entry.label.split()
        named = rf"{kind}s? (\d+(, | and ))*{number}\b"
        for place in entry.places:
            path, _, anchor = place.href.partition("#")
            before, _, after = pages[path].partition(f'id="{anchor}"')
            words = after.partition("</figcaption>")[0] if kind == "Figure" else before[-600:]
            assert re.search(named, words), entry.label


def test_a_title_names_what_stands_below_it_and_nothing_else(contents: Contents) -> None:
    for page in contents.pages:
        for block in contents.blocks[page.name]:
            tables = [table.title for table in block.tables if table.on_page]
            texts = [*(figure.caption for figure in block.figures), *tables]
            below = {label for text in texts for label in find_labels(text)}
            assert set(find_labels(block.title)) == below, block.title
            assert not any("Fig. " in text for text in [block.title, block.lead, *texts])


def test_what_is_not_on_the_report_has_no_entry() -> None:
    settings = make_people(["a cook", "a poet"])
    knows = np.arange(12) < np.arange(len(settings))[:, None]
    slices = join_asked([ask("one", "sums", settings, mark_right(knows))])
    contents = Contents(make_evidence(slices, {}))

    overview = Renderer(contents).render_overview()

    assert list_concordance(contents) == []
    assert 'id="concordance"' not in overview


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SDs (Figure 8 of the paper).", [("Figure", 8)]),
        ("Refusals (Figures 7, 9 and 10)", [("Figure", 7), ("Figure", 9), ("Figure", 10)]),
        ("Own people (Tables 8 and 9), 3 of 4", [("Table", 8), ("Table", 9)]),
        ("Figure 5, bottom row", [("Figure", 5)]),
        ("tables and figures of 2024", []),
    ],
)
def test_words_name_figures_and_tables(text: str, found: list[tuple[str, int]]) -> None:
    assert find_labels(text) == [PaperLabel(*each) for each in found]


def test_labels_are_written_in_the_papers_order_and_taken_off_again() -> None:
    texts = ["(Figure 10)", "(Figure 7 of the paper)", "Table 2", "nothing"]

    assert write_labels(texts) == "Figures 7 and 10 and Table 2"
    assert add_labels("Refusals", texts[:2]) == "Refusals (Figures 7 and 10)"
    assert add_labels("Refusals", texts[3:]) == "Refusals"
    assert strip_labels("Refusals (Figures 7 and 10)") == "Refusals"
    assert strip_labels("Refusals (of all)") == "Refusals (of all)"
