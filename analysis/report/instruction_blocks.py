"""The block on other words of an instruction: how far answers spread over them (Figure 8)."""

from typing import Any

from analysis.plain import UNDEFINED
from analysis.report.blocks import Block, Figure, make_table
from analysis.report.distributions import Row, draw_distributions
from analysis.report.section_rows import name_band, name_llm
from analysis.report.sections import Section
from analysis.report.wording import write_count, write_fixed

ROWS = {
    "wording_sd": "",
    "wording_sd_paper": ", paper",
}  # column -> what its row of the figure adds


def describe_wordings(sections: list[Section]) -> Block:
    """Means by attitude, and a point per setting, each under both scorings."""
    records = [_describe_wording(section, sections) for section in sections]
    words = ("llm", "template", "attitude")
    table = make_table(
        "wording-spread",
        "Spread over the instructions",
        records,
        writers={
            key: write_count if key.endswith("left_out") else _write_sd
            for key in records[0]
            if key not in words
        },
    )
    return Block(
        slug="wording-spread",
        title="How much do other words of the instruction change? (Figure 8)",
        lead="Standard deviation of the answers to a statement over the instructions that it was "
        "asked under, averaged over the statements. Of the answers that were given, a setting has "
        "one where each statement was answered under two instructions; a mean is over the settings "
        "that have one, and the table counts those that are left out. The paper takes an answer "
        "that could not be read for a 3, which no setting falls out of, and which makes refusals "
        "look steady.",
        figures=(
            Figure(
                "wording-spread",
                "Standard deviation over the instructions of every setting, averaged over all "
                "statements of an LLM (Figure 8 of the paper). Rows called “paper” take an answer "
                "that could not be read for a 3, the others leave it out. A setting has no point "
                "where any of its attitudes lacks a standard deviation, while each mean of the "
                "table is over the settings that have one.",
                "Two rows of points per LLM; the table has the means by attitude.",
                draw_distributions(
                    _average_statements(sections), title="SD over instructions", digits=2
                ),
            ),
        ),
        tables=(table,),
        numbers={"wordings": records},
    )


def _write_sd(value: float) -> str:
    return write_fixed(value, digits=2)


def _describe_wording(section: Section, sections: list[Section]) -> dict[str, Any]:
    numbers = section.numbers
    return {
        "llm": section.progress.llm,
        "template": section.progress.template,
        "attitude": name_band(section, sections),
        **{
            key: numbers[key]
            for scoring in ("", "_paper")
            for key in (f"persona_wording_sd{scoring}", f"control_wording_sd{scoring}")
        },
        "persona_wording_left_out": numbers["persona_wording_left_out"],
        "control_wording_left_out": numbers["control_wording_left_out"],
        "all_wording_sd": _average_defined(section, "wording_sd"),
        "all_wording_sd_paper": _average_defined(section, "wording_sd_paper"),
        "all_wording_sd_0": _average_defined(section, "wording_sd_0"),
    }


def _average_defined(section: Section, key: str) -> Any:
    """Mean of a column over the settings that have the number."""
    values = [value for value in section.columns[key] if value is not None]
    return sum(values) / len(values) if values else {UNDEFINED: section.find_reason(key)}


def _average_statements(sections: list[Section]) -> list[Row]:
    """Of each LLM the mean over all its statements, whatever the attitude, under both scorings."""
    groups: dict[str, list[Section]] = {}
    for section in sections:
        groups.setdefault(name_llm(section, sections), []).append(section)
    return [
        Row("all statements", f"{llm}{added}", group[0].settings, _average_sections(group, column))
        for llm, group in groups.items()
        for column, added in ROWS.items()
    ]


def _average_sections(group: list[Section], column: str) -> list[float | None]:
    """A number per setting; None where an attitude has none."""
    weights = [each.measure["details"]["questionnaire"]["n_statements"] for each in group]
    columns = [each.columns[column] for each in group]
    return [
        None
        if any(value is None for value in each)
        else sum(w * value for w, value in zip(weights, each, strict=True)) / sum(weights)
        for each in zip(*columns, strict=True)
    ]
