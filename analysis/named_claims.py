"""Claims that an experiment named in advance, tested together: Holm's adjustment over an LLM's.

A claim says that a persona lies higher than the controls' mean, or lower, or elsewhere, on one
measure. Without a data set it is a claim about each data set that has the measure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.measures import Draws
from analysis.plain import to_plain
from analysis.slices import Result, Slices
from analysis.statistics import Undefined
from analysis.statistics.contrasts import ALPHA, adjust_p
from models.aims import Aims, Direction, NamedClaim

NOT_MEASURED = "no data set of this LLM has that measure of that persona"
NO_ERROR = "the difference has no error: it is the same in every cluster of items"


@dataclass(frozen=True, slots=True)
class TestedClaim:
    """One claim on one data set, in the measure's units."""

    persona: str
    dataset: str  # "": nowhere
    measure: str
    of: str
    direction: Direction
    difference: float | Undefined  # from the controls' mean
    band_low: float | Undefined  # simultaneous 95% over all personas
    band_high: float | Undefined
    p: float | Undefined  # the larger of signs' and exchanges'; one-sided where it has a direction
    p_holm: float | Undefined  # over the claims of the LLM
    verdict: str  # "borne out", "not shown", "contradicted", "not testable"


def describe_claims(slices: Slices, draws: Draws) -> dict[str, Any]:
    """Every claim per LLM and template; an empty list where nothing was claimed."""
    found = []
    for template, llms in slices.by_template().items():
        for llm, results in llms.items():
            claims = _list_claims(results)
            if claims:
                tested = adjust_claims([t for c in claims for t in check_claim(c, results)])
                found.append({"llm": llm, "template": template, "claims": to_plain(tested)})
    return {"llms": found}


def _list_claims(results: Mapping[str, Result]) -> tuple[NamedClaim, ...]:
    aims = next((result["aims"] for result in results.values() if "aims" in result), None)
    return () if aims is None else Aims.model_validate(aims).claims


def check_claim(claim: NamedClaim, results: Mapping[str, Result]) -> Iterator[TestedClaim]:
    """A claim on every data set that it is about; ``results`` are by data set."""
    is_found = False
    for dataset, result in results.items():
        if claim.dataset not in (None, dataset):
            continue
        rows = [
            row
            for row, setting in enumerate(result["settings"])
            if setting["label"] == claim.persona and setting["role"] == "persona"
        ]
        for measure in [m for part in result["parts"] for m in part["measures"]] + list(
            result["refusals"]
        ):
            if measure["name"] == claim.measure and claim.of in (None, measure["of"]) and rows:
                is_found = True
                yield _test_one(claim, dataset, measure, rows[0], n_flips=_count_flips(result))
    if not is_found:
        nothing = Undefined(NOT_MEASURED)
        yield TestedClaim(
            claim.persona, claim.dataset or "", claim.measure, claim.of or "", claim.direction,
            nothing, nothing, nothing, nothing, nothing, "not testable",
        )  # fmt: skip


def _count_flips(result: Result) -> int:
    """Random signs that the result's p are made of."""
    made_with = result.get("made_with", {})
    return int(made_with.get("n_permutations", Draws().n_permutations))


def _test_one(
    claim: NamedClaim, dataset: str, measure: Mapping[str, Any], row: int, *, n_flips: int
) -> TestedClaim:
    def read(column: str, reason: str) -> float | Undefined:
        value = measure["per_setting"][column][row]
        return Undefined(measure["reasons"].get(column, reason)) if value is None else float(value)

    difference, p = read("difference", NOT_MEASURED), read("p_flip", NO_ERROR)
    if not isinstance(p, Undefined) and not isinstance(difference, Undefined):
        p = turn_p(p, difference, claim.direction, n_flips=n_flips)
        is_directed = claim.direction is not Direction.DIFFERENT
        exchanged = read("p_exchange_side" if is_directed else "p_exchange", NO_ERROR)
        if not isinstance(exchanged, Undefined) and _is_so(difference, claim.direction):
            p = max(p, exchanged)
    return TestedClaim(
        claim.persona,
        dataset,
        claim.measure,
        measure["of"],
        claim.direction,
        difference,
        read("band_low", NO_ERROR),
        read("band_high", NO_ERROR),
        p,
        p,
        "not testable",
    )


def turn_p(
    p: float, difference: float, direction: Direction, *, n_flips: int = Draws().n_permutations
) -> float:
    """A two-sided p as the p of a claim with a direction: signs are symmetric, so half of it.

    Never below 1/(1 + n_flips), the least that so many random signs can show (Phipson and Smyth
    2010, Stat. Appl. Genetics 9).
    """
    if direction is Direction.DIFFERENT:
        return p
    return max(p / 2, 1 / (1 + n_flips)) if _is_so(difference, direction) else 1 - p / 2


def _is_so(difference: float, direction: Direction) -> bool:
    """Whether the difference lies on the side that was named."""
    return direction is Direction.DIFFERENT or (difference > 0) == (direction is Direction.HIGHER)


def adjust_claims(tested: list[TestedClaim]) -> list[TestedClaim]:
    """The claims with Holm's p (1979) over those that could be tested, and verdicts."""
    p = np.array([np.nan if isinstance(t.p, Undefined) else t.p for t in tested], np.float64)
    adjusted = adjust_p(p, method="holm")
    return [_judge(each, float(holm)) for each, holm in zip(tested, adjusted, strict=True)]


def _judge(claim: TestedClaim, holm: float) -> TestedClaim:
    if np.isnan(holm) or isinstance(claim.difference, Undefined):
        return claim
    verdict = "borne out" if holm < ALPHA else "not shown"
    if not isinstance(claim.band_low, Undefined) and not isinstance(claim.band_high, Undefined):
        is_against = (claim.direction is Direction.HIGHER and claim.band_high < 0) or (
            claim.direction is Direction.LOWER and claim.band_low > 0
        )
        verdict = "contradicted" if is_against else verdict
    return replace(claim, p_holm=holm, verdict=verdict)
