"""Scores on items about a persona's own group, averaged over the LLMs.

Tables 2, 8 and 9 and their tests are made of these (`analysis.self_effect`); each LLM counts alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.groups import OWN_GROUPS
from analysis.slices import Result, Roster, match_settings
from analysis.social_groups import Context, Own
from analysis.statistics.rates import Floats
from analysis.statistics.scorings import Scoring

CORRECT, SELECTED, BIAS = "correct", "selected", "bias"


@dataclass(frozen=True, slots=True)
class OwnAverages:
    """Plain results of one template, scoring and definition, put together."""

    roster: Roster
    bias: Floats  # [LLMs, settings, groups]
    accuracy: Floats
    overall_bias: Floats  # [LLMs, settings]
    overall_accuracy: Floats
    effects: dict[tuple[str, str], Floats]  # (measured, context) -> [LLMs, personas, groups]
    n_items: NDArray[np.intp]  # [groups], in the LLM that has fewest


def average_own(results: Mapping[str, Result], *, scoring: Scoring, own: Own) -> OwnAverages:
    """All that the tables are made of; ``results`` is LLM -> result of its slice."""
    roster = match_settings(list(results.values()))
    groups = [result["social_groups"] for result in results.values()]
    scores = [each["own"][scoring][own] for each in groups]

    def stack(values: Sequence[Any]) -> Floats:
        """[LLMs, shared settings, ...]"""
        arrays = [np.array(each, np.float64) for each in values]
        return np.array([one[rows] for one, rows in zip(arrays, roster.rows, strict=True)])

    bias = stack([each["bias"] for each in scores])
    effects = {(BIAS, ""): _subtract_average(bias, roster)}
    for measured in (CORRECT, SELECTED):
        for context in Context:
            found = [each[measured][context] for each in scores]
            rates = [np.array(each["own"], np.float64) for each in found]
            averages = [np.array(each["average"], np.float64) for each in found]
            effects[measured, context] = np.array(rates) - np.array(averages)[:, None]
    return OwnAverages(
        roster=roster,
        bias=bias,
        accuracy=stack([each["accuracy"] for each in scores]),
        overall_bias=stack([each["overall"][scoring]["bias"] for each in groups]),
        overall_accuracy=stack([each["overall"][scoring]["accuracy"] for each in groups]),
        effects=effects,
        n_items=np.array([each["n_items"][own] for each in groups], np.intp).min(axis=0),
    )


def _subtract_average(bias: Floats, roster: Roster) -> Floats:
    """Bias of each of the 18 personas on each group minus all personas' mean."""
    rows = [
        roster.labels.index(g.persona) if g.persona in roster.labels else -1 for g in OWN_GROUPS
    ]
    everyone = roster.find_role("persona")
    if not len(everyone):
        return np.full((len(bias), len(OWN_GROUPS), bias.shape[2]), np.nan)
    of_personas = np.where(np.array(rows)[:, None] >= 0, bias[:, rows], np.nan)
    found: Floats = of_personas - bias[:, everyone].mean(axis=1, keepdims=True)
    return found
