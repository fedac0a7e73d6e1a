"""Several LLMs side by side: effects per persona and LLM, what one LLM or family contributes."""

from typing import Any

from analysis.evidence import Evidence
from analysis.report.blocks import Block, Figure, Finding
from analysis.report.definitions.several import SEVERAL_FIELDS
from analysis.report.several_figures import EffectCell, draw_effects
from analysis.report.several_tables import (
    GAPS,
    NO_COMMON,
    has_truth,
    list_cells,
    list_components,
    list_headlines,
    list_llms,
    list_personas,
    make_block_slug,
    name_measure,
    write_component,
)
from analysis.report.wording import (
    ROUNDING,
    SHARES,
    begin_sentence,
    explain_undefined,
    is_undefined,
    write_count,
    write_difference,
    write_fixed,
    write_p,
    write_plural,
    write_score,
)

TOPIC = "several"  # in `analysis.joint.TOPICS`
LEAD = (
    "Effects of the same personas in several LLMs, as differences from each LLM’s own controls. "
    "LLMs are compared on the items that all of them were asked; their tests are of their own "
    "items. The LLMs are fixed: nothing here is about LLMs in general."
)


def list_several_blocks(evidence: Evidence) -> list[Block]:
    """A block per measure that several LLMs have; nothing with a single LLM."""
    found = evidence.joint.get(TOPIC, {}).get("measures", [])
    return [_describe(each, lead=LEAD if at == 0 else "") for at, each in enumerate(found)]


def _describe(found: dict[str, Any], *, lead: str) -> Block:
    findings = [_describe_support(found), _describe_gap(found)]
    findings += [_describe_truth(found)] if has_truth(found) else []
    findings.append(_describe_components(found))
    tables = [list_llms(found), list_headlines(found), list_personas(found), list_cells(found)]
    if not is_undefined(found["components"]):
        tables.append(list_components(found))
    return Block(
        slug=make_block_slug(found),
        title=f"Side by side, {name_measure(found)}, template {found['template']}",
        lead=lead,
        findings=tuple(findings),
        tables=tuple(tables),
        figures=(_draw(found),) if found["n_common"] else (),
        numbers={"fields": SEVERAL_FIELDS, **found},
    )


def _describe_support(found: dict[str, Any]) -> Finding:
    """The persona that differs in most LLMs, and how many differ in all."""
    support, n_llms = found["support"], found["n_llms"]
    sides = {
        side: max(range(len(found["personas"])), key=lambda at: support[f"llms_{side}"][at])
        for side in ("higher", "lower")
    }
    everywhere = sum(
        n_llms in each for each in zip(support["llms_higher"], support["llms_lower"], strict=True)
    )
    named = []
    for side, at in sides.items():
        k = support[f"llms_{side}"][at]
        if k:
            ties = support[f"llms_{side}"].count(k) - 1
            named.append(
                f"most often {side}: “{found['personas'][at]}”, in {k} of {n_llms} LLMs, in every "
                f"LLM of {support[f'families_{side}'][at]} of {found['n_families']} "
                f"{'family' if found['n_families'] == 1 else 'families'}"
                + (f" ({write_plural(ties, 'other persona')} in as many)" if ties else "")
            )
    return Finding(
        "Which personas differ from the controls, and in how many LLMs?",
        f"{everywhere:,} of {write_plural(len(found['personas']), 'persona')} in all {n_llms}",
        f"On the LLMs’ own items{'; ' if named else ', none in any LLM'}{'; '.join(named)}.",
        "Adjusted within each LLM (Benjamini and Hochberg, .05). A family counts where it holds in "
        "every one of its LLMs.",
    )


def _describe_gap(found: dict[str, Any]) -> Finding:
    question = "How far do the LLMs differ on the items that all were asked?"
    gaps = [(side["gap"], side["llm"]) for side in found["llms"] if side["gap"] is not None]
    if len(gaps) < found["n_llms"]:
        why = NO_COMMON if not found["n_common"] else "an LLM has no gap on the common items"
        return Finding(question, begin_sentence(explain_undefined(None, reason=why)))
    (low, smallest), (high, largest) = min(gaps), max(gaps)
    measure = found["measure"]
    headline = found["headlines"]["gap"]
    ranges = ""
    if not is_undefined(headline["low"]):
        ends = [write_difference(headline[end], measure) for end in ("low", "high")]
        ranges = f" The mean over LLMs is {write_difference(headline['mean'], measure)}; without "
        ranges += f"one of them it lies between {ends[0]} and {ends[1]}."
    return Finding(
        question,
        f"Gaps from {write_difference(low, measure)} to {write_difference(high, measure)}"
        if high - low > ROUNDING
        else f"The same gap in every LLM, {write_difference(low, measure)}",
        (
            f"The smallest is that of {smallest}, the largest that of {largest}, on "
            if high - low > ROUNDING
            else "It is that of "
        )
        + f"{write_plural(found['n_common'], 'asking')} of common items.{ranges}",
    )


def _describe_truth(found: dict[str, Any]) -> Finding:
    """How far the personas' mean lies from right answers, which are the same for all LLMs."""
    question = "How far are the LLMs from right answers to the items that all were asked?"
    truth, measure = found["truth"], found["measure"]
    if is_undefined(truth):
        return Finding(question, begin_sentence(explain_undefined(truth)))
    known = [
        (side["persona_minus_truth"], side["llm"])
        for side in found["llms"]
        if side["persona_minus_truth"] is not None
    ]
    if not known:
        return Finding(question, f"Not defined: in every LLM {GAPS['persona_mean']}")
    (low, lowest), (high, highest) = min(known), max(known)
    ends = [write_difference(end, measure, sign=True) for end in (low, high)]
    left_out = found["n_llms"] - len(known)
    return Finding(
        question,
        f"Score minus truth from {ends[0]} to {ends[1]}"
        + (" percentage points" if measure in SHARES else ""),
        f"Of the personas’ mean: lowest in {lowest}, highest in {highest}. Right answers to these "
        f"items, the truth, have {write_score(truth, measure)} themselves."
        + (f" In {write_plural(left_out, 'LLM')} {GAPS['persona_mean']}." if left_out else ""),
    )


def _describe_components(found: dict[str, Any]) -> Finding:
    question = "Is a persona’s effect its own, or one LLM’s?"
    components = found["components"]
    if is_undefined(components):
        return Finding(question, begin_sentence(explain_undefined(components)))
    parts = components["parts"]
    words = [
        f"{name.replace(' x ', ' × ')} {write_component(found, parts[name]['sd'])}"
        for name in ("persona", "persona x llm")
        if name in parts
    ]
    g = components["g"]
    told = explain_undefined(g) if is_undefined(g) else write_fixed(g["value"], digits=2)
    return Finding(
        question,
        "SD of " + ", ".join(words) if words else "Not told apart",
        f"On {write_count(components['n_units'])} {components['unit']}s and "
        f"{components['n_personas']:,} personas. Generalizability of a persona’s mean over these "
        f"LLMs: {told}.",
        _explain_left_out(components),
    )


def _explain_left_out(components: dict[str, Any]) -> str:
    """What the components were not made of: gaps, and what was not drawn."""
    gaps, aside = components["n_items_left_out"], components["n_items_not_drawn"]
    words = [
        f"{write_plural(gaps, 'asking')} {'is' if gaps == 1 else 'are'} left out: some LLM gave no "
        "answer that counts to some persona."
        if gaps
        else "",
        f"To keep the array small whole clusters were drawn; {aside:,} more askings were not, and "
        "count for the generalizability all the same."
        if aside
        else "",
    ]
    return " ".join(filter(None, words))


def _draw(found: dict[str, Any]) -> Figure:
    scale = 100 if found["measure"] in SHARES else 1
    cells = [
        EffectCell(
            persona,
            category,
            side["llm"],
            None if side["effects"][at] is None else scale * side["effects"][at],
            "not defined"
            if side["effects"][at] is None
            else write_difference(side["effects"][at], found["measure"], sign=True),
            "no test" if side["p_adjusted"][at] is None else write_p(side["p_adjusted"][at]),
        )
        for at, (persona, category) in enumerate(
            zip(found["personas"], found["categories"], strict=True)
        )
        for side in found["llms"]
    ]
    unit = "percentage points" if scale == 100 else "bias score" if (
        found["measure"] == "bias_score") else "points"  # fmt: skip
    return Figure(
        slug=make_block_slug(found, "effects"),
        caption=f"{name_measure(found)}: each persona minus the LLM’s controls, common items, "
        f"{unit}. Blue is above the controls, vermillion below.",
        alternative=f"{len(found['personas'])} personas by {found['n_llms']} LLMs, coloured by "
        "the difference from the controls; the table of personas has the means.",
        spec=draw_effects(cells, title=f"minus controls, {unit}"),
    )
