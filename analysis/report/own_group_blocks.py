"""Personas on items about their own people (Tables 2, 8 and 9): ranks, differences, tests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.flags import UNFLAGGED
from analysis.own_averages import BIAS
from analysis.plain import UNDEFINED
from analysis.planned import NO_PERSONA
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, DetailTable, Finding, Writer, make_table
from analysis.report.definitions.joint_fields import OWN_FIELDS
from analysis.report.printed_columns import NOT_THE_PAPERS, drop_unprinted
from analysis.report.rank_blocks import write_rank
from analysis.report.wording import (
    is_undefined,
    to_points,
    write_count,
    write_fixed,
    write_p,
    write_plural,
    write_points,
)
from analysis.social_groups import Context
from analysis.statistics.scorings import Scoring

CONTEXTS = {
    Context.AMBIGUOUS_NEGATIVE: "ambiguous, negative",
    Context.AMBIGUOUS_OTHER: "ambiguous, non-negative",
    Context.PLAIN_NEGATIVE: "disambiguated, negative",
    Context.PLAIN_OTHER: "disambiguated, non-negative",
}
MEASURED = {"bias": "bias score", "correct": "accuracy", "selected": "how often chosen"}
ALPHA = 0.05
ENDS = ("low", "high")
PRINTED_RANKS = (
    "printed_own_bias",
    "printed_own_accuracy",
    "printed_bias",
    "printed_accuracy",
)  # in the order of `analysis.printed_tables.PrintedSelf`
NOT_KEPT = {UNDEFINED: "the report goes by another definition of own items"}
OWN_ENDS = tuple(f"{each}_{end}" for each in ("own_correct", "own_selected") for end in ENDS)
PRINTED_POINTS = ("printed_correct_pp", "printed_selected_pp")


def show_own_groups(definition: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]) -> Block:
    slug = make_slug("own-groups", definition["dataset"], definition["template"])
    kept = [each for each in tables if each["is_kept"]]
    main = next(each for each in kept if each["scoring"] == Scoring.ASKED)
    llms = f"{write_plural(len(main['llms']), 'LLM')} ({', '.join(main['llms'])})"
    return Block(
        slug=slug,
        title=f"Personas on items about their own people, {definition['dataset']}, template "
        f"{definition['template']} (Tables 2, 8 and 9)",
        lead=f"Averages over {llms}, each counting alike. Which items are about a persona’s own "
        f"people is a choice: shown is “{definition['kept']}”, the others are in the CSV.",
        findings=(
            _count_ranks(main, "own_bias", "bias", "Are personas less biased about their own?"),
            _count_ranks(
                main, "own_accuracy", "accuracy", "Are personas less accurate about their own?"
            ),
            *(_describe_test(test) for test in main["tests"]),
        ),
        tables=(
            make_self_ranks(f"{slug}-ranks", kept, on_page=True),
            _list_differences(f"{slug}-differences", kept, on_page=True),
            _list_tests(f"{slug}-tests", kept),
            make_self_ranks(f"{slug}-ranks-all", tables, on_page=False),
            _list_differences(f"{slug}-differences-all", tables, on_page=False),
            *([_list_matches(slug, definition)] if definition["compared"] else []),
        ),
        numbers={"fields": OWN_FIELDS, "definition": definition, "tables": list(tables)},
    )


def _count_ranks(table: Mapping[str, Any], own: str, overall: str, question: str) -> Finding:
    """How many personas rank better, or worse, about their own people than overall."""
    pairs = [
        (row[own], row[overall])
        for row in table["ranks"]
        if not is_undefined(row[own]) and not is_undefined(row[overall])
    ]
    if not pairs:
        reasons = [row[own] for row in table["ranks"] if is_undefined(row[own])]
        why = (reasons[0] or {}).get(UNDEFINED, "") if reasons else "no overall rank"
        return Finding(question, f"Not defined: {why}")
    is_bias = own == "own_bias"
    n = sum(mine < other if is_bias else mine > other for mine, other in pairs)
    first = sum(mine == (1 if is_bias else table["n_settings"]) for mine, _ in pairs)
    end = "first (least biased)" if is_bias else "last"
    return Finding(
        question,
        f"{n} of {len(pairs)} rank {'better' if is_bias else 'worse'} than overall",
        f"{write_plural(first, 'persona')} {'ranks' if first == 1 else 'rank'} {end} of "
        f"{write_plural(table['n_settings'], 'setting')} on items about their own people.",
    )


def _describe_test(test: Mapping[str, Any]) -> Finding:
    items = f", {CONTEXTS[test['context']]} items" if test["context"] else ""
    question = f"Is {MEASURED[test['measured']]} different about one’s own people{items}?"
    effect = test["effect"]
    if is_undefined(effect):
        return Finding(question, f"Not defined: {effect[UNDEFINED] if effect else ''}")
    is_bias = test["measured"] == BIAS
    mean, expected = (
        _write_bias(value) if is_bias else write_points(to_points(value))
        for value in (effect["value"], effect["expected"])
    )
    unit = "" if is_bias else " percentage points"
    return Finding(
        question,
        f"{'Yes' if test['p_adjusted'] < ALPHA else 'Not beyond chance'}, "
        f"{write_p(test['p_adjusted'])} (adjusted)",
        f"Persona minus average persona: {mean}{unit} in the mean over "
        f"{write_plural(effect['n_personas'], 'persona')}; with personas assigned to groups at "
        f"random {expected}.",
    )


def _write_bias(value: float) -> str:
    return write_fixed(value, digits=3)


def make_self_ranks(
    slug: str, tables: Sequence[Mapping[str, Any]], *, on_page: bool
) -> DetailTable:
    """Table 2, a row per scoring, definition and persona, and one without a persona.

    Below them the same without flagged settings, where there are any.
    """
    again = [
        {**table, "scoring": UNFLAGGED, "printed_without": None, **table["unflagged"]}
        for table in tables
        if not is_undefined(table["unflagged"])
    ]
    records = [record for table in (*tables, *again) for record in _list_self_ranks(table)]
    ranks = ("own_bias_rank", "own_accuracy_rank", "bias_rank", "accuracy_rank", *PRINTED_RANKS)
    writers: dict[str, Writer] = {"n_own_items": write_count, **dict.fromkeys(ranks, write_rank)}
    records = drop_unprinted(records, PRINTED_RANKS)
    title = f"Ranks about their own people, and overall{_name_kept(on_page)} (Table 2)"
    return make_table(slug, title, records, writers=writers, on_page=on_page)


def _list_self_ranks(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    own = {"scored_as": table["scoring"], "own_definition": table["own"]}
    bias, accuracy = table["without_persona"]
    none = {UNDEFINED: "no persona has no people of its own"}
    keys = ("n_own_items", "own_bias_rank", "own_accuracy_rank")
    printed = None if (both := table["printed_without"]) is None else (none, none, *both)
    yield (
        {"label": NO_PERSONA, "own_group": "", **dict.fromkeys(keys, none)}
        | {"bias_rank": bias, "accuracy_rank": accuracy, **_read_printed(printed), **own}
    )
    for row in table["ranks"]:
        yield {
            "label": row["persona"],
            "own_group": row["group"],
            "n_own_items": row["n_items"],
            "own_bias_rank": row["own_bias"],
            "own_accuracy_rank": row["own_accuracy"],
            "bias_rank": row["bias"],
            "accuracy_rank": row["accuracy"],
            **_read_printed(row["printed"] and row["printed"].values()),
            **own,
        }


def _read_printed(ranks: Iterable[Any] | None) -> dict[str, Any]:
    """The paper's four ranks by their columns; None: it has none of these settings and LLMs."""
    values = [NOT_THE_PAPERS] * len(PRINTED_RANKS) if ranks is None else ranks
    return dict(zip(PRINTED_RANKS, values, strict=True))


def _name_kept(on_page: bool) -> str:
    return "" if on_page else ", by every definition"


def _list_differences(
    slug: str, tables: Sequence[Mapping[str, Any]], *, on_page: bool
) -> DetailTable:
    """Tables 8 and 9, a row per scoring, definition, persona and kind of items, and averages."""
    records = [
        _describe_difference(table, row, context)
        for table in tables
        for row in [*table["differences"], table["average"]]
        for context in Context
    ]
    records = drop_unprinted(records, PRINTED_POINTS)
    writers: dict[str, Writer] = {
        **dict.fromkeys(("own_correct_pp", "own_selected_pp", *PRINTED_POINTS), write_points),
        **dict.fromkeys(OWN_ENDS, write_points),
        "n_own_clusters": write_count,
        "own_bias_difference": _write_bias,
    }
    title = "Persona minus average persona on items about their own people"
    title += f"{_name_kept(on_page)} (Tables 8 and 9)"
    return make_table(slug, title, records, writers=writers, on_page=on_page)


def _describe_difference(
    table: Mapping[str, Any], row: Mapping[str, Any], context: Context
) -> dict[str, Any]:
    correct, selected = row["correct"][context], row["selected"][context]
    n = sum(not is_undefined(each["correct"][context]) for each in table["differences"])
    printed = row["printed"]
    at = list(Context).index(context)
    return {
        "label": row["persona"] or row["group"],
        "own_group": row["group"] if row["persona"] else f"mean over {write_plural(n, 'persona')}",
        "items_are": CONTEXTS[context],
        "own_correct_pp": to_points(correct),
        **_read_interval("own_correct", row["correct_intervals"].get(context)),
        "printed_correct_pp": NOT_THE_PAPERS if printed is None else printed["correct"][at],
        "own_selected_pp": to_points(selected),
        **_read_interval("own_selected", row["selected_intervals"].get(context)),
        "printed_selected_pp": NOT_THE_PAPERS if printed is None else printed["selected"][at],
        "n_own_clusters": _pick(row["correct_intervals"].get(context), "n_clusters"),
        "own_bias_difference": row["bias"],
        "scored_as": table["scoring"],
        "own_definition": table["own"],
    }


def _read_interval(measured: str, interval: Any) -> dict[str, Any]:
    return {f"{measured}_{end}": to_points(_pick(interval, end)) for end in ENDS}


def _pick(interval: Any, key: str) -> Any:
    """A field of an interval over items; there is none where the definition is not kept."""
    if interval is None:
        return NOT_KEPT
    return interval if is_undefined(interval) else interval[key]


def _list_tests(slug: str, tables: Sequence[Mapping[str, Any]]) -> DetailTable:
    records = []
    for table in tables:
        for test in table["tests"]:
            effect = test["effect"]
            has = not is_undefined(effect)
            p_of_llms = [each["p"] for each in test["per_llm"].values() if not is_undefined(each)]
            unit, scale = ("", 1) if test["measured"] == BIAS else (", points", 100)
            records.append(
                {
                    "self_measured": MEASURED[test["measured"]] + unit,
                    "items_are": CONTEXTS.get(test["context"], "all"),
                    "self_mean": scale * effect["value"] if has else effect,
                    "self_expected": scale * effect["expected"] if has else effect,
                    "self_p": effect["p"] if has else effect,
                    "self_p_adjusted": test["p_adjusted"] if has else effect,
                    "self_llms": f"{sum(p < ALPHA for p in p_of_llms)} of {len(p_of_llms)}",
                    "scored_as": table["scoring"],
                }
            )
    writers: dict[str, Writer] = {
        **dict.fromkeys(("self_mean", "self_expected"), lambda value: write_fixed(value, digits=3)),
        **dict.fromkeys(("self_p", "self_p_adjusted"), lambda value: write_fixed(value, digits=4)),
    }
    return make_table(slug, "Personas permuted over the groups", records, writers=writers)


def _list_matches(slug: str, definition: Mapping[str, Any]) -> DetailTable:
    records = [
        {
            "own_definition": match["own"],
            "matched_ranks": match["n_ranks"],
            "matched_accuracies": match["n_accuracies"],
            "matched_selections": match["n_selections"],
        }
        for match in definition["compared"]
    ]
    keys = ("matched_ranks", "matched_accuracies", "matched_selections")
    return make_table(
        f"{slug}-definitions",
        "Cells of the paper’s tables that each definition gives",
        records,
        writers=dict.fromkeys(keys, write_count),
    )
