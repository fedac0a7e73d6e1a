"""The people who rated the tweets, out of the file that Sap et al. published (NAACL 2022).

Only what their correlations need, and put together as the farm's own items of the tweets are, so
that `analysis.people` treats them alike. The texts contain slurs: none may get into a message.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.annotators import Annotators, read_annotators
from analysis.arrays import SliceArray
from analysis.associations import Correlation, Side
from analysis.measures import Draws
from analysis.people import correlate_people
from analysis.planned import PlannedItem, PlannedSlice
from analysis.statistics import Undefined
from analysis.statistics.correlations import Ceiling
from models.errors import DataError
from models.items import Kind
from models.tweets import ATTITUDES, FLAGS

N_POINTS = 5
QUESTIONS = {"offensiveness": ("toany", "toyou"), "racism": ("racist",)}  # means of these columns
RATINGS = tuple(column for columns in QUESTIONS.values() for column in columns)
COLUMNS = ("tweet", "annId", *RATINGS, *FLAGS.values(), *ATTITUDES.values())
NOT_GIVEN = ("", "NA", "nan")

Annotations = dict[str, list[dict[str, Any]]]  # by question


@dataclass(frozen=True, slots=True)
class HumanSide:
    """People's own correlations: what Figure 6 compares personas with."""

    n_tweets: int
    n_people: int
    correlations: Mapping[tuple[str, str], Correlation]  # 21 of attitudes, 42 with ratings
    ceilings: Mapping[Side, Ceiling | Undefined]


def describe_people(path: Path, draws: Draws) -> HumanSide:
    """Every correlation of Figures 11 and 12 over the people of the file.

    Raises:
        DataError: no such file, other columns, or a rating that is not from 1 to 5.
    """
    people, n_tweets = read_people(path)
    found = correlate_people(people, draws)
    return HumanSide(
        n_tweets,
        len(people.points),
        {(each.first, each.second): each for each in found["correlations"]},
        found["ceilings"],
    )


def read_people(path: Path) -> tuple[Annotators, int]:
    """The people with their attitudes and mean ratings, and how many tweets they rated."""
    tweets: dict[str, tuple[dict[str, bool], Annotations]] = {}
    known: dict[str, dict[str, Any]] = {}
    for where, row in _read_rows(path):
        flags = {name: _read_flag(row[column], where) for name, column in FLAGS.items()}
        _, annotations = tweets.setdefault(row["tweet"], (flags, {name: [] for name in QUESTIONS}))
        if row["annId"] not in known:  # some answered the questionnaire differently later
            points = {name: _read_rating(row[column], where) for name, column in ATTITUDES.items()}
            known[row["annId"]] = {"annotator": len(known), "attitudes": points}
        for question, columns in QUESTIONS.items():
            ratings = [_read_rating(row[column], where) for column in columns]
            if None not in ratings:
                rating = np.mean(np.array(ratings, np.float64)).item()
                annotations[question].append({"rating": rating, **known[row["annId"]]})
    people = read_annotators(_join_items(list(tweets.values())))
    if people is None:
        raise DataError(f"{path.name} has no ratings ({path})")
    return people, len(tweets)


def _join_items(tweets: list[tuple[dict[str, bool], Annotations]]) -> SliceArray:
    """The items of both questions, answered by no LLM yet."""
    tags = [
        {"question": question, **flags, "annotations": annotations[question]}
        for question in QUESTIONS
        for flags, annotations in tweets
    ]
    items = tuple(
        PlannedItem(at, at, Kind.LIKERT, N_POINTS, None, each) for at, each in enumerate(tags)
    )
    nothing = np.zeros((0, len(items)), np.int8)
    planned = PlannedSlice(
        id=0, llm_id=0, llm="", dataset="tweets", data_hash="", ask=0, template="",
        persona_ids=(), item_ids=tuple(item.id for item in items), repeats=1,
    )  # fmt: skip
    return SliceArray(planned, (), items, nothing, nothing.astype(np.bool_))


def _read_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row with where it stands."""
    if not path.is_file():
        raise DataError(f"no file of tweets {path}; it is largeScale.csv of Sap et al. 2022")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
        if missing:
            raise DataError(f"{path} has no column {missing[0]!r}; expected largeScale.csv")
        for row in reader:
            yield (
                f"{path.name} line {reader.line_num}",
                {column: (row[column] or "").strip() for column in COLUMNS},
            )


def _read_flag(cell: str, where: str) -> bool:
    if cell.lower() not in ("true", "false", "1", "0"):
        raise DataError(f"{where}: a flag is neither True nor False")
    return cell.lower() in ("true", "1")


def _read_rating(cell: str, where: str) -> float | None:
    """A rating from 1 to 5; None for an empty cell."""
    if cell in NOT_GIVEN:
        return None
    try:
        rating = float(cell)
    except ValueError:
        rating = np.nan
    if not 1 <= rating <= N_POINTS:
        raise DataError(f"{where}: a rating or attitude is not from 1 to {N_POINTS}")
    return rating
