"""Tables that only some measures have: bias by category, refusals by category and by pair."""

from collections.abc import Mapping
from typing import Any

from analysis.plain import UNDEFINED
from analysis.report.blocks import DetailTable, Writer, make_table
from analysis.report.questionnaires import list_block_tests
from analysis.report.sections import Section
from analysis.report.wording import (
    give_reason,
    is_undefined,
    write_bare_p,
    write_count,
    write_difference,
    write_fixed,
    write_plural,
    write_ratio,
    write_score,
)

# analysis.bias.CategoryScores -> definitions
CATEGORY_SCORES = {
    "s_dis": "s_dis",
    "s_amb": "s_amb",
    "score": "category_score",
    "truth": "category_truth",
}


def list_details(section: Section) -> list[DetailTable]:
    """The further tables of a section."""
    found = section.measure["details"]
    tables = []
    if "categories" in found:
        tables.append(_show_categories(section, found["categories"]))
        tables.append(_list_categories(section, found["categories"]))
    if "questionnaire" in found:
        tables.append(_show_block_tests(section, found["questionnaire"]))
    if "disparity" in found:
        tables.append(_show_disparity(section, found["disparity"]))
    if found.get("pairs"):
        tables.append(_show_pairs(section, found["pairs"]))
    return tables


def _show_categories(section: Section, categories: dict[str, Any]) -> DetailTable:
    """Means over personas and over controls, for every category of items."""
    records = []
    for category, scores in categories.items():
        for role in ("persona", "control", "empty"):
            rows = [row for row, each in enumerate(section.settings) if each["role"] == role]
            if rows:
                records.append(
                    {
                        "items_of": category,
                        "who": {"empty": "no persona"}.get(role, f"{role}s"),
                        **{
                            name: _average(scores[key], rows)
                            for key, name in CATEGORY_SCORES.items()
                        },
                    }
                )
    writers = dict.fromkeys(CATEGORY_SCORES.values(), _write_bias)
    return make_section_table(section, "categories", "By category of items", records, writers)


def _list_categories(section: Section, categories: dict[str, Any]) -> DetailTable:
    """Every setting's scores in every category of items."""
    records = [
        {
            "label": setting["label"],
            "items_of": category,
            **{
                name: give_reason(scores[key][row], "the setting chose nobody there")
                for key, name in CATEGORY_SCORES.items()
            },
        }
        for category, scores in categories.items()
        for row, setting in enumerate(section.settings)
    ]
    writers = dict.fromkeys(CATEGORY_SCORES.values(), _write_bias)
    title = "By setting and category of items"
    return make_section_table(
        section, "settings-categories", title, records, writers, on_page=False
    )


def _average(scores: list[float | None], rows: list[int]) -> Any:
    """Mean over settings, undefined unless each has a score."""
    found = [score for score in (scores[row] for row in rows) if score is not None]
    if len(found) < len(rows):
        gaps = len(rows) - len(found)
        return {UNDEFINED: f"{write_plural(gaps, 'setting')} chose nobody there"}
    return sum(found) / len(found)


def _show_disparity(section: Section, disparity: dict[str, Any]) -> DetailTable:
    control = {
        "category": "control",
        "n_members": disparity["n_controls"],
        "category_sd": disparity["control_sd"],
        "disparity_ratio": {UNDEFINED: "it is the controls’ own"},
    }
    categories = [
        {
            "category": category,
            "n_members": spread["n_members"],
            "category_sd": spread["sd"],
            "disparity_ratio": spread["ratio"],
        }
        for category, spread in disparity["categories"].items()
    ]
    categories.sort(key=lambda row: -_rank(row["disparity_ratio"]))
    return make_section_table(
        section,
        "disparity",
        "Disparity: spread within each category",
        [*categories, control],
        {"n_members": write_count, "category_sd": _write_points, "disparity_ratio": write_ratio},
    )


def _show_pairs(section: Section, pairs: list[dict[str, Any]]) -> DetailTable:
    names = {"difference": "pair_difference", "low": "pair_low", "high": "pair_high"}
    return make_section_table(
        section,
        "pairs",
        "Two words for the same people",
        [{names.get(key, key): value for key, value in pair.items()} for pair in pairs],
        {
            **dict.fromkeys(["first_rate", "second_rate"], _write_share),
            **dict.fromkeys(names.values(), _write_signed),
        },
    )


def _show_block_tests(section: Section, questionnaire: dict[str, Any]) -> DetailTable:
    return make_section_table(
        section,
        "friedman",
        "Friedman’s test with two kinds of blocks",
        list_block_tests(questionnaire),
        {
            **dict.fromkeys(["n_tested", "n_blocks"], write_count),
            **dict.fromkeys(
                ["blocks_chi2", "blocks_f"], lambda value: write_fixed(value, digits=2)
            ),
            **dict.fromkeys(["blocks_p", "blocks_f_p"], write_bare_p),
            "blocks_w": lambda value: write_fixed(value, digits=3),
        },
    )


def make_section_table(
    section: Section,
    name: str,
    title: str,
    records: list[dict[str, Any]],
    writers: Mapping[str, Writer],
    *,
    on_page: bool = True,
) -> DetailTable:
    """A table of one measure; without records an empty one that no page shows."""
    slug = f"{section.slug}-{name}"
    if not records:
        return DetailTable(slug, title, False, [], [], [])
    return make_table(slug, title, records, writers=writers, on_page=on_page)


def _rank(ratio: Any) -> float:
    return -1.0 if is_undefined(ratio) else float(ratio)


def _write_bias(value: float) -> str:
    return write_score(value, "bias_score")


def _write_share(value: float) -> str:
    return write_score(value, "refusal_rate")


def _write_points(value: float) -> str:
    return _write_signed(value).removeprefix("+")


def _write_signed(value: float) -> str:
    return write_difference(value, "refusal_rate", sign=True)
