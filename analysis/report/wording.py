"""How numbers are written: one way for the page, the terminal and the figures' hover texts."""

import math
from typing import Any, TypeGuard

from analysis.plain import UNDEFINED

MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"
NOT_DEFINED = "not defined"
ROUNDING = 1e-9  # what is nearer to 0 is 0
SHARES = {"accuracy", "refusal_rate", "unknown_frequency"}  # measures written in per cent


def is_undefined(value: Any) -> TypeGuard[dict[str, str] | None]:
    """Whether a plain value stands for a number that is not defined."""
    return value is None or (isinstance(value, dict) and UNDEFINED in value)


def explain_undefined(value: dict[str, str] | None, *, reason: str = "") -> str:
    """ "not defined: the reason"."""
    reason = value[UNDEFINED] if value else reason
    return f"{NOT_DEFINED}: {reason}" if reason else NOT_DEFINED


def begin_sentence(text: str) -> str:
    """With a capital, and all other letters as they are: names and "LLM" stay."""
    return text[:1].upper() + text[1:]


def give_reason(value: Any, reason: str) -> Any:
    """A plain value, or why there is none: what `analysis.report.blocks.make_table` asks for."""
    return {UNDEFINED: reason} if value is None else value


def give_reasons(values: Any, reason: str) -> Any:
    """Lists and dicts of plain values with the reason in place of every gap."""
    if isinstance(values, list | tuple):
        return [give_reasons(each, reason) for each in values]
    if isinstance(values, dict):
        return {key: give_reasons(each, reason) for key, each in values.items()}
    return give_reason(values, reason)


def write_fixed(value: float, *, digits: int) -> str:
    """A number with a true minus sign, and without a minus before zero."""
    text = f"{value:,.{digits}f}"
    if text.startswith("-"):
        text = text[1:] if float(text.replace(",", "")) == 0 else MINUS + text[1:]
    return text


def write_score(value: float, measure: str, *, unit: bool = True) -> str:
    """ "63.3%" of an accuracy, "3.41" of a mean answer."""
    if measure in SHARES:
        return write_fixed(100 * value, digits=1) + ("%" if unit else "")
    return write_fixed(value, digits=_count_digits(measure))


def write_difference(value: float, measure: str, *, sign: bool = False) -> str:
    """ "4.5 percentage points", "0.31 points"; with ``sign`` only the number, "+4.5"."""
    is_share = measure in SHARES
    text = write_fixed(
        100 * value if is_share else value, digits=1 if is_share else _count_digits(measure)
    )
    if sign:
        return text if text.startswith(MINUS) or float(text.replace(",", "")) == 0 else f"+{text}"
    return text + _name_unit(measure)


def write_sd(sd: float, measure: str, *, unit: bool = True, more: int = 0) -> str:
    """ "0.034 percentage points", "15.4": however small, there are two digits to read.

    ``more`` is how many digits more than a score it has in any case.
    """
    is_share = measure in SHARES
    value = 100 * sd if is_share else sd
    digits = more + (1 if is_share else _count_digits(measure))
    if abs(value) > ROUNDING:
        digits = max(digits, 1 - math.floor(math.log10(abs(value))))
    return write_fixed(value, digits=digits) + (_name_unit(measure) if unit else "")


def _name_unit(measure: str) -> str:
    if measure in SHARES:
        return " percentage points"
    return "" if measure == "bias_score" else " points"


def _count_digits(measure: str) -> int:
    return 3 if measure == "bias_score" else 2


def write_p(p: float) -> str:
    """A p-value as "p = 0.031", or "p < 0.0001", with spaces that do not break."""
    bare = write_bare_p(p)
    return f"p{SPACE}<{SPACE}{bare[2:]}" if bare.startswith("<") else f"p{SPACE}={SPACE}{bare}"


def write_bare_p(p: float) -> str:
    """ "0.031" or "< 0.0001", in a column of p-values."""
    return "< 0.0001" if p < 0.0001 else write_fixed(p, digits=4 if p < 0.001 else 3)


def write_count(n: int) -> str:
    """ "157,681"."""
    return f"{n:,}"


def write_plural(n: int, noun: str) -> str:
    """ "1 item", "60 items"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def write_ratio(value: float) -> str:
    """A ratio with as many digits as say something: "1.39", "32.8", "410"."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return write_fixed(value, digits=digits)


def to_points(value: Any) -> Any:
    """A share in percentage points; what is not defined stays so."""
    return value if is_undefined(value) else 100 * value


def write_points(value: float) -> str:
    """Percentage points, with two digits as in the paper's tables."""
    return write_fixed(value, digits=2)
