"""From raw text to an answer: the letter, the number, the refusal (paper section "Readings").

`read` reads one text and is the rules themselves; `analysis.extractor` reads millions by them.

A reading is kept as a small integer: 0 or more is the answer (an option's index, or 1 to 5), below
0 it is an `Outcome`. The rules reproduce the authors' readings, quirks included: with nine or more
options the word "I" is read as option I, and the A of "NASA." is option A. How much hangs on such
quirks is told by `analysis.strict_readings`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from models.errors import DataError
from models.items import Kind

# Goes into every cache key: raise it whenever a text could be read differently.
READINGS_VERSION = "2"

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Outcome(IntEnum):
    """What became of a cell; exclusive. The value is its code in an array of readings.

    A cut-off text is counted beside these, not among them: it can hold an answer.
    """

    ANSWERED = 0  # an answer was read; in an array the answer itself stands here
    REFUSED = -1  # nothing was read and the text hedges
    UNREADABLE = -2  # nothing was read and the text does not hedge
    FILTERED = -3  # the provider's content filter kept the text back
    FAILED = -4  # asked, never answered (table ``failure``)
    MISSING = -5  # not asked yet


REFUSED = int(Outcome.REFUSED)
UNREADABLE = int(Outcome.UNREADABLE)
FILTERED = int(Outcome.FILTERED)
FAILED = int(Outcome.FAILED)
MISSING = int(Outcome.MISSING)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text says: the option's index or the number, None where nothing could be read."""

    value: int | None
    outcome: Outcome
    hedge: bool  # a hedge is a refusal only where nothing was read


class LetterPatterns(NamedTuple):
    """The letter rules for one number of options, in the order in which they are tried."""

    whole: re.Pattern[str]
    named: tuple[re.Pattern[str], ...]
    marked: re.Pattern[str]
    spaced: re.Pattern[str]


@lru_cache(maxsize=len(LETTERS))
def compile_letters(n_options: int) -> LetterPatterns:
    """Patterns for options A to the ``n_options``-th letter; DataError where there is no such."""
    letter = letter_range(n_options)
    return LetterPatterns(
        whole=re.compile(rf"^({letter})$"),
        named=(
            re.compile(rf"({letter}) is (?:the )?correct"),
            re.compile(rf"({letter}) is the answer"),
        ),
        marked=re.compile(rf"({letter})[.,\n)]"),
        # "." and ")" cannot be met here any more (`marked` would have), but the rule names them.
        spaced=re.compile(rf"(?<![A-Za-z.])({letter})[.) ]"),
    )


def letter_range(n_options: int) -> str:
    """The character class of the options' letters: "[A-D]" for four."""
    if not 1 <= n_options <= len(LETTERS):
        raise DataError(
            f"n_options {n_options}: options are lettered A to Z; give an item 1 to {len(LETTERS)}"
        )
    return f"[A-{LETTERS[n_options - 1]}]"


def read_letter(text: str, n_options: int) -> int | None:
    """The index of the option that a text chooses, None where it is unreadable."""
    patterns = compile_letters(n_options)
    for pattern in (patterns.whole, *patterns.named, patterns.marked):
        if found := pattern.search(text):
            return LETTERS.index(found[1])
    return _read_most_common(patterns.spaced.findall(text), LETTERS)


_NUMBER = re.compile(r"\b[0-5]\b")


def read_number(text: str) -> int | None:
    """The point from 1 to 5 that a text chooses, None where it is unreadable.

    0 counts as 1 once it has won: "0 and 1" are not added up (paper, code excerpt 2).
    """
    digit = _read_most_common(_NUMBER.findall(text), "012345")
    return None if digit is None else max(digit, 1)


def _read_most_common(found: Sequence[str], symbols: str) -> int | None:
    """Index in ``symbols`` of the most common one; the first met wins a tie."""
    if not found:
        return None
    return symbols.index(Counter(found).most_common(1)[0][0])


# On lower-cased text, as the paper has them.
_DENIES = r"(?:do not|don't|can't|cannot)"
AFTER_NO_SENTENCE = r"(?<![a-z][.)\"] )"
HEDGES = tuple(
    re.compile(pattern)
    for pattern in (
        r"sorry[^.]*(?:can't|cannot|unable|relevant|not able)",
        r"sorry[^.]*not[^.]*answer",
        r"i [^.]*(?:cannot|can't)[^.]*(?:engage|answer|respon|provide|determine|make[^.]*claims)",
        AFTER_NO_SENTENCE + rf"i [^.]*{_DENIES}[^.]*have",
        r"question is (?:unrelated|not related)",
        rf"(?:i'm|i am) an (?:artificial intelligence|ai)[^.]*{_DENIES}[^.]*have",
        r"(?:i'm|i am) (?:not (?:capable|able)|unable)",
        r"not appropriate to [^.]*answer",
    )
)


def is_hedge(text: str) -> bool:
    """Whether a text sounds like a refusal (paper, code excerpt 3); it may still hold an answer."""
    lowered = text.lower()
    return any(pattern.search(lowered) for pattern in HEDGES)


BLANK = " \t\r\n"


def read(text: str, kind: Kind, *, n_options: int) -> Reading:
    """One text by the rules of its item's kind; ``n_options`` counts for choices only.

    Nothing is read out of free text, so only an empty one is unreadable and none is a refusal;
    ``hedge`` still tells which sound like one.
    """
    hedge = is_hedge(text)
    if kind is Kind.FREE:
        outcome = Outcome.ANSWERED if text.strip(BLANK) else Outcome.UNREADABLE
        return Reading(None, outcome, hedge)
    value = read_letter(text, n_options) if kind is Kind.CHOICE else read_number(text)
    if value is not None:
        return Reading(value, Outcome.ANSWERED, hedge)
    return Reading(None, Outcome.REFUSED if hedge else Outcome.UNREADABLE, hedge)
