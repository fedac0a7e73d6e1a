"""A second reading, ours, to tell how much hangs on the quirks of the authors' one.

`read_strictly` takes an answer only from the very start of a text, where nothing but the answer can
be meant. After white space and perhaps an opening bracket there is one letter of an option (or a
digit from 1 to 5) and then either the text ends, or punctuation closes the answer (one or two of
``. : ) ]``) and white space or the end follows. "B", " (B) ", "B. The second" and "[3]: often" are
read; "B is right", "The answer is B.", "A, B and C", "B.1" and "3 of 5" are not.
"""

import re
from functools import lru_cache

from analysis.readings import BLANK, LETTERS, Outcome, Reading, is_hedge, letter_range, read
from models.items import Kind


@lru_cache(maxsize=2 * len(LETTERS))
def compile_strict(kind: Kind, n_options: int) -> re.Pattern[str]:
    """The strict rule for an answer of this kind; ``n_options`` counts for choices only."""
    answer = letter_range(n_options) if kind is Kind.CHOICE else "[1-5]"
    blank = f"[{BLANK}]"
    # ``$`` after an optional blank means the very end to Python and to Polars alike.
    return re.compile(rf"\A{blank}*[(\[]?({answer})(?:{blank}*$|[.:)\]]{{1,2}}(?:{blank}|$))")


def read_strictly(text: str, kind: Kind, *, n_options: int) -> Reading:
    """One text by the strict rule; free text as `read` has it."""
    if kind is Kind.FREE:
        return read(text, kind, n_options=n_options)
    hedge = is_hedge(text)
    found = compile_strict(kind, n_options).search(text)
    if found is None:
        return Reading(None, Outcome.REFUSED if hedge else Outcome.UNREADABLE, hedge)
    value = LETTERS.index(found[1]) if kind is Kind.CHOICE else int(found[1])
    return Reading(value, Outcome.ANSWERED, hedge)
