"""Tables below a measure: its highest and lowest personas, parts of its variance, the appendix."""

from collections.abc import Mapping
from typing import Any

from analysis.report.blocks import DetailTable, Writer
from analysis.report.details import make_section_table
from analysis.report.sections import Section
from analysis.report.wording import (
    give_reason,
    is_undefined,
    write_count,
    write_p,
    write_score,
    write_sd,
)

N_SHOWN = 10  # personas at either end
NO_ESTIMATE = "it could not be estimated"


def list_extremes(section: Section) -> DetailTable:
    """The personas at both ends by shrunken score."""
    columns = section.columns
    rows = [row for row, value in enumerate(columns["shrunken"]) if value is not None]
    rows.sort(key=lambda row: -columns["shrunken"][row])
    if len(rows) > 2 * N_SHOWN:
        rows = [*rows[:N_SHOWN], *rows[-N_SHOWN:]]
    keys = ("score", "shrunken", "shrunken_low", "shrunken_high", "rank", "rank_low", "rank_high",
            "chance_top", "chance_bottom")  # fmt: skip
    records = [
        {
            "label": section.settings[row]["label"],
            "category": section.settings[row]["category"],
            **{
                (section.name if key == "score" else key): give_reason(
                    columns[key][row], section.find_reason(key) or NO_ESTIMATE
                )
                for key in keys
            },
        }
        for row in rows
    ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(
            (section.name, "shrunken", "shrunken_low", "shrunken_high"),
            lambda value: write_score(value, section.name),
        ),
        **dict.fromkeys(("rank", "rank_low", "rank_high"), write_rank),
        **dict.fromkeys(("chance_top", "chance_bottom"), write_chance),
    }
    return make_section_table(section, "extremes", "Highest and lowest personas", records, writers)


def write_rank(value: float) -> str:
    """A rank, which is whole."""
    return write_count(int(value))


def write_chance(value: float) -> str:
    """A probability in per cent."""
    return f"{value:.0%}"


def list_components(section: Section, found: Mapping[str, Any]) -> DetailTable:
    """The parts of the variance as standard deviations."""
    records = [
        {
            "component": name.replace(" x ", " × "),
            "component_sd": part["sd"],
            "component_low": part["low"],
            "component_high": part["high"],
        }
        for name, part in found["parts"].items()
    ]
    writers: dict[str, Writer] = dict.fromkeys(
        ("component_sd", "component_low", "component_high"),
        lambda value: write_part(section, value),
    )
    return make_section_table(section, "components", "Where the variance lies", records, writers)


def list_unclustered(section: Section, found: Mapping[str, Any]) -> DetailTable:
    """The appendix, in the CSV alone: tests that take items for independent."""
    records = [
        {
            "label": section.settings[row]["label"],
            "unclustered_test": found["test"],
            "unclustered_items": n_items,
            "unclustered_p": result if is_undefined(result) else result["p"],
        }
        for row, n_items, result in zip(
            found["rows"], found["n_items"], found["results"], strict=True
        )
    ]
    writers: dict[str, Writer] = {"unclustered_items": write_count, "unclustered_p": write_p}
    return make_section_table(
        section,
        "unclustered",
        "Against no persona, items taken for independent",
        records,
        writers,
        on_page=False,
    )


def write_part(section: Section, sd: Any) -> str:
    """An SD in points or percentage points, with one digit more than a score."""
    return "below 0" if is_undefined(sd) else write_sd(sd, section.name, unit=False, more=1)
