"""The report's layout in a headless Chromium: nothing cut or unreadable, on desk and paper."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browser import Browser, find_chromium, open_browser
from invented_experiments import QUICK, ask, join_asked, make_evidence, make_people

from analysis.joint import join_slices
from analysis.readings import FAILED, FILTERED, MISSING, REFUSED, UNREADABLE
from analysis.report.site import write_site
from models.items import Kind

pytestmark = pytest.mark.chromium

TWO_SCROLLBARS = 30  # pixels that a window and a table may lose to classic ones
PERSONAS = (
    "a person with a professional or doctoral degree",
    "a neuroscientist",
    "an upper-class person",
    "a person of Christianity belief",
)
ATTITUDES = ("tidiness", "curiosity", "mirth")
CODES = (0, 0, 0, 1, 1, REFUSED, UNREADABLE, FILTERED, FAILED, MISSING)
DRAW_ALL = """
    for (const figure of document.querySelectorAll("[data-figure]")) {
        figure.scrollIntoView();
        while (!figure.querySelector("svg.marks")) await new Promise((r) => setTimeout(r, 20));
    }
    await new Promise((r) => setTimeout(r, 50));
"""
# Texts of figures that reach out of their figure or are cut short; on a phone the names of rows
# may be, and whoever hovers or taps reads them whole.
FIND_CUT = """
    const isPhone = innerWidth < 600;
    return [...document.querySelectorAll("[data-figure] svg.marks")].flatMap((svg) => {
        const frame = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")].filter((each) => {
            const box = each.getBoundingClientRect();
            const isOut = box.left < frame.left - 1 || box.right > frame.right + 1
                || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
            const isCut = each.textContent.endsWith("…")
                && !(isPhone && each.closest(".role-axis-label"));
            return box.width > 0 && (isOut || isCut);
        }).map((each) => each.textContent);
    });
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium on the PATH")
    with open_browser(chromium, tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two LLMs, choices and two attitudes, every outcome there is, long names."""
    folder = tmp_path_factory.mktemp("layout")
    rng = np.random.default_rng(0)
    people = [
        replace(each, category="professional_qualification") if each.category == "people" else each
        for each in make_people(PERSONAS)
    ]
    tags = [{"attitude": attitude, "cluster": str(n)} for attitude in ATTITUDES for n in range(8)]
    asked = []
    for llm in ("lion-of-the-north-7b", "tiger"):
        choices = rng.choice(CODES, (len(people), 12_000))  # counts as wide as BBQ’s
        alike, other = rng.integers(1, 6, (2, len(people), 1))  # the first two go together
        points = np.hstack([*[alike + np.zeros(8, np.int64)] * 2, other + np.zeros(8, np.int64)])
        asked.append(ask(llm, "quiz", people, choices))
        asked.append(ask(llm, "survey", people, points, kind=Kind.LIKERT, tags=tags, n_options=5))
    slices = join_asked(asked)
    write_site(make_evidence(slices, join_slices(slices, QUICK)), folder)
    return folder


def list_pages(report: Path) -> list[Path]:
    personas = sorted(report.glob("personas/*.html"))[:1]
    return [*sorted(report.glob("*.html")), *sorted(report.glob("llms/*.html")), *personas]


def test_a_measure_comes_before_what_hangs_on_its_analysis(report: Path) -> None:
    page = (report / "performance.html").read_text()

    at_measure = page.index('<section id="tiger-quiz-paper-accuracy"')
    assert at_measure < page.index('<section id="specifications-accuracy"')


@pytest.mark.parametrize("width", [390, 1440])
def test_no_text_of_a_figure_is_cut(browser: Browser, report: Path, width: int) -> None:
    n_figures = 0
    for page in list_pages(report):
        browser.open(page, width=width)

        cut = browser.evaluate(DRAW_ALL + FIND_CUT)

        assert (page.name, cut) == (page.name, [])
        n_figures += browser.evaluate('return document.querySelectorAll("svg.marks").length')
    assert n_figures >= 12


def test_tables_fit_a_desk_even_with_every_outcome_and_scrollbars(
    browser: Browser, report: Path
) -> None:
    for page in list_pages(report):
        browser.open(page, width=1440 - TWO_SCROLLBARS)

        wide = browser.evaluate(
            """
            return [...document.querySelectorAll(".scroller")]
                .filter((each) => each.scrollWidth > each.clientWidth)
                .map((each) => [each.querySelector("table").id, each.scrollWidth]);
            """
        )

        assert (page.name, wide) == (page.name, [])


def test_a_row_of_a_table_is_a_few_lines_high_on_a_phone(browser: Browser, report: Path) -> None:
    for page in list_pages(report):
        browser.open(page, width=390)

        tall = browser.evaluate(
            """
            return [...document.querySelectorAll("tbody tr")]
                .filter((row) => row.offsetHeight > 110)
                .map((row) => [row.closest("table").id, row.offsetHeight]);
            """
        )

        assert (page.name, tall) == (page.name, [])


def test_a_number_in_a_coloured_cell_has_the_ink_that_suits_it(
    browser: Browser, report: Path
) -> None:
    browser.open(report / "attitudes.html", width=1440)

    inks = browser.evaluate(
        DRAW_ALL
        + """
        const figure = document.querySelector('[data-figure="attitude-correlations"]');
        return [...figure.querySelectorAll(".mark-text.role-mark text")]
            .filter((each) => /^[−0-9.]+$/.test(each.textContent))
            .map((each) => [each.textContent, getComputedStyle(each).fill]);
        """
    )

    assert len(inks) >= 2
    for text, ink in inks:
        is_strong = abs(float(text.replace("−", "-"))) > 0.6
        assert ink == ("rgb(255, 255, 255)" if is_strong else "rgb(26, 29, 33)"), text


def test_on_paper_figures_are_the_files_and_headings_are_text(
    browser: Browser, report: Path
) -> None:
    read = """
        const isShown = (each) => getComputedStyle(each).display !== "none";
        const heading = document.querySelector("thead th");
        return [[...document.querySelectorAll(".plot img")].filter(isShown).length,
            [...document.querySelectorAll(".plot .drawn")].filter(isShown).length,
            isShown(heading.querySelector("button")), getComputedStyle(heading, "::after").content];
    """
    seen = {}
    for query in ("", "?persona=a+neuroscientist"):
        browser.open(report / "performance.html", width=1440, query=query)
        n_figures = browser.evaluate(
            DRAW_ALL + 'return document.querySelectorAll("[data-figure]").length;'
        )
        screen = browser.evaluate(read)
        browser.call("Emulation.setEmulatedMedia", media="print")
        seen[query] = browser.evaluate(read)
        browser.call("Emulation.setEmulatedMedia", media="")
        assert screen == [0, n_figures, True, "none"]

    assert seen[""] == [n_figures, 0, False, '"LLM"']
    assert seen["?persona=a+neuroscientist"][:2] == [0, n_figures]  # with the mark


# The drawing of every figure that has personas in it.
READ_DRAWINGS = """
    return Object.fromEntries([...document.querySelectorAll("[data-figure]")]
        .filter((each) => JSON.stringify(farmFigures[each.dataset.figure])
            .includes("lower(datum.label)"))
        .map((each) => [each.dataset.figure, each.querySelector("svg.marks").outerHTML]));
"""


@pytest.mark.parametrize("query", ["?persona=a+neuroscientist", "?hide=control"])
def test_a_search_and_a_hidden_category_show_in_every_figure_of_personas(
    browser: Browser, report: Path, query: str
) -> None:
    n_figures = 0
    for page in list_pages(report):
        browser.open(page, width=1440)
        before = browser.evaluate(DRAW_ALL + READ_DRAWINGS)
        browser.open(page, width=1440, query=query)

        after = browser.evaluate(DRAW_ALL + READ_DRAWINGS)

        has_controls = {name for name in before if "side-by-side" not in name}  # the others' zero
        wanted = has_controls if "hide" in query else set(before)
        assert {name for name in wanted if after[name] == before[name]} == set(), page.name
        n_figures += len(wanted)
    assert n_figures >= 12
