"""Checks of what the paper says about people, from their own ratings and questionnaires."""

from collections.abc import Sequence

from analysis.associations import Correlation
from analysis.report.wording import write_fixed
from analysis.reproduction.judging import Check, Evidence, Finding, ask_for
from analysis.statistics import Undefined

MODERATE = (0.35, 0.65)  # .4 to .6 after rounding: Dancey & Reidy in the paper's Akoglu (2018)
SAME_SIGN = "same sign, interval contains 0"


def check_sizes(*, tweets: int, people: int) -> Check:
    """How many tweets there are, and people who rated them."""

    def check(evidence: Evidence) -> Finding:
        found = evidence.people
        if found is None:
            return _ask()
        return Finding(
            (found.n_tweets, found.n_people) == (tweets, people),
            f"{found.n_tweets} tweets, {found.n_people} people",
            {"tweets": found.n_tweets, "people": found.n_people},
        )

    return check


def check_correlations(
    pairs: Sequence[tuple[str, str]], *, is_positive: bool, is_moderate: bool = False
) -> Check:
    """Whether people's correlations all have a sign, and are of moderate size where that is said.

    The right sign with an interval that has 0 in it decides nothing.
    """

    def check(evidence: Evidence) -> Finding:
        if evidence.people is None:
            return _ask()
        cells = [evidence.people.correlations.get(pair) for pair in pairs]
        values = []
        for pair, cell in zip(pairs, cells, strict=True):
            if cell is None or isinstance(cell.r, Undefined):
                return Finding(None, f"{' and '.join(pair)}: not defined", {})
            values.append(cell.r)
        size_low, size_high = MODERATE
        holds = all(
            (r > 0) == is_positive and (not is_moderate or size_low <= abs(r) < size_high)
            for r in values
        )
        is_open = holds and any(has_zero(cell) for cell in cells if cell)
        shown = [
            f"{second}: {write_cell(cell)} over {cell.n} people"
            + (f", {SAME_SIGN}" if holds and has_zero(cell) else "")
            for (_, second), cell in zip(pairs, cells, strict=True)
            if cell
        ]
        return Finding(
            None if is_open else holds,
            "; ".join(shown),
            {f"{first}, {second}": r for (first, second), r in zip(pairs, values, strict=True)},
        )

    return check


def write_cell(cell: Correlation) -> str:
    """A correlation with its interval over people, "+0.21 [0.02, 0.40]"."""
    if isinstance(cell.r, Undefined):
        return "not defined"
    value = ("+" if cell.r > 0 else "") + write_fixed(cell.r, digits=2)
    ends = [end for end in (cell.low, cell.high) if isinstance(end, float)]
    if len(ends) < 2:
        return value
    return f"{value} [{write_fixed(ends[0], digits=2)}, {write_fixed(ends[1], digits=2)}]"


def has_zero(cell: Correlation) -> bool:
    """Whether the interval leaves the sign open."""
    low, high = cell.low, cell.high
    return isinstance(low, float) and isinstance(high, float) and low <= 0 <= high


def _ask() -> Finding:
    return ask_for("largeScale.csv", "--tweets FILE")
