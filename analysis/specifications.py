"""How much of a claim hangs on how it is analysed: the specification curves of an experiment.

Per LLM and measure the scores under every template and way (`analysis.ways`), and under each of
them every claim: the gap over personas, whether personas vary more than controls, the contrasts
that the paper names (`analysis.paper_contrasts`) and those that the experiment's file names. Over
LLMs: the rankings of each category's personas. The main specification is the first of every axis.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.item_parts import (
    GPT_4_ITEMS,
    SHARED_ITEMS,
    find_gpt_4_items,
    find_shared_items,
    identify_items,
    list_item_parts,
)
from analysis.measured import Measured, list_measured
from analysis.measures import Draws, find_groups
from analysis.paper_contrasts import CONTRASTS
from analysis.plain import to_plain
from analysis.ranking_curves import PersonaScores, Specification, describe_rankings
from analysis.slices import Slices
from analysis.statistics import Undefined
from analysis.statistics.rates import Floats
from analysis.statistics.specifications import (
    NOTHING,
    CurveSummary,
    Ends,
    Linear,
    correlate_with_main,
    estimate_contrast,
    estimate_excess,
    estimate_gap,
    summarise_curve,
)
from models.aims import Direction

Rows = NDArray[np.intp]
CONTROLS, EMPTY = "controls", "empty"
NO_REFERENCE = ""  # of a claim that compares personas with each other

GAP, EXCESS, CONTRAST = "gap", "excess", "contrast"
PAPER, FILE, EVERY = "paper", "experiment", "every measure"


@dataclass(frozen=True, slots=True)
class Claim:
    """What is estimated under every specification; without ``lower`` against the reference."""

    kind: str
    source: str  # who named it
    statement: str
    direction: Direction
    higher: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        """What a persona is compared with, the main reference first."""
        has_reference = self.kind == CONTRAST and not self.lower
        return (CONTROLS, EMPTY) if has_reference else (NO_REFERENCE,)


@dataclass(frozen=True, slots=True)
class Curve:
    """A claim's estimates; every list is in the order of the group's specifications."""

    kind: str
    source: str
    statement: str
    direction: Direction
    threshold: float
    estimates: dict[str, tuple[Ends, ...]]  # reference -> one per specification
    summary: CurveSummary | Undefined


@dataclass(frozen=True, slots=True)
class MeasureCurves:
    """All claims about one measure of one LLM."""

    llm: str
    dataset: str
    measure: str
    of: str
    specifications: tuple[Specification, ...]  # the first is the main one
    rank_correlations: Floats  # [specifications] of the personas' scores with the main ones
    curves: tuple[Curve, ...]


NamedItems = Mapping[str, frozenset[int]]  # choices of items by their ids
Kept = dict[tuple[str, str, str], list[PersonaScores]]  # (data set, measure, of) -> of each LLM


def describe_specifications(slices: Slices, draws: Draws) -> dict[str, Any]:
    """The curves of every measure, and of rankings over LLMs: topic of `analysis.joint`."""
    by_dataset: dict[str, dict[str, dict[str, int]]] = {}
    for part in slices.parts:
        templates = by_dataset.setdefault(part.dataset, {}).setdefault(part.llm, {})
        templates.setdefault(part.template, part.slice)
    groups: list[MeasureCurves] = []
    kept: Kept = {}
    for llms in by_dataset.values():
        shared = find_shared_items(
            [slices.load(each) for templates in llms.values() for each in templates.values()]
        )
        for llm, templates in llms.items():
            arrays = {name: slices.load(each) for name, each in templates.items()}
            gpt_4 = find_gpt_4_items(next(iter(arrays.values())))
            named = {GPT_4_ITEMS: gpt_4, SHARED_ITEMS: shared}
            groups += _describe_llm(llm, arrays, named, kept)
    rankings = [curve for key, each in kept.items() for curve in describe_rankings(key, each)]
    return {"measures": to_plain(groups), "rankings": to_plain(rankings)}


def _describe_llm(
    llm: str, arrays: Mapping[str, SliceArray], named: NamedItems, kept: Kept
) -> Iterator[MeasureCurves]:
    measured = {
        template: {(each.name, each.of): each for each in list_measured(array)}
        for template, array in arrays.items()
    }
    first = next(iter(measured.values()))
    for key, main in first.items():
        of_templates = {
            template: measures[key] for template, measures in measured.items() if key in measures
        }
        found, personas = describe_measure(llm, main, of_templates, named)
        kept.setdefault((found.dataset, found.measure, found.of), []).append(personas)
        yield found


def describe_measure(
    llm: str, main: Measured, of_templates: Mapping[str, Measured], named: NamedItems
) -> tuple[MeasureCurves, PersonaScores]:
    """Every claim about one measure of one LLM under every template and way."""
    claims = list_claims(main)
    people = [setting for setting in main.part.settings if not _is_reference(setting)]
    personas = PersonaScores(
        llm,
        tuple(each.label for each in people),
        tuple(each.category for each in people),
        identify_items(main.part, named),
    )
    estimates: dict[tuple[int, str], list[Ends]] = {
        (at, reference): [] for at, claim in enumerate(claims) for reference in claim.references
    }
    for template, measured in of_templates.items():
        rows = _Rows.of(measured.part)
        at_people = rows.find(personas.personas)
        for way, found in measured.score(list_item_parts(measured.part, named)):
            padded = np.append(found.scores, np.nan)  # -1: a persona that was not asked
            personas.scores[Specification(template, *way)] = padded[at_people]
            for (at, reference), ends in estimates.items():
                ends.append(_estimate(claims[at], found, rows, reference))
    correlations = correlate_with_main(np.array(list(personas.scores.values())))
    curves = [
        _make_curve(claim, {r: estimates[at, r] for r in claim.references}, correlations)
        for at, claim in enumerate(claims)
    ]
    part = main.part.slice
    return (
        MeasureCurves(
            llm,
            part.dataset,
            main.name,
            main.of,
            tuple(personas.scores),
            correlations,
            tuple(curves),
        ),
        personas,
    )


def _is_reference(setting: Any) -> bool:
    return bool(setting.is_control or setting.is_empty)


class _Rows(NamedTuple):
    """Rows of a slice's settings."""

    personas: Rows
    controls: Rows
    empty: Rows
    places: dict[str, int]  # label -> row

    @classmethod
    def of(cls, part: SliceArray) -> "_Rows":
        groups = find_groups(part)
        empty = np.array([setting.is_empty for setting in part.settings], np.bool_)
        places = {setting.label: row for row, setting in enumerate(part.settings)}
        return cls(groups.personas, groups.controls, np.flatnonzero(empty), places)

    def find(self, labels: Sequence[str]) -> Rows:
        """Rows of these settings, -1 for one that is not there."""
        return np.array([self.places.get(label, -1) for label in labels], np.intp)


def list_claims(measured: Measured) -> list[Claim]:
    """The claims about a measure: those that need other personas than were asked are left out."""
    part = measured.part
    there = {setting.label for setting in part.settings}
    personas = {setting.label for setting in part.settings if not _is_reference(setting)}
    claims = [
        Claim(GAP, EVERY, "gap between best and worst persona", Direction.HIGHER),
        Claim(EXCESS, EVERY, "personas vary more than rewordings", Direction.HIGHER),
    ]
    for contrast in CONTRASTS:
        is_about = (contrast.dataset, contrast.measure, "") == (
            part.slice.dataset,
            measured.name,
            measured.of,
        )
        if is_about and there >= {*contrast.higher, *contrast.lower}:
            direction = Direction.LOWER if contrast.is_lower else Direction.HIGHER
            claims.append(
                Claim(
                    CONTRAST,
                    PAPER,
                    contrast.statement,
                    direction,
                    contrast.higher,
                    contrast.lower,
                )
            )
    for named in part.aims.claims:
        is_about = named.measure == measured.name and named.of in (None, measured.of)
        if is_about and named.dataset in (None, part.slice.dataset) and named.persona in personas:
            statement = f"{named.persona}: {named.direction}"
            claims.append(Claim(CONTRAST, FILE, statement, named.direction, (named.persona,)))
    return claims


def _estimate(claim: Claim, found: Linear, rows: _Rows, reference: str) -> Ends:
    if claim.kind == GAP:
        return estimate_gap(found, rows.personas)
    if claim.kind == EXCESS:
        return estimate_excess(found, rows.personas, rows.controls)
    of_reference = {CONTROLS: rows.controls, EMPTY: rows.empty}
    higher = rows.find(claim.higher)
    lower = of_reference[reference] if reference else rows.find(claim.lower)
    if (higher < 0).any() or (lower < 0).any():
        return NOTHING
    return estimate_contrast(found, higher, lower)


def _make_curve(
    claim: Claim, estimates: Mapping[str, Sequence[Ends]], correlations: Floats
) -> Curve:
    return Curve(
        claim.kind,
        claim.source,
        claim.statement,
        claim.direction,
        0.0,
        {reference: tuple(each) for reference, each in estimates.items()},
        summarise_curve(
            [ends for each in estimates.values() for ends in each], rank_correlations=correlations
        ),
    )
