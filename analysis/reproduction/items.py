"""What the paper says of BBQ's and MMLU's questions themselves: read from their publishers' files.

Only what these statements need, without a word of the questions: where the right answer and the
stereotype stand, and how many rows a subsample takes.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from analysis.bias import AMBIGUOUS, UNKNOWN
from analysis.statistics.bias import BbqItems, answer_rightly, score_bias
from models.errors import DataError
from models.subsample import BBQ_BLOCKS_PER_GROUP, BLOCK_ROWS, MMLU_PER_SUBJECT

BBQ_FILES = (
    "Age",
    "Disability_status",
    "Gender_identity",
    "Nationality",
    "Physical_appearance",
    "Race_ethnicity",
    "Race_x_gender",
    "Race_x_SES",
    "Religion",
    "SES",
    "Sexual_orientation",
)
BBQ_ROWS, MMLU_ROWS = 58_492, 14_042
METADATA = "additional_metadata.csv"
ANSWERS = ("ans0", "ans1", "ans2")


class CategoryTruth(NamedTuple):
    """The bias scores of right answers in one category."""

    s_dis: float
    s_amb: float
    score: float


@dataclass(frozen=True, slots=True)
class BbqItemsFound:
    """Right answers and rows of the files of BBQ that are there."""

    truth: Mapping[str, CategoryTruth]  # by category, in the order of the experiment
    unknown: float  # share of right answers that name nobody, of rows with a target
    places: tuple[int, ...]  # how often the right answer is the first, second, third
    n_sampled: int  # rows that the paper's subsample takes of these files

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows of BBQ."""
        return sum(self.places) == BBQ_ROWS and len(self.truth) == len(BBQ_FILES)

    @property
    def extent(self) -> str:
        """What is there, in words."""
        return f"{len(self.truth)} of {len(BBQ_FILES)} files, {sum(self.places):,} rows"


@dataclass(frozen=True, slots=True)
class MmluItemsFound:
    """Right answers and rows of MMLU."""

    subjects: Mapping[str, int]  # questions of each
    places: tuple[int, ...]  # how often the right answer is A, B, C, D

    @property
    def n_sampled(self) -> int:
        """Rows that the paper's subsample takes."""
        return sum(min(MMLU_PER_SUBJECT, n) for n in self.subjects.values())

    @property
    def is_whole(self) -> bool:
        """Whether these are all questions of the test split."""
        return sum(self.places) == MMLU_ROWS

    @property
    def extent(self) -> str:
        """What is there, in words."""
        return f"{sum(self.places):,} questions"


def list_bbq_files(folder: Path) -> list[Path]:
    """The files of BBQ in a folder, or in its part "bbq", and the publisher's table of targets.

    Raises:
        DataError: there is none of one or the other.
    """
    inside = folder / "bbq" if (folder / "bbq").is_dir() else folder
    found = [path for name in BBQ_FILES if (path := inside / f"{name}.jsonl").is_file()]
    if not found or not (inside / METADATA).is_file():
        missing = METADATA if found else f"{BBQ_FILES[0]}.jsonl or another of BBQ's files"
        raise DataError(f"no {missing} in {inside}")
    return [*found, inside / METADATA]


def read_bbq(folder: Path) -> BbqItemsFound:
    """Raises DataError naming the file that is missing or the line that is not as published."""
    *files, metadata = list_bbq_files(folder)
    targets = _read_targets(metadata)
    places: Counter[int] = Counter()
    blocks: Counter[str] = Counter()
    marks = []  # of rows with a target: category, target, unknown, right answer, is it ambiguous
    for path in files:
        for number, row in enumerate(_read_json_lines(path)):
            where = f"{path.name} line {number + 1}"
            try:
                right, groups = row["label"], [row["answer_info"][each][1] for each in ANSWERS]
                target = targets.get((path.stem, str(row["example_id"])))
                if number % BLOCK_ROWS == 0:
                    blocks[", ".join(row["additional_metadata"]["stereotyped_groups"])] += 1
                if target is not None and UNKNOWN in groups:
                    is_ambiguous = row["context_condition"] == AMBIGUOUS
                    marks.append((path.stem, target, groups.index(UNKNOWN), right, is_ambiguous))
            except (KeyError, TypeError, IndexError) as error:
                raise DataError(f"{where}: not as BBQ was published ({error!r})") from error
            places[right] += 1
    if not marks:
        raise DataError(f"{METADATA} has no target for any row of BBQ in {metadata.parent}")
    items = _join_marks(marks)
    return BbqItemsFound(
        truth=_score_truth(items),
        unknown=float((items.answers == items.unknowns).mean()),
        places=tuple(places[at] for at in range(len(ANSWERS))),
        n_sampled=BLOCK_ROWS * sum(min(BBQ_BLOCKS_PER_GROUP, n) for n in blocks.values()),
    )


def _join_marks(marks: list[tuple[str, int, int, int, bool]]) -> BbqItems:
    categories, targets, unknowns, answers, is_ambiguous = zip(*marks, strict=True)
    nothing = np.zeros(len(marks), np.intp)
    return BbqItems(
        targets=np.array(targets, np.int16),
        unknowns=np.array(unknowns, np.int16),
        answers=np.array(answers, np.int16),
        is_ambiguous=np.array(is_ambiguous, np.bool_),
        clusters=nothing,
        categories=np.array(categories),
        strata=nothing,
    )


def _score_truth(items: BbqItems) -> dict[str, CategoryTruth]:
    categories = list(dict.fromkeys(items.categories.tolist()))
    found = score_bias(answer_rightly(items), items, items.categories == np.array([categories]).T)
    return {
        category: CategoryTruth(
            float(found.disambiguated[0, at]),
            float(found.ambiguous[0, at]),
            float(found.score[0, at]),
        )
        for at, category in enumerate(categories)
    }


def _read_targets(path: Path) -> dict[tuple[str, str], int | None]:
    """(category, example) -> the option that the stereotype points at; None where rows disagree."""
    targets: dict[tuple[str, str], int | None] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"category", "example_id", "target_loc"} - set(reader.fieldnames or [])
        if missing:
            raise DataError(f"{path} has no column {min(missing)!r}")
        for row in reader:
            key = (row["category"], row["example_id"])
            option = int(row["target_loc"]) if row["target_loc"] in ("0", "1", "2") else None
            targets[key] = option if targets.get(key, option) == option else None
    return targets


def read_mmlu(path: Path) -> MmluItemsFound:
    """Raises DataError where there is no such file or a line is not as the hub has it."""
    if not path.is_file():
        raise DataError(f"no file of MMLU {path}; it is the test split of cais/mmlu as JSON lines")
    subjects: Counter[str] = Counter()
    places: Counter[int] = Counter()
    for number, row in enumerate(_read_json_lines(path), start=1):
        if "subject" not in row or row.get("answer") not in range(4):
            raise DataError(f"{path.name} line {number}: no subject, or no answer from 0 to 3")
        subjects[row["subject"]] += 1
        places[row["answer"]] += 1
    return MmluItemsFound(subjects, tuple(places[at] for at in range(4)))


def _read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(
                    f"{path.name} line {number}: not valid JSON ({error.msg})"
                ) from error
            if not isinstance(row, dict):
                raise DataError(f"{path.name} line {number}: not a JSON object")
            yield row
