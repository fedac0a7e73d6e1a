"""The overview: what was asked and answered, what to beware of, and every measure in one line."""

from typing import Any, NamedTuple

from analysis.evidence import Evidence
from analysis.report.blocks import Cell, Column, DetailTable
from analysis.report.contents import Contents
from analysis.report.definitions import DEFINITIONS
from analysis.report.sections import Section
from analysis.report.summary import ALL_EQUAL
from analysis.report.tables import OUTCOMES, UNANSWERED
from analysis.report.wording import NOT_DEFINED, write_count, write_plural, write_score
from analysis.statistics.scorings import MISSING_SHARE
from models.coverage import SliceProgress


class Caution(NamedTuple):
    """What a reader must know before any number."""

    kind: str  # the style of its banner: "toy", "partial"
    title: str
    text: str


def list_cautions(contents: Contents) -> list[Caution]:
    """Every warning of the overview, the gravest first; `list_banners` has those of all pages."""
    evidence = contents.evidence
    found = [
        Caution(
            "partial",
            "Partial data set",
            f"{name} was asked without {', '.join(gaps)}: every number about it is of the rest, "
            "and is not that of the whole data set.",
        )
        for name, gaps in evidence.partial_datasets.items()
    ]
    imported = dict.fromkeys(part.llm for part in evidence.coverage.parts if part.is_imported)
    if imported:
        found.append(
            Caution(
                "toy",
                "Imported",
                f"The answers of {', '.join(imported)} were not asked here: they are the authors’ "
                "published ones.",
            )
        )
    for llm in contents.llm_pages:
        note = evidence.notes.get(llm)
        if note is not None and note.retired:
            found.append(
                Caution(
                    "toy",
                    "Retired",
                    f"{llm} was shut down by its provider on {note.retired}: nobody can ask it "
                    "again.",
                )
            )
    flagged = sum(len(list_flagged(section)) > 0 for section in contents.sections)
    if flagged:
        found.append(
            Caution(
                "partial",
                "Many answers missing",
                f"In {write_plural(flagged, 'measure')} some settings have more than "
                f"{MISSING_SHARE:.0%} of their answers missing (refused, unreadable, filtered, "
                "failed or not asked). They are listed below; what is missing can by itself make "
                "a difference.",
            )
        )
    return found


def list_banners(evidence: Evidence) -> list[Caution]:
    """What stands at the top of every page."""
    found = []
    names = dict.fromkeys(part.llm for part in evidence.coverage.parts)
    toys = [name for name in names if name in evidence.notes and evidence.notes[name].is_toy]
    if toys:
        verb = "is" if len(toys) == 1 else "are"
        found.append(
            Caution(
                "toy",
                "A toy",
                f"{' and '.join(toys)} {verb} made to exercise the farm. Its answers, and every "
                "number that comes from them, have no scientific meaning.",
            )
        )
    if evidence.is_partial:
        planned = sum(part.planned for part in evidence.coverage.parts)
        found.append(
            Caution(
                "partial",
                "Partial",
                f"{write_count(evidence.coverage.missing)} of {write_count(planned)} cells have "
                "not been asked yet. Scores are over the cells that are there, settings may have "
                "answered different items, and every number can still change.",
            )
        )
    return found


def list_flagged(section: Section) -> list[tuple[str, float]]:
    """Settings with too many answers missing, and the share that is.

    Where refusals are measured, a refusal is an answer.
    """
    columns = section.columns
    counted = [key for key in UNANSWERED if (section.name, key) != ("refusal_rate", "refused")]
    cells = section.measure["n_columns"]
    return [
        (section.settings[row]["label"], sum(columns[key][row] for key in counted) / cells)
        for row, is_flagged in enumerate(columns["is_flagged"])
        if is_flagged
    ]


def make_flagged_table(contents: Contents) -> DetailTable | None:
    """All flagged settings of all measures; None where there are none."""
    rows = [
        [
            Cell(section.progress.llm, section.progress.llm, True),
            name_measure(contents, section),
            Cell(label, label, True),
            Cell(write_score(share, "refusal_rate"), share),
        ]
        for section in contents.sections
        for label, share in list_flagged(section)
    ]
    columns = make_columns("llm", "measure_of", "label", "share_missing")
    title = "Settings with many answers missing"
    return DetailTable("flagged", title, True, columns, rows, [[] for _ in rows]) if rows else None


def make_columns(*keys: str) -> list[Column]:
    """Columns by their keys."""
    words = {"llm", "dataset", "template", "measure_of", "label", "category", "highest", "lowest",
             "verdict"}  # fmt: skip
    return [Column(key, *DEFINITIONS[key], is_word=key in words) for key in keys]


def name_measure(contents: Contents, section: Section) -> Cell:
    """A cell that leads to a measure: its value is the section's slug."""
    template = f", {section.progress.template}" if contents.has_templates else ""
    return Cell(
        f"{section.progress.dataset}{template}, {section.title.lower()}", section.slug, True
    )


def make_coverage_table(contents: Contents) -> DetailTable:
    """A row per LLM, data set and template: planned, covered, every outcome."""
    keys = ("llm", "dataset", "template", "planned", "covered", *OUTCOMES, "cut_off")
    rows = [
        [
            *(Cell(word, word, True) for word in (part.llm, part.dataset, part.template)),
            *(Cell(write_count(n), n) for n in _count_cells(contents.evidence, part)),
        ]
        for part in contents.evidence.coverage.parts
    ]
    return DetailTable("coverage", "Coverage", True, make_columns(*keys), rows, [[] for _ in rows])


def _count_cells(evidence: Evidence, part: SliceProgress) -> list[int]:
    result = evidence.results[part.slice]
    outcomes = [result["outcomes"][outcome] for outcome in OUTCOMES]
    return [part.planned, part.covered, *outcomes, result["cut_off"]]


def make_glance_table(contents: Contents, sections: list[Section], *, slug: str) -> DetailTable:
    """A row per measure: ends, controls, and the tests over all settings."""
    summary = {row["slug"]: row for row in contents.summary}
    keys = ("llm", "measure_of", "n_settings", "n_items", "highest", "lowest", "controls",
            "n_cells_tested", "permutation_p", "paper_p", "kendalls_w")  # fmt: skip
    rows, reasons = [], []
    for section in sections:
        row = summary[section.slug]
        missing = row["not_defined"]
        tests = (
            ("controls", "control_mean"),
            ("permutation_p", "permutation_p"),
            ("q_p", "paper_p"),
            ("kendalls_w", "kendalls_w"),
        )
        rows.append(
            [
                Cell(row["llm"], row["llm"], True),
                name_measure(contents, section),
                Cell(write_count(row["settings"]), row["settings"]),
                Cell(write_count(row["items"]), row["items"]),
                _describe_end(row, "best"),
                _describe_end(row, "worst"),
                _make_cell(row, "controls"),
                Cell(write_count(row["tested"]), row["tested"]),
                *(_make_cell(row, key) for key, _ in tests[1:]),
            ]
        )
        reasons.append(
            [
                f"{'paper_p' if key == 'q_p' else key}: {missing[name]}"
                for key, name in tests
                if name in missing
            ]
            + [f"{end}: {missing['gap']}" for end in ("highest", "lowest") if "gap" in missing]
        )
    return DetailTable(slug, "At a glance", True, make_columns(*keys), rows, reasons)


def _describe_end(row: dict[str, Any], end: str) -> Cell:
    if end not in row:
        return Cell(NOT_DEFINED, None, True)
    if row["all_equal"]:
        return Cell(f"{ALL_EQUAL}, {row[f'{end}_score']}", ALL_EQUAL, True)
    others = row[f"{end}_ties"] - 1
    more = f" and {write_plural(others, 'other')}" if others else ""
    return Cell(f"{row[end]}{more}, {row[f'{end}_score']}", row[end], True)


def _make_cell(row: dict[str, Any], key: str) -> Cell:
    return Cell(NOT_DEFINED, None) if row[key] is None else Cell(row[key], row["raw"][key])
