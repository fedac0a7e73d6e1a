"""One measure in several LLMs (RQ1): do they rank the personas of a category alike?

The LLMs are fixed, not a sample: what holds in k of them says nothing of "LLMs in general".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics import Undefined
from analysis.statistics.consistency import (
    Consistency,
    MeanTau,
    Support,
    average_tau,
    count_support,
    measure_consistency,
)
from analysis.statistics.contrasts import adjust_p
from analysis.statistics.rates import Floats


@dataclass(frozen=True, slots=True)
class LlmScores:
    """One measure of one LLM."""

    llm: str
    family: str
    scores: Mapping[str, float]  # persona -> score, those that have one
    paper: Mapping[str, float]  # the same with answers scored as the paper does
    flagged: frozenset[str]  # personas with too many answers missing
    exceeds_rewording: bool | None  # the interval of R lies above 1; None: R is not defined


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far LLMs agree on one measure."""

    llms: tuple[str, ...]
    families: tuple[str, ...]
    categories: Mapping[str, Consistency | Undefined]
    paper: Mapping[str, MeanTau | Undefined]  # of the scores that the paper ranks by
    unflagged: Mapping[str, MeanTau | Undefined]  # without personas that are flagged in some LLM
    n_flagged: Mapping[str, int]  # personas of each category that are
    exceeds_rewording: Support | Undefined  # of the LLMs that have an R: personas vary more


def compare_llms(
    measured: Sequence[LlmScores],
    categories: Mapping[str, str],
    *,
    seed: int,
    n_permutations: int = 9_999,
) -> Agreement:
    """Kendall's tau over pairs of LLMs within each category; ``categories`` is persona -> category.

    A persona that has no score in some LLM is left out of its category.
    """
    families = np.array([one.family for one in measured])
    flagged = frozenset.union(*(one.flagged for one in measured))
    found: dict[str, Consistency | Undefined] = {}
    paper: dict[str, MeanTau | Undefined] = {}
    unflagged: dict[str, MeanTau | Undefined] = {}
    n_flagged: dict[str, int] = {}
    for category in dict.fromkeys(categories.values()):
        members = [persona for persona, each in categories.items() if each == category]
        scores = _stack([one.scores for one in measured], members)
        paper[category] = average_tau(_stack([one.paper for one in measured], members))
        kept = np.array([persona not in flagged for persona in members], np.bool_)
        unflagged[category] = average_tau(scores[:, kept])
        n_flagged[category] = int(np.count_nonzero(~kept))
        found[category] = measure_consistency(
            scores, families, rng=np.random.default_rng(seed), n_permutations=n_permutations
        )
    return Agreement(
        llms=tuple(one.llm for one in measured),
        families=tuple(families.tolist()),
        categories=found,
        paper=paper,
        unflagged=unflagged,
        n_flagged=n_flagged,
        exceeds_rewording=_count_exceeding(measured),
    )


def _stack(scores: Sequence[Mapping[str, float]], members: Sequence[str]) -> Floats:
    """Scores [llms, members], NaN for one that an LLM does not have."""
    return np.array([[each.get(persona, np.nan) for persona in members] for each in scores])


def _count_exceeding(measured: Sequence[LlmScores]) -> Support | Undefined:
    told = [one for one in measured if one.exceeds_rewording is not None]
    if not told:
        return Undefined("R is not defined in any LLM")
    return count_support(
        np.array([one.exceeds_rewording for one in told], np.bool_),
        np.array([one.family for one in told]),
    )


def adjust_agreements(agreements: Sequence[Agreement]) -> list[dict[str, float | None]]:
    """p of every category of every measure, by Benjamini and Hochberg over all of them at once."""
    places = [
        (at, category)
        for at, agreement in enumerate(agreements)
        for category in agreement.categories
    ]
    found = [agreements[at].categories[category] for at, category in places]
    p = np.array([one.p if isinstance(one, Consistency) else np.nan for one in found])
    adjusted: list[dict[str, float | None]] = [{} for _ in agreements]
    for (at, category), value in zip(places, adjust_p(p, method="fdr_bh").tolist(), strict=True):
        adjusted[at][category] = None if np.isnan(value) else value
    return adjusted
