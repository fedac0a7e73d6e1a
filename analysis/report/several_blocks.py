"""Several LLMs side by side: effects per persona and LLM, what one LLM or family contributes."""

from collections.abc import Callable
from typing import Any

from analysis.evidence import Evidence
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, DetailTable, Figure, Finding, Writer, make_table
from analysis.report.definitions import DEFINITIONS
from analysis.report.definitions.several import SEVERAL_FIELDS
from analysis.report.several_figures import EffectCell, draw_effects
from analysis.report.wording import (
    SHARES,
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
NO_COMMON = "the LLMs have no item in common that every setting covered"
HEADLINES = {
    "gap": "gap between best and worst persona",
    "excess": "variation beyond rewordings",
    "persona_mean": "mean of the personas",
    "control_mean": "mean of the controls",
}
SCORES = ("persona_mean", "control_mean")  # headlines that are scores, the others are differences


def list_several_blocks(evidence: Evidence) -> list[Block]:
    """A block per measure that several LLMs have; nothing with a single LLM."""
    found = evidence.joint.get(TOPIC, {}).get("measures", [])
    return [_describe(each, lead=LEAD if at == 0 else "") for at, each in enumerate(found)]


def _slug(found: dict[str, Any], *words: str) -> str:
    parts = (found["dataset"], found["template"], found["measure"], found["of"])
    return make_slug("llms-side-by-side", *parts, *words)


def _name(found: dict[str, Any]) -> str:
    of = f", {found['of']}" if found["of"] else ""
    return f"{found['dataset']}: {DEFINITIONS[found['measure']].title.lower()}{of}"


def _describe(found: dict[str, Any], *, lead: str) -> Block:
    findings = [_describe_support(found), _describe_gap(found), _describe_components(found)]
    tables = [_list_llms(found), _list_headlines(found), _list_personas(found), _list_cells(found)]
    if not is_undefined(found["components"]):
        tables.append(_list_components(found))
    return Block(
        slug=_slug(found),
        title=f"Side by side, {_name(found)}, template {found['template']}",
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
        return Finding(question, explain_undefined(None, reason=why).capitalize())
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
        f"Gaps from {write_difference(low, measure)} to {write_difference(high, measure)}",
        f"The smallest is that of {smallest}, the largest that of {largest}, on "
        f"{write_plural(found['n_common'], 'asking')} of common items.{ranges}",
    )


def _describe_components(found: dict[str, Any]) -> Finding:
    question = "Is a persona’s effect its own, or one LLM’s?"
    components = found["components"]
    if is_undefined(components):
        return Finding(question, explain_undefined(components).capitalize())
    parts = components["parts"]
    words = [
        f"{name.replace(' x ', ' × ')} {_write_sd(found, parts[name]['sd'])}"
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


def _write_sd(found: dict[str, Any], sd: Any) -> str:
    if is_undefined(sd):
        return "below 0"
    return write_difference(sd, found["measure"])


def _write_signed(found: dict[str, Any]) -> Writer:
    return lambda value: write_difference(value, found["measure"], sign=True)


def _list_llms(found: dict[str, Any]) -> DetailTable:
    measure = found["measure"]
    records = [
        {
            "llm": side["llm"],
            "family": side["family"],
            "side_items": side["n_items"],
            "side_gap": side["gap"],
            "side_excess": side["excess"],
            "side_personas": side["persona_mean"],
            "side_controls": side["control_mean"],
            "side_higher": side["n_higher"],
            "side_lower": side["n_lower"],
        }
        for side in found["llms"]
    ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(("side_items", "side_higher", "side_lower"), write_count),
        **dict.fromkeys(("side_gap", "side_excess"), _write_signed(found)),
        **dict.fromkeys(
            ("side_personas", "side_controls"), lambda value: write_score(value, measure)
        ),
    }
    return make_table(_slug(found, "llms"), f"LLMs, {_name(found)}", records, writers=writers)


LEFT = ("mean", "low", "high", "family_low", "family_high")


def _list_headlines(found: dict[str, Any]) -> DetailTable:
    """Each number in its own words: scores as scores, the others as differences."""
    measure = found["measure"]
    names = [name for name in HEADLINES if name in found["headlines"]]
    records = [
        {
            "headline": HEADLINES[name],
            **{f"left_{key}": found["headlines"][name][key] for key in LEFT},
        }
        for name in names
    ]
    writers: dict[str, Writer] = dict.fromkeys((f"left_{key}" for key in LEFT), str)
    table = make_table(
        _slug(found, "left-out"), f"One LLM left out, {_name(found)}", records, writers=writers
    )
    write: dict[str, Callable[[float], str]] = {
        name: (lambda value: write_score(value, measure))
        if name in SCORES
        else _write_signed(found)
        for name in names
    }
    rows = [
        [
            cell
            if cell.is_word or not isinstance(cell.value, float)
            else cell._replace(text=write[name](cell.value))
            for cell in cells
        ]
        for name, cells in zip(names, table.rows, strict=True)
    ]
    return table._replace(rows=rows)


def _list_personas(found: dict[str, Any]) -> DetailTable:
    effects, support = found["effects"], found["support"]
    records = [
        {
            "label": persona,
            "category": category,
            "mean_effect": effects["mean"][at],
            **{f"left_{key}": effects[key][at] for key in LEFT[1:]},
            **{key: each[at] for key, each in support.items()},
        }
        for at, (persona, category) in enumerate(
            zip(found["personas"], found["categories"], strict=True)
        )
    ]
    signed = ("mean_effect", *(f"left_{key}" for key in LEFT[1:]))
    writers: dict[str, Writer] = {
        **dict.fromkeys(signed, _write_signed(found)),
        **dict.fromkeys(found["support"], write_count),
    }
    return make_table(
        _slug(found, "personas"), f"Personas over LLMs, {_name(found)}", records, writers=writers
    )


def _list_cells(found: dict[str, Any]) -> DetailTable:
    """Every persona in every LLM, in the CSV alone."""
    records = [
        {
            "label": persona,
            "llm": side["llm"],
            "common_effect": side["effects"][at],
            "own_effect": side["own_effects"][at],
            "p_adjusted": side["p_adjusted"][at],
        }
        for at, persona in enumerate(found["personas"])
        for side in found["llms"]
    ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(("common_effect", "own_effect"), _write_signed(found)),
        "p_adjusted": write_p,
    }
    slug = _slug(found, "effects")
    return make_table(slug, "", records, writers=writers, on_page=False)


def _list_components(found: dict[str, Any]) -> DetailTable:
    def write(sd: float) -> str:
        return _write_sd(found, sd)

    records = [
        {
            "component": name.replace(" x ", " × ").replace("llm", "LLM"),
            **{f"component_{key}": part[key] for key in ("sd", "low", "high")},
        }
        for name, part in found["components"]["parts"].items()
    ]
    writers: dict[str, Writer] = dict.fromkeys(
        ("component_sd", "component_low", "component_high"), write
    )
    title = f"Parts of the variance over LLMs, {_name(found)}"
    return make_table(_slug(found, "components"), title, records, writers=writers)


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
        slug=_slug(found, "effects"),
        caption=f"{_name(found)}: each persona minus the LLM’s controls, common items, {unit}. "
        "Blue is above the controls, vermillion below.",
        alternative=f"{len(found['personas'])} personas by {found['n_llms']} LLMs, coloured by "
        "the difference from the controls; the table of personas has the means.",
        spec=draw_effects(cells, title=f"minus controls, {unit}"),
    )
