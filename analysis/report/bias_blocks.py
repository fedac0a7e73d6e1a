"""RQ2 over measures and LLMs: bias against unknown answers (Figure 3), categories (Table 7).

What personas do on items about their own people follows from `own_group_blocks`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.evidence import Evidence
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, Figure
from analysis.report.definitions.joint_fields import RANK_FIELDS
from analysis.report.dots import ScatterDot, draw_scatter
from analysis.report.own_group_blocks import show_own_groups
from analysis.report.paper_labels import add_labels
from analysis.report.rank_blocks import ON_RANK_PAGE, list_places, make_rank_table
from analysis.report.sections import Section, list_sections
from analysis.report.wording import write_plural, write_score


def list_bias_blocks(evidence: Evidence) -> list[Block]:
    """Figure 3 and Tables 2 and 7 to 9, a block per template; nothing without items like BBQ's."""
    joint = evidence.joint.get("self_effect", {"tables": [], "definitions": []})
    ranked = [
        each
        for each in evidence.joint.get("group_ranks", {}).get("ranked", [])
        if each["dataset"] == "bbq"
    ]
    return [
        *show_scatters(list_sections(evidence)),
        *(
            show_own_groups(
                each,
                [
                    table
                    for table in joint["tables"]
                    if (table["template"], table["dataset"]) == (each["template"], each["dataset"])
                ],
            )
            for each in joint["definitions"]
        ),
        *(
            _show_social_ranks(t, [each for each in ranked if each["template"] == t])
            for t in dict.fromkeys(each["template"] for each in ranked)
        ),
    ]


def show_scatters(sections: Sequence[Section]) -> list[Block]:
    """Bias score against unknown frequency, a figure per LLM in a block per data set."""
    pairs: dict[tuple[str, str], dict[str, dict[str, Section]]] = {}
    for section in sections:
        if section.name in {"bias_score", "unknown_frequency"}:
            part = section.progress
            of_llms = pairs.setdefault((part.dataset, part.template), {})
            of_llms.setdefault(part.llm, {}).setdefault(section.name, section)
    return [
        _show_scatter(dataset, template, [both for both in of_llms.values() if len(both) > 1])
        for (dataset, template), of_llms in pairs.items()
    ]


def _show_scatter(dataset: str, template: str, llms: Sequence[Mapping[str, Section]]) -> Block:
    figures = tuple(_draw_scatter(dataset, template, both) for both in llms)
    title = f"Bias and caution, {dataset}, template {template}"
    return Block(
        slug=make_slug("bias-unknown", dataset, template),
        title=add_labels(title, [figure.caption for figure in figures]),
        lead="Who names nobody too often is overly cautious, who names somebody too often is "
        "reckless. The dotted lines are the right answers’ own scores.",
        figures=figures,
    )


def _draw_scatter(dataset: str, template: str, both: Mapping[str, Section]) -> Figure:
    names = ("unknown_frequency", "bias_score")
    unknown, bias = (both[name] for name in names)
    llm = bias.progress.llm
    dots = [
        ScatterDot(
            **{key: setting[key] for key in ("label", "category", "role")},
            x=x,
            y=y,
            x_text=write_score(x, names[0]),
            y_text=write_score(y, names[1]),
        )
        for setting, x, y in zip(
            bias.settings, unknown.columns["score"], bias.columns["score"], strict=True
        )
        if x is not None and y is not None
    ]
    truth = [section.numbers.get("truth") for section in (unknown, bias)]
    x_truth, y_truth = (value if isinstance(value, float) else None for value in truth)
    return Figure(
        slug=make_slug("bias-unknown", llm, dataset, template),
        caption=f"{llm}: bias score and frequency of “unknown” of every setting (Figure 3 of "
        "the paper).",
        alternative=f"{write_plural(len(dots), 'setting')} by unknown frequency and bias score. "
        "The tables of both measures have the numbers.",
        spec=draw_scatter(
            dots,
            titles=("Unknown frequency", "Bias score"),
            axis_formats=(".0%", ".2f"),
            truth=(x_truth, y_truth),
        ),
    )


def _show_social_ranks(template: str, ranked: Sequence[Mapping[str, Any]]) -> Block:
    """Table 7: groups of personas by accuracy on the categories of BBQ."""
    slug = make_slug("social-ranks", template)
    llms = ranked[0]["llms"]
    return Block(
        slug=slug,
        title=f"Accuracy by category of people, template {template} (Table 7)",
        lead=f"Settings ranked by accuracy, averaged over {write_plural(len(llms), 'LLM')} "
        f"({', '.join(llms)}).",
        tables=(
            make_rank_table(
                f"{slug}-table",
                "Groups of personas in categories of BBQ (Table 7)",
                list_places(
                    [each for each in ranked if each["scoring"] in ON_RANK_PAGE], lambda *_: True
                ),
            ),
        ),
        numbers={"fields": RANK_FIELDS, "ranked": list(ranked)},
    )
