"""Do the LLMs rank a category of personas alike, whatever the analysis? A curve per category.

LLMs are compared under the specifications that all of them have, and on a part of the items only
where it is the same part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from analysis.item_parts import ALL_ITEMS
from analysis.paper_contrasts import CONSISTENT
from analysis.statistics import Undefined
from analysis.statistics.consistency import CONSISTENT_ABOVE
from analysis.statistics.rates import Floats
from analysis.statistics.specifications import CurveSummary, Ends, average_taus, summarise_curve

RANKED = ("accuracy", "bias_score", "unknown_frequency")


class Specification(NamedTuple):
    """A way under one template."""

    template: str
    items: str
    aggregation: str
    extraction: str
    scoring: str


@dataclass(frozen=True, slots=True)
class RankingCurve:
    """Do the LLMs rank a category's personas alike? Mean tau over their pairs."""

    dataset: str
    measure: str
    of: str
    category: str
    llms: tuple[str, ...]
    n_personas: int
    is_claimed: bool  # the paper calls it consistent
    threshold: float
    specifications: tuple[Specification, ...]
    estimates: tuple[Ends, ...]  # ends: one LLM left out in turn
    summary: CurveSummary | Undefined


@dataclass(slots=True)
class PersonaScores:
    """Scores of one LLM's personas under every specification: for rankings over LLMs."""

    llm: str
    personas: tuple[str, ...]
    categories: tuple[str, ...]
    items: Mapping[str, str]  # name of a choice of items -> digest of what it holds
    scores: dict[Specification, Floats] = field(default_factory=dict)

    def find(self, spec: Specification) -> Floats | None:
        """Scores under a specification, or on the same items by another name."""
        same = [name for name, items in self.items.items() if items == self.items[spec.items]]
        found = (self.scores.get(spec._replace(items=name)) for name in same)
        return next((scores for scores in found if scores is not None), None)


def describe_rankings(
    key: tuple[str, str, str], llms: Sequence[PersonaScores]
) -> Iterator[RankingCurve]:
    """A curve per category of personas, over the specifications that every LLM has."""
    dataset, measure, of = key
    if len(llms) < 2 or measure not in RANKED:
        return
    first = llms[0]
    wanted = dict.fromkeys(spec for each in llms for spec in each.scores)
    specifications = tuple(spec for spec in wanted if _is_comparable(spec, llms))
    for category in dict.fromkeys(first.categories):
        members = [
            persona
            for persona, each in zip(first.personas, first.categories, strict=True)
            if each == category and all(persona in other.personas for other in llms)
        ]
        places = [[each.personas.index(persona) for persona in members] for each in llms]
        estimates = [
            average_taus(
                np.array(
                    [_take(each.find(spec), at) for each, at in zip(llms, places, strict=True)]
                )
            )
            for spec in specifications
        ]
        if estimates:
            yield RankingCurve(
                dataset,
                measure,
                of,
                category,
                tuple(each.llm for each in llms),
                len(members),
                measure == "accuracy" and category in CONSISTENT.get(dataset, ()),
                CONSISTENT_ABOVE,
                specifications,
                tuple(estimates),
                summarise_curve(estimates, threshold=CONSISTENT_ABOVE),
            )


def _is_comparable(spec: Specification, llms: Sequence[PersonaScores]) -> bool:
    """Whether every LLM has such scores, and those on a part of the items on the same part."""
    is_alike = len({each.items[spec.items] for each in llms}) == 1
    return (is_alike or spec.items == ALL_ITEMS) and all(
        each.find(spec) is not None for each in llms
    )


def _take(scores: Floats | None, at: Sequence[int]) -> Floats:
    taken: Floats = np.full(len(at), np.nan) if scores is None else scores[list(at)]
    return taken
