"""Names and files that an experiment does not have: one line that tells the place, exit 2."""

import re

import pytest
from study_folder import STUDY, Study


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('["tiny"]', '["tinny"]', "llms: unknown LLM 'tinny': did you mean 'tiny'?"),
        ('"as-one-would"]', '"as-one"]', "templates: unknown template 'as-one': did you mean 'as"),
        (
            ', "as-one-would"]',
            "]",
            "[template.as-one-would]: 'as-one-would' is not used; add it to templates at the top",
        ),
        ('"clean"', '"clen"', "[template.as-one-would]: unknown base 'clen': did you mean 'clean'"),
        (
            "{noun}",
            "{nuon}",
            "[template.as-one-would], statement: unknown field in braces 'nuon': did you mean 'no",
        ),
        (
            "{noun}",
            "{noun:d}",
            "[template.as-one-would], statement: between the braces stands noun alone, no : or !",
        ),
        (
            "{article} {noun}",
            "one",
            "[template.as-one-would], statement: needs {persona} or {noun}; without them every ",
        ),
        ('"a teacher"', '"teacher"', "claim 2: unknown persona 'teacher': did you mean 'a teach"),
        (
            '"a teacher"',
            '"a helpful assistant"',
            "claim 2, persona: 'a helpful assistant' is one of the controls, which personas are ",
        ),
        (
            '"higher"',
            '"higher"\ndataset = "friut"',
            "claim 2: unknown data set 'friut': did you mean 'fruit'?",
        ),
        (
            '"a teacher"\nmeasure = "mean_answer"\ndirection = "higher"',
            '"a gardener"\nmeasure = "accuracy"',
            "claim 2: says what claim 1 says; each counts, leave it out",
        ),
        ('"control"', '"contorl"', "persona set 2: unknown persona set 'contorl': did you mean 'c"),
        (
            '"control"',
            '"control"\nonly = ["xyz"]',
            "persona set 2: unknown persona of set 'control': 'xyz': 30 are known "
            "(models/data/personas.json lists them)",
        ),
        (
            '"people.csv"',
            '"universal"\ncategories = ["gender"]\nonly = ["a gay person"]',
            "persona set 1, only: 'a gay person' is of category 'sexuality', which categories ",
        ),
        (
            '"people.csv"',
            '"peple.csv"',
            "persona set 1: no persona file peple.csv: did you mean 'people.csv'?",
        ),
        (
            '"fruit.jsonl"',
            '"friut.jsonl"',
            "data set 1, path: no file friut.jsonl: did you mean 'fruit.jsonl'?",
        ),
        (
            '"fruit.jsonl"',
            '"data/fruit.jsonl"',
            "data set 1, path: no file data/fruit.jsonl: there is no folder ",
        ),
        ('"fruit.jsonl"', '"home.jsonl"', "data set 1, path: home.jsonl is a folder, not a file"),
        (
            'name = "fruit"',
            'name = "bbq"',
            "data set 1, name: 'bbq' is a bundled data set; give your own items another name",
        ),
        (
            '"prompt"',
            '"promt"',
            "data set 1, columns: fruit.jsonl: no column 'promt' for 'question': did you mean 'p",
        ),
        (
            "{ question",
            "{ questoin",
            "data set 1, columns: unknown item column 'questoin': did you mean 'question'?",
        ),
        (
            "[[datasets]]",
            '[[datasets]]\nname = "truthfulq"\n[[datasets]]',
            "data set 1: unknown data set 'truthfulq': did you mean 'truthfulqa'? (for items of",
        ),
        (
            "[[datasets]]",
            '[[datasets]]\nname = "fruit"\npath = "fruit.jsonl"\n[[datasets]]',
            "datasets: 'fruit' stands there twice; each needs its own name",
        ),
    ],
)
def test_a_name_that_nobody_knows_is_told_its_place(
    study: Study, old: str, new: str, line: str
) -> None:
    (study.folder / "home.jsonl").mkdir()

    code, said = study.plan(old, new)

    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("study.toml, " + line)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"repeats = 2\nllms = [tiny]\n", "mine.toml: not valid TOML, line 2: no value that TOML"),
        (b"a = 1\na = 2\n", "mine.toml: not valid TOML, line 2: the key has a value already: a = "),
        (b"[a]\n[a]\n", "mine.toml: not valid TOML, line 2: the table has begun already, or its "),
        (b'title = "caf\xe9"\n', "mine.toml: not UTF-8; save it as UTF-8"),
        (b"", 'mine.toml: personas, datasets and llms are missing, as in personas = [{ set = "un'),
    ],
)
def test_a_file_that_is_no_experiment_is_one_line(study: Study, content: bytes, line: str) -> None:
    (study.folder / "mine.toml").write_bytes(content)

    code, said = study.plan(file="mine.toml")

    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(line)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("stduy.toml", "no experiment file stduy.toml: did you mean 'study.toml'?"),
        ("study", "unknown experiment 'study': did you mean 'study.toml'?"),
        ("there/study.toml", "no experiment file there/study.toml: there is no folder there"),
        ("folder.toml", "folder.toml is a folder, not a file"),
    ],
)
def test_a_file_that_is_not_there_is_told_the_nearest(study: Study, file: str, line: str) -> None:
    (study.folder / "folder.toml").mkdir()

    assert study.plan(file=file) == (2, line + "\n")


def test_a_byte_order_mark_is_no_mistake(study: Study) -> None:
    (study.folder / "mine.toml").write_bytes(b"\xef\xbb\xbf" + STUDY.encode())

    assert study.plan(file="mine.toml") == (0, "")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("name,category\na baker,job\n", "line 1: needs persona and category, has name, category"),
        ("persona;category\na baker;job\n", "line 1: .* columns must be parted by commas"),
        ("persona,category\na baker, of bread,job\n", "line 2: not as many cells as the 2 col"),
        (
            "persona,category\n,job\n",
            'line 2: persona is empty; no persona at all is set = "empty"',
        ),
        ("persona,category\na baker,\n", "line 2: category is empty"),
    ],
)
def test_a_table_of_people_that_does_not_fit_is_told_its_line(
    study: Study, content: str, line: str
) -> None:
    (study.folder / "others.csv").write_text(content)

    code, said = study.plan('"people.csv"', '"others.csv"')

    assert (code, said.count("\n")) == (2, 1)
    assert re.match(f"others.csv {line}", said)


def test_people_in_another_encoding_are_told_to_be_saved(study: Study) -> None:
    (study.folder / "others.csv").write_bytes(b"persona,category\na caf\xe9 owner,job\n")

    assert study.plan('"people.csv"', '"others.csv"') == (
        2,
        "others.csv: not UTF-8; save it as UTF-8\n",
    )
