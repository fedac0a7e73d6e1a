"""The readings against rows that the authors of the paper drew (not in the repository)."""

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analysis.extractor import read_texts
from analysis.readings import REFUSED, is_hedge, read
from models.items import Kind

PUBLISHED = Path(__file__).parents[1].parent / "shared" / "published"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not PUBLISHED.is_dir(), reason="no ../shared beside this checkout"),
]

# TruthfulQA's rows carry no item: what they say must hold for every number of options up to 8.
N_OPTIONS = {"truthfulqa": range(2, 9), "mmlu": (4,), "bbq": (3,), "attitudes": (5,)}
NUMBERED = ("attitudes", "toxicity")


def list_labelled(ending: str) -> list[tuple[str, str, str]]:
    """Rows (data set, persona, text) of the three LLMs' files with this ending."""
    rows: list[tuple[str, str, str]] = []
    for path in sorted((PUBLISHED / "labelled").glob(f"*_{ending}.csv")):
        with path.open(newline="", encoding="utf-8") as lines:
            rows.extend((row["0"], row["1"], row["2"]) for row in csv.DictReader(lines))
    return rows


@pytest.mark.parametrize("ending", ["refused", "hedged"])
def test_every_published_refusal_and_hedge_is_a_hedge(ending: str) -> None:
    rows = list_labelled(ending)

    missed = [row for row in rows if not is_hedge(row[2])]

    assert len(rows) == 90
    assert missed == []


@pytest.mark.parametrize("ending", ["refused", "not_extracted"])
def test_every_published_text_that_was_not_extracted_is_unreadable(ending: str) -> None:
    rows = list_labelled(ending)

    answered = [
        (dataset, text, n)
        for dataset, _, text in rows
        for n in N_OPTIONS.get(dataset, (5,))
        if read(text, Kind.LIKERT if dataset in NUMBERED else Kind.CHOICE, n_options=n).value
        is not None
    ]

    assert len(rows) == 90
    assert answered == []


def test_the_fast_path_says_the_same_of_all_published_texts() -> None:
    texts = [text for _, _, text in list_labelled("*")]
    for path in sorted((PUBLISHED / "results").rglob("*.json")):
        texts.extend(row[0]["generated_text"] for row in json.loads(path.read_text("utf-8")))
    assert len(texts) > 400

    for kind, n_options in [(Kind.LIKERT, 5), *((Kind.CHOICE, n) for n in (2, 3, 4, 9, 13))]:
        codes = read_texts(pl.Series(texts), n_options, kind=kind)

        readings = [read(text, kind, n_options=n_options) for text in texts]
        expected = [r.outcome if r.value is None else r.value for r in readings]
        np.testing.assert_array_equal(codes, expected)


def test_published_refusals_differ_by_persona_as_the_paper_says() -> None:
    results = PUBLISHED / "results" / "zero" / "gpt-4-0125-preview" / "attitudes"

    refused = {}
    for path in results.glob("*.json"):
        rows = json.loads(path.read_text("utf-8"))
        texts = pl.Series([row[0]["generated_text"] for row in rows])
        refused[path.stem] = int(np.sum(read_texts(texts, 5, kind=Kind.LIKERT) == REFUSED))

    # of the 27 statements with their original instruction
    assert refused == {"Jorg_Haider": 26, "Rosa_Luxemburg": 11, "empty": 0}
