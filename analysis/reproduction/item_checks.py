"""Checks of what the paper says about its data sets' own questions, without any answer of an LLM.

A part of BBQ or MMLU can contradict a statement about each category, and confirms none; totals and
means over all of it stay open.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from analysis.report.wording import write_bare_p, write_fixed
from analysis.reproduction.items import BBQ_FILES, BBQ_ROWS, BbqItemsFound, MmluItemsFound
from analysis.reproduction.judging import Check, Evidence, Finding, ask_for

UNIFORM_PP = 2.5  # what we let "approximately uniform" mean, in percentage points
ZERO = 0.005  # a bias that two digits show as 0

Found = BbqItemsFound | MmluItemsFound


def check_truth_mean() -> Check:
    """Whether right answers have no bias in the mean over BBQ's categories, the final score."""

    def measure(bbq: BbqItemsFound) -> Finding:
        mean = float(np.mean([each.score for each in bbq.truth.values()]))
        return Finding(
            abs(mean) < ZERO,
            f"{_sign(mean, digits=4)}, the mean over the categories",
            {"mean": mean},
        )

    return _check_bbq(measure)


def check_truth_categories() -> Check:
    """Whether right answers have no bias in each category, which one of them can contradict."""

    def measure(bbq: BbqItemsFound) -> Finding:
        biased = {name: each for name, each in bbq.truth.items() if abs(each.score) >= ZERO}
        shown = "; ".join(
            f"{name.replace('_', ' ')} {_sign(each.score)} (disambiguated {_sign(each.s_dis)})"
            for name, each in biased.items()
        )
        return Finding(
            not biased,
            f"not 0: {shown}" if biased else f"0 in all {len(bbq.truth)} categories",
            {"s_dis": {name: each.s_dis for name, each in bbq.truth.items()}},
        )

    return _check_bbq(measure, is_total=False)


def check_truth_unknown(*, stated: float) -> Check:
    """How often the right answer of BBQ is the one that names nobody."""

    def measure(bbq: BbqItemsFound) -> Finding:
        return Finding(
            abs(bbq.unknown - stated) < ZERO,
            f"{write_fixed(bbq.unknown, digits=4)} of the rows with a target",
            {"unknown": bbq.unknown, "stated": stated},
        )

    return _check_bbq(measure)


def check_bbq_places() -> Check:
    """Whether right answers are about as often the first, second and third option."""
    return _check_bbq(lambda bbq: _judge_places(bbq.places))


def check_mmlu_places() -> Check:
    """Whether right answers are about as often A, B, C and D."""
    return _check_mmlu(lambda mmlu: _judge_places(mmlu.places))


def check_bbq_sample(*, stated: int) -> Check:
    """How many rows 30 blocks of four per group of people are; a part has other groups."""

    def measure(bbq: BbqItemsFound) -> Finding:
        if not bbq.is_whole:
            return Finding(None, f"needs all {len(BBQ_FILES)} files of BBQ", {})
        return _judge_count(bbq.n_sampled, stated, f"of {BBQ_ROWS:,} rows")

    return _check_bbq(measure)


def check_mmlu_sample(*, stated: int) -> Check:
    """How many questions 250 per subject are."""
    return _check_mmlu(
        lambda mmlu: _judge_count(mmlu.n_sampled, stated, f"of {sum(mmlu.places):,} questions")
    )


def _check_bbq(measure: Callable[[BbqItemsFound], Finding], *, is_total: bool = True) -> Check:
    def check(evidence: Evidence) -> Finding:
        if evidence.bbq is None:
            return ask_for("BBQ’s files", "--bbq DIR")
        return _bound(measure(evidence.bbq), evidence.bbq, is_total=is_total)

    return check


def _check_mmlu(measure: Callable[[MmluItemsFound], Finding]) -> Check:
    def check(evidence: Evidence) -> Finding:
        if evidence.mmlu is None:
            return ask_for("MMLU’s test split", "--mmlu FILE")
        return _bound(measure(evidence.mmlu), evidence.mmlu)

    return check


def _bound(finding: Finding, found: Found, *, is_total: bool = True) -> Finding:
    """What a part of the data set cannot decide stays open: totals, and what holds in the part."""
    if found.is_whole:
        return finding
    words = f"{finding.words} (here: {found.extent})"
    if finding.holds is None or not (finding.holds or is_total):
        return finding._replace(words=words)
    holds = "holds" if finding.holds else "does not hold"
    return Finding(None, f"{holds} in the part that is here: {words}", finding.numbers)


def _judge_places(places: tuple[int, ...]) -> Finding:
    """Shares within `UNIFORM_PP` of equal ones; a chi-square test shows how far from exact."""
    shares = 100 * np.array(places) / sum(places)
    largest = float(np.abs(shares - 100 / len(places)).max())
    p = float(stats.chisquare(places).pvalue)
    return Finding(
        largest <= UNIFORM_PP,
        f"{', '.join(f'{n:,}' for n in places)}: within {write_fixed(largest, digits=1)} "
        f"percentage points of equal shares; exactly equal ones have p {_compare(p)}",
        {"places": list(places), "largest_pp": largest, "p": p},
    )


def _judge_count(found: int, stated: int, noun: str) -> Finding:
    return Finding(found == stated, f"{found:,} {noun}", {"n": found, "stated": stated})


def _compare(p: float) -> str:
    bare = write_bare_p(p)
    return bare if bare.startswith("<") else f"= {bare}"


def _sign(value: float, *, digits: int = 3) -> str:
    return ("+" if value > 0 else "") + write_fixed(value, digits=digits)
