"""Checks of claims about scores per LLM and persona: does a table of scores bear a claim out?"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from analysis.report.wording import write_fixed
from analysis.reproduction.judging import Check, Evidence, Finding
from analysis.score_table import ScoreTable
from analysis.statistics import Undefined
from analysis.statistics.consistency import Consistency
from analysis.statistics.ranks import rank_group, rank_settings
from analysis.statistics.spread import score_gap

# A score that is cut to five digits is too low by up to a thousandth of a percentage point.
CUT_PP = 0.001
GAP_PP = 0.005  # gaps are printed with two digits
RANK_DIGITS = 0.05  # mean ranks with one

TITLES = {"truthfulqa": "TruthfulQA", "mmlu": "MMLU", "bbq": "BBQ", "avg": "the average"}


def check_gap(llm: str, metric: str, *, gap_pp: float, best: str = "", worst: str = "") -> Check:
    """The gap between best and worst persona, in percentage points to two digits, and who."""

    def check(evidence: Evidence) -> Finding:
        table = evidence.table
        gap = score_gap(table.scores[metric][table.llms.index(llm), table.assigned])
        if isinstance(gap, Undefined):
            return Finding(None, gap.reason, {})
        value = 100 * gap.value
        ends = [table.personas[table.assigned[end]] for end in (gap.best, gap.worst)]
        named = all(not name or name == end for name, end in zip((best, worst), ends, strict=True))
        return Finding(
            abs(value - gap_pp) < GAP_PP + CUT_PP and named,
            f"{write_fixed(value, digits=3)} percentage points, from {ends[0]} to {ends[1]}",
            {"gap_pp": value, "stated_pp": gap_pp, "best": ends[0], "worst": ends[1]},
        )

    return check


def check_extreme_gap(llm: str, metrics: Sequence[str], *, largest: bool) -> Check:
    """Whether an LLM has the largest, or smallest, gap of all LLMs and these metrics."""

    def check(evidence: Evidence) -> Finding:
        table = evidence.table
        gaps: dict[tuple[str, str], float] = {}
        for metric in metrics:
            for row, name in enumerate(table.llms):
                gap = score_gap(table.scores[metric][row, table.assigned])
                if isinstance(gap, Undefined):
                    return Finding(None, f"{name}: {gap.reason}", {})
                gaps[name, metric] = 100 * gap.value
        order = sorted(gaps, key=lambda key: gaps[key], reverse=largest)
        first, second = (
            f"{name} on {TITLES[metric]} {write_fixed(gaps[name, metric], digits=2)}"
            for name, metric in order[:2]
        )
        return Finding(
            order[0][0] == llm,
            f"{first}, then {second} percentage points",
            {f"{name}, {metric}": value for (name, metric), value in gaps.items()},
        )

    return check


def check_top(persona: str, metric: str, *, within: int, llms: int) -> Check:
    """Whether a persona is among the first ``within`` personas in at least so many LLMs."""

    def check(evidence: Evidence) -> Finding:
        table = evidence.table
        at = int(np.flatnonzero(table.assigned == table.find_personas(persona)[0])[0])
        ranks = {
            llm: int(rank_settings(scores[table.assigned], is_best_highest=True)[at])
            for llm, scores in zip(table.llms, table.scores[metric], strict=True)
        }
        inside = sum(rank <= within for rank in ranks.values())
        return Finding(
            inside >= llms,
            f"{inside} of {len(ranks)} LLMs; ranks "
            + ", ".join(f"{llm} {rank}" for llm, rank in ranks.items()),
            {"ranks": ranks},
        )

    return check


def check_consistent(metric: str, *, categories: Collection[str]) -> Check:
    """Whether exactly these categories have a mean tau above .5."""

    def check(evidence: Evidence) -> Finding:
        means = {
            category: found.tau.value
            for (name, category), found in evidence.taus.items()
            if name == metric and isinstance(found, Consistency)
        }
        flagged = {
            category
            for (name, category), found in evidence.taus.items()
            if name == metric and isinstance(found, Consistency) and found.is_consistent
        }
        order = sorted(means, key=lambda category: -means[category])
        shown = [category for category in order if category in flagged]
        rest = [category for category in order if category not in flagged][:1]
        words = ", ".join(
            f"{name_category(category)} {write_fixed(means[category], digits=2)}"
            for category in (*shown, *rest)
        )
        return Finding(
            flagged == set(categories),
            f"above .5: {len(flagged)} of {len(means)} categories; mean tau: {words}"
            + (" (the next one)" if rest else ""),
            {"tau": means},
        )

    return check


def name_category(category: str) -> str:
    """ "profession (specific)" of "profession_specific"."""
    kind, _, part = category.partition("_")
    return f"{kind} ({part})" if kind == "profession" else category.replace("_", " ")


def check_order(metric: str, tiers: Sequence[Sequence[str]], *, in_every_llm: bool) -> Check:
    """Whether every persona of a tier scores above all of the tiers after it.

    In every LLM, or in the mean over LLMs.
    """

    def is_ordered(scores: Any, table: ScoreTable) -> bool:
        values = [scores[table.find_personas(*tier)] for tier in tiers]
        return all(
            values[at].min() > np.concatenate(values[at + 1 :]).max()
            for at in range(len(values) - 1)
        )

    def check(evidence: Evidence) -> Finding:
        table = evidence.table
        scores = table.scores[metric]
        means = scores.mean(axis=0)
        holds = [is_ordered(row, table) for row in scores]
        breaks = [llm for llm, held in zip(table.llms, holds, strict=True) if not held]
        names = [name for tier in tiers for name in tier]
        percent = ", ".join(
            f"{name} {write_fixed(100 * means[at], digits=2)}"
            for name, at in zip(names, table.find_personas(*names), strict=True)
        )
        without = f" (not in {', '.join(breaks)})" if breaks else ""
        return Finding(
            not breaks if in_every_llm else is_ordered(means, table),
            f"in {sum(holds)} of {len(holds)} LLMs{without}; means in percent: {percent}",
            {"llms": dict(zip(table.llms, holds, strict=True)), "means": dict(zip(
                names, means[table.find_personas(*names)].tolist(), strict=True))},
        )  # fmt: skip

    return check


def bound_group_rank(
    metric: str, members: Sequence[str], *, mean: float, best: int, left_out: int
) -> Check:
    """A group's mean rank and best rank of the mean over LLMs, where settings are left out.

    With ``left_out`` more settings in the ranking a rank can only grow, and by no more than that:
    the table can contradict such a claim and cannot confirm it.
    """

    def check(evidence: Evidence) -> Finding:
        table = evidence.table
        ranks = rank_settings(table.scores[metric].mean(axis=0), is_best_highest=True)
        group = rank_group(ranks, table.find_personas(*members))
        if isinstance(group, Undefined):
            return Finding(None, group.reason, {})
        possible = (
            -RANK_DIGITS <= mean - group.mean <= left_out + RANK_DIGITS
            and 0 <= best - group.best <= left_out
        )
        ours = write_fixed(group.mean, digits=1)
        if len(members) > 1:
            ours += f" ({group.best})"
        said = "so the stated rank is possible" if possible else "so it cannot be the stated one"
        return Finding(
            None if possible else False,
            f"{ours} among the {len(ranks)} settings of the table, which lacks {left_out}; {said}",
            {"mean_rank": group.mean, "best_rank": group.best, "stated": [mean, best]},
        )

    return check
