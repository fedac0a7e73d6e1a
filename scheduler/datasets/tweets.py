"""Tweets: 626 posts, each asked about twice, offensiveness first. Sap et al., NAACL 2022.

The file has one row per annotation; a tweet is its text, and its row the first one. Cluster: the
tweet (both questions together). The tags hold the tweet's three flags, the annotators' mean ratings
(offensiveness is the mean of ``toany`` and ``toyou``, as in the publication), and under
``annotations`` every single rating that the item's question was given: ``rating``, and with it
``annotator`` (a number from 0 in the file's order) and ``attitudes`` (the points from 1 to 5 of
that annotator's first row: some answered the questionnaire differently later), where the file has
their columns.

The texts contain slurs: nothing here may put one into a message.
"""

from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from models.errors import DataError
from models.items import Item, Kind
from models.tweets import ATTITUDES, FLAGS
from scheduler.datasets.answers import N_SCALE_POINTS
from scheduler.datasets.rows import read_csv
from scheduler.datasets.source import SourceFile

NAME = "tweets"
PAGE = "https://maartensap.com/racial-bias-hatespeech/"
HOW = "download annWithAttitudes.tgz under 'Annotators with Attitudes', take largeScale.csv out"
FILES = (SourceFile("toxicity/largeScale.csv", url=PAGE, by_hand=HOW),)

_RATINGS = ("toany", "toyou", "racist")
_ANNOTATOR = "annId"


class Question(NamedTuple):
    """One of the two questions; the wordings are the experiment's, missing mark included."""

    name: str
    instruction: str
    scale: list[str]


def _make_scale(word: str) -> list[str]:
    degrees = ("Not at all", "Slightly", "Moderately", "Very", "Extremely")
    return [f"({point}) {degree} {word}" for point, degree in enumerate(degrees, start=1)]


QUESTIONS = (
    Question(
        "offensiveness",
        "How much could this post be seen as toxic/hateful/disrespectful or offensive",
        _make_scale("offensive"),
    ),
    Question("racism", "How much is the following tweet racist?", _make_scale("racist")),
)


class _Annotation(NamedTuple):
    """One row: what somebody thinks of one tweet, and who it is."""

    ratings: dict[str, float | None]  # by question
    annotator: dict[str, Any]  # number and attitudes; empty where the file has no such columns


class _Tweet(NamedTuple):
    flags: dict[str, bool]
    annotations: list[_Annotation]

    def list_ratings(self, question: str) -> list[dict[str, Any]]:
        """The ratings that there are of one question, with who gave them."""
        return [
            {"rating": rating, **each.annotator}
            for each in self.annotations
            if (rating := each.ratings[question]) is not None
        ]

    def average(self, question: str) -> float | None:
        ratings = [each["rating"] for each in self.list_ratings(question)]
        return fmean(ratings) if ratings else None


def read_items(root: Path) -> tuple[Item, ...]:
    """Read the items from a folder in the mirror's layout. Raises DataError naming the line."""
    tweets = _read_tweets(root / FILES[0].path)
    return tuple(
        Item(
            dataset=NAME,
            index=position * len(tweets) + number,
            kind=Kind.LIKERT,
            fields={
                "instruction": question.instruction,
                "statement": text,
                "scale": question.scale,
            },
            n_options=N_SCALE_POINTS,
            tags={
                "cluster": str(number),
                "question": question.name,
                "tweet": number,
                **{f"human_{each.name}": tweet.average(each.name) for each in QUESTIONS},
                "n_annotators": len(tweet.list_ratings("racism")),
                "annotations": tweet.list_ratings(question.name),
                **tweet.flags,
            },
        )
        for position, question in enumerate(QUESTIONS)
        for number, (text, tweet) in enumerate(tweets.items())
    )


def _read_tweets(path: Path) -> dict[str, _Tweet]:
    tweets: dict[str, _Tweet] = {}
    annotators: dict[str, dict[str, Any]] = {}
    for number, row in read_csv(path, required=("tweet", *_RATINGS, *FLAGS.values())):
        where = f"{path.name} line {number}"
        flags = {name: _read_flag(row[column], column, where) for name, column in FLAGS.items()}
        to_any, to_you, racist = (_read_rating(row[name], name, where) for name in _RATINGS)
        ratings = {
            "offensiveness": None if to_any is None or to_you is None else (to_any + to_you) / 2,
            "racism": racist,
        }
        annotator = _find_annotator(row, annotators, where)
        tweet = tweets.setdefault(row["tweet"], _Tweet(flags, []))
        tweet.annotations.append(_Annotation(ratings, annotator))
    return tweets


def _find_annotator(
    row: dict[str, str], known: dict[str, dict[str, Any]], where: str
) -> dict[str, Any]:
    """Who gave a row, with the attitudes of the first row; empty where no column says so."""
    if not row.get(_ANNOTATOR) or any(column not in row for column in ATTITUDES.values()):
        return {}
    if row[_ANNOTATOR] not in known:
        points = {
            name: _read_rating(row[column], column, where) for name, column in ATTITUDES.items()
        }
        known[row[_ANNOTATOR]] = {"annotator": len(known), "attitudes": points}
    return known[row[_ANNOTATOR]]


def _read_flag(cell: str, column: str, where: str) -> bool:
    if cell.lower() not in ("true", "false", "1", "0"):
        raise DataError(f"{where}: {column} is {cell!r}, not True or False")
    return cell.lower() in ("true", "1")


def _read_rating(cell: str, column: str, where: str) -> float | None:
    """Return a rating from 1 to 5; None for an empty cell."""
    if cell in ("", "NA", "nan"):
        return None
    try:
        rating = float(cell)
    except ValueError as error:
        raise DataError(f"{where}: {column} is {cell!r}, not a number") from error
    if not 1 <= rating <= N_SCALE_POINTS:
        raise DataError(f"{where}: {column} is {cell}, not within 1 to {N_SCALE_POINTS}")
    return rating
