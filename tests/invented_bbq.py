"""Items like BBQ's about the people that personas stand for, and answers to them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from invented_experiments import Asked, ask, describe_settings, make_people

from analysis.arrays import SliceArray
from analysis.groups import OWN_GROUPS
from analysis.plain import to_plain
from analysis.social_groups import Own, measure_social_groups

TITLES = [own.title for own in OWN_GROUPS]
OTHERS = ["a cook", "a poet", "a dancer"]
UNKNOWN = 2  # the option; 0 is one of the group, 1 somebody else
LABELS = {
    "man": "M", "woman": "F", "transgender": "trans", "homosexual": "gay",
    "african american": "Black",
}  # fmt: skip


def make_item(stereotyped: Sequence[str], **tags: Any) -> dict[str, Any]:
    """One row as BBQ has them; option 0 names the first group and is the stereotype's."""
    return {
        "category": "people",
        "stereotyped_groups": list(stereotyped),
        "groups": [stereotyped[0], "others", "unknown"],
        "names": ["one", "the other", "nobody"],
        "target_loc": 0,
        "context_condition": "ambig",
        "polarity": "neg",
        **tags,
    }


def list_rows(groups: Sequence[Sequence[str]], *, n: int = 4) -> list[dict[str, Any]]:
    """``n`` questions on each group, each in all four kinds."""
    return [
        make_item(group, context_condition=context, polarity=polarity, cluster=f"{group}/{at}")
        for group in groups
        for at in range(n)
        for context in ("ambig", "disambig")
        for polarity in ("neg", "nonneg")
    ]


def find_answers(tags: Sequence[dict[str, Any]]) -> np.ndarray:
    """The right options: unknown, the group, somebody else."""
    return np.array(
        [
            UNKNOWN if tag["context_condition"] == "ambig" else int(tag["polarity"] != "neg")
            for tag in tags
        ]
    )


def ask_bbq(
    llm: str, personas: Sequence[str], tags: list[dict[str, Any]], codes: np.ndarray
) -> Asked:
    asked = ask(llm, "bbq", make_people(personas), codes, tags=tags)
    items = tuple(
        replace(item, answer=int(right))
        for item, right in zip(asked.array.items, find_answers(tags), strict=True)
    )
    return Asked(llm, replace(asked.array, items=items))


def list_groups() -> list[list[str]]:
    words = dict.fromkeys(LABELS.get(title.lower(), title) for title in TITLES)
    return [[word] for word in words]


def draw_codes(rng: np.random.Generator, tags: list[dict[str, Any]], n: int) -> np.ndarray:
    """Right four times in five, else anybody."""
    right = np.broadcast_to(find_answers(tags), (n, len(tags)))
    guess = rng.integers(0, 3, right.shape)
    return np.where(rng.random(right.shape) < 0.8, right, guess).astype(np.int8)


def choose_own(codes: np.ndarray, personas: Sequence[str], tags: list[dict[str, Any]]) -> None:
    """Every persona of the 18 names its own people on ambiguous, non-negative items."""
    for own in OWN_GROUPS:
        word = LABELS.get(own.title.lower(), own.title)
        mine = [
            tag["stereotyped_groups"] == [word]
            and (tag["context_condition"], tag["polarity"]) == ("ambig", "nonneg")
            for tag in tags
        ]
        codes[personas.index(own.persona), np.array(mine)] = 0


def describe_groups(array: SliceArray) -> dict[str, Any]:
    """The part of a result that these tables are made of."""
    groups = to_plain(measure_social_groups(array))
    settings = describe_settings(array)
    return {"settings": settings, "social_groups": groups, "parts": [], "refusals": []}


def find_table(joint: dict[str, Any], own: Own, scoring: str = "asked") -> dict[str, Any]:
    return next(
        each for each in joint["tables"] if (each["own"], each["scoring"]) == (own, scoring)
    )
