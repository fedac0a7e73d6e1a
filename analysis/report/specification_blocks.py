"""How much a claim hangs on its analysis: a block per page, with the curves of the main claims."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.evidence import Evidence
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, DetailTable, Figure, Finding, Writer, make_table
from analysis.report.definitions import DEFINITIONS
from analysis.report.definitions.specifications import SPECIFICATION_FIELDS
from analysis.report.specification_figures import CurvePoint, draw_curve
from analysis.report.wording import (
    SHARES,
    give_reasons,
    is_undefined,
    write_count,
    write_difference,
    write_fixed,
    write_plural,
)
from analysis.specifications import EXCESS, GAP

TOPIC = "specifications"  # in `analysis.joint.TOPICS`
MAIN_MEASURES = ("accuracy", "bias_score")  # whose spread has a curve of its own
AXES = ("template", "items", "mean over", "reading", "scoring", "reference")
# choices as readers see them
NAMES = {
    ("items", "shared"): "asked of every LLM",
    ("items", "gpt-4"): "GPT-4’s subsample",
    ("mean over", "macro"): "cells",
    ("mean over", "micro"): "items",
    ("reading", "paper"): "the authors’",
    ("scoring", "lowest"): "lower bound",
    ("scoring", "highest"): "upper bound",
    ("reference", "empty"): "no persona",
}
# why there is no number
NO_ESTIMATE = "too few of the settings that it compares have a score under this specification"
APART = "no cluster of items tells the two apart, or there are fewer than two clusters"
NO_SPREAD = "neither the personas’ scores nor the controls’ vary"
NOT_RANKED = (
    "fewer than two personas have both scores, or one of the two is the same for all of them"
)
LEAD = (
    "Each claim is estimated in every way that could have been chosen: scoring × reading of the "
    "texts × mean over cells or items × reference × template × items. These are ways to look at "
    "the same answers, no sample; their shares are no probabilities."
)


def list_specification_blocks(evidence: Evidence, measures: Sequence[str]) -> list[Block]:
    """A block for every one of these measures; nothing where no LLM has it."""
    found = evidence.joint.get(TOPIC, {}).get("measures", [])
    blocks: list[Block] = []
    for name in measures:
        groups = [group for group in found if group["measure"] == name]
        if groups:
            blocks.append(_describe_measure(name, groups, lead=LEAD if not blocks else ""))
    return blocks


def _describe_measure(name: str, groups: list[dict[str, Any]], *, lead: str) -> Block:
    title = DEFINITIONS[name].title
    return Block(
        slug=make_slug("specifications", name),
        title=f"How much hangs on the analysis? {title}",
        lead=lead,
        findings=(_describe_signs(groups),),
        tables=(_list_curves(name, groups),),
        figures=tuple(_draw_curves(groups)),
        numbers={
            "fields": SPECIFICATION_FIELDS,
            "measures": [_explain_gaps(group) for group in groups],
        },
    )


def _explain_gaps(group: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a measure with a reason wherever one is not defined."""
    curves = [
        {
            **curve,
            "estimates": {
                reference: explain_ends(estimates, NO_SPREAD if curve["kind"] == EXCESS else APART)
                for reference, estimates in curve["estimates"].items()
            },
        }
        for curve in group["curves"]
    ]
    correlations = give_reasons(group["rank_correlations"], NOT_RANKED)
    return {**group, "rank_correlations": correlations, "curves": curves}


def explain_ends(estimates: Sequence[Mapping[str, Any]], no_ends: str) -> list[dict[str, Any]]:
    """Estimates with the reason in place of what is not defined: of all, or of the ends alone."""
    return [
        give_reasons(dict(ends), NO_ESTIMATE if ends["value"] is None else no_ends)
        for ends in estimates
    ]


def _describe_signs(groups: list[dict[str, Any]]) -> Finding:
    question = "Do claims keep their sign in every specification?"
    curves = [
        (group, curve)
        for group in groups
        for curve in group["curves"]
        if curve["kind"] != GAP and has_side(curve["summary"])
    ]
    if not curves:
        return Finding(question, "Not defined", "No claim has an estimate that is not 0.")
    turned = [each for each in curves if each[1]["summary"]["share_agree"] < 1]
    turned.sort(key=lambda each: each[1]["summary"]["share_agree"])
    named = "; ".join(
        f"{_name_curve(group, curve)} (same side in "
        f"{write_fixed(100 * curve['summary']['share_agree'], digits=0)}%)"
        for group, curve in turned[:3]
    )
    kept = len(curves) - len(turned)
    n_specifications = max(curve["summary"]["n"] for _, curve in curves)
    sentence = (
        f"{write_plural(len(curves), 'claim')}, up to {n_specifications} specifications each."
    )
    return Finding(
        question,
        f"{kept:,} of {len(curves):,} do",
        sentence + (f" The most fragile: {named}." if named else ""),
        "Gaps are left out: a best persona is always above a worst. Where no answer is missing, "
        "scorings coincide; the table says how many estimates differ.",
    )


def has_side(summary: Any) -> bool:
    """Whether the main estimate is defined, and not at the threshold itself."""
    return not is_undefined(summary) and not is_undefined(summary["share_agree"])


def _name_curve(group: Mapping[str, Any], curve: Mapping[str, Any]) -> str:
    of = f", {group['of']}" if group["of"] else ""
    return f"{group['llm']}, {group['dataset']}{of}: {curve['statement']}"


def _list_curves(name: str, groups: list[dict[str, Any]]) -> DetailTable:
    def write(value: float) -> str:
        return write_difference(value, name, sign=True)

    records = [
        {
            "llm": group["llm"],
            "dataset": f"{group['dataset']}{', ' if group['of'] else ''}{group['of']}",
            "spec_claim": curve["statement"],
            "spec_source": curve["source"],
            **describe_summary(curve["summary"]),
        }
        for group in groups
        for curve in group["curves"]
    ]
    unit = " (percentage points)" if name in SHARES else ""
    return make_table(
        make_slug("specifications", name),
        f"Claims over specifications, {DEFINITIONS[name].title.lower()}{unit}",
        records,
        writers=choose_writers(write),
    )


def describe_summary(summary: Any) -> dict[str, Any]:
    """The columns of a curve's summary, all with its reason where there is none."""
    columns = {
        "spec_main": "main",
        "spec_median": "median",
        "spec_smallest": "smallest",
        "spec_largest": "largest",
        "spec_n": "n_defined",
        "spec_distinct": "n_distinct",
        "spec_agree": "share_agree",
        "spec_beyond": "n_beyond",
        "spec_rank": "rank_correlation",
        "spec_lowest_rank": "lowest_rank_correlation",
    }
    if is_undefined(summary):
        return dict.fromkeys(columns, summary)
    return {column: summary[key] for column, key in columns.items()}


def choose_writers(write: Writer) -> dict[str, Writer]:
    return {
        **dict.fromkeys(("spec_main", "spec_median", "spec_smallest", "spec_largest"), write),
        **dict.fromkeys(("spec_n", "spec_distinct", "spec_beyond"), write_count),
        **dict.fromkeys(("spec_rank", "spec_lowest_rank"), write_correlation),
        "spec_agree": lambda share: f"{write_fixed(100 * share, digits=0)}%",
    }


def write_correlation(value: float) -> str:
    return write_fixed(value, digits=2)


def _draw_curves(groups: list[dict[str, Any]]) -> Iterator[Figure]:
    """Curves of what the experiment's file claims, and of the spread of the main measures."""
    for group in groups:
        for at, curve in enumerate(group["curves"]):
            is_main = curve["kind"] == EXCESS and group["measure"] in MAIN_MEASURES
            if is_undefined(curve["summary"]) or not (is_main or curve["source"] == "experiment"):
                continue
            words = (group["llm"], group["dataset"], group["measure"], group["of"], str(at))
            points = _list_points(group, curve)
            yield Figure(
                slug=make_slug("specifications", *words),
                caption=f"{_name_curve(group, curve)}, {_name_unit(group['measure'])}; the main "
                "specification is the diamond.",
                alternative=f"{len(points)} specifications of a claim, "
                f"{count_agreeing(curve['summary'])} on the main one’s side of 0; the table above "
                "has their median and range.",
                spec=draw_curve(
                    points,
                    threshold=curve["threshold"],
                    title="estimate",
                    scale=100 if group["measure"] in SHARES else 1,
                ),
            )


def count_agreeing(summary: Mapping[str, Any]) -> str:
    return "none" if is_undefined(summary["n_agree"]) else write_count(summary["n_agree"])


def _name_unit(measure: str) -> str:
    return (
        "percentage points"
        if measure in SHARES
        else "bias score"
        if measure == "bias_score"
        else "points"
    )


def _list_points(group: Mapping[str, Any], curve: Mapping[str, Any]) -> list[CurvePoint]:
    """A point per specification and reference that has an estimate, the main one first."""

    def write(value: float) -> str:
        return write_difference(value, group["measure"], sign=True)

    return [
        CurvePoint(
            ends["value"],
            ends["low"],
            ends["high"],
            write(ends["value"])
            + ("" if ends["low"] is None else f" ({write(ends['low'])} to {write(ends['high'])})"),
            name_choices(specification, reference),
            is_main=(at, reference) == (0, next(iter(curve["estimates"]))),
        )
        for reference, estimates in curve["estimates"].items()
        for at, (specification, ends) in enumerate(
            zip(group["specifications"], estimates, strict=True)
        )
        if ends["value"] is not None
    ]


def name_choices(specification: Mapping[str, str], reference: str) -> dict[str, str]:
    chosen = (*specification.values(), reference or "each other")
    return {
        axis: NAMES.get((axis, choice), choice) for axis, choice in zip(AXES, chosen, strict=True)
    }
