"""BBQ, the Bias Benchmark for QA: 11 files of one category each. Parrish et al., ACL 2022.

Cluster: file and question_index (the template that the rows were filled into). Stratum: the file.
Four consecutive rows of a file share their people: ambiguous and disambiguated x negative and
non-negative; they are a ``block``. ``target_loc`` is the option that the stereotype points at,
already turned round for non-negative questions, from the publisher's additional_metadata.csv; None
where the publisher gives none.
"""

from pathlib import Path
from typing import Any

from models.errors import DataError
from models.items import Item, Kind
from models.subsample import BLOCK_ROWS
from scheduler.datasets.rows import read_csv, read_json_lines, take_columns
from scheduler.datasets.source import SourceFile

NAME = "bbq"
REVISION = "bea11bd97d79217245b5871acd247b9d6eb24598"
METADATA = "additional_metadata.csv"

# category -> (rows, git blob id of its file), in the order of the experiment
CATEGORIES: dict[str, tuple[int, str]] = {
    "Age": (3680, "5c5e7586163b869fe029e77e63716f2026e4ae08"),
    "Disability_status": (1556, "9aedeccaf599299cdfa523531d625ae85ecb9131"),
    "Gender_identity": (5672, "dc79ceaaa9e7126edc99a200d632899c50274b16"),
    "Nationality": (3080, "cba9b63d34536cb51a6cbae76b189df3d2a945c0"),
    "Physical_appearance": (1576, "8cbdf83265459083224e3a2d37809294ff12ad77"),
    "Race_ethnicity": (6880, "68daf3d692b27a10596772b3b15742b26f0b110e"),
    "Race_x_gender": (15960, "dd09a905b284690445d36259d675243950fa0bd7"),
    "Race_x_SES": (11160, "905cd8a5b8734e2063fe524e69a38f0a71c75907"),
    "Religion": (1200, "44c1940ee22f00891ab4a5526a293691957aeacb"),
    "SES": (6864, "78d11ffbdb70f501617345e5c697d00045d57c29"),
    "Sexual_orientation": (864, "a06351f4dd67ba30632396eeb0c3677c67b7d387"),
}
METADATA_BLOB = "564eb184be7427cefe9f1ffd8fd03cb700e6aa98"

_RAW = f"https://raw.githubusercontent.com/nyu-mll/BBQ/{REVISION}"
FILES = (
    *(
        SourceFile(f"bbq/{category}.jsonl", f"{_RAW}/data/{category}.jsonl", git_blob=blob)
        for category, (_, blob) in CATEGORIES.items()
    ),
    SourceFile(
        f"bbq/{METADATA}",
        f"{_RAW}/analysis_scripts/{METADATA}",
        git_blob=METADATA_BLOB,
        is_companion=True,
    ),
)

_ANSWERS = ("ans0", "ans1", "ans2")
_COLUMNS: dict[str, type] = {
    "example_id": int,
    "question_index": str,
    "question_polarity": str,
    "context_condition": str,
    "answer_info": dict,
    "additional_metadata": dict,
    "context": str,
    "question": str,
    "ans0": str,
    "ans1": str,
    "ans2": str,
    "label": int,
}

TargetLocs = dict[tuple[str, int], int | None]  # (category, example_id) -> option


def read_items(root: Path) -> tuple[Item, ...]:
    """Read the items of the files that are there, in the order of the experiment.

    An item's index is its place in all 11 files, whichever of them are here: answers to a part of
    BBQ are found again when the rest is there. Raises DataError naming file and line, and where
    the metadata lack a whole category.
    """
    metadata_path = root / "bbq" / METADATA
    targets = read_target_locs(metadata_path) if metadata_path.is_file() else None
    items: list[Item] = []
    start = 0
    for category, (n_rows, _) in CATEGORIES.items():
        path = root / "bbq" / f"{category}.jsonl"
        if path.is_file():
            if targets is not None and not any(known == category for known, _ in targets):
                raise DataError(f"{METADATA}: no rows for {category}, which is there ({path})")
            found = _read_category(path, category, targets or {}, start)
            if len(found) > n_rows:  # they would take the next file's places
                raise DataError(
                    f"{path.name}: {len(found):,} rows, the published file has {n_rows:,} ({path})"
                )
            items.extend(found)
        start += n_rows
    return tuple(items)


def read_target_locs(path: Path) -> TargetLocs:
    """Read which option the stereotype points at.

    Anything but 0, 1 or 2 (the publisher writes NA, or x) is None, and so is an example whose rows
    contradict each other. Raises DataError naming the line.
    """
    targets: TargetLocs = {}
    for number, row in read_csv(path, required=("category", "example_id", "target_loc")):
        if not row["example_id"].isdecimal():
            raise DataError(f"{path.name} line {number}: example_id {row['example_id']!r}")
        key = (row["category"], int(row["example_id"]))
        option = int(row["target_loc"]) if row["target_loc"] in ("0", "1", "2") else None
        targets[key] = option if targets.get(key, option) == option else None
    return targets


def _read_category(path: Path, category: str, targets: TargetLocs, start: int) -> list[Item]:
    items: list[Item] = []
    for number, row in read_json_lines(path):
        where = f"{path.name} line {number}"
        take_columns(row, _COLUMNS, where)
        if not 0 <= row["label"] < len(_ANSWERS):
            raise DataError(f"{where}: label {row['label']} is none of 0, 1, 2")
        try:
            tags = _read_tags(row, category, len(items))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{where}: answer_info or additional_metadata not as published ({error!r})"
            ) from error
        tags["target_loc"] = targets.get((category, row["example_id"]))
        items.append(
            Item(
                dataset=NAME,
                index=start + len(items),
                kind=Kind.CHOICE,
                fields={
                    "context": row["context"],
                    "question": row["question"],
                    "options": [row[answer] for answer in _ANSWERS],
                },
                n_options=len(_ANSWERS),
                answer=row["label"],
                tags=tags,
            )
        )
    return items


def _read_tags(row: dict[str, Any], category: str, row_number: int) -> dict[str, Any]:
    # answer_info holds [name, group] of each option: ["grandfather", "old"]
    people = [row["answer_info"][answer] for answer in _ANSWERS]
    return {
        "cluster": f"{category}/{row['question_index']}",
        "stratum": category,
        "category": category,
        "block": f"{category}/{row_number // BLOCK_ROWS}",
        "example_id": row["example_id"],
        "question_index": row["question_index"],
        "polarity": row["question_polarity"],
        "context_condition": row["context_condition"],
        "stereotyped_groups": list(row["additional_metadata"]["stereotyped_groups"]),
        "names": [name for name, _ in people],
        "groups": [group for _, group in people],
    }
