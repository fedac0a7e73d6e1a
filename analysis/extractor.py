"""Both readings of millions of texts: the rules of `analysis.readings` and the strict one at once.

Every distinct text is read once, with Polars' regular expressions, which run in compiled code and
have neither look-behind nor Python's idea of a word character; the few texts that need either go to
the rules one by one.
"""

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.readings import (
    AFTER_NO_SENTENCE,
    BLANK,
    HEDGES,
    LETTERS,
    MISSING,
    REFUSED,
    UNREADABLE,
    compile_letters,
    letter_range,
    read_letter,
    read_number,
)
from analysis.strict_readings import compile_strict
from models.items import Kind

# The look-behind said forwards, for Polars: what stands before is fewer than three characters, or
# three of which one is not what the look-behind forbids there.
_BEFORE = r"(?s:\A.{0,2}|[^a-z]..|.[^.)\"].|..[^ ])"
_POLARS_HEDGES = tuple(p.pattern.replace(AFTER_NO_SENTENCE, _BEFORE) for p in HEDGES)
_MOST_KNOWN = 1_000_000  # different texts remembered: with 100 characters about 200 MiB


class Extracted(NamedTuple):
    """Codes of the same texts by both readings [texts]."""

    codes: NDArray[np.int8]  # the authors': `analysis.readings.read`
    strict: NDArray[np.int8]  # ours: `analysis.strict_readings.read_strictly`


def read_texts(
    texts: pl.Series | Any, n_options: int | NDArray[np.integer[Any]], *, kind: Kind
) -> NDArray[np.int8]:
    """`extract_texts` by the authors' rules alone."""
    return extract_texts(texts, n_options, kind=kind).codes


def extract_texts(
    texts: pl.Series | Any, n_options: int | NDArray[np.integer[Any]], *, kind: Kind
) -> Extracted:
    """Codes of many texts: 0.. for an option, 1..5 for a number, an `Outcome` below 0.

    ``texts`` is a Polars or Arrow string column, a null in it MISSING; ``n_options`` one number or
    one per text, of which only choices take notice. A free text that is not empty is 0. FILTERED
    and FAILED do not stand in a text: the caller writes them into the array.
    """
    return Extractor().extract(texts, n_options, kind=kind)


class Extractor:
    """Reads column after column as `extract_texts` does, and remembers what it has read."""

    def __init__(self) -> None:
        self._known: dict[tuple[Kind, int], _KnownTexts] = {}

    def extract(
        self,
        texts: pl.Series | Any,
        n_options: int | NDArray[np.integer[Any]],
        *,
        kind: Kind,
    ) -> Extracted:
        """See `extract_texts`."""
        column = texts if isinstance(texts, pl.Series) else pl.Series(pl.from_arrow(texts))
        column = column.cast(pl.String)
        options = np.asarray(n_options if kind is Kind.CHOICE else 0)
        if options.ndim == 0 and not column.null_count():
            return self._know(kind, int(options)).read(column)
        options = np.broadcast_to(options, len(column))
        found = Extracted(*np.full((2, len(column)), MISSING, np.int8))
        is_text = column.is_not_null().to_numpy()
        for n in np.unique(options[is_text]).tolist():
            at = np.flatnonzero(is_text & (options == n))
            found.codes[at], found.strict[at] = self._know(kind, n).read(column.gather(at))
        return found

    def _know(self, kind: Kind, n_options: int) -> "_KnownTexts":
        if (kind, n_options) not in self._known:
            self._known[kind, n_options] = _KnownTexts(kind, n_options)
        return self._known[kind, n_options]


class _KnownTexts:
    """Both codes of the different texts that were met so far under one number of options.

    Where most texts are different, finding the others costs more than reading all of them, and
    remembering them takes memory without end: at `_MOST_KNOWN` it forgets them and goes on without.
    """

    def __init__(self, kind: Kind, n_options: int) -> None:
        self._kind, self._n_options = kind, n_options
        self._numbers: pl.Categorical | None = pl.Categorical(pl.Categories.random())
        # Polars forgets its numbers with the last column that has them: this one has no rows.
        self._holder = pl.Series(dtype=self._numbers)
        self._codes = Extracted(*np.empty((2, 0), np.int8))

    def read(self, texts: pl.Series) -> Extracted:
        """Codes of texts without nulls."""
        if self._numbers is None:
            return _read_distinct(texts, self._n_options, kind=self._kind)
        numbered = texts.cast(self._numbers)  # from 0 as they are first met
        self._holder = numbered[:0]
        numbers = numbered.to_physical().to_numpy()
        self._learn(numbered.filter(pl.Series(numbers >= len(self._codes.codes))).unique())
        found = Extracted(*(codes[numbers] for codes in self._codes))
        if len(self._codes.codes) > _MOST_KNOWN:
            self._numbers, self._codes = None, Extracted(*np.empty((2, 0), np.int8))
            self._holder = pl.Series(dtype=pl.String)
        return found

    def _learn(self, new: pl.Series) -> None:
        """Read texts that are new, each once; their numbers follow on those that are known."""
        read = _read_distinct(new.cast(pl.String), self._n_options, kind=self._kind)
        order = np.argsort(new.to_physical().to_numpy())
        self._codes = Extracted(
            *(
                np.concatenate([known, codes[order]])
                for known, codes in zip(self._codes, read, strict=True)
            )
        )


def _read_distinct(texts: pl.Series, n_options: int, *, kind: Kind) -> Extracted:
    if kind is Kind.FREE:
        is_empty = (texts.str.strip_chars(BLANK) == "").to_numpy()
        codes = np.where(is_empty, UNREADABLE, 0).astype(np.int8)
        return Extracted(codes, codes)
    codes = _read_letters(texts, n_options) if kind is Kind.CHOICE else _read_numbers(texts)
    strict = _find_strictly(texts, n_options, kind=kind)
    (unread,) = np.nonzero((codes == UNREADABLE) | (strict == UNREADABLE))
    hedging = unread[_find_hedges(texts.gather(unread))]
    for each in (codes, strict):
        each[hedging[each[hedging] == UNREADABLE]] = REFUSED
    return Extracted(codes, strict)


def _find_strictly(texts: pl.Series, n_options: int, *, kind: Kind) -> NDArray[np.int8]:
    """The answer that `read_strictly` reads, UNREADABLE for None."""
    found = texts.str.extract(compile_strict(kind, n_options).pattern)
    if kind is Kind.CHOICE:
        return _number_letters(found, n_options)
    codes: NDArray[np.int8] = found.cast(pl.Int8).fill_null(UNREADABLE).to_numpy(writable=True)
    return codes


def _number_letters(letters: pl.Series, n_options: int) -> NDArray[np.int8]:
    """Indices of letters, UNREADABLE for null."""
    indices = letters.cast(pl.Enum(LETTERS[:n_options])).to_physical().cast(pl.Int8)
    codes: NDArray[np.int8] = indices.fill_null(UNREADABLE).to_numpy(writable=True)
    return codes


def _read_letters(texts: pl.Series, n_options: int) -> NDArray[np.int8]:
    """`read_letter` of every text, UNREADABLE for None."""
    letter = letter_range(n_options)
    patterns = compile_letters(n_options)
    in_order = (patterns.whole, *patterns.named, patterns.marked)
    found = pl.select(pl.coalesce(texts.str.extract(p.pattern) for p in in_order)).to_series()
    codes = _number_letters(found, n_options)
    maybe = texts.str.contains(rf"(?:\A|[^A-Za-z.]){letter} ").to_numpy()
    for at in np.flatnonzero((codes == UNREADABLE) & maybe):
        index = read_letter(texts[int(at)], n_options)
        codes[at] = UNREADABLE if index is None else index
    return codes


def _read_numbers(texts: pl.Series) -> NDArray[np.int8]:
    """`read_number` of every text, UNREADABLE for None."""
    codes = np.full(len(texts), UNREADABLE, np.int8)
    # Beyond ASCII the two libraries differ on what a word character is (a keycap's U+FE0F).
    is_ascii = (texts.str.len_bytes() == texts.str.len_chars()).to_numpy()
    for at in np.flatnonzero(~is_ascii & texts.str.contains("[0-5]").to_numpy()):
        number = read_number(texts[int(at)])
        codes[at] = UNREADABLE if number is None else number
    (ascii_at,) = np.nonzero(is_ascii)
    found = texts.gather(ascii_at).str.extract_all(r"(?-u:\b)[0-5](?-u:\b)")
    lengths = found.list.len().cast(pl.Int64).to_numpy()
    row = np.repeat(np.arange(len(lengths)), lengths)
    digit = found.explode().drop_nulls().cast(pl.Int8).to_numpy()
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    # The most common digit, and of equally common ones the first met: count first, place second.
    rank = np.zeros((len(lengths), 6), np.int64)
    rank[row[::-1], digit[::-1]] = -place[::-1]  # the last one written stays: the first place
    counts = np.bincount(row * 6 + digit, minlength=rank.size).reshape(rank.shape)
    rank += counts * (1 + place.max(initial=0))
    winner = np.maximum(rank.argmax(axis=1), 1)
    codes[ascii_at[lengths > 0]] = winner[lengths > 0]
    return codes


def _find_hedges(texts: pl.Series) -> NDArray[np.bool_]:
    """`is_hedge` of every text."""
    lowered = texts.str.to_lowercase()
    found = pl.select(
        pl.any_horizontal(lowered.str.contains(p) for p in _POLARS_HEDGES)
    ).to_series()
    return found.to_numpy()
