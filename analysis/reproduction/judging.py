"""A claim of the paper, what it is held against, and what became of it.

A check takes the `Evidence` and returns a `Finding`. Evidence of one kind can contradict a claim
that it cannot confirm: the numbers that the paper prints itself, a part of a data set, or ranks
among fewer settings than the paper's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from analysis.reproduction.items import BbqItemsFound, MmluItemsFound
from analysis.reproduction.tweets import HumanSide
from analysis.score_table import ScoreTable
from analysis.statistics import Undefined
from analysis.statistics.consistency import Consistency

Taus = Mapping[tuple[str, str], Consistency | Undefined]  # (metric, category) ->


class Verdict(StrEnum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    NOT_CHECKABLE = "not checkable"  # from the evidence that there is


@dataclass(frozen=True, slots=True)
class Evidence:
    """What claims are held against; None: the file was not given."""

    table: ScoreTable
    taus: Taus
    people: HumanSide | None = None
    bbq: BbqItemsFound | None = None
    mmlu: MmluItemsFound | None = None


class Finding(NamedTuple):
    """What a check found; ``holds`` None: the evidence does not decide."""

    holds: bool | None
    words: str
    numbers: dict[str, Any]


Check = Callable[[Evidence], Finding]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of the paper, in our words, and what it takes to check it."""

    section: str
    statement: str
    check: Check
    llms: tuple[str, ...] = ()  # without these in the table the claim cannot be checked
    personas: tuple[str, ...] = ()


class Judged(NamedTuple):
    """A claim with its verdict."""

    section: str
    statement: str
    verdict: Verdict
    words: str
    numbers: dict[str, Any]


def judge_claim(claim: Claim, evidence: Evidence) -> Judged:
    """Check a claim, if the table of scores has all that it speaks of."""
    gap = _find_missing(claim, evidence.table)
    if gap:
        return Judged(claim.section, claim.statement, Verdict.NOT_CHECKABLE, gap, {})
    holds, words, numbers = claim.check(evidence)
    verdict = {
        True: Verdict.REPRODUCED,
        False: Verdict.NOT_REPRODUCED,
        None: Verdict.NOT_CHECKABLE,
    }[holds]
    return Judged(claim.section, claim.statement, verdict, words, numbers)


def _find_missing(claim: Claim, table: ScoreTable) -> str:
    """What the table lacks for this claim, in words; "" where it lacks nothing."""
    for needed, there, noun in (
        (claim.llms, table.llms, "LLMs"),
        (claim.personas, table.personas, "settings"),
    ):
        missing = [name for name in needed if name not in there]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            return f"the {noun} of the table lack {missing[0]}{more}"
    rows = [table.llms.index(llm) for llm in claim.llms]
    columns = table.find_personas(*claim.personas)
    for row in rows:
        gaps = np.isnan(table.scores["avg"][row, columns])
        if gaps.any():
            name = claim.personas[int(gaps.argmax())]
            return f"the table has no scores of {name} for {table.llms[row]}"
    return ""


def need(*what: str, note: str = "") -> Check:
    """The check of a claim that only generations can decide; ``what`` of them it takes."""
    *others, last = what
    listed = f"{', '.join(others)} and {last}" if others else last
    words = f"needs {listed}" + (f"; {note}" if note else "")
    return lambda evidence: Finding(None, words, {})


def ask_for(file: str, option: str) -> Finding:
    """What a check finds without the file that it needs."""
    return Finding(None, f"not checkable without {file} ({option})", {})
