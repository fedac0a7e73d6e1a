"""What the report says across LLMs: one entry per measure that at least two LLMs have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.across import Agreement, LlmScores, adjust_agreements, compare_llms
from analysis.evidence import Evidence, LlmNote
from analysis.measures import Draws
from analysis.plain import UNDEFINED, to_plain
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, Cell, Column, DetailTable, Finding
from analysis.report.definitions import DEFINITIONS
from analysis.report.sections import Section, list_sections
from analysis.report.wording import (
    NOT_DEFINED,
    is_undefined,
    write_count,
    write_fixed,
    write_plural,
)
from analysis.statistics import Undefined
from analysis.statistics.consistency import CONSISTENT_ABOVE, Support
from analysis.statistics.scorings import Scoring

# column -> digits; the others are words or counts
DIGITS = {
    "tau": 2, "tau_chance": 2, "tau_p": 3, "tau_low": 2, "tau_high": 2, "tau_families": 2,
    "tau_paper": 2, "tau_unflagged": 2,
}  # fmt: skip


PAPER = f"score_{Scoring.PAPER}"


@dataclass(frozen=True, slots=True)
class AcrossLlms:
    """One measure across LLMs, ready to be shown."""

    title: str
    verdict: str
    sentence: str
    table: DetailTable
    numbers: dict[str, Any]


LEAD = (
    "Do LLMs rank the personas of a category alike? Each LLM’s scores are of the items it was "
    "asked. The LLMs are fixed, not a sample: nothing here is about LLMs in general."
)


def list_across_blocks(evidence: Evidence) -> list[Block]:
    """Agreement on the ranking of personas, a block per measure that several LLMs have."""
    return [
        Block(
            slug=each.table.slug,
            title=each.title,
            lead=LEAD if at == 0 else "",
            findings=(Finding("Do the LLMs rank personas alike?", each.verdict, each.sentence),),
            tables=(each.table,),
            numbers=each.numbers,
        )
        for at, each in enumerate(list_across(list_sections(evidence), evidence.notes))
    ]


def list_across(
    sections: list[Section], notes: Mapping[str, LlmNote], *, n_permutations: int = 9_999
) -> list[AcrossLlms]:
    """Every data set, template and measure that two LLMs or more have been asked."""
    groups: dict[tuple[str, str, str, str], list[Section]] = {}
    for section in sections:
        part = section.progress
        key = (part.dataset, part.template, section.name, section.measure["of"])
        groups.setdefault(key, []).append(section)
    several = [group for group in groups.values() if len({s.progress.llm for s in group}) > 1]
    agreements = [
        compare_llms(
            [_read_scores(section, notes) for section in group],
            {
                setting["label"]: setting["category"]
                for setting in group[0].settings
                if setting["role"] == "persona"
            },
            seed=Draws().seed,
            n_permutations=n_permutations,
        )
        for group in several
    ]
    return [
        _show_agreement(group[0], agreement, adjusted)
        for group, agreement, adjusted in zip(
            several, agreements, adjust_agreements(agreements), strict=True
        )
    ]


def _read_scores(section: Section, notes: Mapping[str, LlmNote]) -> LlmScores:
    llm = section.progress.llm
    ratio = section.numbers["spread_ratio"]
    exceeds = None
    if not is_undefined(ratio):
        low = section.intervals["spread_ratio"][0]
        exceeds = low is not None and low > 1
    return LlmScores(
        llm=llm,
        family=(notes[llm].family if llm in notes else "") or llm,
        scores=_read_personas(section, "score"),
        # refusals have one scoring
        paper=_read_personas(section, PAPER if PAPER in section.columns else "score"),
        flagged=frozenset(
            setting["label"]
            for setting, is_flagged in zip(
                section.settings, section.columns["is_flagged"], strict=True
            )
            if is_flagged
        ),
        exceeds_rewording=exceeds,
    )


def _read_personas(section: Section, column: str) -> dict[str, float]:
    return {
        setting["label"]: score
        for setting, score in zip(section.settings, section.columns[column], strict=True)
        if setting["role"] == "persona" and score is not None
    }


def _show_agreement(
    section: Section, agreement: Agreement, adjusted: dict[str, float | None]
) -> AcrossLlms:
    part = section.progress
    found: dict[str, Any] = to_plain(agreement)
    records = [
        {
            **_describe_category(category, consistency, adjusted[category]),
            "tau_paper": _pick_value(found["paper"][category])
            if PAPER in section.columns
            else {UNDEFINED: "refusals are scored in one way"},
            "tau_unflagged": _pick_value(found["unflagged"][category]),
            "tau_flagged": found["n_flagged"][category],
        }
        for category, consistency in found["categories"].items()
    ]
    flagged = [record["category"] for record in records if record["tau_flag"] == "yes"]
    named = ", ".join(str(name).replace("_", " ") for name in flagged)
    sentence = (
        f"{write_plural(len(agreement.llms), 'LLM')}: {', '.join(agreement.llms)}. Mean tau is "
        f"above {CONSISTENT_ABOVE} in {len(flagged)} of {len(records)} categories"
        f"{f' ({named})' if named else ''}. {_write_support(agreement.exceeds_rewording)}"
    )
    words = ["across", part.dataset, part.template, section.name, section.measure["of"]]
    slug = make_slug(*words)
    return AcrossLlms(
        title=f"{part.dataset}: {section.title.lower()}, template {part.template}",
        verdict=f"In {len(flagged)} of {len(records)} categories",
        sentence=sentence,
        table=_make_table(slug, records),
        numbers={
            "dataset": part.dataset,
            "template": part.template,
            "measure": section.name,
            "of": section.measure["of"],
            **found,
            "p_adjusted": adjusted,
        },
    )


def _write_support(support: Support | Undefined) -> str:
    question = "Whether personas move the score more than rewordings do cannot be told"
    if isinstance(support, Undefined):
        return f"{question}: {support.reason}."
    return (
        "Personas move the score more than rewordings do (R above 1 beyond doubt) in "
        f"{support.llms} of the {write_plural(support.of_llms, 'LLM')} for which R can be told, "
        f"and in all of them in {support.families} of "
        f"{support.of_families} {'family' if support.of_families == 1 else 'families'}."
    )


def _describe_category(category: str, found: Any, adjusted: float | None) -> dict[str, Any]:
    if is_undefined(found):
        numbers = ("n_ranked", "tau_pairs", *DIGITS)
        return {"category": category, "tau_flag": None, **dict.fromkeys(numbers, found)}
    ends = found["without_one_llm"]
    families = found["across_families"]
    return {
        "category": category,
        "n_ranked": found["n_personas"],
        "tau": found["tau"]["value"],
        "tau_pairs": found["tau"]["n_pairs"],
        "tau_flag": "yes" if found["is_consistent"] else "no",
        "tau_chance": found["chance"],
        "tau_p": adjusted,
        "tau_low": ends and ends["low"],
        "tau_high": ends and ends["high"],
        "tau_families": _pick_value(families),
    }


def _pick_value(mean: Any) -> Any:
    return mean if is_undefined(mean) else mean["value"]


KEYS = ("category", "n_ranked", "tau", "tau_pairs", "tau_flag", "tau_chance", "tau_p", "tau_low",
        "tau_high", "tau_families", "tau_paper", "tau_flagged", "tau_unflagged")  # fmt: skip
WORDS = ("category", "tau_flag")
NEEDS_MORE = {
    "tau_low": "fewer than three LLMs have a tau",
    "tau_high": "fewer than three LLMs have a tau",
}


def _make_table(slug: str, records: list[dict[str, Any]]) -> DetailTable:
    columns = [Column(key, *DEFINITIONS[key], is_word=key in WORDS) for key in KEYS]
    rows = [[_make_cell(key, record[key]) for key in KEYS] for record in records]
    reasons = [
        [f"{key}: {_find_reason(key, record[key])}" for key in KEYS if is_undefined(record[key])]
        for record in records
    ]
    return DetailTable(slug, "", True, columns, rows, reasons)


def _find_reason(key: str, value: dict[str, str] | None) -> str:
    return next(iter(value.values())) if value else NEEDS_MORE.get(key, "tau is not defined")


def _make_cell(key: str, value: Any) -> Cell:
    if is_undefined(value):
        return Cell(NOT_DEFINED, None)
    if key in WORDS:
        return Cell(str(value).replace("_", " "), value, True)
    if key in DIGITS:
        digits = 4 if key == "tau_p" and value < 0.001 else DIGITS[key]
        return Cell(write_fixed(value, digits=digits), value)
    return Cell(write_count(value), value)
