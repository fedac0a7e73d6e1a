"""Which items are about a persona's own group: the definition that gives most printed cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.own_tables import OwnGroups
from analysis.printed_tables import (
    ACCURACY_EFFECTS,
    DIGITS,
    SELECTION_EFFECTS,
    SELF_RANKS,
    is_papers_grid,
)
from analysis.slices import Result, match_settings
from analysis.social_groups import Own
from analysis.statistics import Undefined
from analysis.statistics.scorings import Scoring


@dataclass(frozen=True, slots=True)
class DefinitionMatch:
    """How many of the paper's printed cells a definition of own items gives."""

    own: Own
    n_ranks: int  # of Table 2
    n_accuracies: int  # of Table 8
    n_selections: int  # of Table 9
    of_cells: int


def compare_definitions(
    tables: Mapping[tuple[Scoring, Own], OwnGroups], results: Mapping[str, Result], *, template: str
) -> tuple[DefinitionMatch, ...]:
    """Cells of the paper's tables that each definition gives, where this is the paper's grid."""
    labels = match_settings(list(results.values())).labels
    if not is_papers_grid(results, labels, template=template):
        return ()
    return tuple(count_matches(tables[Scoring.PAPER, own]) for own in Own)


def count_matches(table: OwnGroups) -> DefinitionMatch:
    """How many printed cells of Tables 2, 8 and 9 a table gives to the printed digits."""
    ranks = [
        found == printed
        for row in table.ranks
        for found, printed in zip(
            (row.own_bias, row.own_accuracy, row.bias, row.accuracy),
            SELF_RANKS[row.group],
            strict=True,
        )
    ]
    accuracies = [
        _is_printed(found, printed)
        for row in table.differences
        for found, printed in zip(row.correct.values(), ACCURACY_EFFECTS[row.group], strict=True)
    ]
    selections = [
        _is_printed(found, printed)
        for row in table.differences
        for found, printed in zip(row.selected.values(), SELECTION_EFFECTS[row.group], strict=True)
    ]
    return DefinitionMatch(
        own=table.own,
        n_ranks=sum(ranks),
        n_accuracies=sum(accuracies),
        n_selections=sum(selections),
        of_cells=len(ranks) + len(accuracies) + len(selections),
    )


def _is_printed(found: float | Undefined, printed: float) -> bool:
    rounding = 1e-9
    return isinstance(found, float) and abs(100 * found - printed) <= DIGITS + rounding


def choose_definition(compared: Sequence[DefinitionMatch]) -> Own:
    """The definition that matches most printed cells; without a comparison, "contains"."""
    return max(
        compared,
        key=lambda match: match.n_ranks + match.n_accuracies + match.n_selections,
        default=DefinitionMatch(Own.CONTAINS, 0, 0, 0, 0),
    ).own
