"""RQ4 over data sets: refusal rates (Figures 7 and 9), disparity (Figure 10), arbitrary pairs."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.evidence import Evidence
from analysis.plain import UNDEFINED
from analysis.refusal_rates import SIX
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, DetailTable, Figure, Finding, Writer, make_table
from analysis.report.definitions.joint_fields import REFUSAL_FIELDS
from analysis.report.distributions import Row, draw_distributions
from analysis.report.dots import RatioDot, draw_ratios
from analysis.report.paper_labels import add_labels
from analysis.report.performance_blocks import list_settings
from analysis.report.wording import (
    give_reason,
    give_reasons,
    is_undefined,
    to_points,
    write_count,
    write_plural,
    write_points,
    write_ratio,
    write_score,
)

TITLES = {
    "attitudes": "attitudes",
    "offensiveness": "offensiveness",
    "racism": "racism",
    "truthfulqa": "TruthfulQA",
    "mmlu": "MMLU",
    "bbq": "BBQ",
}
MEAN = "mean of the six"
DISPARATE_ABOVE = 1
NO_CELL = "no cell of the setting is covered"


def list_refusal_blocks(evidence: Evidence) -> list[Block]:
    """Refusals over data sets, a block per template."""
    llms = evidence.joint.get("refusals", {}).get("llms", [])
    return [
        _show_template(template, [each for each in llms if each["template"] == template])
        for template in dict.fromkeys(each["template"] for each in llms)
    ]


def _show_template(template: str, llms: Sequence[Mapping[str, Any]]) -> Block:
    slug = make_slug("refusals", template)
    full = [each for each in llms if not each["missing"]]
    tables = [_list_rates(slug, llms)]
    figures = [_draw_rates(slug, llms)]
    if full:
        tables = [_list_spreads(slug, full), *tables]
        figures = [_draw_mean(slug, full), *figures, *_draw_spreads(slug, full)]
    if any(each["pairs"] for each in full):
        tables.append(_list_pairs(slug, full))
    return Block(
        slug=slug,
        title=add_labels(
            f"Refusals over data sets, template {template}", [each.caption for each in figures]
        ),
        lead=f"The unweighted mean over {len(SIX)} data sets: {', '.join(TITLES.values())}. It is "
        "defined where all of them were asked.",
        findings=tuple(finding for each in llms for finding in _describe_llm(each)),
        tables=tuple(tables),
        figures=tuple(figures),
        numbers={"fields": REFUSAL_FIELDS, "llms": [_explain_gaps(each) for each in llms]},
    )


def _explain_gaps(llm: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of an LLM with a reason wherever one is not defined."""
    return {
        **llm,
        "datasets": give_reasons(llm["datasets"], NO_CELL),
        "mean": [_find_mean(llm, row) for row in range(len(llm["labels"]))],
    }


def _describe_llm(llm: Mapping[str, Any]) -> list[Finding]:
    question = f"{llm['llm']}: are refusals disparate over the data sets?"
    if llm["missing"]:
        return [Finding(question, f"Not defined: not asked: {', '.join(llm['missing'])}")]
    ratios = {
        spread["category"]: spread["ratio"]
        for spread in llm["spreads"]
        if not is_undefined(spread["ratio"])
    }
    if not ratios:
        gaps = [spread["ratio"] for spread in llm["spreads"]] or [llm["control_sd"]]
        why = gaps[0][UNDEFINED] if isinstance(gaps[0], dict) else "no category of personas"
        return [Finding(question, f"Not defined: {why}")]
    above = sorted(
        (category for category, ratio in ratios.items() if ratio > DISPARATE_ABOVE),
        key=lambda category: -ratios[category],
    )
    named = ", ".join(category.replace("_", " ") for category in above)
    return [
        Finding(
            question,
            f"A ratio above 1 in {len(above)} of {len(ratios)} categories",
            f"{named[0].upper()}{named[1:]}." if named else "",
            "The ratio holds item noise on both sides, and of a category with few personas it is "
            "uncertain.",
        )
    ]


def _list_rates(slug: str, llms: Sequence[Mapping[str, Any]]) -> DetailTable:
    """Every setting on every data set and over the six."""
    records = [
        {
            "llm": each["llm"],
            "label": label,
            "category": each["categories"][row],
            "refusals_of": TITLES.get(name, name),
            "refusal_rate": give_reason(rates[row], NO_CELL),
            "refusal_mean": _find_mean(each, row),
        }
        for each in llms
        for name, rates in each["datasets"].items()
        for row, label in enumerate(each["labels"])
    ]
    writers: dict[str, Writer] = dict.fromkeys(
        ("refusal_rate", "refusal_mean"), lambda value: write_score(value, "refusal_rate")
    )
    title = "Refusal rates of every setting"
    return make_table(f"{slug}-settings", title, records, writers=writers, on_page=False)


def _find_mean(llm: Mapping[str, Any], row: int) -> Any:
    mean = llm["mean"][row]
    if mean is not None:
        return mean
    missing = ", ".join(llm["missing"])
    return {UNDEFINED: f"{missing} not asked" if missing else "a data set has no rate"}


def _draw_mean(slug: str, llms: Sequence[Mapping[str, Any]]) -> Figure:
    rows = [_make_row(MEAN, each, each["mean"]) for each in llms]
    return Figure(
        slug=f"{slug}-mean",
        caption="Refusal rate of every setting, averaged over the six data sets (Figure 7 of "
        "the paper).",
        alternative=f"A dot per setting in {write_plural(len(rows), 'row')}, one for each LLM. The "
        "CSV has the numbers.",
        spec=draw_distributions(rows, title="Refusal rate, per cent", digits=1),
    )


def _draw_rates(slug: str, llms: Sequence[Mapping[str, Any]]) -> Figure:
    names = list(dict.fromkeys(name for each in llms for name in each["datasets"]))
    rows = [
        _make_row(TITLES.get(name, name), each, each["datasets"][name])
        for name in names
        for each in llms
        if name in each["datasets"]
    ]
    return Figure(
        slug=f"{slug}-rates",
        caption="Refusal rate of every setting on each data set (Figure 9 of the paper).",
        alternative=f"A dot per setting in {write_plural(len(rows), 'row')}, one for each data set "
        "and LLM. The CSV has the numbers.",
        spec=draw_distributions(rows, title="Refusal rate, per cent", digits=1),
    )


def _make_row(band: str, llm: Mapping[str, Any], rates: Sequence[float | None]) -> Row:
    values = [None if rate is None else 100 * rate for rate in rates]
    return Row(band=band, llm=llm["llm"], settings=list_settings(llm), values=values)


def _draw_spreads(slug: str, llms: Sequence[Mapping[str, Any]]) -> list[Figure]:
    dots = [
        RatioDot(spread["category"], each["llm"], spread["ratio"], write_ratio(spread["ratio"]))
        for each in llms
        for spread in each["spreads"]
        if not is_undefined(spread["ratio"])
    ]
    if not dots:
        return []
    return [
        Figure(
            slug=f"{slug}-disparity",
            caption="Standard deviation of refusal rates within each category of personas over "
            "that of the controls, averaged over the data sets (Figure 10 of the paper).",
            alternative="A dot per LLM in a row per category; the dotted line is a ratio of 1. "
            "The table has the numbers.",
            spec=draw_ratios(dots, title="SD over controls’", reference=DISPARATE_ABOVE),
        )
    ]


def _list_spreads(slug: str, llms: Sequence[Mapping[str, Any]]) -> DetailTable:
    records = []
    for each in llms:
        records.append(
            {
                "llm": each["llm"],
                "category": "control",
                "n_members": each["roles"].count("control"),
                "joint_sd_pp": to_points(each["control_sd"]),
                "joint_ratio": {UNDEFINED: "it is the controls’ own"},
                "n_datasets_above": {UNDEFINED: "it is the controls’ own"},
            }
        )
        records += [
            {
                "llm": each["llm"],
                "category": spread["category"],
                "n_members": spread["n_members"],
                "joint_sd_pp": to_points(spread["sd"]),
                "joint_ratio": spread["ratio"],
                "n_datasets_above": spread["n_datasets_above"],
            }
            for spread in each["spreads"]
        ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(("n_members", "n_datasets_above"), write_count),
        "joint_sd_pp": write_points,
        "joint_ratio": write_ratio,
    }
    title = "Refusals within categories of personas"
    return make_table(f"{slug}-disparity-table", title, records, writers=writers)


def _list_pairs(slug: str, llms: Sequence[Mapping[str, Any]]) -> DetailTable:
    records = [
        {
            "llm": each["llm"],
            "first": pair["first"],
            "second": pair["second"],
            "first_rate": pair["first_rate"],
            "second_rate": pair["second_rate"],
            "pair_ratio": pair["ratio"],
        }
        for each in llms
        for pair in each["pairs"]
    ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(
            ("first_rate", "second_rate"), lambda value: write_score(value, "refusal_rate")
        ),
        "pair_ratio": write_ratio,
    }
    title = "Two words for the same people, mean over the data sets"
    return make_table(f"{slug}-pairs", title, records, writers=writers)
