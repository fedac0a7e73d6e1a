"""What a questionnaire adds to a mean answer (RQ3): Table 10's tests, reliability, wordings.

Of statements that are each asked under several instructions. The published Friedman tests take the
2 to 5 statements of an attitude as blocks; the 31 instructions are many more, and statement and
instruction together are never independent blocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.statistics import Undefined
from analysis.statistics.agreement import cronbach_alpha
from analysis.statistics.omnibus import Friedman, friedman
from analysis.statistics.rates import Floats, cluster_sums
from analysis.statistics.scorings import Scored, Scoring

TAGS = ("statement", "instruction")  # an item of a questionnaire has both

NO_COMMON = "no item that counts in every one of these settings"
NO_WORDING_SD = "a statement was answered under fewer than two instructions"
NO_ANSWER = "no statement was answered"


class Blocks(StrEnum):
    """What is taken for a block; a block's value is the mean over the other."""

    STATEMENTS = "statement"  # as published
    INSTRUCTIONS = "instruction"  # our main choice


@dataclass(frozen=True, slots=True)
class BlockTest:
    """Friedman's chi-square and Iman and Davenport's F of one group, scoring and kind of block."""

    group: str  # "personas", which includes the setting that has none, or "controls"
    blocks: Blocks
    scoring: Scoring
    n_settings: int
    n_items: int  # those that count in every setting of the group
    friedman: Friedman | Undefined


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """One attitude: its statements under all instructions."""

    n_statements: int
    n_instructions: int
    tests: tuple[BlockTest, ...]
    cronbach_alpha: float | Undefined  # over all settings, of means over the instructions
    n_alpha_statements: int  # those of which some item counts in every setting: alpha is of these
    # group -> mean over those of its settings that have the number
    wording_sd: Mapping[str, float | Undefined]  # Figure 8, of the answers that were given
    wording_sd_paper: Mapping[str, float | Undefined]  # Figure 8 as published: no answer is a 3
    unreversed: Mapping[str, float | Undefined]  # mean answer as given: acquiescence
    left_out: Mapping[str, Mapping[str, int]]  # of these means -> group -> settings without one


@dataclass(frozen=True, slots=True)
class WordingColumns:
    """Numbers per setting [settings]; NaN where undefined."""

    sd: Floats  # over the instructions, n - 1, averaged over the statements
    sd_0: Floats  # the same with n
    sd_paper: Floats  # with n - 1, an answer that could not be read being a 3
    unreversed: Floats


def has_wordings(part: SliceArray) -> bool:
    """Whether every item says which statement it is, under which instruction."""
    return bool(part.items) and all(tag in item.tags for item in part.items for tag in TAGS)


def describe_questionnaire(
    part: SliceArray,
    scored: Mapping[Scoring, Scored],
    columns: WordingColumns,
    *,
    groups: Mapping[str, NDArray[np.intp]],
) -> Questionnaire:
    """All of one attitude; ``groups`` are rows of settings, ``scored`` the scorings to test."""
    statements, instructions = (part.tag_items(tag) for tag in TAGS)
    labels = {Blocks.STATEMENTS: statements, Blocks.INSTRUCTIONS: instructions}
    main = scored[Scoring.ASKED]
    common = main.counted.all(axis=0)
    return Questionnaire(
        n_statements=len(np.unique(statements)),
        n_instructions=len(np.unique(instructions)),
        tests=tuple(
            rank_blocks(
                scored[scoring], labels[blocks], group, rows, blocks=blocks, scoring=scoring
            )
            for scoring in (Scoring.PAPER, Scoring.ASKED)
            for blocks in Blocks
            for group, rows in groups.items()
        ),
        cronbach_alpha=cronbach_alpha(average_blocks(main.values[:, common], statements[common]))
        if common.any()
        else Undefined(NO_COMMON),
        n_alpha_statements=len(np.unique(statements[common])),
        wording_sd=_average_groups(columns.sd, groups, NO_WORDING_SD),
        wording_sd_paper=_average_groups(columns.sd_paper, groups, NO_WORDING_SD),
        unreversed=_average_groups(columns.unreversed, groups, NO_ANSWER),
        left_out={
            name: {group: int(np.isnan(column[rows]).sum()) for group, rows in groups.items()}
            for name, column in (
                ("wording_sd", columns.sd),
                ("wording_sd_paper", columns.sd_paper),
                ("unreversed", columns.unreversed),
            )
        },
    )


def rank_blocks(
    scored: Scored,
    labels: NDArray[np.str_],
    group: str,
    rows: NDArray[np.intp],
    *,
    blocks: Blocks,
    scoring: Scoring,
) -> BlockTest:
    """Friedman's test of the settings ``rows``, on the items that count in all of them."""
    common = scored.counted[rows].all(axis=0)
    found: Friedman | Undefined = Undefined(NO_COMMON)
    if len(rows) and common.any():
        found = friedman(average_blocks(scored.values[rows][:, common], labels[common]).T)
    return BlockTest(group, blocks, scoring, len(rows), int(common.sum()), found)


def average_blocks(values: NDArray[np.int8], labels: NDArray[np.str_]) -> Floats:
    """Mean of values [settings, items] within each label, in sorted order [settings, labels]."""
    sums = cluster_sums(values, np.ones(values.shape, np.bool_), labels)
    means: Floats = sums.sums / sums.counts
    return means


def measure_wordings(part: SliceArray, scored: Mapping[Scoring, Scored]) -> WordingColumns:
    """Spread over the instructions (Figure 8) and the mean answer as it was given.

    ``scored`` are the points turned round, which changes no spread: a 3 stays a 3.
    """
    statements = part.tag_items("statement")
    sd, sd_0 = _spread_wordings(scored[Scoring.ASKED], statements)
    sd_paper, _ = _spread_wordings(scored[Scoring.PAPER], statements)
    return WordingColumns(sd, sd_0, sd_paper, _average_as_given(part, scored[Scoring.ASKED]))


def _average_as_given(part: SliceArray, scored: Scored) -> Floats:
    is_reversed = np.array([bool(item.tags.get("reversed")) for item in part.items], np.bool_)
    as_given = np.where(is_reversed, 6 - scored.values, scored.values)
    n_answered = scored.counted.sum(axis=1)
    unreversed = np.full(len(n_answered), np.nan)
    np.divide(
        np.where(scored.counted, as_given, 0).sum(axis=1),
        n_answered,
        out=unreversed,
        where=n_answered > 0,
    )
    return unreversed


def _spread_wordings(scored: Scored, statements: NDArray[np.str_]) -> tuple[Floats, Floats]:
    """Mean over the statements of the SD of their answers, with n - 1 and with n [settings].

    NaN where a statement has fewer than two answers.
    """
    sums = cluster_sums(scored.values, scored.counted, statements)
    squares = cluster_sums(np.square(scored.values.astype(np.int16)), scored.counted, statements)
    enough = sums.counts > 1
    n = np.where(enough, sums.counts, 2)
    squared = np.maximum(squares.sums - np.square(sums.sums) / n, 0)
    sd, sd_0 = (
        np.where(enough, np.sqrt(squared / (n - ddof)), np.nan).mean(axis=1) for ddof in (1, 0)
    )
    return sd, sd_0


def _average_groups(
    column: Floats, groups: Mapping[str, NDArray[np.intp]], reason: str
) -> dict[str, float | Undefined]:
    """Means over the settings of each group that have a number."""
    return {group: _average(column[rows], reason) for group, rows in groups.items()}


def _average(values: Floats, reason: str) -> float | Undefined:
    if not len(values):
        return Undefined("no setting in the group")
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else Undefined(reason)
