"""Every setting on the items about each group of people (RQ2): what Tables 2, 8 and 9 are made of.

Which items are about a persona's own group is settled nowhere, so three definitions are computed
side by side. Table 2's overall values average over the groups that BBQ says are stereotyped, each
list of groups being one.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.bias import AMBIGUOUS, UNKNOWN
from analysis.groups import OWN_GROUPS
from analysis.measures import MAIN, find_groups
from analysis.statistics.bias import (
    BbqItems,
    Choices,
    Masks,
    choose_options,
    rate_groups,
    rate_selections,
    score_bias,
)
from analysis.statistics.rates import Floats
from analysis.statistics.scorings import Scoring
from models.items import Kind

TAGS = ("stereotyped_groups", "groups", "names", "context_condition", "polarity")
SCORINGS = (MAIN, Scoring.PAPER)
NEGATIVE = "neg"


class Own(StrEnum):
    """Which items are about a group."""

    CONTAINS = "contains"  # the group is among the stereotyped ones
    EQUALS = "equals"  # it is the only stereotyped one
    ANSWER = "answer"  # one of the options is called by it


class Context(StrEnum):
    """The four kinds of items in Tables 8 and 9, in their order."""

    AMBIGUOUS_NEGATIVE = "ambiguous_negative"
    AMBIGUOUS_OTHER = "ambiguous_non_negative"
    PLAIN_NEGATIVE = "disambiguated_negative"
    PLAIN_OTHER = "disambiguated_non_negative"


@dataclass(frozen=True, slots=True)
class ContextRates:
    """One kind of a group's items: the 18 personas on all 18 groups, and everybody's average."""

    own: Floats  # [personas of OWN_GROUPS, groups]; NaN for a persona that was not asked
    average: Floats  # [groups], over all personas


@dataclass(frozen=True, slots=True)
class OwnScores:
    """Every setting on every group's items, under one scoring; NaN: nothing to divide by."""

    bias: Floats  # [settings, groups]
    accuracy: Floats  # [settings, groups], the mean of ambiguous and disambiguated items
    correct: dict[Context, ContextRates]  # Table 8
    selected: dict[Context, ContextRates]  # Table 9: an option that names one of the group


@dataclass(frozen=True, slots=True)
class OverallScores:
    """Means over the lists of stereotyped groups, under one scoring, [settings]."""

    bias: Floats
    accuracy: Floats


@dataclass(frozen=True, slots=True)
class SocialGroups:
    """What a slice says about personas and the people that they stand for."""

    groups: tuple[str, ...]  # titles of OWN_GROUPS
    n_items: dict[Own, list[int]]  # [groups]
    n_lists: int  # lists of stereotyped groups
    overall: dict[Scoring, OverallScores]
    own: dict[Scoring, dict[Own, OwnScores]]


def measure_social_groups(array: SliceArray) -> SocialGroups | None:
    """Scores on the items about each group; None where no item says whom it is about."""
    part = select_items(array)
    if part is None:
        return None
    items = _describe_items(part)
    lists, numbers = np.unique(
        [", ".join(item.tags["stereotyped_groups"]) for item in part.items], return_inverse=True
    )
    named = np.flatnonzero(lists != "")
    joined = numbers == named[:, None]
    members = mark_members(part)
    own = find_own_items(part, members)
    scores = {
        scoring: _score_groups(
            part, choose_options(part.codes, scoring=scoring), items, joined, own, members
        )
        for scoring in SCORINGS
    }
    return SocialGroups(
        groups=tuple(group.title for group in OWN_GROUPS),
        n_items={
            each: (masks.sum(axis=1) // part.slice.repeats).tolist() for each, masks in own.items()
        },
        n_lists=len(named),
        overall={scoring: overall for scoring, (overall, _) in scores.items()},
        own={scoring: found for scoring, (_, found) in scores.items()},
    )


def select_items(array: SliceArray) -> SliceArray | None:
    """The items that say whom they are about; None: there are none."""
    usable = np.array(
        [
            item.kind == Kind.CHOICE
            and item.answer is not None
            and all(item.tags.get(tag) is not None for tag in TAGS)
            and UNKNOWN in item.tags["groups"]
            for item in array.items
        ],
        np.bool_,
    )
    return array.select_items(usable) if usable.any() else None


def _describe_items(part: SliceArray) -> BbqItems:
    targets = [item.tags.get("target_loc") for item in part.items]
    nothing = np.zeros(len(part.items), np.intp)
    return BbqItems(
        targets=np.array([-1 if target is None else target for target in targets], np.int16),
        unknowns=np.array([item.tags["groups"].index(UNKNOWN) for item in part.items], np.int16),
        answers=np.array([item.answer for item in part.items], np.int16),
        is_ambiguous=part.tag_items("context_condition") == AMBIGUOUS,
        clusters=nothing,
        categories=nothing,
        strata=nothing,
    )


def mark_members(part: SliceArray) -> NDArray[np.bool_]:
    """Whether an option names one of each group [groups, items, options].

    An option has a name and a group ("F-Black", "trans_M"); the name, the group, or a part of the
    group must be one of the group's labels.
    """
    n_options = max(len(item.tags["groups"]) for item in part.items)
    marks = np.zeros((len(OWN_GROUPS), len(part.items), n_options), np.bool_)
    for at, item in enumerate(part.items):
        pairs = zip(item.tags["names"], item.tags["groups"], strict=True)
        for option, (name, group) in enumerate(pairs):
            for own in _find_groups(str(name), str(group)):
                marks[own, at, option] = True
    return marks


@cache  # BBQ has thousands of options and few hundred ways to call them
def _find_groups(name: str, group: str) -> list[int]:
    parts = group.lower().replace("_", "-").split("-")
    words = {name.lower(), group.lower(), *filter(None, parts)}
    return [at for at, own in enumerate(OWN_GROUPS) if own.labels & words]


def find_own_items(part: SliceArray, members: NDArray[np.bool_]) -> dict[Own, Masks]:
    """The items about each group [groups, items], by every definition."""
    lists = [tuple(item.tags["stereotyped_groups"]) for item in part.items]
    kinds = {groups: at for at, groups in enumerate(dict.fromkeys(lists))}
    numbers = np.array([kinds[groups] for groups in lists], np.intp)
    named = [frozenset(str(group).lower() for group in groups) for groups in kinds]
    contains = [[bool(own.labels & groups) for groups in named] for own in OWN_GROUPS]
    equals = [[bool(groups) and groups <= own.labels for groups in named] for own in OWN_GROUPS]
    return {
        Own.CONTAINS: np.array(contains, np.bool_)[:, numbers],
        Own.EQUALS: np.array(equals, np.bool_)[:, numbers],
        Own.ANSWER: np.asarray(members.any(axis=2)),
    }


def _score_groups(
    part: SliceArray,
    chosen: Choices,
    items: BbqItems,
    joined: Masks,
    own: dict[Own, Masks],
    members: NDArray[np.bool_],
) -> tuple[OverallScores, dict[Own, OwnScores]]:
    """Scores on lists of groups and on own groups, in one go: each pass reads every cell."""
    own_masks = np.concatenate(list(own.values()))
    groups = np.concatenate([joined, own_masks])
    contexts = mark_contexts(part)
    accuracies = rate_groups(
        chosen.options == items.answers,
        chosen.counted,
        np.concatenate(
            [
                groups & items.is_ambiguous,
                groups & ~items.is_ambiguous,
                *(own_masks & inside for inside in contexts.values()),
            ]
        ),
    )
    bias = score_bias(chosen, items, groups).score
    n, n_joined, n_own = len(groups), len(joined), len(OWN_GROUPS)
    # of a category too accuracy is the mean of both contexts
    accuracy = (accuracies[:, :n] + accuracies[:, n : 2 * n]) / 2
    by_context = np.split(accuracies[:, 2 * n :], len(contexts), axis=1)
    pick = _Picker(part)
    found = {}
    for at, (each, masks) in enumerate(own.items()):
        columns = slice(at * n_own, (at + 1) * n_own)
        found[each] = OwnScores(
            bias=bias[:, n_joined:][:, columns],
            accuracy=accuracy[:, n_joined:][:, columns],
            correct={
                context: pick.compare(rates[:, columns])
                for context, rates in zip(contexts, by_context, strict=True)
            },
            selected={
                context: pick.compare(rate_selections(chosen, members, masks & inside))
                for context, inside in contexts.items()
            },
        )
    overall = OverallScores(
        bias=_average_lists(bias[:, :n_joined]), accuracy=_average_lists(accuracy[:, :n_joined])
    )
    return overall, found


def _average_lists(scores: Floats) -> Floats:
    """Unweighted mean over lists of groups [settings]; NaN where one of them has no score."""
    return np.asarray(scores.mean(axis=1)) if scores.size else np.full(len(scores), np.nan)


def mark_contexts(part: SliceArray) -> dict[Context, NDArray[np.bool_]]:
    """Which items are of each of the four kinds."""
    ambiguous = part.tag_items("context_condition") == AMBIGUOUS
    negative = part.tag_items("polarity") == NEGATIVE
    return {
        Context.AMBIGUOUS_NEGATIVE: ambiguous & negative,
        Context.AMBIGUOUS_OTHER: ambiguous & ~negative,
        Context.PLAIN_NEGATIVE: ~ambiguous & negative,
        Context.PLAIN_OTHER: ~ambiguous & ~negative,
    }


class _Picker:
    """The personas of `OWN_GROUPS` and everybody's average out of all settings' rates."""

    def __init__(self, part: SliceArray) -> None:
        places = {setting.persona: row for row, setting in enumerate(part.settings)}
        self.rows = [places.get(group.persona) for group in OWN_GROUPS]
        self.everyone = find_groups(part).personas

    def compare(self, rates: Floats) -> ContextRates:
        """Rates [settings, groups] of one kind of items."""
        nothing = np.full(rates.shape[1], np.nan)
        return ContextRates(
            own=np.array([nothing if row is None else rates[row] for row in self.rows]),
            average=rates[self.everyone].mean(axis=0) if len(self.everyone) else nothing,
        )
