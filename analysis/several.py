"""Several LLMs side by side: effects per LLM, what one LLM or one family contributes, components.

LLMs are compared on the items that all of them were asked and that every setting covered; an LLM's
own tests are on its own items. The LLMs are fixed: what holds in k of them is said of these k.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.item_parts import ALL_ITEMS, SHARED_ITEMS
from analysis.measured import Measured, list_measured
from analysis.measures import Draws
from analysis.plain import to_plain
from analysis.readings import FILTERED
from analysis.slices import Result, Roster, Slices, find_measure, match_settings, read_column
from analysis.statistics import Undefined
from analysis.statistics.leave_out import LeftOut, count_families, leave_out
from analysis.statistics.rates import Floats
from analysis.statistics.scorings import Scored
from analysis.statistics.specifications import Linear, estimate_excess, estimate_gap
from analysis.variance import VarianceParts, measure_crossed
from analysis.ways import Way

Rows = NDArray[np.intp]
ALPHA = 0.05

NO_COMMON = "no item that every LLM was asked and every setting covered"
NO_VALUES = "a bias score is no mean of items’ values"
HEADLINES = ("gap", "excess", "persona_mean", "control_mean")


@dataclass(frozen=True, slots=True)
class LlmSide:
    """One LLM on the common items, and what its own items tell."""

    llm: str
    family: str
    n_items: int  # columns of its own
    gap: float | None  # on the common items, as the next three
    excess: float | None  # signed root of V_personas - V_controls
    persona_mean: float | None
    control_mean: float | None
    n_higher: int  # personas above the controls' mean on its own items, adjusted p < .05
    n_lower: int
    effects: Floats  # [personas] minus the controls' mean, common items
    own_effects: Floats  # the same on its own items
    p_adjusted: Floats  # on its own items


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
    effects: LeftOut  # [personas], common items
    support: PersonaSupport
    headlines: Mapping[str, Mapping[str, float | Undefined]]  # of `HEADLINES`: mean and ranges
    components: VarianceParts | Undefined


@dataclass(frozen=True, slots=True)
class _Answers:
    """One LLM's share."""

    llm: str
    family: str
    result: Result
    measured: Measured
    rows: Rows  # of the roster's settings


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
            _Answers(llm, slices.families.get(llm, llm), result, measures[key], rows)
            for llm, result, measures, rows in zip(
                by_llm, results, measured, roster.rows, strict=True
            )
            if key in measures
        ]
        if len(answers) > 1:
            found.append(compare_measure(template, answers, roster, draws))
    return found


def compare_measure(
    template: str, answers: Sequence[_Answers], roster: Roster, draws: Draws
) -> ComparedLlms:
    """One measure of several LLMs, of the settings that all of them have."""
    main = answers[0].measured
    common = find_common_columns(answers)
    personas, controls = roster.find_role("persona"), roster.find_role("control")
    sides = tuple(
        _describe_side(each, is_common, personas, controls)
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
        effects=leave_out(effects, families),
        support=support,
        headlines=_leave_headlines_out(sides, families),
        components=measure_llm_components(answers, common, personas, roster, draws),
    )


def find_common_columns(answers: Sequence[_Answers]) -> list[NDArray[np.bool_]]:
    """Of each LLM the columns [columns] of items that all were asked, covered in every setting.

    An item that was asked several times has all its columns covered, or is left out.
    """
    covered: list[set[int]] = []
    for each in answers:
        part = each.measured.part
        is_covered = (part.codes[each.rows] >= FILTERED).all(axis=0)
        ids = np.array([item.id for item in part.items])
        covered.append(set(ids.tolist()) - set(ids[~is_covered].tolist()))
    shared = set.intersection(*covered)
    return [
        np.array([item.id in shared for item in each.measured.part.items], np.bool_)
        for each in answers
    ]


def score_common(measured: Measured, is_common: NDArray[np.bool_]) -> tuple[Way, Linear] | None:
    """The main scores on the common columns alone; None where there are none."""
    if not is_common.any():
        return None
    parts = {} if is_common.all() else {SHARED_ITEMS: is_common}
    items = SHARED_ITEMS if parts else ALL_ITEMS
    return next(((way, found) for way, found in measured.score(parts) if way.items == items), None)


def _describe_side(
    answers: _Answers, is_common: NDArray[np.bool_], personas: Rows, controls: Rows
) -> LlmSide:
    nothing = np.full(len(personas), np.nan)
    at_personas, at_controls = answers.rows[personas], answers.rows[controls]
    measured = answers.measured
    measure = find_measure(answers.result, measured.name, of=measured.of)
    own, p = (
        (nothing, nothing)
        if measure is None
        else (read_column(measure, name)[at_personas] for name in ("difference", "p_adjusted"))
    )
    found = score_common(measured, is_common)
    gap = excess = persona_mean = control_mean = np.nan
    effects = nothing
    if found is not None:
        linear = found[1]
        gap = estimate_gap(linear, at_personas).value
        excess = estimate_excess(linear, at_personas, at_controls).value
        persona_mean = float(linear.scores[at_personas].mean())
        if len(at_controls):
            control_mean = float(linear.scores[at_controls].mean())
            effects = linear.scores[at_personas] - control_mean
    is_significant = p < ALPHA
    return LlmSide(
        llm=answers.llm,
        family=answers.family,
        n_items=len(measured.part.items),
        gap=gap,
        excess=excess,
        persona_mean=persona_mean,
        control_mean=control_mean,
        n_higher=int(np.count_nonzero(is_significant & (own > 0))),
        n_lower=int(np.count_nonzero(is_significant & (own < 0))),
        effects=effects,
        own_effects=own,
        p_adjusted=p,
    )


def _leave_headlines_out(
    sides: Sequence[LlmSide], families: NDArray[np.str_]
) -> dict[str, dict[str, float | Undefined]]:
    values = np.array([[getattr(side, name) for name in HEADLINES] for side in sides], np.float64)
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
        for at, name in enumerate(HEADLINES)
    }


def _define(value: float, reason: str) -> float | Undefined:
    return Undefined(reason) if np.isnan(value) else float(value)


def measure_llm_components(
    answers: Sequence[_Answers],
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
