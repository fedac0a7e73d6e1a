"""Blocks on attitudes over all LLMs: their spread (Figure 4), Table 10."""

from typing import Any

from analysis.evidence import Evidence
from analysis.plain import UNDEFINED
from analysis.printed_tables import FRIEDMAN_P, is_papers_grid
from analysis.report.blocks import Block, Figure, Finding, make_table
from analysis.report.distributions import draw_distributions
from analysis.report.instruction_blocks import describe_wordings
from analysis.report.printed_columns import NOT_THE_PAPERS, drop_unprinted
from analysis.report.questionnaires import GROUPS, NO_F
from analysis.report.section_rows import list_rows, name_band
from analysis.report.sections import Section, list_sections
from analysis.report.wording import (
    is_undefined,
    write_bare_p,
    write_count,
    write_fixed,
    write_plural,
)

SIGNIFICANT = 0.05
# Column of the table -> which of the tests of a group.
TESTS = {"published": ("paper", "statement"), "instructions": ("asked", "instruction")}


def list_attitude_blocks(evidence: Evidence) -> list[Block]:
    """Attitudes side by side; nothing where no statement was asked."""
    sections = [
        section
        for section in list_sections(evidence)
        if section.name == "mean_answer" and "people" not in section.measure["details"]
    ]
    asked = [section for section in sections if "questionnaire" in section.measure["details"]]
    blocks = [_describe_scores(sections)] if sections else []
    return [*blocks, *([_describe_tests(asked), describe_wordings(asked)] if asked else [])]


def _describe_scores(sections: list[Section]) -> Block:
    attitudes = list(dict.fromkeys(name_band(each, sections) for each in sections))
    return Block(
        slug="attitude-scores",
        title="Attitudes of all settings (Figure 4)",
        lead="Mean answers from 1 to 5, a point per setting. Answers to different attitudes are "
        "never averaged.",
        findings=(_judge_spread(sections),),
        figures=(
            Figure(
                "attitude-scores",
                "Mean answer of every setting, by attitude and LLM (Figure 4 of the paper).",
                f"Points of {write_plural(len(attitudes), 'attitude')}: {', '.join(attitudes)}. "
                "The tables of the measures have the numbers.",
                draw_distributions(list_rows(sections, "score"), title="Mean answer", digits=2),
            ),
        ),
    )


def _judge_spread(sections: list[Section]) -> Finding:
    question = "Do personas move attitudes more than rewordings of one role do?"
    known = [
        section
        for section in sections
        if not any(is_undefined(section.numbers[f"{who}_variance"]) for who in GROUP_NAMES)
    ]
    if not known:
        return Finding(question, "Not defined", "No measure has both variances.")
    larger = sum(
        section.numbers["persona_variance"] > section.numbers["control_variance"]
        for section in known
    )
    lows = [section.intervals.get("spread_ratio", (None, None))[0] for section in known]
    sure = sum(low is not None and low > 1 for low in lows)
    return Finding(
        question,
        f"Shown in {sure} of {len(known)} measures",
        "Counted is where the 95% interval of the ratio of the variances, of the personas’ scores "
        "and of the controls’, beyond what the choice of items adds, lies above 1. The personas’ "
        f"is the larger in {larger}.",
    )


GROUP_NAMES = ("persona", "control")


def list_tests(sections: list[Section]) -> list[dict[str, Any]]:
    """Table 10: a record for every LLM, attitude and group, with both choices of blocks."""
    records = []
    for section in sections:
        tests = section.measure["details"]["questionnaire"]["tests"]
        for group, named in GROUPS.items():
            found = {
                key: next(
                    test
                    for test in tests
                    if (test["group"], test["scoring"], test["blocks"]) == (group, *which)
                )
                for key, which in TESTS.items()
            }
            published, ours = (each["friedman"] for each in found.values())
            records.append(
                {
                    "llm": section.progress.llm,
                    "template": section.progress.template,
                    "attitude": name_band(section, sections),
                    "tested": named,
                    "n_tested": found["published"]["n_settings"],
                    "published_p": _pick(published, "p"),
                    "printed_p": _find_printed(section, sections, group),
                    "published_f_p": _pick(published, "p_f"),
                    "instructions_p": _pick(ours, "p"),
                    "instructions_f_p": _pick(ours, "p_f"),
                    "instructions_w": _pick(ours, "kendalls_w"),
                }
            )
    return drop_unprinted(records, ("printed_p",))


def _find_printed(section: Section, sections: list[Section], group: str) -> Any:
    """The paper's p of an LLM and attitude, where all LLMs, settings and prompts are its own."""
    template = section.progress.template
    llms = {each.progress.llm for each in sections if each.progress.template == template}
    labels = [setting["label"] for setting in section.settings]
    if not is_papers_grid(llms, labels, template=template):
        return NOT_THE_PAPERS
    key = (group, section.progress.llm, str(section.measure["of"]))
    return FRIEDMAN_P.get(key, {UNDEFINED: "the paper has no such attitude"})


def _pick(friedman: Any, key: str) -> Any:
    if is_undefined(friedman):
        return friedman
    return {UNDEFINED: NO_F} if friedman[key] is None else friedman[key]


def _describe_tests(sections: list[Section]) -> Block:
    records = list_tests(sections)
    table = make_table(
        "friedman-attitudes",
        "Friedman’s tests of every attitude and LLM (Table 10)",
        records,
        writers={
            "n_tested": write_count,
            "instructions_w": lambda value: write_fixed(value, digits=3),
            **dict.fromkeys(
                ("published_p", "published_f_p", "instructions_p", "instructions_f_p"), write_bare_p
            ),
        },
    )
    return Block(
        slug="attitude-tests",
        title="Do attitudes differ between settings? (Table 10)",
        lead="The paper’s blocks are the 2 to 5 statements of an attitude; ours are the "
        "instructions, which are many more. Statement and instruction together are never "
        "independent blocks.",
        findings=tuple(
            Finding(
                f"How often is no difference shown among the {named}?",
                _count_not_shown(records, named, "instructions_p"),
                f"As published, with the statements as blocks: "
                f"{_count_not_shown(records, named, 'published_p')}.",
                "At 5%, each test by itself. A test that does not reject shows no equality.",
            )
            for named in GROUPS.values()
        ),
        tables=(table,),
        numbers={"tests": records},
    )


def _count_not_shown(records: list[dict[str, Any]], tested: str, key: str) -> str:
    values = [record[key] for record in records if record["tested"] == tested]
    known = [value for value in values if not is_undefined(value)]
    text = f"{sum(p >= SIGNIFICANT for p in known)} of {len(known)}"
    gaps = len(values) - len(known)
    return f"{text} ({gaps} not defined)" if gaps else text
