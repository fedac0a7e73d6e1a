"""Personas on items about their own group (Tables 2, 8 and 9), and whether that is an effect.

Scores are averaged over the LLMs, each counting alike (`analysis.own_averages`); the tables are
`analysis.own_tables`, the test `analysis.self_tests`. Which items are a persona's own is settled
nowhere: `analysis.own_definitions`.
"""

from dataclasses import replace
from typing import Any

from analysis.measures import Draws
from analysis.own_definitions import choose_definition, compare_definitions
from analysis.own_tables import OwnGroups, describe_own
from analysis.plain import to_plain
from analysis.self_tests import run_self_tests
from analysis.slices import Result, Slices
from analysis.social_groups import Own
from analysis.statistics.scorings import Scoring


def describe_self_effect(slices: Slices, draws: Draws) -> dict[str, Any]:
    """Tables 2, 8 and 9 for every template: topic of `analysis.joint`."""
    found: list[OwnGroups] = []
    matches: list[dict[str, Any]] = []
    for (template, dataset), results in _find_slices(slices).items():
        tables = {
            (scoring, own): describe_own(template, dataset, results, scoring=scoring, own=own)
            for scoring in (Scoring.ASKED, Scoring.PAPER)
            for own in Own
        }
        compared = compare_definitions(tables, results)
        kept = choose_definition(compared)
        matches.append(
            {"template": template, "dataset": dataset, "kept": kept, "compared": compared}
        )
        found += [
            replace(
                each,
                is_kept=own is kept,
                tests=run_self_tests(results, scoring=scoring, own=own, draws=draws)
                if own is kept
                else (),
            )
            for (scoring, own), each in tables.items()
        ]
    described: dict[str, Any] = to_plain({"tables": found, "definitions": matches})
    return described


def _find_slices(slices: Slices) -> dict[tuple[str, str], dict[str, Result]]:
    """(template, data set) -> LLM -> result, of the slices with items about groups."""
    found: dict[tuple[str, str], dict[str, Result]] = {}
    for template, of_llms in slices.by_template().items():
        for llm, of_datasets in of_llms.items():
            for dataset, result in of_datasets.items():
                if result["social_groups"]:
                    found.setdefault((template, dataset), {})[llm] = result
    return found
