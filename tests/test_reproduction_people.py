"""Claims about people who rated tweets, from invented files and from the publishers' own."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.annotators import read_annotators
from analysis.arrays import SliceArray
from analysis.associations import Correlation, Side
from analysis.measures import Draws
from analysis.planned import PlannedItem, PlannedSlice
from analysis.reproduction.judging import Check, Evidence, Finding
from analysis.reproduction.people_checks import check_correlations, check_sizes
from analysis.reproduction.reproduce import Files, Verdict, reproduce
from analysis.reproduction.tweets import COLUMNS, HumanSide, describe_people, read_people
from analysis.score_table import ScoreTable
from analysis.statistics import Undefined
from models.errors import DataError
from scheduler.datasets import tweets

QUICK = Draws(n_resamples=50, n_permutations=99)
NOTHING = ScoreTable((), (), (), {})
PAIR = ("racist beliefs", "altruism")


def write_tweets(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A file of annotations; what a row does not say is "3", a flag "False"."""
    path = folder / "largeScale.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            usual = {name: "3" for name in COLUMNS} | {
                "tweet": "words", "targetsBlackPeople": "False", "isAAE": "False",
                "vulgar": "False",
            }  # fmt: skip
            writer.writerow((usual | row).values())
    return path


def find(check: Check, **evidence: Any) -> Finding:
    return check(Evidence(NOTHING, {}, **evidence))


def make_people(r: float | Undefined, low: float = 0.1, high: float = 0.2) -> HumanSide:
    cell = Correlation(Side.ATTITUDES, *PAIR, r, 184, low, high)
    return HumanSide(626, 184, {PAIR: cell}, {})


def test_a_rating_is_the_mean_of_two_columns_and_attitudes_are_of_the_first_row(
    tmp_path: Path,
) -> None:
    path = write_tweets(
        tmp_path,
        [
            {"tweet": "one", "annId": "a", "toany": "1", "toyou": "2", "altruism": "5",
             "isAAE": "True"},
            {"tweet": "two", "annId": "a", "toany": "4", "toyou": "4", "altruism": "1",
             "isAAE": "1"},
            {"tweet": "two", "annId": "b", "toany": "", "racist": "5", "isAAE": "1"},
        ],
    )  # fmt: skip

    people, n_tweets = read_people(path)

    assert n_tweets == 2
    assert people.points[:, people.attitudes.index("altruism")].tolist() == [5, 3]
    labels = [rating.label for rating in people.ratings]
    assert labels == ["offensiveness, AAE", "racism, AAE"]
    np.testing.assert_array_equal(people.means, [[2.75, 3], [np.nan, 5]])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"racist": "6"}, "line 2: a rating or attitude is not from 1 to 5"),
        ({"empathy": "much"}, "line 2: a rating or attitude is not from 1 to 5"),
        ({"vulgar": "perhaps"}, "line 2: a flag is neither True nor False"),
    ],
)
def test_a_broken_row_is_named_without_its_text(
    tmp_path: Path, row: dict[str, str], said: str
) -> None:
    path = write_tweets(tmp_path, [{"tweet": "secret words", **row}])

    with pytest.raises(DataError, match=said) as caught:
        read_people(path)

    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_of_annotations_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("tweet,annId\nwords,1\n")

    with pytest.raises(DataError, match="no column 'toany'"):
        read_people(tmp_path / "other.csv")
    with pytest.raises(DataError, match="no file of tweets"):
        read_people(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="no ratings"):
        read_people(write_tweets(tmp_path, []))


@pytest.mark.parametrize(
    ("r", "holds"),
    [(-0.46, True), (-0.2, False), (-0.8, False), (0.46, False)],
    ids=["moderate", "weak", "strong", "positive"],
)
def test_a_moderate_negative_correlation_has_size_and_sign(r: float, holds: bool) -> None:
    check = check_correlations([PAIR], is_positive=False, is_moderate=True)

    assert find(check, people=make_people(r)).holds is holds


def test_an_interval_with_zero_in_it_leaves_a_sign_open() -> None:
    check = check_correlations([PAIR], is_positive=False)

    open_ = find(check, people=make_people(-0.14, -0.31, 0.04))
    clear = find(check, people=make_people(-0.14, -0.31, -0.04))
    wrong = find(check, people=make_people(0.14, -0.04, 0.31))
    without = find(check, people=make_people(Undefined("nobody")))

    assert open_.words == (
        "altruism: −0.14 [−0.31, 0.04] over 184 people, same sign, interval contains 0"
    )
    assert "contains 0" not in clear.words + wrong.words
    assert [each.holds for each in (open_, clear, wrong, without)] == [None, True, False, None]


def test_the_sizes_of_the_file_are_compared() -> None:
    check = check_sizes(tweets=626, people=184)

    assert find(check, people=make_people(0.0)).holds is True
    assert find(check, people=HumanSide(625, 184, {}, {})).holds is False


@pytest.mark.shared
def test_people_are_those_that_the_farm_reads(shared: Path) -> None:
    items = tuple(
        PlannedItem(item.index, item.index, item.kind, item.n_options, None, item.tags)
        for item in tweets.read_items(shared / "data")
    )
    nothing = np.zeros((0, len(items)), np.int8)
    planned = PlannedSlice(0, 0, "", "tweets", "", 0, "", (), (), 1)
    farms = read_annotators(SliceArray(planned, (), items, nothing, nothing.astype(np.bool_)))
    assert farms is not None

    people, n_tweets = read_people(shared / "data" / "toxicity" / "largeScale.csv")

    assert (n_tweets, len(people.points)) == (626, 184)
    assert (people.attitudes, people.ratings) == (farms.attitudes, farms.ratings)
    np.testing.assert_array_equal(people.points, farms.points)
    np.testing.assert_array_equal(people.means, farms.means)


@pytest.mark.shared
def test_peoples_correlations_are_the_papers(shared: Path) -> None:
    found = describe_people(shared / "data" / "toxicity" / "largeScale.csv", QUICK)

    assert len(found.correlations) == 21 + 42
    expected = {
        ("racist beliefs", "altruism"): -0.46,
        ("harm of hate speech", "offensiveness, Black targets"): 0.21,
        ("harm of hate speech", "racism, Black targets"): 0.35,
        ("racist beliefs", "offensiveness, Black targets"): -0.14,
        ("racist beliefs", "offensiveness, AAE"): 0.20,
    }
    shown = {pair: found.correlations[pair].r for pair in expected}
    assert shown == pytest.approx(expected, abs=0.005)


@pytest.mark.shared
def test_what_is_said_of_people_is_reproduced_but_for_an_open_sign(shared: Path) -> None:
    scores = shared / "published" / "all_scores.csv"
    tweets_file = shared / "data" / "toxicity" / "largeScale.csv"

    found = reproduce(Files(scores, tweets=tweets_file), QUICK)

    people = [each for each in found.judged if each.statement.startswith(("People", "626"))]
    open_ = [each for each in people if each.verdict is Verdict.NOT_CHECKABLE]
    assert [each.verdict for each in people].count(Verdict.REPRODUCED) == 4
    assert [each.statement for each in open_] == [
        "People: racist beliefs go with lower offensiveness of tweets with Black targets"
    ]
