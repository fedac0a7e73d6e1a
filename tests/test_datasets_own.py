"""A user's own items: every format, every kind, and errors that name the line."""

import csv
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError, DataError, UnknownNameError
from models.items import Kind
from scheduler.datasets.answers import find_answer, number_scale
from scheduler.datasets.own import load_own
from scheduler.datasets.source import HubSplit

GOOD: dict[str, Any] = {"question": "2 + 2?", "choices": ["3", "4", "5"], "answer": "B"}


def write_lines(path: Path, *rows: Any) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_three_kinds_stand_side_by_side_in_the_files_order(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "mine.jsonl",
        {**GOOD, "context": "In base ten.", "cluster": "sums", "tags": {"level": 1}},
        "",
        {"instruction": "Agree?", "statement": "Tea.", "scale": ["a", "b", "c", "d", "e"]},
        {"text": "Say hello.", "stratum": 4},
    )

    loaded = load_own(path)

    assert (loaded.name, loaded.complete, loaded.missing) == ("mine", True, ())
    choice, likert, free = loaded.items
    assert (choice.kind, choice.n_options, choice.answer) == (Kind.CHOICE, 3, 1)
    assert choice.fields["context"] == "In base ten."
    assert choice.tags == {"cluster": "sums", "level": 1}
    assert (likert.kind, likert.n_options, likert.answer) == (Kind.LIKERT, 5, None)
    assert likert.fields["scale"] == ["(1) a", "(2) b", "(3) c", "(4) d", "(5) e"]
    assert (free.kind, free.n_options, free.tags) == (Kind.FREE, 0, {"stratum": "4"})
    assert [item.index for item in loaded.items] == [0, 1, 2]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"question": "q" "choices": []}', "not valid JSON \\(Expecting ',' delimiter"),
        ('{"question"', "not valid JSON"),
        ('"a text"', "not a JSON object"),
        ({"question": "q"}, "no 'choices'"),
        ({**GOOD, "question": " "}, "'question' is empty"),
        ({"prompt": "q"}, "has only prompt; .* mapped by `columns` in the experiment"),
        ({"choices": ["a", "b"]}, "has only choices; an item has one of 'question'"),
        ({**GOOD, "text": "t"}, "has question and text; an item has one of"),
        ({**GOOD, "contxt": "c"}, "unknown column 'contxt' of a choice item: did you mean"),
        ({**GOOD, "author": "me"}, "unknown column 'author'.*'tags'"),
        ({**GOOD, "answer": "D"}, "answer 'D' is none of the 3 choices"),
        ({**GOOD, "answer": 3}, "answer 3 is no index of the 3 choices"),
        ({**GOOD, "answer": True}, "answer must be an index"),
        ({**GOOD, "choices": ["one"]}, "1 choices; there must be 2 to 26"),
        ({**GOOD, "choices": ["a", " "]}, "every choice must be a text that is not empty, not ' '"),
        ({**GOOD, "choices": "a, b"}, "'choices' must be a list"),
        ({**GOOD, "context": 3}, "'context' must be text, not int"),
        ({**GOOD, "tags": ["a"]}, "'tags' must be an object"),
        ({**GOOD, "cluster": 1.5}, "'cluster' must be a text or a whole number"),
        ({"statement": "s", "scale": ["a"] * 5}, "no 'instruction'"),
        ({"statement": "s", "instruction": "i", "scale": ["a"] * 4}, "'scale' must be 5 texts"),
        ({"statement": "s", "instruction": "i"}, "'scale' must be 5 texts"),
    ],
)
def test_a_broken_line_is_named_with_its_reason(tmp_path: Path, row: Any, reason: str) -> None:
    path = write_lines(tmp_path / "items.jsonl", *[GOOD] * 6, row)

    with pytest.raises(DataError, match=f"items.jsonl line 7: .*{reason}") as caught:
        load_own(path)

    assert "\n" not in str(caught.value)


def test_a_missing_an_empty_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    empty = write_lines(tmp_path / "empty.jsonl")
    (tmp_path / "broken.parquet").write_bytes(b"no parquet at all")

    for name in ("gone.jsonl", "gone.csv", "gone.parquet"):
        with pytest.raises(DataError, match=f"{name}: cannot be read"):
            load_own(tmp_path / name)
    with pytest.raises(DataError, match=r"empty\.jsonl: no items"):
        load_own(empty)
    with pytest.raises(DataError, match="not a Parquet file"):
        load_own(tmp_path / "broken.parquet")
    with pytest.raises(ConfigError, match=r"read from \.jsonl, \.csv or \.parquet, not '\.xlsx'"):
        load_own(tmp_path / "items.xlsx")


def write_csv(path: Path, *rows: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def test_csv_parquet_and_json_lines_of_the_same_items_are_the_same(tmp_path: Path) -> None:
    other = {"question": "3 + 4?", "choices": ["6", "7"], "answer": "7"}
    lines = load_own(write_lines(tmp_path / "a.jsonl", GOOD, other), name="sums")
    cells = [[row["question"], json.dumps(row["choices"]), row["answer"]] for row in (GOOD, other)]

    table = load_own(
        write_csv(tmp_path / "b.csv", ["question", "choices", "answer"], *cells), name="sums"
    )
    pa.parquet.write_table(pa.Table.from_pylist([GOOD, other]), tmp_path / "c.parquet")
    parquet = load_own(tmp_path / "c.parquet", name="sums")

    assert lines == table == parquet


def test_columns_rename_and_gather_and_leave_out_the_rest(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "survey.csv",
        ["prompt", "opt1", "opt2", "opt3", "label", "year", "notes"],
        ["Which?", "x", "y", "z", "2", "1999", "unused"],
        ["Or?", "x", "y", "", "", "2001", "unused"],
    )
    columns: dict[str, str | list[str]] = {
        "question": "prompt",
        "choices": ["opt1", "opt2", "opt3"],
        "answer": "label",
        "tags": ["year"],
    }

    loaded = load_own(path, columns=columns)

    assert [item.fields["options"] for item in loaded.items] == [["x", "y", "z"], ["x", "y"]]
    assert [item.answer for item in loaded.items] == [2, None]
    assert [item.tags for item in loaded.items] == [{"year": "1999"}, {"year": "2001"}]


def test_a_mapping_to_what_no_row_has_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "items.jsonl", {"prompt": "q", "choices": ["a", "b"], "label": 0})

    with pytest.raises(DataError, match="no column 'lable' for 'answer': did you mean 'label'"):
        load_own(path, columns={"question": "prompt", "answer": "lable"})
    with pytest.raises(UnknownNameError, match="unknown item column 'questoin'"):
        load_own(path, columns={"questoin": "prompt"})


def test_csv_rows_of_uneven_length_are_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "items.csv", ["text"], ["fine"], ["too", "many"])

    with pytest.raises(DataError, match=r"items\.csv line 3: not as many cells"):
        load_own(path)


def test_columns_that_are_parted_by_semicolons_are_named(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("question;choices;answer\nWhich?;x;0\n")

    with pytest.raises(DataError, match=r"items\.csv line 1: columns must be parted by commas"):
        load_own(tmp_path / "items.csv")


def test_a_hub_data_set_is_read_through_a_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"q": "Which?", "options": ["x", "y"], "gold": 1, "id": 7}]
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: rows)

    loaded = load_own(
        HubSplit("org/quiz", None, "test", "abc"),
        columns={"question": "q", "choices": "options", "answer": "gold"},
    )

    assert loaded.name == "quiz"
    assert loaded.items[0].answer == 1


OPTIONS = st.text(min_size=2, max_size=6).filter(lambda text: not text.isdecimal())


@given(st.lists(OPTIONS, min_size=2, max_size=8, unique=True), st.data())
def test_an_index_a_letter_and_a_text_name_the_same_option(
    options: list[str], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(options) - 1))

    for answer in (index, "ABCDEFGH"[index], options[index]):
        assert find_answer(answer, options, where="here") == index


def test_a_letter_that_is_also_another_choices_text_is_refused() -> None:
    assert find_answer("A", ["A", "B"], where="here") == 0
    with pytest.raises(DataError, match="here: answer 'A' is the text of one choice"):
        find_answer("A", ["B", "A"], where="here")


def test_a_number_that_is_one_choices_text_and_anothers_index_is_refused(tmp_path: Path) -> None:
    head = ["question", "choices", "answer"]
    choices = json.dumps(["2", "3", "4"])
    path = write_csv(tmp_path / "sums.csv", head, ["1 + 1?", choices, "2"])

    with pytest.raises(DataError, match=r"line 2: answer '2' is the text of one .* its letter"):
        load_own(path)

    for answer, right in [("A", 0), ("4", 2), ("0", 0)]:  # a letter, a text alone, an index alone
        write_csv(path, head, ["1 + 1?", choices, answer])
        assert load_own(path).items[0].answer == right
    assert find_answer("1", ["0", "1"], where="here") == 1  # text and index agree
    assert find_answer(1, ["1", "2"], where="here") == 1  # in JSON a number is an index


def test_a_scale_with_its_numbers_stays_as_it_is() -> None:
    numbered = [f"({point}) word" for point in range(1, 6)]

    assert number_scale(numbered, where="here") == numbered
    assert number_scale("\n".join(numbered), where="here") == numbered
    assert number_scale(["word"] * 5, where="here") == numbered
