"""What can be measured on items, before anybody answers them: it follows from what they hold.

A claim about a measure that none of an experiment's items can have is refused by it. The analysis
has the same rules in its own files, whose content says which numbers are up to date; a test holds
the two together.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from models.errors import ConfigError, UnknownNameError
from models.items import Item, Kind
from scheduler.experiments import ExperimentSpec

SCALE_TAGS = ("attitude", "question")  # the first that the items have says what they measure
SPLIT_BY = {"tweets": "question"}  # data sets whose refusals are counted by a tag
BIAS_TAGS = ("target_loc", "groups", "context_condition", "category")
UNKNOWN = "unknown"  # the group of the option that names nobody

Measures = dict[str, tuple[str, ...]]  # measure -> of what; "" where it is of all there is


def find_measures(dataset: str, items: Iterable[Item]) -> Measures:
    """The measures that items can have."""
    items = tuple(items)
    scale_tag = next((tag for tag in SCALE_TAGS if any(tag in i.tags for i in items)), "")
    found: dict[str, dict[str, None]] = {}
    for item in items:
        if item.kind == Kind.CHOICE and item.answer is not None:
            found.setdefault("accuracy", {})[""] = None
        if item.kind == Kind.CHOICE and _has_target(item.tags):
            found.setdefault("bias_score", {})[""] = None
            found.setdefault("unknown_frequency", {})[""] = None
        if item.kind == Kind.LIKERT:
            found.setdefault("mean_answer", {})[str(item.tags.get(scale_tag, ""))] = None
        if item.kind != Kind.FREE:
            of = str(item.tags.get(SPLIT_BY.get(dataset, ""), ""))
            found.setdefault("refusal_rate", {})[of] = None
    return {measure: tuple(of) for measure, of in found.items()}


def _has_target(tags: Mapping[str, Any]) -> bool:
    return all(tags.get(name) is not None for name in BIAS_TAGS) and UNKNOWN in tags["groups"]


def check_claims(spec: ExperimentSpec, items: Mapping[str, Iterable[Item]]) -> None:
    """Refuse a claim that nothing of the experiment can test; ``items`` by data set, where here.

    Raises:
        ConfigError: no data set that the claim is about has the measure.
        UnknownNameError: none has it of what the claim says.
    """
    offered = {name: find_measures(name, of_set) for name, of_set in items.items()}
    for number, claim in enumerate(spec.claims):
        names = [claim.dataset] if claim.dataset is not None else [d.name for d in spec.datasets]
        if not all(name in offered for name in names):
            continue  # what is not here yet may have it
        known = {of for name in names for of in offered[name].get(claim.measure, ())}
        if not known:
            told = "; ".join(f"{name!r} has {', '.join(sorted(offered[name]))}" for name in names)
            raise ConfigError(
                f"{spec.locate('claims', number, 'measure')}: {claim.measure!r} cannot be measured:"
                f" {told}"
            )
        if claim.of is not None and claim.of not in known:
            place = spec.locate("claims", number)
            if known == {""}:
                raise ConfigError(f"{place}, of: {claim.measure} has no parts here; leave it out")
            raise UnknownNameError(
                f"part of {claim.measure} (key 'of')", claim.of, known, where=place
            )
