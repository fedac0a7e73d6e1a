"""The authors' checkout: which files are answers, and what each entry answers."""

import json
from pathlib import Path

import pytest
from published_tree import make_data, make_question, write_answers

from models.errors import DataError, UnknownNameError
from models.subsample import MMLU_PER_SUBJECT, sample_mmlu
from scheduler.published.layout import (
    PublishedFile,
    find_llms,
    name_settings,
    place_entries,
    read_answers,
    walk_files,
)
from scheduler.published.mmlu import SUBJECTS


def test_only_files_of_answers_are_taken_for_such(tmp_path: Path) -> None:
    write_answers(tmp_path, "one/mmlu/empty", ["A"])
    write_answers(tmp_path, "one/attitudes_extra/a_useful_helper", ["3"], is_control=True)
    write_answers(tmp_path, "one/mmlu/temp/personas_0", ["A"])
    write_answers(tmp_path, "one/augment/empty", ["A"])
    (tmp_path / "results/zero/one/all_scores.csv").write_text("persona,avg\n")
    (tmp_path / "README.md").write_text("not below results\n")

    walked = list(walk_files(tmp_path))

    answers = [file for file in walked if isinstance(file, PublishedFile)]
    assert [(file.llm, file.folder, file.persona, file.is_control) for file in answers] == [
        ("one", "attitudes_extra", "a_useful_helper", True),
        ("one", "mmlu", "empty", False),
    ]
    assert len(walked) - len(answers) == 3


def test_llms_and_their_folders_are_found_or_named_as_missing(tmp_path: Path) -> None:
    write_answers(tmp_path, "gemma-2b-it/mmlu/empty", ["A"])
    write_answers(tmp_path, "gemma-2b-it/bbq/a_useful_helper", ["A"], is_control=True)
    write_answers(tmp_path, "zephyr-7b-beta/mmlu/empty", ["A"])

    assert find_llms(tmp_path) == {"gemma-2b-it": {"mmlu", "bbq"}, "zephyr-7b-beta": {"mmlu"}}
    assert find_llms(tmp_path, ["zephyr-7b-beta"]) == {"zephyr-7b-beta": {"mmlu"}}
    with pytest.raises(UnknownNameError, match="did you mean 'gemma-2b-it'"):
        find_llms(tmp_path, ["gema-2b-it"])
    with pytest.raises(DataError, match="give the folder of a checkout"):
        find_llms(tmp_path / "results")


def test_all_193_settings_have_a_file_name() -> None:
    names = name_settings()

    assert len(names) == 193
    assert names[False, "empty"].statement == ""
    assert names[False, "Hubert_H._Humphrey"].persona == "Hubert H. Humphrey"
    assert names[True, "a_competent_second-in-command"].category == "control"
    assert (False, "a_useful_helper") not in names


def test_attitudes_are_split_into_original_and_paraphrases() -> None:
    items = make_data()["attitudes"]

    assert place_entries("attitudes", "one", items) == [0, 1]
    assert place_entries("attitudes_extra", "one", items) == [2, 3, 4, 5]


def test_gpt_4_alone_was_asked_the_subsample_in_the_publishers_order() -> None:
    names = ["anatomy"] * (MMLU_PER_SUBJECT + 10) + ["virology"] * 3
    items = [make_question("mmlu", at, subject=name) for at, name in enumerate(names)]

    places = place_entries("mmlu", "gpt-4-0125-preview", items)

    assert places == sample_mmlu(items) == sorted(places)
    assert len(places) == MMLU_PER_SUBJECT + 3
    assert place_entries("mmlu", "gpt-3.5-turbo-0125", items) == list(range(len(items)))
    assert place_entries("truthfulqa", "gpt-4-0125-preview", items) == list(range(len(items)))


def test_zephyr_was_asked_mmlu_in_the_older_order_of_subjects() -> None:
    items = make_data()["mmlu"]  # abstract_algebra, prehistory, security_studies; two of each

    assert place_entries("mmlu", "zephyr-7b-beta", items) == [4, 5, 0, 1, 2, 3]
    assert place_entries("truthfulqa", "zephyr-7b-beta", items) == list(range(6))
    assert len(set(SUBJECTS)) == len(SUBJECTS) == 57
    with pytest.raises(DataError, match="no subject 'cooking'"):
        place_entries("mmlu", "zephyr-7b-beta", [make_question("mmlu", 0, subject="cooking")])


def test_a_whole_file_gives_a_text_per_entry(tmp_path: Path) -> None:
    path = write_answers(tmp_path, "one/mmlu/empty", ["A", None, "é\x00 \ud83d"])

    answers = read_answers(path)

    assert answers.texts == ("A", None, "é \ufffd")
    assert answers.problem == ""


@pytest.mark.parametrize("n_lost", [1, 2, 4, 20, 30])
def test_a_file_that_was_cut_short_keeps_its_whole_entries(tmp_path: Path, n_lost: int) -> None:
    path = write_answers(tmp_path, "one/mmlu/empty", ["A, [B]", "B", "C"])
    content = path.read_text()
    path.write_text(content[:-n_lost])

    answers = read_answers(path)

    n_whole = content[:-n_lost].count("}]")
    assert answers.texts == ("A, [B]", "B", "C")[:n_whole]
    assert answers.problem == f"cut off after entry {n_whole}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not a JSON list"),
        ("[]", "not a JSON list"),
        ('{"generated_text": "A"}', "not a JSON list"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (json.dumps([["A"]]), "entry 1 is not"),
        (json.dumps([[{"generated_text": "A"}], {"generated_text": "A"}]), "entry 2 is not"),
        (json.dumps([[{"generated_text": 3}]]), "entry 1: generated_text is not a text"),
    ],
)
def test_what_holds_no_answers_is_refused_with_its_reason(
    tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "empty.json"
    path.write_text(content)

    with pytest.raises(DataError, match=reason):
        read_answers(path)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_bytes(b'[[{"generated_text": "\xff"}]]')

    with pytest.raises(DataError, match="not UTF-8 at byte 22"):
        read_answers(path)
