"""The block on settings beside people who rated the same items: means and agreement (Figure 5)."""

from typing import Any

from analysis.evidence import Evidence
from analysis.plain import UNDEFINED
from analysis.report.blocks import Block, Figure, Finding, make_table
from analysis.report.distributions import draw_distributions
from analysis.report.section_rows import average_column, list_rows, name_band, name_llm
from analysis.report.sections import Section, list_sections
from analysis.report.wording import (
    explain_undefined,
    is_undefined,
    write_count,
    write_fixed,
)

MOST_ROWS = 500  # of a table on a page; a longer one is in its CSV alone

_ENDS = ("", "_low", "_high")
PEOPLE_COLUMNS = (
    *(f"people_alpha{end}" for end in _ENDS),
    "people_alpha_paper",
    "people_alpha_ordinal",
    *(f"people_pearson{end}" for end in _ENDS),
    *(f"people_shift{end}" for end in _ENDS),
)


def write_two(value: float) -> str:
    """ "0.42"."""
    return write_fixed(value, digits=2)


def list_annotation_blocks(evidence: Evidence) -> list[Block]:
    """What the people who annotated the items say of the settings; nothing where there are none."""
    sections = [
        section for section in list_sections(evidence) if "people" in section.measure["details"]
    ]
    return [_describe_agreement(sections)] if sections else []


def _describe_agreement(sections: list[Section]) -> Block:
    records = [_summarise(section, sections) for section in sections]
    settings = [record for section in sections for record in _list_settings(section, sections)]
    words = ("llm", "template", "question", "highest_of", "lowest_of")
    summary = make_table(
        "agreement-with-people",
        "Agreement with people",
        records,
        writers={key: write_two for key in records[0] if key not in words},
    )
    table = make_table(
        "agreement-with-people-settings",
        "Every setting beside people",
        settings,
        writers={**dict.fromkeys(PEOPLE_COLUMNS, write_two), "people_items": write_count},
        on_page=len(settings) <= MOST_ROWS,
    )
    scores = list_rows(sections, "score")
    alphas = list_rows(sections, "people_alpha")
    means = _index(sections, lambda section: section.measure["details"]["people"]["mean_rating"])
    references = _index(sections, lambda section: _read_reference(section, "alpha"))
    return Block(
        slug="agreement-with-people",
        title="Tweets: settings beside people (Figure 5)",
        lead="The paper compares a setting’s answers with the mean rating of several people, which "
        "is steadier than any one of them. So one person against the mean of the others stands "
        "beside it: a setting that agrees as much answers like a person.",
        findings=tuple(
            _judge_question(question, sections)
            for question in dict.fromkeys(name_band(each, sections) for each in sections)
        ),
        figures=(
            Figure(
                "toxicity-ratings",
                "Mean rating of every setting (Figure 5 of the paper, top row); the grey bar is "
                "the mean of the people.",
                "A row of points for every question and LLM; the table has the means.",
                draw_distributions(
                    [row._replace(mark=means[row.band, row.llm]) for row in scores],
                    title="Mean rating",
                    digits=2,
                    mark_title="mean of the people",
                ),
            ),
            Figure(
                "toxicity-agreement",
                "Krippendorff’s alpha of every setting with the mean human rating (Figure 5, "
                "bottom row); the grey bar is one person against the mean of the others.",
                "A row of points for every question and LLM; the table has the means.",
                draw_distributions(
                    [row._replace(mark=references[row.band, row.llm]) for row in alphas],
                    title="Alpha with people",
                    digits=2,
                    mark_title="one person",
                ),
            ),
        ),
        tables=(summary, table),
        numbers={"summary": records},  # the settings are among the measures' numbers
    )


def _index(sections: list[Section], read: Any) -> dict[tuple[str, str], float | None]:
    found = {}
    for section in sections:
        value = read(section)
        key = name_band(section, sections), name_llm(section, sections)
        found[key] = None if is_undefined(value) else value
    return found


def _read_reference(section: Section, key: str) -> Any:
    reference = section.measure["details"]["people"]["reference"]
    return reference if is_undefined(reference) else reference[key]


def _summarise(section: Section, sections: list[Section]) -> dict[str, Any]:
    human = section.measure["details"]["people"]
    (highest, highest_of), (lowest, lowest_of) = find_ends(section, "people_alpha")
    return {
        "llm": section.progress.llm,
        "template": section.progress.template,
        "question": name_band(section, sections),
        "people_mean": human["mean_rating"],
        "persona_mean": section.numbers["persona_mean"],
        "control_mean": section.numbers["control_mean"],
        "persona_alpha": average_column(section, "people_alpha", role="persona"),
        "control_alpha": average_column(section, "people_alpha", role="control"),
        "empty_alpha": average_column(section, "people_alpha", role="empty"),
        "highest_alpha": highest,
        "highest_of": highest_of,
        "lowest_alpha": lowest,
        "lowest_of": lowest_of,
        "reference_alpha": _read_reference(section, "alpha"),
        "reference_pearson": _read_reference(section, "pearson"),
        "alone_ordinal": human["alpha_ordinal"],
        "persona_ordinal": average_column(section, "people_alpha_ordinal", role="persona"),
    }


def find_ends(section: Section, key: str) -> list[tuple[Any, Any]]:
    """Highest and lowest of the personas' numbers, and who has them; ties are said."""
    values = [
        (value, setting["label"])
        for value, setting in zip(section.columns[key], section.settings, strict=True)
        if setting["role"] == "persona" and value is not None
    ]
    if not values:
        nothing = {UNDEFINED: section.find_reason(key) or "no persona among the settings"}
        return [(nothing, nothing)] * 2
    found: list[tuple[Any, Any]] = []
    for pick in (max, min):
        end = pick(value for value, _ in values)
        who = [label for value, label in values if value == end]
        found.append((end, who[0] if len(who) == 1 else f"{len(who)} personas share it"))
    return found


def _list_settings(section: Section, sections: list[Section]) -> list[dict[str, Any]]:
    columns = section.columns
    return [
        {
            "llm": section.progress.llm,
            "template": section.progress.template,
            "question": name_band(section, sections),
            "label": setting["label"],
            "category": setting["category"],
            **{key: _explain(columns[key][row], section, key) for key in PEOPLE_COLUMNS},
            "people_items": columns["people_items"][row],
        }
        for row, setting in enumerate(section.settings)
    ]


def _explain(value: Any, section: Section, key: str) -> Any:
    return {UNDEFINED: section.find_reason(key)} if value is None else value


def _judge_question(question: str, sections: list[Section]) -> Finding:
    """How far does each LLM agree with people on one question?"""
    asked = [each for each in sections if name_band(each, sections) == question]
    reference = _read_reference(asked[0], "alpha")
    verdict = (
        f"One person’s alpha: {explain_undefined(reference)}"
        if is_undefined(reference)
        else f"One person reaches an alpha of {write_two(reference)}"
    )
    return Finding(
        f"How far do settings agree with people on {question}?",
        verdict,
        " ".join(_write_agreement(section, sections) for section in asked),
        "Alpha is lower where the order of the items differs and where all ratings are shifted; "
        "Pearson’s r beside it sees the order alone.",
    )


def _write_agreement(section: Section, sections: list[Section]) -> str:
    llm = name_llm(section, sections)
    mean = average_column(section, "people_alpha", role="persona")
    (highest, highest_of), (lowest, lowest_of) = find_ends(section, "people_alpha")
    if is_undefined(highest):
        return f"{llm}: {explain_undefined(highest)}."
    said = explain_undefined(mean) if is_undefined(mean) else write_two(mean)
    return (
        f"{llm}: mean of the personas {said}, highest {write_two(highest)} ({highest_of}), lowest "
        f"{write_two(lowest)} ({lowest_of})."
    )
