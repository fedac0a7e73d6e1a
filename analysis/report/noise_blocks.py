"""The numerical floor: beside every measure in a line, and over all of them on the trust page."""

from collections.abc import Mapping
from typing import Any

from analysis.evidence import Evidence
from analysis.report.blocks import Block, Cell, Finding, Writer, make_table
from analysis.report.definitions import DEFINITIONS
from analysis.report.definitions.trust import NOISE_FIELDS
from analysis.report.sections import Section
from analysis.report.wording import (
    begin_sentence,
    explain_undefined,
    is_undefined,
    write_count,
    write_plural,
    write_score,
    write_sd,
)

TOPIC = "noise"  # in `Evidence.joint`
QUESTION = "How large is the numerical floor?"
WAY = (
    "Write the LLM’s entry of the registry a second time into a file of your own "
    "(PERSONA_LLMS_FILE), under another name, with another chunk_cells and token_budget and all "
    "else the same; ask it a few of the settings and items (personas first = 10, limit = 500) in "
    "an experiment of its own; then run persona-analyze on this one again. For an LLM behind an "
    "API the second name repeats the calls. Only greedy answers can be compared so."
)
GONE = "Imported answers cannot be asked again."


def describe_floor(section: Section) -> Finding | None:
    """The line of one measure; None for results without the topic."""
    noise = section.measure["details"].get("noise")
    if noise is None:
        return None
    if is_undefined(noise):
        return Finding(QUESTION, "Not measured", "The trust page says how to measure it.")
    sd = noise["sd"]
    shares = ", ".join(
        f"{explain_undefined(noise[key]) if is_undefined(noise[key]) else _write_share(noise[key])}"
        f" of the {key}"
        for key in ("texts", "readings")
    )
    return Finding(
        QUESTION,
        begin_sentence(explain_undefined(sd))
        if is_undefined(sd)
        else f"SD {write_sd(sd, section.name)}",
        f"Asked again in other batches, {shares} changed "
        f"({write_plural(noise['n_cells'], 'cell')}). A difference of this size can be numerics.",
    )


def list_noise_blocks(evidence: Evidence) -> list[Block]:
    """One block: a row per slice that was asked again and measure, or how to do so."""
    floors = evidence.joint.get(TOPIC)
    if floors is None:
        return []
    is_measured = {floor["slice"] for floor in floors}
    left = [part for part in evidence.coverage.parts if part.slice not in is_measured]
    findings = []
    for is_imported, way in ((False, WAY), (True, GONE)):
        named = [f"{p.llm}, {p.dataset}" for p in left if p.is_imported == is_imported]
        if named:
            question = f"{QUESTION} {'; '.join(dict.fromkeys(named))}"
            findings.append(Finding(question, "Not measured", way))
    records = [
        _describe_measure(floor, measure) for floor in floors for measure in floor["measures"]
    ]
    writers: dict[str, Writer] = {
        "noise_batches": write_count,
        "noise_texts": _write_share,
        "noise_readings": _write_share,
        "noise_sd": str,  # of the row's own measure
    }
    tables = [make_table("numerical-floor", "", records, writers=writers)] if records else []
    return [
        Block(
            slug="numerical-floor",
            title="Numerical floor",
            lead="In low precision an answer hangs on what else is in its batch, and personas "
            "change prompts’ lengths and so the batches: a part of a difference can be numerics.",
            findings=tuple(findings),
            tables=tuple(tables),
            numbers={"fields": NOISE_FIELDS, "floors": floors},
        )
    ]


def _describe_measure(floor: Mapping[str, Any], measure: Mapping[str, Any]) -> dict[str, Any]:
    of = f", {measure['of']}" if measure["of"] else ""
    sd = measure["sd"]
    return {
        **{key: floor[key] for key in ("llm", "dataset", "template")},
        "noise_measure": DEFINITIONS[measure["name"]].title + of,
        "noise_batches": floor["n_cells"],
        "noise_texts": floor["texts"],
        "noise_readings": floor["readings"],
        "noise_sd": sd if is_undefined(sd) else Cell(write_sd(sd, measure["name"]), sd),
    }


def _write_share(share: float) -> str:
    return write_score(share, "refusal_rate")
