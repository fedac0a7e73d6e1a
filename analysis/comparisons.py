"""Every persona of a measure against the controls' mean, and against having no persona.

The family for adjusting p and for the simultaneous bands is the personas of one LLM, data set and
measure. What is equivalent is judged by a margin in reported units, which the experiment's file
sets (`models.aims`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import Undefined
from analysis.statistics.contrasts import (
    ALPHA,
    Contrasts,
    Verdict,
    contrast_settings,
    judge_equivalence,
)
from analysis.statistics.estimates import Estimate
from analysis.statistics.rates import Floats

ROUNDING = 1e-12
TESTS = ("p_flip", "p_exchange", "p_exchange_side", "p_adjusted")
BY_CONTROLS = "verdict_by_controls"

ONLY_PERSONAS = (
    "only personas are compared; of one that has no score, or that differs by the same in every "
    "cluster of items, the error of its difference cannot be told"
)
NO_BAND = (
    f"{ONLY_PERSONAS}; and one whose error rests on so few clusters that some resample of them has "
    "next to none has no band"
)
NO_P = (
    f"{ONLY_PERSONAS}; and of one that differs in a single cluster of items no sign changes t, so "
    "there is no test"
)
ONE_REFERENCE = "with a single control an exchange is a random sign, and there is that p"
NO_BANDS = (
    "every difference’s error rests on so few clusters of items that some resample of them has "
    "next to none"
)
NO_POWER = (
    f"with so few clusters of items, or random signs, p cannot fall to {ALPHA} divided by the "
    "number of personas, however large a difference is"
)
NO_ERRORS = (
    "no difference has an error: there is a single cluster of items, or a difference is the same "
    "in every cluster"
)


class MarginCount(NamedTuple):
    """How many personas are what under one margin; the rest is undecided."""

    delta: float
    equivalent: int  # the 90% interval lies within
    different: int | Undefined  # the simultaneous 95% interval lies outside
    undecided: int


class Smallest(NamedTuple):
    """Smallest effects that would be found with power .8, over the personas."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The contrasts of all personas with one reference, counted."""

    n_personas: int
    n_compared: int  # those with a difference and its error
    n_significant: int  # p below .05 after Benjamini and Hochberg's adjustment
    critical: float | Undefined  # half-width of the simultaneous band, in standard errors
    main: MarginCount
    by_controls: MarginCount | Undefined  # the margin is twice the controls' standard deviation
    smallest: Smallest | Undefined


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Both references, and the columns that they add to the table of settings."""

    controls: Comparison | Undefined
    empty: Comparison | Undefined
    columns: dict[str, Any]  # [settings]; NaN or None for settings that are no personas
    reasons: dict[str, str]


class Rows(NamedTuple):
    """Settings by role."""

    personas: NDArray[np.intp]
    controls: NDArray[np.intp]
    empty: NDArray[np.intp]


def compare_personas(
    estimate: Estimate,
    rows: Rows,
    *,
    margin: float,
    seed: int,
    n_resamples: int,
    n_flips: int,
) -> Comparisons:
    """Contrast every persona with the controls' mean (main) and with no persona.

    Signs and resamples start from the same ``seed`` in every LLM, so they are paired.
    """
    found: dict[str, Comparison | Undefined] = {}
    columns: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    control_sd = _spread_controls(estimate.scores[rows.controls])
    for reference, prefix in (("controls", ""), ("empty", "empty_")):
        contrasts = contrast_settings(
            estimate,
            rows.personas,
            references=getattr(rows, reference),
            controls=rows.controls,
            rng=np.random.default_rng(seed),
            n_resamples=n_resamples,
            n_flips=n_flips,
        )
        found[reference] = _count_verdicts(contrasts, margin, control_sd)
        n_settings = len(estimate.scores)
        new = _spread_columns(contrasts, rows.personas, n_settings)
        new["verdict"] = _spread_verdicts(contrasts, rows.personas, n_settings, margin)
        if prefix:
            del new["p_exchange"], new["p_exchange_side"]  # of one reference signs are exchanges
        else:
            del new["difference"]  # the table has it already, of controls and all
            new[BY_CONTROLS] = _spread_verdicts(
                contrasts, rows.personas, n_settings, _double(control_sd)
            )
        columns |= {f"{prefix}{key}": column for key, column in new.items()}
        reason = contrasts.reason if isinstance(contrasts, Undefined) else ONLY_PERSONAS
        reasons |= {f"{prefix}{key}": reason for key in new}
        if not prefix and isinstance(control_sd, Undefined):
            reasons[BY_CONTROLS] = control_sd.reason
        if not isinstance(contrasts, Undefined):
            reasons |= dict.fromkeys((f"{prefix}band_low", f"{prefix}band_high"), NO_BAND)
            reasons |= {f"{prefix}{key}": NO_P for key in TESTS if key in new}
            if len(getattr(rows, reference)) == 1:
                exchanges = (key for key in TESTS if key.startswith("p_exchange") and key in new)
                reasons |= dict.fromkeys(exchanges, ONE_REFERENCE)
            if isinstance(_summarise_power(contrasts), Undefined):
                reasons[f"{prefix}smallest_effect"] = NO_POWER
    return Comparisons(found["controls"], found["empty"], columns, reasons)


def _spread_controls(scores: Floats) -> float | Undefined:
    if len(scores) < 2:
        return Undefined("fewer than two controls")
    if np.isnan(scores).any():
        return Undefined("a control has no score")
    spread = float(scores.std(ddof=1))
    return spread if spread > ROUNDING else Undefined("all controls score the same")


def _count_verdicts(
    contrasts: Contrasts | Undefined, delta: float, control_sd: float | Undefined
) -> Comparison | Undefined:
    if isinstance(contrasts, Undefined):
        return contrasts
    has_error = ~np.isnan(contrasts.standard_errors)
    if not has_error.any():
        return Undefined(NO_ERRORS)
    has_bands = not np.isnan(contrasts.critical)
    return Comparison(
        n_personas=len(has_error),
        n_compared=int(has_error.sum()),
        n_significant=int(np.count_nonzero(contrasts.p_bh < ALPHA)),
        critical=contrasts.critical if has_bands else Undefined(NO_BANDS),
        main=_count_margin(contrasts, delta),
        by_controls=second
        if isinstance(second := _double(control_sd), Undefined)
        else _count_margin(contrasts, second),
        smallest=_summarise_power(contrasts),
    )


def _summarise_power(contrasts: Contrasts) -> Smallest | Undefined:
    smallest = contrasts.smallest[~np.isnan(contrasts.smallest)]
    if not len(smallest):
        return Undefined(NO_POWER)
    return Smallest(float(np.median(smallest)), float(smallest.min()), float(smallest.max()))


def _count_margin(contrasts: Contrasts, delta: float) -> MarginCount:
    verdicts = judge_equivalence(contrasts, delta=delta)
    return MarginCount(
        delta,
        equivalent=verdicts.count(Verdict.EQUIVALENT),
        different=Undefined(NO_BANDS)
        if np.isnan(contrasts.critical)
        else verdicts.count(Verdict.DIFFERENT),
        undecided=verdicts.count(Verdict.UNDECIDED),
    )


def _double(control_sd: float | Undefined) -> float | Undefined:
    """The second margin: twice the standard deviation of the controls' scores."""
    return control_sd if isinstance(control_sd, Undefined) else 2 * control_sd


def _spread_verdicts(
    contrasts: Contrasts | Undefined,
    personas: NDArray[np.intp],
    n_settings: int,
    delta: float | Undefined,
) -> list[str | None]:
    """Verdicts under one margin over all settings, None where a setting is no persona."""
    verdicts: list[str | None] = [None] * n_settings
    if not isinstance(contrasts, Undefined) and not isinstance(delta, Undefined):
        judged = judge_equivalence(contrasts, delta=delta)
        for row, verdict in zip(personas.tolist(), judged, strict=True):
            verdicts[row] = None if verdict is None else str(verdict)
    return verdicts


def _spread_columns(
    contrasts: Contrasts | Undefined, personas: NDArray[np.intp], n_settings: int
) -> dict[str, Any]:
    """The contrasts' columns over all settings, undefined where a setting is no persona."""
    nothing = np.full(len(personas), np.nan)
    defined = None if isinstance(contrasts, Undefined) else contrasts
    members: Mapping[str, Floats] = {
        "difference": defined.differences if defined else nothing,
        "difference_error": defined.standard_errors if defined else nothing,
        "band_low": defined.band.low if defined else nothing,
        "band_high": defined.band.high if defined else nothing,
        "p_flip": defined.p_flip if defined else nothing,
        "p_exchange": defined.p_exchange if defined else nothing,
        "p_exchange_side": defined.p_exchange_side if defined else nothing,
        "p_adjusted": defined.p_bh if defined else nothing,
        "smallest_effect": defined.smallest if defined else nothing,
    }
    columns: dict[str, Any] = {}
    for key, values in members.items():
        columns[key] = np.full(n_settings, np.nan)
        columns[key][personas] = values
    return columns
