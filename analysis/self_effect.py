"""Personas on items about their own group (Tables 2, 8 and 9), and whether that is an effect.

Scores are averaged over the LLMs, each counting alike (`analysis.own_averages`); the tables are
`analysis.own_tables`, their intervals over items `analysis.own_intervals`, the test over personas
`analysis.self_tests`. Which items are a persona's own is settled nowhere:
`analysis.own_definitions`.
"""

from dataclasses import replace
from typing import Any

from analysis.measures import Draws
from analysis.own_definitions import choose_definition, compare_definitions
from analysis.own_intervals import measure_intervals
from analysis.own_tables import OwnGroups, add_intervals, describe_own
from analysis.plain import to_plain
from analysis.self_tests import run_self_tests
from analysis.slices import Slices
from analysis.social_groups import SCORINGS, Own


def describe_self_effect(slices: Slices, draws: Draws) -> dict[str, Any]:
    """Tables 2, 8 and 9 for every template: topic of `analysis.joint`."""
    found: list[OwnGroups] = []
    matches: list[dict[str, Any]] = []
    for (template, dataset), of_llms in _find_slices(slices).items():
        results = {llm: slices.results[each] for llm, each in of_llms.items()}
        tables = {
            (scoring, own): describe_own(template, dataset, results, scoring=scoring, own=own)
            for scoring in SCORINGS
            for own in Own
        }
        compared = compare_definitions(tables, results, template=template)
        kept = choose_definition(compared)
        matches.append(
            {"template": template, "dataset": dataset, "kept": kept, "compared": compared}
        )
        intervals = measure_intervals([slices.load(each) for each in of_llms.values()], own=kept)
        for scoring in SCORINGS:
            tables[scoring, kept] = replace(
                add_intervals(tables[scoring, kept], intervals[scoring]),
                is_kept=True,
                tests=run_self_tests(results, scoring=scoring, own=kept, draws=draws),
            )
        found += tables.values()
    described: dict[str, Any] = to_plain({"tables": found, "definitions": matches})
    return described


def _find_slices(slices: Slices) -> dict[tuple[str, str], dict[str, int]]:
    """(template, data set) -> LLM -> slice, of the slices with items about groups."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for part in slices.parts:
        if slices.results[part.slice]["social_groups"]:
            found.setdefault((part.template, part.dataset), {}).setdefault(part.llm, part.slice)
    return found
