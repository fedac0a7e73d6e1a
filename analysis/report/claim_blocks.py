"""Claims that the experiment's file named in advance, with Holm's p, on the overview."""

from typing import Any

from analysis.evidence import Evidence
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, DetailTable, Finding, Writer, make_table
from analysis.report.definitions import DEFINITIONS
from analysis.report.wording import is_undefined, write_difference, write_p, write_plural

TOPIC = "claims"  # in `analysis.joint.TOPICS`
NO_DATASET = "(none)"


def list_claim_blocks(evidence: Evidence) -> list[Block]:
    """One block; nothing where nothing was claimed."""
    found = evidence.joint.get(TOPIC, {}).get("llms", [])
    if not found:
        return []
    return [
        Block(
            slug="named-claims",
            title="Claims named in advance",
            lead="The experiment’s file named these differences from the controls before any "
            "answer was read; p is adjusted over all claims of an LLM (Holm).",
            findings=tuple(_describe_llm(each) for each in found),
            tables=tuple(_list_claims(each) for each in found),
            numbers={"llms": found},
        )
    ]


def _describe_llm(llm: dict[str, Any]) -> Finding:
    claims = llm["claims"]
    counts = {
        verdict: sum(claim["verdict"] == verdict for claim in claims)
        for verdict in ("borne out", "not shown", "contradicted", "not testable")
    }
    return Finding(
        f"{llm['llm']}, {llm['template']}: are the claims borne out?",
        f"{counts['borne out']:,} of {write_plural(len(claims), 'claim')}",
        f"{counts['not shown']:,} not shown, {counts['contradicted']:,} contradicted, "
        f"{counts['not testable']:,} not testable.",
        "A claim that is not shown is not refuted.",
    )


def _list_claims(llm: dict[str, Any]) -> DetailTable:
    records = []
    for claim in llm["claims"]:
        of = f", {claim['of']}" if claim["of"] else ""
        records.append(
            {
                "label": claim["persona"],
                "dataset": claim["dataset"] or NO_DATASET,
                "claimed_measure": f"{DEFINITIONS[claim['measure']].title}{of}",
                "claim_direction": claim["direction"],
                "claim_difference": claim["difference"],
                "claim_p": claim["p"],
                "claim_p_holm": claim["p_holm"],
                "claim_verdict": claim["verdict"],
            }
        )
    writers: dict[str, Writer] = dict.fromkeys(("claim_p", "claim_p_holm"), write_p)
    table = make_table(
        make_slug("named-claims", llm["llm"], llm["template"]),
        f"Claims, {llm['llm']}, {llm['template']}",
        records,
        writers={**writers, "claim_difference": str},
    )
    return _write_differences(table, llm["claims"])


def _write_differences(table: DetailTable, claims: list[dict[str, Any]]) -> DetailTable:
    """Each difference in the words of its own measure."""
    at = [column.key for column in table.columns].index("claim_difference")
    rows = [
        cells
        if is_undefined(claim["difference"])
        else [
            *cells[:at],
            cells[at]._replace(text=write_difference(claim["difference"], claim["measure"])),
            *cells[at + 1 :],
        ]
        for cells, claim in zip(table.rows, claims, strict=True)
    ]
    return table._replace(rows=rows)
