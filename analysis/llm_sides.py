"""One LLM beside others: its scores on the items that all were asked, and its own tests.

A bias score stands beside that of right answers to the same items, the truth: it need not be 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.item_parts import ALL_ITEMS, SHARED_ITEMS
from analysis.measured import Measured
from analysis.readings import FILTERED
from analysis.slices import Result, find_measure, read_column
from analysis.statistics import Undefined
from analysis.statistics.contrasts import ALPHA
from analysis.statistics.rates import Floats
from analysis.statistics.specifications import Linear, estimate_excess, estimate_gap
from analysis.ways import Way

Rows = NDArray[np.intp]
Truth = float | Undefined | None  # None: right answers are what is measured, or there are none

NO_COMMON = "no item that every LLM was asked and every setting covered"


@dataclass(frozen=True, slots=True)
class Answers:
    """One LLM's share."""

    llm: str
    family: str
    result: Result
    measured: Measured
    rows: Rows  # of the roster's settings


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
    persona_minus_truth: float | None  # these means minus the truth of the common items
    control_minus_truth: float | None
    n_higher: int  # personas above the controls' mean on its own items, adjusted p < .05
    n_lower: int
    effects: Floats  # [personas] minus the controls' mean, common items
    own_effects: Floats  # the same on its own items
    p_adjusted: Floats  # on its own items
    minus_truth: Floats | None  # [personas], common items; None: there is no truth to subtract


def find_common_columns(answers: Sequence[Answers]) -> list[NDArray[np.bool_]]:
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


def score_truth(measured: Measured, is_common: NDArray[np.bool_]) -> Truth:
    """The score of right answers to the common columns: every setting's and LLM's truth alike.

    All of these are covered, so the main scoring counts them all.
    """
    if measured.truth is None:
        return None
    return measured.truth(is_common) if is_common.any() else Undefined(NO_COMMON)


def describe_side(
    answers: Answers,
    is_common: NDArray[np.bool_],
    personas: Rows,
    controls: Rows,
    *,
    truth: Truth,
) -> LlmSide:
    """One LLM's numbers; ``is_common`` [columns], ``personas`` and ``controls`` of the roster."""
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
    effects = scores = nothing
    if found is not None:
        linear = found[1]
        gap = estimate_gap(linear, at_personas).value
        excess = estimate_excess(linear, at_personas, at_controls).value
        scores = linear.scores[at_personas]
        persona_mean = float(scores.mean())
        if len(at_controls):
            control_mean = float(linear.scores[at_controls].mean())
            effects = scores - control_mean
    right = np.nan if isinstance(truth, Undefined) or truth is None else truth
    is_significant = p < ALPHA
    return LlmSide(
        llm=answers.llm,
        family=answers.family,
        n_items=len(measured.part.items),
        gap=gap,
        excess=excess,
        persona_mean=persona_mean,
        control_mean=control_mean,
        persona_minus_truth=persona_mean - right,
        control_minus_truth=control_mean - right,
        n_higher=int(np.count_nonzero(is_significant & (own > 0))),
        n_lower=int(np.count_nonzero(is_significant & (own < 0))),
        effects=effects,
        own_effects=own,
        p_adjusted=p,
        minus_truth=None if truth is None else scores - right,
    )
