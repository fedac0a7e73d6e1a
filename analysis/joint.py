"""Numbers that need several slices at once: of one LLM over its data sets, or of several LLMs.

They are computed when the report is written, from the results of the slices where those suffice
and from the slices' arrays where they do not. Each topic is a function of `Slices` and `Draws`
that returns what JSON can hold (`analysis.plain.to_plain`), under its own name.
"""

from collections.abc import Callable, Iterable
from typing import Any

from analysis.group_ranks import describe_group_ranks
from analysis.measures import Draws
from analysis.named_claims import describe_claims
from analysis.overall import describe_overall
from analysis.people import join_people
from analysis.progress import SILENCE, Progress, Stage
from analysis.refusal_rates import describe_refusals
from analysis.self_effect import describe_self_effect
from analysis.several import describe_several
from analysis.slices import Slices
from analysis.specifications import describe_specifications
from analysis.trust import describe_trust
from analysis.wordings import describe_wordings

__all__ = ["TOPICS", "Slices", "join_slices"]

Topic = Callable[[Slices, Draws], dict[str, Any]]

TOPICS: dict[str, Topic] = {
    "people": join_people,
    "overall_accuracy": describe_overall,
    "group_ranks": describe_group_ranks,
    "self_effect": describe_self_effect,
    "refusals": describe_refusals,
    "trust": describe_trust,
    "claims": describe_claims,
    "wordings": describe_wordings,
    "several": describe_several,
    "specifications": describe_specifications,
}


# What takes about as long as all other topics together.
LONGEST = "specifications"


def join_slices(
    slices: Slices,
    draws: Draws,
    *,
    names: Iterable[str] = tuple(TOPICS),
    progress: Progress = SILENCE,
) -> dict[str, Any]:
    """These topics by their names."""
    found = {}
    for name in names:
        found[name] = TOPICS[name](slices, draws)
        progress.advance(Stage.JOINED)
    return found
