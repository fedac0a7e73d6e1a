"""Tables 2, 8 and 9 under one scoring and one definition of a persona's own items.

Table 2 ranks all settings; Tables 8 and 9 are a persona minus the average persona on the same
items.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from analysis.flags import find_flagged
from analysis.groups import OWN_GROUPS
from analysis.measures import MAIN
from analysis.own_averages import BIAS, CORRECT, SELECTED, OwnAverages, average_own
from analysis.own_intervals import Found, Key, OwnIntervals
from analysis.printed_tables import (
    ACCURACY_AVERAGE,
    ACCURACY_EFFECTS,
    NO_PERSONA_RANKS,
    SELECTION_AVERAGE,
    SELECTION_EFFECTS,
    SELF_RANKS,
    PrintedDifferences,
    PrintedSelf,
    is_papers_grid,
)
from analysis.self_tests import SelfTest
from analysis.slices import Result
from analysis.social_groups import Context, Own
from analysis.statistics import Undefined
from analysis.statistics.differences import DifferenceInterval
from analysis.statistics.ranks import rank_settings
from analysis.statistics.rates import Floats
from analysis.statistics.scorings import Scoring

NO_ITEMS = "no item is about this group"
NOT_ASKED = "the persona was not asked"
FLAGGED = "more than 20% of its answers are missing in some LLM, so it is not ranked here"
NONE_FLAGGED = Undefined("no setting is flagged, so nothing changes")
MAIN_ALONE = Undefined("settings are ranked again under the main scoring alone")
RANKED_BY = ("accuracy", "bias_score")  # flagged by either, a setting is in no second ranking
NO_DIFFERENCE = "no persona has a difference on items about its own group"
AVERAGE = "average"
NO_VALUE = "an LLM has no answer that counts on these items, or nobody was chosen"


@dataclass(frozen=True, slots=True)
class SelfRanks:
    """A row of Table 2: ranks among all settings. Bias ascends, signed; accuracy descends."""

    group: str
    persona: str
    n_items: int
    own_bias: float | Undefined
    own_accuracy: float | Undefined
    bias: float | Undefined  # over the lists of stereotyped groups
    accuracy: float | Undefined
    printed: PrintedSelf | None


@dataclass(frozen=True, slots=True)
class SelfRanking:
    """Table 2 among some of the settings."""

    n_settings: int
    without_persona: tuple[float | Undefined, float | Undefined]  # overall ranks: bias, accuracy
    ranks: tuple[SelfRanks, ...]


@dataclass(frozen=True, slots=True)
class SelfDifferences:
    """A row of Tables 8 and 9: persona minus average persona, as shares."""

    group: str
    persona: str
    bias: float | Undefined  # the bias score on the group's items
    correct: dict[Context, float | Undefined]
    selected: dict[Context, float | Undefined]
    printed: PrintedDifferences | None  # in percentage points
    # over items, where the report goes by this definition of own items; else empty
    correct_intervals: dict[Context, DifferenceInterval | Undefined] = field(default_factory=dict)
    selected_intervals: dict[Context, DifferenceInterval | Undefined] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnGroups:
    """One template, scoring and definition of own items."""

    template: str
    dataset: str
    scoring: Scoring
    own: Own
    is_kept: bool  # the definition that the report goes by
    llms: tuple[str, ...]
    n_settings: int
    n_lists: int  # lists of stereotyped groups, in the LLM that has most
    without_persona: tuple[float | Undefined, float | Undefined]  # overall ranks: bias, accuracy
    ranks: tuple[SelfRanks, ...]
    differences: tuple[SelfDifferences, ...]
    average: SelfDifferences  # over the groups that have a difference; of no persona
    printed_without: tuple[int, int] | None  # of Table 2, where this is its grid
    tests: tuple[SelfTest, ...]
    unflagged: SelfRanking | Undefined = MAIN_ALONE  # Table 2 without the settings that are flagged


def describe_own(
    template: str, dataset: str, results: Mapping[str, Result], *, scoring: Scoring, own: Own
) -> OwnGroups:
    """The tables without their tests; ``results`` is LLM -> result of its slice."""
    found = average_own(results, scoring=scoring, own=own)
    roster = found.roster
    is_papers = is_papers_grid(results, roster.labels, template=template)
    ranking = _rank_kept(found, np.ones(len(roster.labels), np.bool_), is_papers=is_papers)
    flagged = find_flagged(list(results.values()), roster, measures=RANKED_BY)
    return OwnGroups(
        template=template,
        dataset=dataset,
        scoring=scoring,
        own=own,
        is_kept=False,
        llms=tuple(results),
        n_settings=ranking.n_settings,
        n_lists=max(result["social_groups"]["n_lists"] for result in results.values()),
        without_persona=ranking.without_persona,
        ranks=ranking.ranks,
        differences=tuple(
            _describe_differences(found, at, is_papers=is_papers) for at in range(len(OWN_GROUPS))
        ),
        average=_average_differences(found, is_papers=is_papers),
        printed_without=NO_PERSONA_RANKS if is_papers else None,
        tests=(),
        unflagged=MAIN_ALONE if scoring is not MAIN else _rank_again(found, flagged),
    )


def _rank_again(found: OwnAverages, flagged: NDArray[np.bool_]) -> SelfRanking | Undefined:
    """The ranks without flagged settings; the paper's are among all of them."""
    return _rank_kept(found, ~flagged, is_papers=False) if flagged.any() else NONE_FLAGGED


def _rank_kept(found: OwnAverages, kept: NDArray[np.bool_], *, is_papers: bool) -> SelfRanking:
    """Table 2 among the settings ``kept`` [settings] alone."""
    overall = _Ranks(found.overall_bias, found.overall_accuracy, kept)
    empty = found.roster.find_role("empty")
    return SelfRanking(
        n_settings=int(np.count_nonzero(kept)),
        without_persona=overall.read(empty),
        ranks=tuple(
            _rank_own(found, at, overall, is_papers=is_papers) for at in range(len(OWN_GROUPS))
        ),
    )


class _Ranks:
    """Ranks by bias, signed, the lowest first, and by accuracy, the highest first."""

    def __init__(self, bias: Floats, accuracy: Floats, kept: NDArray[np.bool_]) -> None:
        """Scores [LLMs, settings]; those that are not ``kept`` [settings] have no rank."""
        self.kept = kept
        self.ranks = [
            rank_settings(np.where(kept, scores.mean(axis=0), np.nan), is_best_highest=is_accuracy)
            for scores, is_accuracy in ((bias, False), (accuracy, True))
        ]

    def read(self, rows: NDArray[np.intp]) -> tuple[float | Undefined, float | Undefined]:
        """Both ranks of one setting, of which there may be no row."""
        bias, accuracy = (self._read(ranks, rows) for ranks in self.ranks)
        return bias, accuracy

    def _read(self, ranks: Floats, rows: NDArray[np.intp]) -> float | Undefined:
        if not len(rows):
            return Undefined(NOT_ASKED)
        if not self.kept[rows[0]]:
            return Undefined(FLAGGED)
        rank = float(ranks[rows[0]])
        return Undefined(NO_VALUE) if np.isnan(rank) else rank


def _rank_own(found: OwnAverages, at: int, overall: _Ranks, *, is_papers: bool) -> SelfRanks:
    group = OWN_GROUPS[at]
    row = found.roster.find([group.persona])
    own = _Ranks(found.bias[:, :, at], found.accuracy[:, :, at], overall.kept)
    no_items = Undefined(NO_ITEMS)
    own_bias, own_accuracy = own.read(row) if found.n_items[at] else (no_items, no_items)
    bias, accuracy = overall.read(row)
    return SelfRanks(
        group=group.title,
        persona=group.persona,
        n_items=int(found.n_items[at]),
        own_bias=own_bias,
        own_accuracy=own_accuracy,
        bias=bias,
        accuracy=accuracy,
        printed=SELF_RANKS[group.title] if is_papers else None,
    )


def _describe_differences(found: OwnAverages, at: int, *, is_papers: bool) -> SelfDifferences:
    group = OWN_GROUPS[at]

    def read(measured: str, context: str) -> float | Undefined:
        value = float(found.effects[measured, context][:, at, at].mean())
        if not np.isnan(value):
            return value
        if not found.n_items[at]:
            return Undefined(NO_ITEMS)
        return Undefined(NO_VALUE if group.persona in found.roster.labels else NOT_ASKED)

    return SelfDifferences(
        group=group.title,
        persona=group.persona,
        bias=read(BIAS, ""),
        correct={context: read(CORRECT, context) for context in Context},
        selected={context: read(SELECTED, context) for context in Context},
        printed=PrintedDifferences(ACCURACY_EFFECTS[group.title], SELECTION_EFFECTS[group.title])
        if is_papers
        else None,
    )


def _average_differences(found: OwnAverages, *, is_papers: bool) -> SelfDifferences:
    """The last row of Tables 8 and 9: the mean over the personas, each on its own group."""

    def read(measured: str, context: str) -> float | Undefined:
        own = np.diagonal(found.effects[measured, context].mean(axis=0))
        known = own[~np.isnan(own)]
        return float(known.mean()) if len(known) else Undefined(NO_DIFFERENCE)

    return SelfDifferences(
        group=AVERAGE,
        persona="",
        bias=read(BIAS, ""),
        correct={context: read(CORRECT, context) for context in Context},
        selected={context: read(SELECTED, context) for context in Context},
        printed=PrintedDifferences(ACCURACY_AVERAGE, SELECTION_AVERAGE) if is_papers else None,
    )


def add_intervals(table: OwnGroups, intervals: OwnIntervals) -> OwnGroups:
    """The table with an interval for each of its differences."""
    return replace(
        table,
        differences=tuple(
            _add_intervals(row, found)
            for row, found in zip(table.differences, intervals.groups, strict=True)
        ),
        average=_add_intervals(table.average, intervals.average),
    )


def _add_intervals(row: SelfDifferences, found: Mapping[Key, Found]) -> SelfDifferences:
    def pick(
        measured: str, differences: Mapping[Context, float | Undefined]
    ) -> dict[Context, Found]:
        """A difference that is not defined says why, and its interval the same."""
        return {
            context: value if isinstance(value, Undefined) else found[measured, context]
            for context, value in differences.items()
        }

    return replace(
        row,
        correct_intervals=pick(CORRECT, row.correct),
        selected_intervals=pick(SELECTED, row.selected),
    )
