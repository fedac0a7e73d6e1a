"""Do the LLMs rank a category of personas alike, whatever the analysis? Its block."""

from collections.abc import Iterator, Mapping
from typing import Any

from analysis.evidence import Evidence
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, Figure, Finding, make_table
from analysis.report.definitions import DEFINITIONS
from analysis.report.definitions.specifications import SPECIFICATION_FIELDS
from analysis.report.specification_blocks import (
    TOPIC,
    choose_writers,
    count_agreeing,
    describe_summary,
    explain_ends,
    has_side,
    name_choices,
    write_correlation,
)
from analysis.report.specification_figures import CurvePoint, draw_curve
from analysis.report.wording import is_undefined

NONE_TO_LEAVE_OUT = "fewer than three LLMs, or none ranks the personas once another is left out"


def list_ranking_blocks(evidence: Evidence) -> list[Block]:
    """Do the LLMs rank a category alike, whatever the analysis? Nothing with a single LLM."""
    found = evidence.joint.get(TOPIC, {}).get("rankings", [])
    if not found:
        return []
    records = [
        {
            "dataset": curve["dataset"],
            "spec_measure": DEFINITIONS[curve["measure"]].title,
            "category": curve["category"],
            "spec_source": "paper" if curve["is_claimed"] else "every category",
            **{
                key: value
                for key, value in describe_summary(curve["summary"]).items()
                if "rank" not in key
            },
        }
        for curve in found
    ]
    table = make_table(
        "specifications-rankings",
        "Mean tau over pairs of LLMs",
        records,
        writers=choose_writers(write_correlation),
    )
    return [
        Block(
            slug="specifications-rankings",
            title="Agreement on rankings, over specifications",
            lead="Mean Kendall’s tau over pairs of LLMs within a category of personas, under every "
            "specification that all the LLMs have; on a part of the items only where all were "
            "asked that part. Sides are those of .5, the paper’s flag.",
            findings=(_describe_rankings(found),),
            tables=(table,),
            figures=tuple(_draw_rankings(found)),
            numbers={
                "fields": SPECIFICATION_FIELDS,
                "rankings": [_explain_gaps(curve) for curve in found],
            },
        )
    ]


def _explain_gaps(curve: Mapping[str, Any]) -> dict[str, Any]:
    return {**curve, "estimates": explain_ends(curve["estimates"], NONE_TO_LEAVE_OUT)}


def _describe_rankings(found: list[dict[str, Any]]) -> Finding:
    defined = [curve for curve in found if has_side(curve["summary"])]
    steady = [curve for curve in defined if curve["summary"]["share_agree"] == 1]
    above = [curve for curve in steady if curve["summary"]["main"] > curve["threshold"]]
    named = ", ".join(
        f"{curve['category'].replace('_', ' ')} on {curve['dataset']}" for curve in above
    )
    return Finding(
        "Does the paper’s flag for a consistent ranking hang on the analysis?",
        f"Not in {len(steady):,} of {len(defined):,} categories",
        f"Above .5 in every specification: {named or 'none'}.",
        "A category with few personas reaches a high mean tau by chance: compare with the table of "
        "agreement.",
    )


def _draw_rankings(found: list[dict[str, Any]]) -> Iterator[Figure]:
    for curve in found:
        if is_undefined(curve["summary"]) or not curve["is_claimed"]:
            continue
        category = curve["category"].replace("_", " ")
        points = [
            CurvePoint(
                ends["value"],
                ends["low"],
                ends["high"],
                write_correlation(ends["value"]),
                {k: v for k, v in name_choices(each, "").items() if k != "reference"},
                is_main=at == 0,
            )
            for at, (each, ends) in enumerate(
                zip(curve["specifications"], curve["estimates"], strict=True)
            )
            if ends["value"] is not None
        ]
        yield Figure(
            slug=make_slug("specifications-ranking", curve["dataset"], curve["category"]),
            caption=f"{curve['dataset']}, {category}: mean tau over pairs of "
            f"{len(curve['llms'])} LLMs; lines span leaving one LLM out.",
            alternative=f"{len(points)} specifications of one mean tau, "
            f"{count_agreeing(curve['summary'])} on the main one’s side of .5.",
            spec=draw_curve(points, threshold=curve["threshold"], title="mean tau"),
        )
