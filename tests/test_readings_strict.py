"""The strict reading: examples by hand; the fast path against the rule written a second time."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.extractor import Extractor, extract_texts
from analysis.readings import MISSING, REFUSED, UNREADABLE, Outcome, read
from analysis.strict_readings import read_strictly
from models.items import Kind

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANK = " \t\r\n"


def plain_strict(text: str, answers: str) -> int | None:
    """The rule character by character; the place of the answer among ``answers``."""
    rest = text.lstrip(BLANK)
    if rest[:1] in ("(", "["):
        rest = rest[1:]
    if not rest or rest[0] not in answers:
        return None
    behind = rest[1:]
    if not behind.strip(BLANK):
        return answers.index(rest[0])
    for n_marks in (1, 2):
        marks, after = behind[:n_marks], behind[n_marks:]
        is_closed = len(marks) == n_marks and set(marks) <= set(".:)]")
        if is_closed and (not after or after[0] in BLANK):
            return answers.index(rest[0])
    return None


def read_fast(text: str, kind: Kind, n_options: int) -> int:
    """The fast path's strict code of one text."""
    return int(extract_texts(pl.Series([text]), n_options, kind=kind).strict[0])


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("B", 1),
        (" B \n", 1),
        ("B.", 1),
        ("(B)", 1),
        ("[B].", 1),
        ("B. The second of them", 1),
        ("B) The second", 1),
        ("(B) The second", 1),
        ("B:\nThe second", 1),
        ("A. is tempting, but B is correct", 0),
        ("D.", 3),
        ("E.", None),
        ("b.", None),
        ("", None),
        ("B is right", None),
        ("The answer is B.", None),
        ("A, B and C are wrong", None),
        ("B.1", None),
        ("B.).", None),
        ("Because of this, B.", None),
        ("((B))", None),
    ],
)
def test_a_letter_is_read_strictly_only_at_the_start(text: str, index: int | None) -> None:
    assert read_strictly(text, Kind.CHOICE, n_options=4).value == index
    assert plain_strict(text, "ABCD") == index
    assert read_fast(text, Kind.CHOICE, 4) == (UNREADABLE if index is None else index)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4),
        ("(4)", 4),
        ("4. Very", 4),
        (" 4: because", 4),
        ("0", None),
        ("6", None),
        ("4.5", None),
        ("45", None),
        ("3 of 5", None),
        ("I say 4.", None),
    ],
)
def test_a_number_is_read_strictly_only_at_the_start(text: str, number: int | None) -> None:
    assert read_strictly(text, Kind.LIKERT, n_options=5).value == number
    assert read_fast(text, Kind.LIKERT, 5) == (UNREADABLE if number is None else number)


def test_what_is_not_read_strictly_is_refused_where_it_hedges() -> None:
    text = "I'm sorry, I cannot choose, but B is the answer."

    codes, strict = extract_texts(pl.Series([text, "Hm."]), 4, kind=Kind.CHOICE)

    assert codes.tolist() == [1, UNREADABLE]
    assert strict.tolist() == [REFUSED, UNREADABLE]
    assert read_strictly(text, Kind.CHOICE, n_options=4).outcome is Outcome.REFUSED


def test_free_text_and_missing_text_are_the_same_in_both_readings() -> None:
    texts = pl.Series(["so it is", " \n", None])

    codes, strict = extract_texts(texts, 0, kind=Kind.FREE)

    assert codes.tolist() == strict.tolist() == [0, UNREADABLE, MISSING]
    assert read_strictly("so it is", Kind.FREE, n_options=0) == read(
        "so it is", Kind.FREE, n_options=0
    )


@given(text=st.text("ABZ013459([.:)], \n\tx", max_size=7), n_options=st.integers(1, 26))
@settings(max_examples=300)
def test_the_fast_strict_reading_equals_the_rule(text: str, n_options: int) -> None:
    letter, number = plain_strict(text, LETTERS[:n_options]), plain_strict(text, "12345")

    assert read_fast(text, Kind.CHOICE, n_options) == (UNREADABLE if letter is None else letter)
    assert read_fast(text, Kind.LIKERT, 5) == (UNREADABLE if number is None else number + 1)
    assert read_strictly(text, Kind.CHOICE, n_options=n_options).value == letter


def read_one(text: str, kind: Kind) -> list[int]:
    """Both codes of one text by the rules themselves."""
    both = (read(text, kind, n_options=4), read_strictly(text, kind, n_options=4))
    if kind is Kind.FREE:
        return [0 if one.outcome is Outcome.ANSWERED else int(one.outcome) for one in both]
    return [int(one.outcome) if one.value is None else one.value for one in both]


@pytest.mark.parametrize("kind", list(Kind))
def test_repeated_texts_are_read_as_if_each_stood_alone(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    different = [f"{'ABC'[n % 3]}. as {n}, 3" for n in range(40)] + ["", "I am unable to", "2"]
    texts = pl.Series(different * 50).shuffle(seed=3)
    alone = [read_one(text, kind) for text in texts]

    codes = []
    for most_known in (1_000_000, 20):  # remembers all of them; forgets after the first column
        monkeypatch.setattr("analysis.extractor._MOST_KNOWN", most_known)
        extractor = Extractor()
        columns = (texts[:300], texts[300:301], texts[301:])
        codes.append([extractor.extract(column, 4, kind=kind) for column in columns])

    for found in codes:
        np.testing.assert_array_equal(np.concatenate(found, axis=1).T, alone)
