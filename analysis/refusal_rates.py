"""Refusals over data sets (RQ4): the averages of Figures 7 and 10, and of the paper's pairs.

Six data sets count alike: attitudes, offensiveness, racism, TruthfulQA, MMLU and BBQ. Where one of
them was not asked, what is averaged over all six is not defined.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.measures import Draws
from analysis.plain import UNDEFINED, to_plain
from analysis.refusals import PAIRS, SPLIT_BY
from analysis.slices import Result, Roster, Slices, find_measure, match_settings, read_column
from analysis.statistics import Undefined
from analysis.statistics.rates import Floats

# data set in the paper's figures -> data set of the farm, and the part of it
SIX: dict[str, tuple[str, str]] = {
    "attitudes": ("attitudes", ""),
    "offensiveness": ("tweets", "offensiveness"),
    "racism": ("tweets", "racism"),
    "truthfulqa": ("truthfulqa", ""),
    "mmlu": ("mmlu", ""),
    "bbq": ("bbq", ""),
}


@dataclass(frozen=True, slots=True)
class JointSpread:
    """How much refusals differ within a category of personas, over the data sets (Fig. 10)."""

    category: str
    n_members: int
    sd: float | Undefined  # mean over data sets of the standard deviation within the category
    ratio: float | Undefined  # over the same of the controls: above 1 is "disparate"
    n_datasets_above: int | Undefined  # data sets in which its own ratio is above 1


@dataclass(frozen=True, slots=True)
class JointPair:
    """Two words for the same people, over the data sets."""

    first: str
    second: str
    first_rate: float | Undefined
    second_rate: float | Undefined
    ratio: float | Undefined


@dataclass(frozen=True, slots=True)
class JointRefusals:
    """One LLM under one template; columns [settings], NaN where not defined."""

    template: str
    llm: str
    missing: tuple[str, ...]  # data sets of the six that were not asked
    labels: tuple[str, ...]
    categories: tuple[str, ...]
    roles: tuple[str, ...]
    datasets: dict[str, Floats]  # rate by data set, others than the six too
    mean: Floats  # over the six
    control_sd: float | Undefined  # mean over the six
    spreads: tuple[JointSpread, ...]
    pairs: tuple[JointPair, ...]


def describe_refusals(slices: Slices, draws: Draws) -> dict[str, Any]:
    """Every LLM and template: topic of `analysis.joint`."""
    found = [
        average_refusals(template, llm, of)
        for template, of_llms in slices.by_template().items()
        for llm, of in of_llms.items()
    ]
    described: dict[str, Any] = to_plain({"llms": [each for each in found if each is not None]})
    return described


def average_refusals(
    template: str, llm: str, results: Mapping[str, Result]
) -> JointRefusals | None:
    """Rates by data set and over the six; None where no slice has a refusal rate."""
    measures = _find_measures(results)
    if not measures:
        return None
    owners = {name: _own(name)[0] for name in measures}
    roster = match_settings([results[owner] for owner in owners.values()])
    rates = {
        name: read_column(measure, "score")[rows]
        for (name, measure), rows in zip(measures.items(), roster.rows, strict=True)
    }
    missing = tuple(name for name in SIX if name not in measures)
    nothing = np.full(len(roster.labels), np.nan)
    mean = nothing if missing else np.mean([rates[name] for name in SIX], axis=0)
    why = Undefined(f"not asked: {', '.join(missing)}")
    six = [] if missing else [measures[name]["details"]["disparity"] for name in SIX]
    control_sd = average_defined([each["control_sd"] for each in six]) if six else why
    return JointRefusals(
        template=template,
        llm=llm,
        missing=missing,
        labels=roster.labels,
        categories=roster.categories,
        roles=roster.roles,
        datasets=rates,
        mean=mean,
        control_sd=control_sd,
        spreads=tuple(
            _average_spread(category, _count_members(roster, category), six, control_sd, why)
            for category in _list_categories(measures)
        ),
        pairs=tuple(
            _compare_pair(first, second, roster, mean, why if missing else None)
            for first, second in PAIRS
            if first in roster.labels and second in roster.labels
        ),
    )


def _find_measures(results: Mapping[str, Result]) -> dict[str, Mapping[str, Any]]:
    """Refusal rates by name: those of the six in their order, then those of other data sets."""
    named = {name: results[owner] for name, (owner, _) in SIX.items() if owner in results}
    named |= {name: result for name, result in results.items() if name not in SPLIT_BY}
    found = {
        name: find_measure(result, "refusal_rate", of=_own(name)[1])
        for name, result in named.items()
    }
    return {name: measure for name, measure in found.items() if measure is not None}


def _own(name: str) -> tuple[str, str]:
    return SIX.get(name, (name, ""))


def _list_categories(measures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    listed = [list(each["details"]["disparity"]["categories"]) for each in measures.values()]
    return sorted({category for categories in listed for category in categories})


def _count_members(roster: Roster, category: str) -> int:
    return sum(roster.categories[row] == category for row in roster.find_role("persona"))


def _average_spread(
    category: str,
    n_members: int,
    six: list[Mapping[str, Any]],
    control_sd: float | Undefined,
    why: Undefined,
) -> JointSpread:
    found = [each["categories"].get(category) for each in six]
    if not six or None in found:
        reason = why if not six else Undefined("no persona of the category in one of the data sets")
        return JointSpread(category, n_members, reason, reason, reason)
    members = [each for each in found if each is not None]
    sd = average_defined([each["sd"] for each in members])
    ratio: float | Undefined
    if isinstance(sd, Undefined) or isinstance(control_sd, Undefined):
        ratio = sd if isinstance(sd, Undefined) else control_sd
    elif control_sd == 0:
        ratio = Undefined("all controls are refused equally often: there is nothing to divide by")
    else:
        ratio = sd / control_sd
    return JointSpread(
        category=category,
        n_members=n_members,
        sd=sd,
        ratio=ratio,
        n_datasets_above=sum(
            isinstance(each["ratio"], float) and each["ratio"] > 1 for each in members
        ),
    )


def average_defined(values: list[Any]) -> float | Undefined:
    """Mean of plain numbers; the reason of the first that is not defined."""
    gaps = [value for value in values if not isinstance(value, float | int)]
    if gaps:
        return Undefined(str((gaps[0] or {}).get(UNDEFINED, "not defined")))
    return float(np.mean(values))


def _compare_pair(
    first: str, second: str, roster: Roster, mean: Floats, why: Undefined | None
) -> JointPair:
    if why is not None:
        return JointPair(first, second, why, why, why)
    rates = [float(mean[at]) for at in roster.find([first, second])]
    if np.isnan(rates).any():
        gap = Undefined("one of the two has no rate on some data set")
        return JointPair(first, second, gap, gap, gap)
    none = Undefined("the second is never refused: there is nothing to divide by")
    return JointPair(first, second, rates[0], rates[1], rates[0] / rates[1] if rates[1] else none)
