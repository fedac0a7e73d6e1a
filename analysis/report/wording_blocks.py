"""Persona against wording: what templates do to single personas, where there are at least five."""

from typing import Any

from analysis.evidence import Evidence
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, DetailTable, Finding, Writer, make_table
from analysis.report.definitions import DEFINITIONS
from analysis.report.wording import (
    SHARES,
    explain_undefined,
    is_undefined,
    write_fixed,
    write_plural,
)

TOPIC = "wordings"  # in `analysis.joint.TOPICS`
OWN, BY_TEMPLATE = "persona", "persona x template"


def list_wording_blocks(evidence: Evidence) -> list[Block]:
    """One block; nothing where no LLM was asked under enough templates."""
    found = evidence.joint.get(TOPIC, {}).get("wordings", [])
    if not found:
        return []
    return [
        Block(
            slug="persona-by-wording",
            title="Persona or wording?",
            lead="Variance components over personas, items and templates, on the items that count "
            "under every template. Intervals leave out clusters of items: they are for these "
            "personas and these templates, and say nothing of others.",
            findings=tuple(_describe(each) for each in found),
            tables=tuple(
                _list_parts(each) for each in found if not is_undefined(each["components"])
            ),
            numbers={"wordings": found},
        )
    ]


def _name(found: dict[str, Any]) -> str:
    of = f", {found['of']}" if found["of"] else ""
    title = DEFINITIONS[found["measure"]].title.lower()
    return f"{found['llm']}, {found['dataset']}: {title}{of}"


def _describe(found: dict[str, Any]) -> Finding:
    question = f"{_name(found)}: does the wording change what a persona does?"
    components = found["components"]
    if is_undefined(components):
        return Finding(question, "Not defined", explain_undefined(components))
    parts = components["parts"]
    own, by_template = (_write_sd(found, parts[name]["sd"]) for name in (OWN, BY_TEMPLATE))
    return Finding(
        question,
        f"Persona × template: SD {by_template}",
        f"Over {len(found['templates'])} templates; personas themselves have an SD of {own} "
        f"within their categories.{_tell_left_out(components)}",
        "A persona whose effect hangs on the wording is an effect of the prompt.",
    )


def _tell_left_out(components: dict[str, Any]) -> str:
    """What has gaps, and what was not drawn."""
    noun = "prompt" if components["unit"] == "prompt" else "item"
    told = [
        f"{write_plural(components[key], what)} {why}"
        for key, what, why in (
            ("n_personas_left_out", "persona", "with more than 20% missing under some template"),
            ("n_items_left_out", noun, "with a gap"),
            ("n_items_not_drawn", noun, "not drawn, to keep the array small"),
        )
        if components[key]
    ]
    return f" Left out: {', '.join(told)}." if told else ""


def _list_parts(found: dict[str, Any]) -> DetailTable:
    records = [
        {
            "component": name.replace(" x ", " × "),
            **{f"component_{key}": part[key] for key in ("sd", "low", "high")},
        }
        for name, part in found["components"]["parts"].items()
    ]
    writers: dict[str, Writer] = dict.fromkeys(
        ("component_sd", "component_low", "component_high"), lambda sd: _write_sd(found, sd)
    )
    words = (found["llm"], found["dataset"], found["measure"], found["of"])
    slug = make_slug("persona-by-wording", *words)
    return make_table(slug, f"Parts of the variance, {_name(found)}", records, writers=writers)


def _write_sd(found: dict[str, Any], sd: Any) -> str:
    """An SD in points, or in percentage points of a share."""
    if is_undefined(sd):
        return "below 0"
    if found["measure"] in SHARES:
        return f"{write_fixed(100 * sd, digits=2)} percentage points"
    return f"{write_fixed(sd, digits=3)} points"
