"""Tables of several LLMs side by side: each LLM, one left out, personas, cells, components."""

from functools import partial
from typing import Any

from analysis.plain import UNDEFINED
from analysis.report.addresses import make_slug
from analysis.report.blocks import Cell, DetailTable, Writer, make_table
from analysis.report.definitions import DEFINITIONS
from analysis.report.wording import (
    SHARES,
    give_reason,
    is_undefined,
    write_count,
    write_difference,
    write_p,
    write_score,
    write_sd,
)

HEADLINES = {
    "gap": "gap between best and worst persona",
    "excess": "variation beyond rewordings",
    "persona_mean": "mean of the personas",
    "control_mean": "mean of the controls",
    "persona_minus_truth": "mean of the personas − truth",
    "control_minus_truth": "mean of the controls − truth",
}
SCORES = ("persona_mean", "control_mean")  # headlines that are scores, the others are differences
LEFT = ("mean", "low", "high", "family_low", "family_high")
NO_COMMON = "the LLMs have no item in common that every setting covered"
# Why an LLM lacks a number although there are common items.
GAPS = {
    "gap": "fewer than two personas have a score on the common items",
    "excess": "it takes two personas, two controls and two clusters of items, all with scores",
    "persona_mean": "a persona has no score on the common items",
    "control_mean": "there is no control, or one has no score on the common items",
}
GAPS |= {f"{who}_minus_truth": GAPS[f"{who}_mean"] for who in ("persona", "control")}
NO_EFFECT = "in some LLM the persona or the controls have no score on the common items"
NO_SCORE = "the persona has no score on the common items"
ONE_FAMILY = "all LLMs are of one family"


def make_block_slug(found: dict[str, Any], *words: str) -> str:
    """A name for the block of a measure, its tables and its figure."""
    parts = (found["dataset"], found["template"], found["measure"], found["of"])
    return make_slug("llms-side-by-side", *parts, *words)


def name_measure(found: dict[str, Any]) -> str:
    """ "bbq: accuracy"."""
    of = f", {found['of']}" if found["of"] else ""
    return f"{found['dataset']}: {DEFINITIONS[found['measure']].title.lower()}{of}"


def write_component(found: dict[str, Any], sd: Any) -> str:
    """An SD of a part of the variance."""
    return "below 0" if is_undefined(sd) else write_sd(sd, found["measure"])


def _write_signed(found: dict[str, Any]) -> Writer:
    return lambda value: write_difference(value, found["measure"], sign=True)


def has_truth(found: dict[str, Any]) -> bool:
    """Whether scores stand beside that of right answers: of bias alone."""
    return found["truth"] is not None


def explain_truth(found: dict[str, Any], why: str) -> str:
    """Why a score minus truth is not defined: ``why`` there is no score, unless it is the truth."""
    truth = found["truth"]
    return str(truth[UNDEFINED]) if isinstance(truth, dict) else why


def list_llms(found: dict[str, Any]) -> DetailTable:
    """A row per LLM on the common items, and how many personas differ on its own."""
    measure = found["measure"]

    def read(side: dict[str, Any], name: str) -> Any:
        why = GAPS[name] if found["n_common"] else NO_COMMON
        return give_reason(side[name], explain_truth(found, why) if "truth" in name else why)

    records = [
        {
            "llm": side["llm"],
            "family": side["family"],
            "side_items": side["n_items"],
            "side_gap": read(side, "gap"),
            "side_excess": read(side, "excess"),
            "side_personas": read(side, "persona_mean"),
            "side_controls": read(side, "control_mean"),
            **(
                {
                    "side_truth": found["truth"],
                    "side_personas_truth": read(side, "persona_minus_truth"),
                    "side_controls_truth": read(side, "control_minus_truth"),
                }
                if has_truth(found)
                else {}
            ),
            "side_higher": side["n_higher"],
            "side_lower": side["n_lower"],
        }
        for side in found["llms"]
    ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(("side_items", "side_higher", "side_lower"), write_count),
        **dict.fromkeys(
            ("side_gap", "side_excess", "side_personas_truth", "side_controls_truth"),
            _write_signed(found),
        ),
        **dict.fromkeys(
            ("side_personas", "side_controls", "side_truth"),
            lambda value: write_score(value, measure),
        ),
    }
    return make_table(
        make_block_slug(found, "llms"), f"LLMs, {name_measure(found)}", records, writers=writers
    )


def list_headlines(found: dict[str, Any]) -> DetailTable:
    """Each number in its own words: scores as scores, the others as differences."""

    def read(name: str, key: str) -> Any:
        value = found["headlines"][name][key]
        if is_undefined(value):
            return value
        is_score = name in SCORES
        write = write_score if is_score else partial(write_difference, sign=True)
        return Cell(write(value, found["measure"]), value)

    records = [
        {"headline": title, **{f"left_{key}": read(name, key) for key in LEFT}}
        for name, title in HEADLINES.items()
        if name in found["headlines"]
    ]
    return make_table(
        make_block_slug(found, "left-out"),
        f"One LLM left out, {name_measure(found)}",
        records,
        writers=dict.fromkeys((f"left_{key}" for key in LEFT), str),
    )


def list_personas(found: dict[str, Any]) -> DetailTable:
    """A row per persona: its mean effect, without one LLM or family, and where it differs."""
    effects, support = found["effects"], found["support"]
    why = NO_EFFECT if found["n_common"] else NO_COMMON
    reasons = {
        key: ONE_FAMILY if key.startswith("family") and found["n_families"] == 1 else why
        for key in LEFT
    }
    records = [
        {
            "label": persona,
            "category": category,
            "mean_effect": give_reason(effects["mean"][at], reasons["mean"]),
            **_read_truth(found, "mean_minus_truth", found["minus_truth"], at),
            **{f"left_{key}": give_reason(effects[key][at], reasons[key]) for key in LEFT[1:]},
            **{key: each[at] for key, each in support.items()},
        }
        for at, (persona, category) in enumerate(
            zip(found["personas"], found["categories"], strict=True)
        )
    ]
    signed = ("mean_effect", "mean_minus_truth", *(f"left_{key}" for key in LEFT[1:]))
    writers: dict[str, Writer] = {
        **dict.fromkeys(signed, _write_signed(found)),
        **dict.fromkeys(found["support"], write_count),
    }
    return make_table(
        make_block_slug(found, "personas"),
        f"Personas over LLMs, {name_measure(found)}",
        records,
        writers=writers,
    )


def _read_truth(
    found: dict[str, Any], column: str, minus_truth: list[float | None] | None, at: int
) -> dict[str, Any]:
    """A persona's score minus truth under ``column``; nothing where there is no truth."""
    if minus_truth is None:
        return {}
    why = NO_SCORE if found["n_common"] else NO_COMMON
    return {column: give_reason(minus_truth[at], explain_truth(found, why))}


def list_cells(found: dict[str, Any]) -> DetailTable:
    """Every persona in every LLM, in the CSV alone."""
    why = "the persona or the controls have no score on the common items"
    common = why if found["n_common"] else NO_COMMON
    own = "the LLM has no such difference on its own items"
    records = [
        {
            "label": persona,
            "llm": side["llm"],
            "common_effect": give_reason(side["effects"][at], common),
            **_read_truth(found, "common_minus_truth", side["minus_truth"], at),
            "own_effect": give_reason(side["own_effects"][at], own),
            "p_adjusted": give_reason(side["p_adjusted"][at], f"{own}, or it has no error"),
        }
        for at, persona in enumerate(found["personas"])
        for side in found["llms"]
    ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(
            ("common_effect", "common_minus_truth", "own_effect"), _write_signed(found)
        ),
        "p_adjusted": write_p,
    }
    slug = make_block_slug(found, "effects")
    title = f"Every persona in every LLM, {name_measure(found)}"
    return make_table(slug, title, records, writers=writers, on_page=False)


def list_components(found: dict[str, Any]) -> DetailTable:
    """The parts of the variance of personas x items x LLMs."""
    write = partial(write_sd, measure=found["measure"], unit=False, more=1)
    unit = " (percentage points)" if found["measure"] in SHARES else ""
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
    title = f"Parts of the variance over LLMs, {name_measure(found)}{unit}"
    return make_table(make_block_slug(found, "components"), title, records, writers=writers)
