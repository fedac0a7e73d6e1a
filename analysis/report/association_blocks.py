"""Blocks on attitudes that hang together, over settings and over people (Figures 6, 11 and 12)."""

from typing import Any

from analysis.associations import Side
from analysis.evidence import Evidence
from analysis.plain import UNDEFINED
from analysis.report.association_figures import Cosine, RCell, draw_correlations, draw_cosines
from analysis.report.blocks import Block, DetailTable, Figure, Finding, make_table
from analysis.report.paper_labels import add_labels
from analysis.report.wording import (
    explain_undefined,
    is_undefined,
    write_bare_p,
    write_count,
    write_fixed,
    write_plural,
)

TOPIC = "people"  # in `analysis.joint.TOPICS`
MAIN = "asked"
SIDES = {
    Side.ATTITUDES.value: "between attitudes",
    Side.RATINGS.value: "between attitudes and ratings",
}
SELECTIONS = ("all settings", "few missing")
PEOPLE = "people"


def list_association_blocks(evidence: Evidence) -> list[Block]:
    """Cosines with people, and the correlations themselves; nothing where nobody was asked."""
    found = evidence.joint.get(TOPIC)
    if not found or not any(each["correlations"] for each in [*found["llms"], *found["people"]]):
        return []
    cosines = [_describe_cosines(found)] if found["people"] and found["llms"] else []
    return [*cosines, _describe_correlations(found)]


def list_comparisons(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Figure 6 as records: an LLM, side, scoring and selection of settings each."""
    records = []
    for llm in found["llms"]:
        for each in llm["comparisons"]:
            ceiling: Any = {UNDEFINED: "there are no people to compare with"}
            if llm["people"] is not None:
                ceiling = found["people"][llm["people"]]["ceilings"][each["side"]]
            left_out = each["left_out"]
            records.append(
                {
                    "llm": llm["llm"],
                    "template": llm["template"],
                    "side": SIDES[each["side"]],
                    "scoring": each["scoring"],
                    "selection": SELECTIONS[left_out is not None],
                    "n_correlated": each["n_settings"],
                    "n_left_out": len(left_out or []),
                    "n_correlations": each["n_cells"],
                    "cosine": each["cosine"],
                    "cosine_low": each["low"],
                    "cosine_high": each["high"],
                    "uniform_95": _pick(each["uniform"], "point_95"),
                    "uniform_p": _pick(each["uniform"], "p"),
                    "relabelled_95": _pick(each["relabelled"], "point_95"),
                    "relabelled_p": _pick(each["relabelled"], "p"),
                    "ceiling": _pick(ceiling, "mean"),
                    "ceiling_low": _pick(ceiling, "low"),
                    "ceiling_high": _pick(ceiling, "high"),
                }
            )
    return records


def _pick(value: Any, key: str) -> Any:
    return value if is_undefined(value) else value[key]


def _describe_cosines(found: dict[str, Any]) -> Block:
    records = list_comparisons(found)
    ends = ("cosine", "cosine_low", "cosine_high", "uniform_95", "relabelled_95")
    table = make_table(
        "cosines-with-people",
        "Cosines with people’s correlations",
        records,
        writers={
            **dict.fromkeys(("n_correlated", "n_left_out", "n_correlations"), write_count),
            **dict.fromkeys((*ends, "ceiling", "ceiling_low", "ceiling_high"), write_two),
            **dict.fromkeys(("uniform_p", "relabelled_p"), write_bare_p),
        },
    )
    points = _list_points(records)
    figures = () if not points else (
        Figure(
            "cosines-with-people",
            "Cosine between the correlations over an LLM’s settings and those over people, with "
            "95% intervals (Figure 6 of the paper), beside what chance gives and what two halves "
            "of the people reach.",
            "A row of points for every LLM; the table has the numbers.",
            draw_cosines(points),
        ),
    )  # fmt: skip
    people = ", ".join(
        f"{write_plural(each['n_annotators'], 'person')} on {write_plural(each['n_items'], 'item')}"
        for each in found["people"]
    ).replace("persons", "people")
    return Block(
        slug="cosines-with-people",
        title=add_labels(
            "Do attitudes hang together as they do in people?", [each.caption for each in figures]
        ),
        lead=f"Compared with {people}. Random answers are what the paper draws once; relabellings "
        "keep the settings’ own correlations and change only the attitudes’ names, so a cosine "
        "above both says that the right attitudes go together.",
        findings=tuple(_judge_side(side, records) for side in SIDES.values()),
        figures=figures,
        tables=(table,),
        numbers={"comparisons": records},
    )


def _list_points(records: list[dict[str, Any]]) -> list[Cosine]:
    """Points and marks of Figure 6: the marks are those of the main scoring on all settings."""
    points = []
    several = _has_templates(records)
    for record in records:
        if is_undefined(record["cosine"]):
            continue
        llm = _name_llm(record, several)
        is_all = record["selection"] == SELECTIONS[0]
        is_main = record["scoring"] == MAIN
        series = "asked" if is_all and is_main else "paper" if is_all else "asked, few missing"
        if not is_all and (not is_main or not record["n_left_out"]):
            continue  # the same as with all settings, or one scoring too many for a figure
        low, high = (
            None if is_undefined(record[key]) else record[key]
            for key in ("cosine_low", "cosine_high")
        )
        points.append(Cosine(record["side"], llm, series, record["cosine"], low, high))
        if is_all and is_main:
            marks = {
                "95% of random answers": record["uniform_95"],
                "95% of relabellings": record["relabelled_95"],
                "two halves of the people": record["ceiling"],
            }
            points += [
                Cosine(record["side"], llm, name, value)
                for name, value in marks.items()
                if not is_undefined(value)
            ]
    return points


def _judge_side(side: str, records: list[dict[str, Any]]) -> Finding:
    question = f"Are correlations {side} those of people?"
    main = [
        record
        for record in records
        if (record["side"], record["scoring"], record["selection"]) == (side, MAIN, SELECTIONS[0])
    ]
    known = [record for record in main if not is_undefined(record["cosine"])]
    if not known:
        return Finding(question, _capitalise(explain_undefined(main[0]["cosine"])))
    beyond = {
        key: sum(
            not is_undefined(record[key]) and record["cosine"] > record[key] for record in known
        )
        for key in ("uniform_95", "relabelled_95")
    }
    several = _has_templates(records)
    said = " ".join(_write_cosine(record, _name_llm(record, several)) for record in known)
    ceiling = known[0]["ceiling"]
    halves = (
        ""
        if is_undefined(ceiling)
        else f" Two halves of the people have {write_two(ceiling)} on average."
    )
    n = f"{len(known)} pairs of LLM and template" if several else write_plural(len(known), "LLM")
    return Finding(
        question,
        f"Beyond random answers in {beyond['uniform_95']} of {n}, beyond relabellings in "
        f"{beyond['relabelled_95']}",
        f"{said}{halves}",
        "Beyond is above the 95% point, each LLM by itself. Without the settings that often leave "
        "prompts unanswered, and as published, it is in the table.",
    )


def _has_templates(records: list[dict[str, Any]]) -> bool:
    return len({record["template"] for record in records}) > 1


def _name_llm(record: dict[str, Any], has_templates: bool) -> str:
    return f"{record['llm']}, {record['template']}" if has_templates else str(record["llm"])


def _write_cosine(record: dict[str, Any], llm: str) -> str:
    text = f"{llm}: {write_two(record['cosine'])}"
    if is_undefined(record["cosine_low"]) or is_undefined(record["cosine_high"]):
        return f"{text}."
    return f"{text} (95% {write_two(record['cosine_low'])} to {write_two(record['cosine_high'])})."


def _capitalise(text: str) -> str:
    return text[0].upper() + text[1:]


def list_correlations(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Every cell of Figures 11 and 12: people's first, then each LLM's under each scoring."""
    several = len(found["people"]) > 1
    records = [
        _describe_cell(f"{PEOPLE}, {people['dataset']}" if several else PEOPLE, "", cell)
        for people in found["people"]
        for cell in people["correlations"]
    ]
    has_templates = _has_templates(found["llms"])
    for llm in found["llms"]:
        name = _name_llm(llm, has_templates)
        records += [_describe_cell(name, cell["scoring"], cell) for cell in llm["correlations"]]
    return records


def _describe_cell(who: str, scoring: str, cell: dict[str, Any]) -> dict[str, Any]:
    nobody = {UNDEFINED: "only people are resampled here"}
    return {
        "correlated_in": who,
        "scoring": scoring,
        "side": SIDES[cell["side"]],
        "attitude": cell["first"],
        "correlated_with": cell["second"],
        "r": cell["r"],
        "n_both": cell["n"],
        "r_low": nobody if cell["low"] is None else cell["low"],
        "r_high": nobody if cell["high"] is None else cell["high"],
    }


def _describe_correlations(found: dict[str, Any]) -> Block:
    records = list_correlations(found)
    writers = {**dict.fromkeys(("r", "r_low", "r_high"), write_two), "n_both": write_count}
    people = [record for record in records if record["correlated_in"].startswith(PEOPLE)]
    tables: list[DetailTable] = []
    if people:
        tables.append(
            make_table("human-correlations", "People’s correlations", people, writers=writers)
        )
    tables.append(
        make_table("correlations", "All correlations", records, writers=writers, on_page=False)
    )
    figures = tuple(_draw_side(side, records) for side in SIDES.values() if _has(side, records))
    return Block(
        slug="attitude-correlations",
        title=add_labels("Which attitudes go together", [each.caption for each in figures]),
        lead="Pearson’s correlations over people and over all settings of an LLM, of answers that "
        "were given. A tweet is rated by few people, so the people’s correlations with ratings are "
        "of those who saw such tweets: aimed at Black people, in African American English (AAE), "
        "or vulgar." + ("" if people else " No people are part of this experiment."),
        figures=figures,
        tables=tuple(tables),
        numbers={"correlations": records},
    )


def _has(side: str, records: list[dict[str, Any]]) -> bool:
    return any(record["side"] == side for record in records)


def _draw_side(side: str, records: list[dict[str, Any]]) -> Figure:
    cells = [
        RCell(
            record["correlated_in"],
            record["attitude"],
            record["correlated_with"],
            None if is_undefined(record["r"]) else record["r"],
            record["n_both"],
        )
        for record in records
        if record["side"] == side and record["scoring"] in ("", MAIN)
    ]
    is_attitudes = side == SIDES[Side.ATTITUDES]
    rows = "other attitude" if is_attitudes else "mean rating"
    return Figure(
        "attitude-correlations" if is_attitudes else "rating-correlations",
        f"Correlations {side}, people beside LLMs "
        f"(Figure {'11' if is_attitudes else '12'} of the paper). A row is a pair.",
        "A cell for every pair and every LLM; the tables have the numbers.",
        draw_correlations(cells, rows=rows),
    )


def write_two(value: float) -> str:
    """ "0.42"."""
    return write_fixed(value, digits=2)
