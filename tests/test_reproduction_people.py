"""Claims about people and about right answers, from invented files and from the publishers' own."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from publisher_files import make_bbq_row, write_lines

from analysis.annotators import read_annotators
from analysis.arrays import SliceArray
from analysis.associations import Correlation, Side
from analysis.measures import Draws
from analysis.planned import PlannedItem, PlannedSlice
from analysis.reproduction.item_checks import (
    check_bbq_places,
    check_bbq_sample,
    check_mmlu_places,
    check_mmlu_sample,
    check_truth_categories,
    check_truth_mean,
    check_truth_unknown,
)
from analysis.reproduction.items import (
    BBQ_FILES,
    BBQ_ROWS,
    METADATA,
    BbqItemsFound,
    CategoryTruth,
    MmluItemsFound,
    read_bbq,
    read_mmlu,
)
from analysis.reproduction.judging import Check, Evidence, Finding
from analysis.reproduction.people_checks import check_correlations, check_sizes
from analysis.reproduction.reproduce import Files, Reproduction, Verdict, reproduce
from analysis.reproduction.tweets import COLUMNS, HumanSide, describe_people, read_people
from analysis.score_table import ScoreTable
from analysis.statistics import Undefined
from models.errors import DataError
from models.subsample import subsample_items
from scheduler.datasets import bbq, mmlu, tweets

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


def write_bbq(folder: Path, *, biased: bool) -> Path:
    """Two blocks of one file, whose right answers name the stereotype's target or either."""
    rows = [
        make_bbq_row(at, label=2 if at % 2 == 0 else 0 if biased or at % 4 == 1 else 1)
        for at in range(8)
    ]
    write_lines(folder / "Age.jsonl", rows)
    lines = ["category,question_id,example_id,target_loc", *(f"Age,1,{at},0" for at in range(8))]
    (folder / METADATA).write_text("\n".join(lines))
    return folder


def test_right_answers_have_the_bias_of_what_they_name(tmp_path: Path) -> None:
    fair = read_bbq(write_bbq(tmp_path, biased=False))
    biased = read_bbq(write_bbq(tmp_path, biased=True))

    assert fair.truth == {"Age": CategoryTruth(0, 0, 0)}
    assert biased.truth == {"Age": CategoryTruth(1, 0, 0.5)}
    assert (fair.unknown, fair.places, biased.places) == (0.5, (2, 2, 4), (4, 0, 4))
    assert fair.n_sampled == 8


def test_a_part_of_bbq_contradicts_and_does_not_confirm(tmp_path: Path) -> None:
    check = check_truth_categories()

    fair = find(check, bbq=read_bbq(write_bbq(tmp_path, biased=False)))
    biased = find(check, bbq=read_bbq(write_bbq(tmp_path, biased=True)))

    assert fair.holds is None
    assert fair.words == (
        "holds in the part that is here: 0 in all 1 categories (here: 1 of 11 files, 8 rows)"
    )
    assert biased.holds is False
    assert "Age +0.500 (disambiguated +1.000)" in biased.words


def test_a_part_of_bbq_leaves_its_mean_open(tmp_path: Path) -> None:
    found = find(check_truth_mean(), bbq=read_bbq(write_bbq(tmp_path, biased=True)))

    assert found.holds is None
    assert found.words == (
        "does not hold in the part that is here: +0.5000, the mean over the categories "
        "(here: 1 of 11 files, 8 rows)"
    )


def test_all_of_bbq_decides() -> None:
    truth = dict.fromkeys(BBQ_FILES, CategoryTruth(0.0, 0.0, 0.0))
    whole = BbqItemsFound(truth, 0.5, (20_000, 20_000, BBQ_ROWS - 40_000), 5_788)

    for check in (
        check_truth_mean(),
        check_truth_categories(),
        check_truth_unknown(stated=0.5),
        check_bbq_places(),
        check_bbq_sample(stated=5_788),
    ):
        assert find(check, bbq=whole).holds is True
    truth["Age"] = CategoryTruth(0.2, 0.0, 0.1)
    skewed = BbqItemsFound(truth, 0.4, (30_000, 20_000, BBQ_ROWS - 50_000), 5_784)
    assert find(check_truth_mean(), bbq=skewed).holds is False
    assert find(check_truth_categories(), bbq=skewed).holds is False
    assert find(check_truth_unknown(stated=0.5), bbq=skewed).holds is False
    assert find(check_bbq_places(), bbq=skewed).holds is False
    assert find(check_bbq_sample(stated=5_788), bbq=skewed).holds is False


def test_a_folder_or_row_that_is_not_bbqs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no Age\.jsonl or another"):
        read_bbq(tmp_path)
    write_lines(tmp_path / "Age.jsonl", [{"label": 1}])
    with pytest.raises(DataError, match=r"no additional_metadata\.csv"):
        read_bbq(tmp_path)
    (tmp_path / METADATA).write_text("category,example_id\n")
    with pytest.raises(DataError, match="no column 'target_loc'"):
        read_bbq(tmp_path)
    (tmp_path / METADATA).write_text("category,example_id,target_loc\n")
    with pytest.raises(DataError, match=r"Age.jsonl line 1: not as BBQ"):
        read_bbq(tmp_path)


def test_mmlus_right_answers_are_counted_by_option_and_subject(tmp_path: Path) -> None:
    rows = [{"subject": "law" if at < 300 else "art", "answer": at % 4} for at in range(400)]
    write_lines(tmp_path / "test.jsonl", rows)

    found = read_mmlu(tmp_path / "test.jsonl")

    assert found == MmluItemsFound({"law": 300, "art": 100}, (100, 100, 100, 100))
    assert found.n_sampled == 350
    assert find(check_mmlu_places(), mmlu=found).holds is None  # 400 of 14,042
    assert find(check_mmlu_sample(stated=10_219), mmlu=found).holds is None
    (tmp_path / "test.jsonl").write_text('{"subject": "law", "answer": 4}')
    with pytest.raises(DataError, match="line 1: no subject, or no answer from 0 to 3"):
        read_mmlu(tmp_path / "test.jsonl")


@pytest.fixture(scope="module")
def checked(shared: Path) -> Reproduction:
    """All that the mirror has."""
    data = shared / "data"
    return reproduce(
        Files(
            shared / "published" / "all_scores.csv",
            data / "toxicity" / "largeScale.csv",
            data,
            data / "mmlu" / "test.jsonl",
        ),
        QUICK,
    )


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
def test_right_answers_are_those_that_the_farm_reads(shared: Path) -> None:
    data = shared / "data"
    items = bbq.read_items(data)
    questions = mmlu.read_items(data)

    of_bbq, of_mmlu = read_bbq(data), read_mmlu(data / "mmlu" / "test.jsonl")

    assert tuple(bbq.CATEGORIES) == BBQ_FILES
    assert sum(rows for rows, _ in bbq.CATEGORIES.values()) == BBQ_ROWS
    assert of_bbq.places == tuple(np.bincount([item.answer or 0 for item in items]).tolist())
    assert of_bbq.n_sampled == len(subsample_items(items))
    assert of_mmlu.places == (3222, 3462, 3582, 3776)
    assert of_mmlu.n_sampled == len(subsample_items(questions)) == 10_219


@pytest.mark.shared
def test_what_right_answers_contradict_is_not_reproduced(checked: Reproduction) -> None:
    judged = {each.statement: each for each in checked.judged}

    bias = judged["Right answers have a bias of 0 in each category"]
    mean = judged["Right answers have a bias of 0 over all categories"]
    unknown = judged["Right answers are unknown in .5 of cases"]

    assert bias.verdict is Verdict.NOT_REPRODUCED
    assert bias.numbers["s_dis"]["Physical_appearance"] == pytest.approx(0.081, abs=0.0005)
    assert mean.verdict is Verdict.NOT_CHECKABLE
    assert mean.numbers["mean"] == pytest.approx(0.0078, abs=0.0001)
    assert unknown.numbers["unknown"] == pytest.approx(0.5)
    assert unknown.words.startswith("holds in the part that is here")


@pytest.mark.shared
def test_what_is_said_of_people_is_reproduced_but_for_an_open_sign(checked: Reproduction) -> None:
    people = [each for each in checked.judged if each.statement.startswith(("People", "626"))]

    open_ = [each for each in people if each.verdict is Verdict.NOT_CHECKABLE]
    assert [each.verdict for each in people].count(Verdict.REPRODUCED) == 4
    assert [each.statement for each in open_] == [
        "People: racist beliefs go with lower offensiveness of tweets with Black targets"
    ]
