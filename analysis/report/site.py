"""Write the report's folder: pages, and beside them tables, figures and numbers.

report.html                         the overview, where to begin
performance.html, bias.html, ...    a page per research question, several LLMs, trust
personas/*.html, llms/*.html        a page per persona and per LLM
numbers.json                        every number with its definition
tables/*.csv, *.tex                 every table: all digits as CSV, as the page shows it in LaTeX
figures/*.svg, *.pdf, *.js          every figure; the pages draw from the .js
assets/                             style, script and Vega, once for all pages
"""

import json
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from analysis.evidence import Evidence
from analysis.progress import SILENCE, Progress, Stage
from analysis.report.blocks import DetailTable, Figure, write_details_csv
from analysis.report.contents import Contents
from analysis.report.figure_files import FigureFiles, bundle_vega, open_figures
from analysis.report.figures import draw_strip
from analysis.report.latex import write_latex
from analysis.report.numbers import describe_numbers
from analysis.report.overview import make_coverage_table, make_flagged_table, make_glance_table
from analysis.report.persona_pages import list_people
from analysis.report.renderer import Renderer
from analysis.report.rendering import read_asset
from analysis.report.sections import Section
from analysis.report.standings import list_standings
from analysis.report.tables import list_columns, list_rows, write_csv

People = dict[str, list[DetailTable]]  # label -> the tables of its page

ENTRY = "report.html"
FOLDERS = ("assets", "figures", "llms", "personas", "tables")


def write_site(
    evidence: Evidence, folder: Path, *, progress: Progress = SILENCE
) -> list[dict[str, Any]]:
    """Write everything into an empty folder; the summary's rows."""
    contents = Contents(evidence)
    for name in FOLDERS:
        (folder / name).mkdir()
    drawn = partial(progress.advance, Stage.DRAWN)
    with open_figures(folder / "figures", on_written=drawn) as figures:
        _write_figures(contents, figures, progress)
        people = _list_people(contents)
        _write_tables(contents, folder / "tables", people)
        _write_assets(contents, folder / "assets")
        _write_pages(contents, folder, people, progress)
        _write_json(folder / "numbers.json", describe_numbers(contents))
    return contents.summary


def _list_people(contents: Contents) -> People:
    found = list_people(contents), list_standings(contents)
    return {
        label: [each[label] for each in found if label in each and each[label].rows]
        for label in contents.persona_pages
    }


def _write_pages(contents: Contents, folder: Path, people: People, progress: Progress) -> None:
    renderer = Renderer(contents)
    pages: dict[str, Callable[[], str]] = {ENTRY: renderer.render_overview}
    for page in contents.pages:
        pages[f"{page.name}.html"] = partial(renderer.render_question, page)
    for llm, path in contents.llm_pages.items():
        pages[path] = partial(renderer.render_llm, llm)
    for label, path in contents.persona_pages.items():
        pages[path] = partial(renderer.render_persona, label, people[label])
    progress.expect(Stage.WRITTEN, len(pages))
    for path, render in pages.items():
        _write(folder / path, render())
        progress.advance(Stage.WRITTEN)


def _write_figures(contents: Contents, figures: FigureFiles, progress: Progress) -> None:
    of_blocks = [figure for block in contents.list_blocks() for figure in block.figures]
    progress.expect(Stage.DRAWN, len(contents.sections) + len(of_blocks))
    for figure in chain(map(draw_section, contents.sections), of_blocks):
        figures.write(figure)


def draw_section(section: Section) -> Figure:
    """The strip of a measure."""
    return Figure(section.slug, "", "", draw_strip(section))


def _write_tables(contents: Contents, folder: Path, people: People) -> None:
    for section in contents.sections:
        columns = list_columns(section, for_page=True)
        caption = f"{section.progress.dataset}: {section.title.lower()}, {section.progress.llm}"
        latex = write_latex(section.slug, caption, columns, list_rows(section, columns))
        _write(folder / f"{section.slug}.csv", write_csv(section))
        _write(folder / f"{section.slug}.tex", latex)
    for table in chain(_list_tables(contents), *people.values()):
        _write(folder / f"{table.slug}.csv", write_details_csv(table))
        if table.on_page:
            latex = write_latex(table.slug, table.title, table.columns, table.rows)
            _write(folder / f"{table.slug}.tex", latex)


def _list_tables(contents: Contents) -> Iterable[DetailTable]:
    """Every table but those of settings and of personas."""
    yield make_coverage_table(contents)
    yield make_glance_table(contents, contents.sections, slug="glance")
    flagged = make_flagged_table(contents)
    if flagged is not None:
        yield flagged
    for tables in contents.details.values():
        yield from tables
    for block in contents.list_blocks():
        yield from block.tables


def _write_assets(contents: Contents, folder: Path) -> None:
    for name in ("report.css", "report.js"):
        _write(folder / name, read_asset(name))
    _write(folder / "vega.js", bundle_vega())
    people = json.dumps(contents.persona_pages, ensure_ascii=False)
    _write(folder / "people.js", f"const farmPeople = {people};\n")


def _write_json(path: Path, value: Any) -> None:
    _write(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:  # nothing of a report is written over
        file.write(text)
