"""Several LLMs side by side: effects per LLM, what one LLM or one family contributes, components.

LLMs are compared on the items that all of them were asked and that every setting covered; an LLM's
own tests are on its own items. The LLMs are fixed: what holds in k of them is said of these k.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.llm_sides import (
    NO_COMMON,
    Answers,
    LlmSide,
    Rows,
    Truth,
    describe_side,
    find_common_columns,
    score_truth,
)
from analysis.measured import list_measured
from analysis.measures import Draws
from analysis.plain import to_plain
from analysis.slices import Roster, Slices, match_settings
from analysis.statistics import Undefined
from analysis.statistics.contrasts import ALPHA
from analysis.statistics.leave_out import LeftOut, count_families, leave_out
from analysis.statistics.rates import Floats
from analysis.statistics.scorings import Scored
from analysis.variance import VarianceParts, measure_crossed

NO_VALUES = "a bias score is no mean of items’ values"
HEADLINES = ("gap", "excess", "persona_mean", "control_mean")
OF_TRUTH = ("persona_minus_truth", "control_minus_truth")  # headlines where there is a truth


@dataclass(frozen=True, slots=True)
class PersonaSupport:
    """In how many LLMs and whole families a persona differs; [personas]."""

    llms_higher: NDArray[np.intp]
    llms_lower: NDArray[np.intp]
    families_higher: NDArray[np.intp]
    families_lower: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ComparedLlms:
    """One measure of a data set under one template in several LLMs."""

    dataset: str
    template: str
    measure: str
    of: str
    n_llms: int
    n_families: int
    n_common: int  # columns
    personas: tuple[str, ...]
    categories: tuple[str, ...]
    llms: tuple[LlmSide, ...]
    truth: Truth  # the score of right answers to the common items
    minus_truth: Floats | None  # [personas], mean over LLMs of score minus truth, common items
    effects: LeftOut  # [personas], common items
    support: PersonaSupport
    headlines: Mapping[str, Mapping[str, float | Undefined]]  # of `HEADLINES`: mean and ranges
    components: VarianceParts | Undefined


def describe_several(slices: Slices, draws: Draws) -> dict[str, Any]:
    """Every measure that at least two LLMs have: topic of `analysis.joint`."""
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for part in slices.parts:
        groups.setdefault((part.dataset, part.template), {}).setdefault(part.llm, part.slice)
    found: list[ComparedLlms] = []
    for (_, template), by_llm in groups.items():
        if len(by_llm) > 1:
            found += _compare_dataset(slices, template, by_llm, draws)
    return {"measures": to_plain(found)}


def _compare_dataset(
    slices: Slices, template: str, by_llm: Mapping[str, int], draws: Draws
) -> list[ComparedLlms]:
    results = [slices.results[slice_id] for slice_id in by_llm.values()]
    roster = match_settings(results)
    if not len(roster.find_role("persona")):
        return []
    measured = [
        {(each.name, each.of): each for each in list_measured(slices.load(slice_id))}
        for slice_id in by_llm.values()
    ]
    found = []
    for key in measured[0]:
        answers = [
            Answers(llm, slices.families.get(llm, llm), result, measures[key], rows)
            for llm, result, measures, rows in zip(
                by_llm, results, measured, roster.rows, strict=True
            )
            if key in measures
        ]
        if len(answers) > 1:
            found.append(compare_measure(template, answers, roster, draws))
    return found


def compare_measure(
    template: str, answers: Sequence[Answers], roster: Roster, draws: Draws
) -> ComparedLlms:
    """One measure of several LLMs, of the settings that all of them have."""
    main = answers[0].measured
    common = find_common_columns(answers)
    personas, controls = roster.find_role("persona"), roster.find_role("control")
    truth = score_truth(main, common[0])
    sides = tuple(
        describe_side(each, is_common, personas, controls, truth=truth)
        for each, is_common in zip(answers, common, strict=True)
    )
    families = np.array([side.family for side in sides], np.str_)
    effects = np.array([side.effects for side in sides])
    own = np.array([side.own_effects for side in sides])
    differs = np.array([side.p_adjusted for side in sides]) < ALPHA  # NaN is not below
    higher, lower = differs & (own > 0), differs & (own < 0)
    support = PersonaSupport(
        np.asarray(higher.sum(axis=0)),
        np.asarray(lower.sum(axis=0)),
        count_families(higher, families),
        count_families(lower, families),
    )
    return ComparedLlms(
        dataset=main.part.slice.dataset,
        template=template,
        measure=main.name,
        of=main.of,
        n_llms=len(sides),
        n_families=len(np.unique(families)),
        n_common=int(common[0].sum()),
        personas=tuple(roster.labels[at] for at in personas),
        categories=tuple(roster.categories[at] for at in personas),
        llms=sides,
        truth=truth,
        minus_truth=_average_truths(sides),
        effects=leave_out(effects, families),
        support=support,
        headlines=_leave_headlines_out(sides, families),
        components=measure_llm_components(answers, common, personas, roster, draws),
    )


def _average_truths(sides: Sequence[LlmSide]) -> Floats | None:
    """Score minus truth of each persona, mean over the LLMs; NaN where one of them has no score."""
    found = [side.minus_truth for side in sides if side.minus_truth is not None]
    return np.asarray(np.mean(found, axis=0)) if len(found) == len(sides) else None


def _leave_headlines_out(
    sides: Sequence[LlmSide], families: NDArray[np.str_]
) -> dict[str, dict[str, float | Undefined]]:
    has_truth = all(side.minus_truth is not None for side in sides)
    names = (*HEADLINES, *(OF_TRUTH if has_truth else ()))
    values = np.array([[getattr(side, name) for name in names] for side in sides], np.float64)
    found = leave_out(values, families)
    reasons = {
        "mean": "an LLM has no such number on the common items",
        "low": "an LLM has no such number on the common items",
        "high": "an LLM has no such number on the common items",
        "family_low": "a single family of LLMs, or an LLM has no such number",
        "family_high": "a single family of LLMs, or an LLM has no such number",
    }
    return {
        name: {key: _define(getattr(found, key)[at], reason) for key, reason in reasons.items()}
        for at, name in enumerate(names)
    }


def _define(value: float, reason: str) -> float | Undefined:
    return Undefined(reason) if np.isnan(value) else float(value)


def measure_llm_components(
    answers: Sequence[Answers],
    common: Sequence[NDArray[np.bool_]],
    personas: Rows,
    roster: Roster,
    draws: Draws,
) -> VarianceParts | Undefined:
    """Components of personas x items x LLMs on the items that count in every LLM.

    As `analysis.variance.measure_crossed` has them.
    """
    if not common[0].any():
        return Undefined(NO_COMMON)
    counted, values = [], []
    for each, is_common in zip(answers, common, strict=True):
        if each.measured.values is None:
            return Undefined(NO_VALUES)
        scores = each.measured.values()
        at = np.ix_(each.rows[personas], is_common)
        counted.append(scores.counted[at])
        values.append(scores.values[at])
    if len({each.shape for each in counted}) > 1:
        return Undefined("the LLMs were asked the items a different number of times")
    return measure_crossed(
        answers[0].measured.part.select_items(common[0]),
        [Scored(*each) for each in zip(values, counted, strict=True)],
        np.array(roster.categories, np.str_)[personas],
        rng=draws.start(),
        third="llm",
        few="fewer than two personas and two items are without a gap in every LLM",
    )
