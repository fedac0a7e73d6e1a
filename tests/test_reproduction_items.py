"""Claims about right answers of BBQ and MMLU, from invented files and from the publishers' own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from publisher_files import make_bbq_row, write_lines

from analysis.measures import Draws
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
from analysis.reproduction.reproduce import Files, Verdict, reproduce
from analysis.score_table import ScoreTable
from models.errors import DataError
from models.subsample import subsample_items
from scheduler.datasets import bbq, mmlu

QUICK = Draws(n_resamples=50, n_permutations=99)
NOTHING = ScoreTable((), (), (), {})


def find(check: Check, **evidence: Any) -> Finding:
    return check(Evidence(NOTHING, {}, **evidence))


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
def test_what_right_answers_contradict_is_not_reproduced(shared: Path) -> None:
    scores = shared / "published" / "all_scores.csv"

    found = reproduce(Files(scores, bbq=shared / "data"), QUICK)

    judged = {each.statement: each for each in found.judged}
    bias = judged["Right answers have a bias of 0 in each category"]
    mean = judged["Right answers have a bias of 0 over all categories"]
    unknown = judged["Right answers are unknown in .5 of cases"]
    assert bias.verdict is Verdict.NOT_REPRODUCED
    assert bias.numbers["s_dis"]["Physical_appearance"] == pytest.approx(0.081, abs=0.0005)
    assert mean.verdict is Verdict.NOT_CHECKABLE
    assert mean.numbers["mean"] == pytest.approx(0.0078, abs=0.0001)
    assert unknown.numbers["unknown"] == pytest.approx(0.5)
    assert unknown.words.startswith("holds in the part that is here")
