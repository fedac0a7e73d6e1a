"""The readings: examples by hand; the fast path against the rules written a second time."""

import re
from collections import Counter

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.extractor import read_texts
from analysis.readings import (
    MISSING,
    REFUSED,
    UNREADABLE,
    Outcome,
    Reading,
    is_hedge,
    read,
    read_letter,
    read_number,
)
from models.errors import DataError
from models.items import Kind

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def plain_letter(text: str, n_options: int) -> int | None:
    """The letter rules as the paper states them, one search after the other."""
    options = f"[A-{LETTERS[n_options - 1]}]"
    for rule in (
        rf"^{options}$",
        rf"{options}(?= is correct| is the correct)",
        rf"{options}(?= is the answer)",
        rf"{options}[.,\n)]",
    ):
        if found := re.search(rule, text):
            return LETTERS.index(found[0][0])
    counted = Counter(m[0] for m in re.findall(rf"(?<![A-Za-z.]){options}[.) ]", text))
    return LETTERS.index(counted.most_common(1)[0][0]) if counted else None


def plain_number(text: str) -> int | None:
    """The number rule: every stand-alone digit, those above 5 dropped, 0 as 1 in the end."""
    digits = [d for d in re.findall(r"\b\d\b", text) if d in "012345"]
    if not digits:
        return None
    best = max(digits, key=lambda d: (digits.count(d), -digits.index(d)))
    return 1 if best == "0" else int(best)


def plain_hedge(text: str) -> bool:
    """The hedge patterns, word for word as the experiment's page lists them."""
    patterns = r"""
sorry[^.]*\s*((can't)|(cannot)|(unable)|(relevant)|(not able))
sorry[^.]*[^.]*not[^.]*answer
i [^.]*(cannot|can't)[^.]*(engage|answer|respon|provide|determine|(make[^.]*claims))
(?<![a-z][.)\"] )i [^.]*(do not|don't|can't|cannot)[^.]*have
question is (unrelated|not related)
(i'm|i am) an (artificial intelligence|ai)[^.]*(do not|don't|can't|cannot)[^.]*have
(i'm|i am) ((not (capable|able))|(unable))
not appropriate to [^.]*answer"""
    return any(re.search(pattern, text.lower()) for pattern in patterns.strip().split("\n"))


def read_fast(text: str, kind: Kind, n_options: int) -> int | None:
    """The fast path's reading of one text."""
    (code,) = read_texts(pl.Series([text]), n_options, kind=kind).tolist()
    return None if code in (REFUSED, UNREADABLE) else code


@pytest.mark.parametrize(
    ("text", "n_options", "index"),
    [
        ("B", 4, 1),
        ("B\n", 4, 1),
        ("B.", 4, 1),
        ("B. The second of them", 4, 1),
        ("(C) the third", 4, 2),
        ("The answer is D.\n\nBecause A, B and C are not.", 4, 3),
        ("A. is tempting, but B is correct", 4, 1),
        ("A. is tempting, but B is the correct one", 4, 1),
        ("A. is tempting, but C is the answer", 4, 2),
        ("C is the answer, B is correct", 4, 1),  # "is correct" is tried first
        ("The right one is C", 4, None),  # nothing follows the letter
        ("NASA.", 4, 0),  # whatever stands in front of it
        ("NASA says so: B.", 4, 1),
        ("E.", 4, None),
        ("E.", 5, 4),
        ("b", 4, None),
        ("B: the second", 4, None),
        ("B or A or A", 4, 1),  # the last A has nothing behind it: one each, first met wins
        ("B or A or A or so", 4, 0),
        ("B A or", 4, 1),
        ("A person would say so", 4, 0),
        ("NASA says so", 4, None),  # preceded by a letter
        (".A says so", 4, None),  # preceded by a full stop
        ("-A says so", 4, 0),
        ("I am sorry", 8, None),
        ("I am sorry", 9, 8),  # the known quirk
        ("", 4, None),
        ("Z", 26, 25),
    ],
)
def test_a_letter_is_read_by_the_first_rule_that_matches(
    text: str, n_options: int, index: int | None
) -> None:
    assert read_letter(text, n_options) == index
    assert plain_letter(text, n_options) == index
    assert read_fast(text, Kind.CHOICE, n_options) == index


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4),
        ("0", 1),
        ("0 or 1 or 2, 2", 2),  # 0 and 1 are not added up
        ("0 or 0 or 2", 1),
        ("1 or 2", 1),
        ("2, 1, 1 and 2", 2),  # the first met wins a tie
        ("7", None),
        ("7 of 10, so 3", 3),
        ("45", None),
        ("4th", None),
        ("-4", 4),
        ("4.5", 4),
        ("3\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}", 3),
        ("3\N{SUPERSCRIPT TWO}", None),
        ("\N{ARABIC-INDIC DIGIT THREE}", None),
        ("é3", None),
        ("", None),
    ],
)
def test_a_number_is_the_most_common_digit_that_stands_alone(text: str, number: int | None) -> None:
    assert read_number(text) == number
    assert plain_number(text) == number
    assert read_fast(text, Kind.LIKERT, 5) == number


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, I can't",
        "SORRY\nbut that is not\nsomething to answer",
        "I really cannot find it in me to respond",
        "I can't make any such claims",
        "I do not think that I have one",
        '"." I don\'t have one',
        "So I don't have one",
        "So, I don't have one",
        "x.)I don't have one",
        "7. I don't have one",
        "This question is unrelated",
        "I'm an AI and do not, as such, have one",
        "As such I am not able",
        "I'm unable",
        "It is not appropriate to give an answer",
    ],
)
def test_a_hedge_is_recognised(text: str) -> None:
    assert is_hedge(text)
    assert plain_hedge(text)
    assert read_texts(pl.Series([text]), 1, kind=Kind.LIKERT).tolist() == [REFUSED]


@pytest.mark.parametrize(
    "text",
    [
        "Sorry. They cannot",  # a full stop parts the words
        "Yes. I don't have one",  # a sentence that only follows an answer
        "B.) I like it",
        "Yes) I don't have one",
        "said so\" I don't have one",
        "I can’t answer",  # a curly apostrophe is not the paper's
        "The answer is B.",
        "",
    ],
)
def test_what_is_no_hedge_is_none(text: str) -> None:
    assert not is_hedge(text)
    assert not plain_hedge(text)
    assert read_texts(pl.Series([text]), 1, kind=Kind.LIKERT).tolist() == [UNREADABLE]


def test_a_refusal_is_a_hedge_without_an_answer() -> None:
    refusal = "I'm sorry, but I can't say."

    assert read(refusal, Kind.CHOICE, n_options=4) == Reading(None, Outcome.REFUSED, True)
    assert read(refusal + " C.", Kind.CHOICE, n_options=4) == Reading(2, Outcome.ANSWERED, True)
    assert read(refusal + " 2", Kind.LIKERT, n_options=5) == Reading(2, Outcome.ANSWERED, True)
    assert read("Perhaps", Kind.LIKERT, n_options=5) == Reading(None, Outcome.UNREADABLE, False)


def test_free_text_is_answered_unless_it_is_empty() -> None:
    texts = ["I'm sorry, but I can't say.", " \n"]

    readings = [read(text, Kind.FREE, n_options=0) for text in texts]

    assert readings[0] == Reading(None, Outcome.ANSWERED, True)
    assert readings[1] == Reading(None, Outcome.UNREADABLE, False)
    assert read_texts(pl.Series(texts), 0, kind=Kind.FREE).tolist() == [0, UNREADABLE]


@pytest.mark.parametrize("n_options", [0, 27])
def test_options_beyond_the_alphabet_are_refused(n_options: int) -> None:
    with pytest.raises(DataError, match=f"n_options {n_options}"):
        read_letter("A", n_options)
    with pytest.raises(DataError, match=f"n_options {n_options}"):
        read_texts(pl.Series(["A"]), n_options, kind=Kind.CHOICE)


def test_the_same_text_is_read_by_its_own_number_of_options() -> None:
    texts = pl.Series(["D.", "D.", None, "I am sorry, I cannot say", "D."])

    codes = read_texts(texts, np.array([3, 4, 4, 4, 3]), kind=Kind.CHOICE)

    assert codes.dtype == np.int8
    assert codes.tolist() == [UNREADABLE, 3, MISSING, REFUSED, UNREADABLE]


def test_arrow_columns_are_read_as_polars_ones() -> None:
    whole = pa.array(["1", None, "2"])
    chunked = pa.chunked_array([["1", None], ["2"]])

    assert read_texts(whole, 5, kind=Kind.LIKERT).tolist() == [1, MISSING, 2]
    assert read_texts(chunked, 5, kind=Kind.LIKERT).tolist() == [1, MISSING, 2]


@pytest.mark.parametrize("kind", list(Kind))
def test_no_texts_give_no_codes(kind: Kind) -> None:
    assert read_texts(pl.Series([], dtype=pl.String), 4, kind=kind).shape == (0,)
    assert read_texts(pl.Series([None], dtype=pl.String), 4, kind=kind).tolist() == [MISSING]


FRAGMENTS = (
    *("A", "B", "C", "I", "J", "Z", "a", "NASA", "é", "É", "ſ", "K", "İ", "’", "."),
    *("0", "1", "2", "3", "5", "6", "12", "_", "\u0663", "²", "\ufe0f\u20e3", "-"),
    *(" ", " ", "\n", ",", ")", "(", '"', ":", "\x1c", "\xa0", "\u2028", ". "),
    *(" is correct", " is the correct", " is the answer", " is the the correct", "Sorry"),
    *(
        "sorry ",
        "an artificial intelligence",
        "I ",
        "i ",
        "cannot",
        "can't",
        "do not",
        "don't",
        "unable",
        "relevant",
        "not able",
    ),
    *(
        " not ",
        "answer",
        "engage",
        "provide",
        "make",
        "claims",
        "have",
        "question is ",
        "unrelated",
    ),
    *("I'm ", "i am ", "an AI", "not capable", "not appropriate to ", "unrelated"),
)
TEXTS = st.lists(
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=2)), max_size=9).map("".join),
    min_size=1,
    max_size=20,
)


@settings(max_examples=300)
@given(texts=TEXTS, n_options=st.integers(1, 26))
def test_fast_letters_equal_the_rules(texts: list[str], n_options: int) -> None:
    codes = read_texts(pl.Series(texts), n_options, kind=Kind.CHOICE)

    for text, code in zip(texts, codes.tolist(), strict=True):
        index, hedge = plain_letter(text, n_options), plain_hedge(text)
        unread = REFUSED if hedge else UNREADABLE
        assert code == (unread if index is None else index), text
        assert read(text, Kind.CHOICE, n_options=n_options).value == index
        assert is_hedge(text) == hedge


@settings(max_examples=300)
@given(texts=TEXTS)
def test_fast_numbers_equal_the_rules(texts: list[str]) -> None:
    codes = read_texts(pl.Series(texts), 5, kind=Kind.LIKERT)

    for text, code in zip(texts, codes.tolist(), strict=True):
        number = plain_number(text)
        unread = REFUSED if plain_hedge(text) else UNREADABLE
        assert code == (unread if number is None else number), text
        assert read(text, Kind.LIKERT, n_options=5).value == number
