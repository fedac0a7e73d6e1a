"""Accuracy over TruthfulQA, MMLU and BBQ (Fig. 2): their unweighted mean per setting and LLM.

The data sets' items are different ones, so the mean's error follows from theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.measures import MAIN, RANGES, Draws
from analysis.outcomes import SHOWN, Counts
from analysis.performance import contrast_answered, estimate_accuracy
from analysis.plain import to_plain
from analysis.planned import NO_PERSONA
from analysis.selection import Selected, select_personas
from analysis.slices import Result, Roster, Slices, find_measure, match_settings, read_column
from analysis.statistics import Undefined
from analysis.statistics.estimates import average_estimates, take_settings
from analysis.statistics.rates import Floats
from analysis.statistics.scorings import Scoring
from analysis.statistics.spread import score_gap

DATASETS = ("truthfulqa", "mmlu", "bbq")
OVERALL = "overall"
NORMAL_95 = 1.959964  # the standard normal's 97.5% point
TIED = 1e-12


class Extreme(NamedTuple):
    """A gap over the personas, and all who share its ends."""

    value: float
    best: tuple[str, ...]
    worst: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccuracyGap:
    """Best minus worst persona of one LLM on one data set, or over all three."""

    dataset: str
    scoring: str
    gap: Extreme | Undefined
    without_persona: float | Undefined
    control_sd: float | Undefined  # ddof 1
    persona_sd: float | Undefined


@dataclass(frozen=True, slots=True)
class OverallAccuracy:
    """One LLM under one template; columns [settings], NaN where a data set gives no score."""

    template: str
    llm: str
    missing: tuple[str, ...]  # the data sets of the three that were not asked
    labels: tuple[str, ...]
    categories: tuple[str, ...]
    roles: tuple[str, ...]
    scores: dict[str, Floats]  # by scoring; empty if a data set is missing
    standard_errors: Floats  # of the main scoring
    low: Floats  # 95%, normal
    high: Floats
    datasets: dict[str, Floats]  # data set -> score under the main scoring
    outcomes: dict[str, Counts]  # cells of each outcome, all of the data sets together
    gaps: tuple[AccuracyGap, ...]
    selected: Selected | Undefined  # the personas as highest and lowest of many, overall


def describe_overall(slices: Slices, draws: Draws) -> dict[str, Any]:
    """Every LLM and template with one of the three data sets: topic of `analysis.joint`."""
    parts = {(part.template, part.llm, part.dataset): part.slice for part in reversed(slices.parts)}
    found = []
    for template, of_llms in slices.by_template().items():
        for llm, of in of_llms.items():
            results = {name: of[name] for name in DATASETS if name in of}
            if results:
                arrays = {name: slices.load(parts[template, llm, name]) for name in results}
                found.append(average_accuracies(template, llm, results, arrays, draws))
    described: dict[str, Any] = to_plain({"llms": found})
    return described


def average_accuracies(
    template: str,
    llm: str,
    results: Mapping[str, Result],
    arrays: Mapping[str, SliceArray],
    draws: Draws,
) -> OverallAccuracy:
    """The mean over the three data sets; ``results`` and ``arrays`` have those that were asked."""
    measures = {
        name: measure
        for name, result in results.items()
        if (measure := find_measure(result, "accuracy")) is not None
    }
    roster = match_settings([results[name] for name in measures])
    rows = dict(zip(measures, roster.rows, strict=True))
    missing = tuple(name for name in DATASETS if name not in measures)
    scores: dict[str, dict[str, Floats]] = {}
    for scoring in Scoring:
        column = "score" if scoring is MAIN else f"score_{scoring}"
        of = {name: read_column(each, column)[rows[name]] for name, each in measures.items()}
        if not missing:
            of[OVERALL] = np.mean([of[name] for name in DATASETS], axis=0)
        scores[scoring] = of
    errors = [read_column(each, "standard_error")[rows[name]] for name, each in measures.items()]
    shown = {name: _Shown(arrays[name], rows[name]) for name in measures}
    nothing = np.full(len(roster.labels), np.nan)
    main = scores[MAIN].get(OVERALL, nothing)
    error = nothing if missing else np.sqrt(np.sum(np.square(errors), axis=0)) / len(DATASETS)
    return OverallAccuracy(
        template=template,
        llm=llm,
        missing=missing,
        labels=roster.labels,
        categories=roster.categories,
        roles=roster.roles,
        scores={} if missing else {scoring: of[OVERALL] for scoring, of in scores.items()},
        standard_errors=error,
        low=main - NORMAL_95 * error,
        high=main + NORMAL_95 * error,
        datasets={name: each for name, each in scores[MAIN].items() if name != OVERALL},
        outcomes={key: _add_cells(measures, rows, key) for key in SHOWN},
        gaps=tuple(
            _describe_gap(name, scoring, scores[scoring], roster, missing, shown)
            for name in (*measures, OVERALL)
            for scoring in Scoring
        ),
        selected=_refuse(missing) if missing else _select(shown, roster, measures, draws),
    )


def _add_cells(
    measures: Mapping[str, Mapping[str, Any]], rows: Mapping[str, NDArray[np.intp]], key: str
) -> Counts:
    found = [np.array(each["per_setting"][key])[rows[name]] for name, each in measures.items()]
    return np.asarray(np.sum(found, axis=0), np.intp)


class _Shown(NamedTuple):
    """A data set's readings, and the rows of the settings that all data sets share."""

    array: SliceArray
    rows: NDArray[np.intp]


def _refuse(missing: Sequence[str]) -> Undefined:
    return Undefined(f"{' and '.join(missing)} {'was' if len(missing) == 1 else 'were'} not asked")


def _select(
    shown: Mapping[str, _Shown],
    roster: Roster,
    measures: Mapping[str, Mapping[str, Any]],
    draws: Draws,
) -> Selected | Undefined:
    """Shrunken overall scores, their ranks, and the gap without the luck of selection."""
    estimates = {name: estimate_accuracy(each.array) for name, each in shown.items()}
    for name, estimate in estimates.items():
        if len(estimate.strata) < 2:
            return Undefined(f"the items of {name} are a single cluster")
    personas = roster.find_role("persona")
    is_flagged = [
        np.array(measures[name]["per_setting"]["is_flagged"], np.bool_)[each.rows]
        for name, each in shown.items()
    ]
    return select_personas(
        average_estimates(
            [take_settings(estimates[name], each.rows) for name, each in shown.items()]
        ),
        personas,
        np.array(roster.categories, np.str_)[personas],
        is_flagged=np.logical_or.reduce(is_flagged),
        within=RANGES["accuracy"],
        seed=draws.seed,
        n_resamples=draws.n_resamples,
        n_permutations=draws.n_permutations,
    )


def _describe_gap(
    name: str,
    scoring: Scoring,
    scores: Mapping[str, Floats],
    roster: Roster,
    missing: tuple[str, ...],
    shown: Mapping[str, _Shown],
) -> AccuracyGap:
    if name not in scores:
        why = _refuse(missing)
        return AccuracyGap(name, scoring, why, why, why, why)
    column = scores[name]
    empty = roster.find([NO_PERSONA])
    controls, personas = (column[roster.find_role(role)] for role in ("control", "persona"))
    gap = find_extremes(column, roster)
    if scoring is Scoring.ANSWERED and isinstance(gap, Extreme):
        parts = list(shown.values()) if name == OVERALL else [shown[name]]
        gap = compare_answered(gap, parts, roster)
    return AccuracyGap(
        dataset=name,
        scoring=scoring,
        gap=gap,
        without_persona=_read(float(column[empty[0]]) if len(empty) else np.nan),
        control_sd=_spread(controls, "control"),
        persona_sd=_spread(personas, "persona"),
    )


def compare_answered(gap: Extreme, parts: Sequence[_Shown], roster: Roster) -> Extreme | Undefined:
    """The gap's two ends on the items that both answered; of ties the first."""
    best, worst = (roster.labels.index(labels[0]) for labels in (gap.best, gap.worst))
    value = np.mean(
        [contrast_answered(each.array, each.rows[best], each.rows[worst]) for each in parts]
    )
    if np.isnan(value):
        return Undefined("the two personas answered no item of some data set or cell in common")
    return gap._replace(value=float(value))


def find_extremes(scores: Floats, roster: Roster) -> Extreme | Undefined:
    """The gap over the personas, ties named; ``scores`` [settings]."""
    personas = roster.find_role("persona")
    gap = score_gap(scores[personas])
    if isinstance(gap, Undefined):
        return gap
    ends = (scores[personas[gap.best]], scores[personas[gap.worst]])
    best, worst = (
        tuple(roster.labels[at] for at in personas if abs(scores[at] - end) <= TIED) for end in ends
    )
    return Extreme(gap.value, best, worst)


def _spread(scores: Floats, role: str) -> float | Undefined:
    if len(scores) < 2:
        return Undefined(f"fewer than two {role}s")
    if np.isnan(scores).any():
        return Undefined(f"a {role} has no score")
    return float(scores.std(ddof=1))


def _read(value: float) -> float | Undefined:
    return Undefined("the setting without a persona has no score") if np.isnan(value) else value
