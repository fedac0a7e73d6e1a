"""persona-data list, fetch, check, show and export, as a user runs them."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from factories import write_experiment
from planted import answer_all, plan_questions
from publisher_files import make_bbq_row, write_lines
from sqlalchemy import Engine

from scheduler import data_cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run persona-data with an empty home; returns its exit code, output and errors."""
    for name in list(os.environ):
        if name.startswith("PERSONA_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PERSONA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["persona-data", *arguments])
        with pytest.raises(SystemExit) as left:
            data_cli.main()
        output = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, output.out, output.err

    return call


def make_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mirror = tmp_path / "mirror"
    (mirror / "bbq").mkdir(parents=True)
    (mirror / "bbq/Age.jsonl").write_text("{}\n")
    monkeypatch.setenv("PERSONA_DATA_DIR", str(mirror))
    return mirror


def test_list_shows_source_revision_licence_citation_and_place(run: Run) -> None:
    code, table, _ = run("list")
    json_code, text, _ = run("list", "--json")

    rows = {row["name"]: row for row in json.loads(text)}
    assert (code, json_code) == (0, 0)
    assert list(rows) == ["truthfulqa", "mmlu", "bbq", "attitudes", "tweets", "demo"]
    assert rows["bbq"]["items"] == 58_492
    assert rows["demo"]["place"] == "ships with the farm"
    assert rows["tweets"]["place"] == "not here"
    for row in rows.values():
        assert row["licence"] in table
        assert row["citation"].split(",")[0] in table


def test_list_names_what_a_partial_mirror_lacks(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_mirror(tmp_path, monkeypatch)

    _, text, _ = run("list", "--json")

    row = next(row for row in json.loads(text) if row["name"] == "bbq")
    assert row["is_partial"]
    assert row["missing"].startswith("BBQ: 10 of 11 files missing: Disability_status, ")
    assert row["missing"].endswith("; additional_metadata.csv missing")


def test_check_leaves_with_2_and_names_what_is_broken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_mirror(tmp_path, monkeypatch)

    code, output, _ = run("check")
    json_code, text, _ = run("check", "bbq", "--json")

    assert (code, json_code) == (2, 2)
    assert "bbq: broken (PERSONA_DATA_DIR" in output
    assert "bbq/Age.jsonl: not the publisher's file" in output
    assert "demo: complete" in output
    assert json.loads(text)[0]["state"] == "broken"


def test_check_where_nothing_is_here_is_one_line_with_the_next_command(run: Run) -> None:
    code, output, errors = run("check")
    json_code, text, _ = run("check", "--json")

    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert "no publisher's data set is here: `persona-data fetch` downloads them" in errors
    assert json_code == 2
    assert [row["state"] for row in json.loads(text)] == [*["absent"] * 5, "complete"]


def test_check_of_what_is_absent_says_how_to_get_it(run: Run) -> None:
    code, output, _ = run("check", "mmlu", "tweets", "demo")

    assert code == 2
    assert output.splitlines() == [
        "mmlu: absent; `persona-data fetch mmlu` downloads it",
        "tweets: absent; `persona-data fetch tweets` says how to get it",
        "demo: complete (ships with the farm, 70 items)",
    ]
    assert run("check", "demo")[0] == 0


@pytest.mark.parametrize("command", ["fetch", "check"])
def test_a_misspelt_name_is_one_line_and_exit_2(run: Run, command: str) -> None:
    code, output, errors = run(command, "mmmlu")

    assert (code, output) == (2, "")
    assert errors == "unknown data set 'mmmlu': did you mean 'mmlu'?\n"


def test_fetching_the_tweets_says_where_they_are(run: Run, tmp_path: Path) -> None:
    code, _, errors = run("fetch", "tweets")

    assert code == 2
    assert errors.count("\n") == 1
    assert "annWithAttitudes.tgz" in errors
    assert str(tmp_path / "home/data/toxicity/largeScale.csv") in errors


def test_fetching_goes_past_what_is_here_and_what_the_user_must_download(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(
        files: tuple[data_cli.SourceFile, ...], cache: Path, *, progress: object
    ) -> list[Path]:
        fetched.extend(file.path for file in files)
        return [cache / file.path for file in files]

    monkeypatch.setattr(data_cli, "fetch_files", fetch)

    code, text, errors = run("fetch", "--json")

    written = {row["name"]: row["written"] for row in json.loads(text)}
    assert code == 0
    assert written["demo"] == written["tweets"] == []
    assert len(written["bbq"]) == 12
    assert "toxicity/largeScale.csv" not in fetched
    assert "demo: already here" in errors
    assert "largeScale.csv must be downloaded by you" in errors


def test_every_command_explains_itself_with_an_example(run: Run) -> None:
    for command in ("list", "fetch", "check", "show", "export", "import-published"):
        code, output, _ = run(command, "--help")

        assert code == 0
        assert "Example: persona-data" in output


SHOWN = ("--llm", "scripted", "--json")


def test_an_item_in_a_missing_file_is_told_which(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = make_mirror(tmp_path, monkeypatch)
    write_lines(mirror / "bbq/Age.jsonl", [make_bbq_row(n) for n in range(8)])
    write_lines(mirror / "bbq/Disability_status.jsonl", [make_bbq_row(n) for n in range(8)])

    here, text, _ = run("show", "bbq", "3684", *SHOWN)
    absent = {index: run("show", "bbq", str(index), *SHOWN) for index in (8, 6_000, 58_492)}

    assert here == 0
    assert "met (4)." in json.loads(text)["messages"][1]["content"]
    assert {code for code, _, _ in absent.values()} == {2}
    assert "bbq item 6000 is in Gender_identity, which is not here" in absent[6_000][2]
    assert "`persona-data fetch bbq`" in absent[6_000][2]
    assert "bbq item 8 is not here (Age is cut short); `persona-data check bbq`" in absent[8][2]
    assert "has no item 58492; its items are numbered 0 to 58491" in absent[58_492][2]


def test_an_item_beyond_the_end_is_told_the_numbers(run: Run) -> None:
    code, _, errors = run("show", "demo", "70", *SHOWN)

    assert code == 2
    assert errors == "demo has no item 70; its items are numbered 0 to 69\n"


OWN_TEMPLATE = """
templates = ["short", "paper"]
[template.short]
base = "clean"
statement = "Answer as {article} {noun} would."
"""


def test_an_experiments_own_items_personas_and_templates_can_be_shown(
    run: Run, tmp_path: Path
) -> None:
    path = write_experiment(tmp_path / "study", extra=OWN_TEMPLATE)
    asked = ("--experiment", str(path), "--persona", "a baker", *SHOWN)

    own = run("show", "numbers", "2", *asked)
    bundled = run("show", "demo", "0", *asked, "--template", "paper")

    system, user = json.loads(own[1])["messages"]
    assert system["content"] == "Answer as a baker would."  # the experiment's first template
    assert user["content"].startswith("Question: Which number comes after 2?")
    assert json.loads(bundled[1])["messages"][0]["content"] == "You are a baker."


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (("nubmers", "0"), "unknown data set 'nubmers': did you mean 'numbers'?"),
        (("numbers", "6"), "numbers has no item 6; its items are numbered 0 to 5"),
        (("numbers", "0", "--persona", "a bakr"), "unknown persona 'a bakr': did you mean 'a bake"),
        (("numbers", "0", "--template", "shrt"), "unknown template 'shrt': did you mean 'short'?"),
        (("numbers", "0", "--experiment", "gone.toml"), "no experiment file gone.toml"),
    ],
)
def test_what_an_experiment_does_not_have_is_one_line(
    run: Run, tmp_path: Path, changed: tuple[str, ...], line: str
) -> None:
    path = write_experiment(tmp_path / "study", extra=OWN_TEMPLATE)

    code, _, errors = run("show", "--experiment", str(path), *SHOWN, *changed)

    assert (code, errors.count("\n")) == (2, 1)
    assert errors.startswith(line)


def test_a_users_own_persona_is_unknown_without_its_experiment(run: Run) -> None:
    code, _, errors = run("show", "demo", "0", "--persona", "a lighthouse keeper", *SHOWN)

    assert code == 2
    assert "unknown persona 'a lighthouse keeper'" in errors


def test_the_request_of_an_api_llm_is_shown(run: Run) -> None:
    _, paid, _ = run("show", "demo", "0", "--llm", "gpt-6-luna", "--json")
    _, local, _ = run("show", "demo", "0", *SHOWN)
    _, words, _ = run("show", "demo", "0", "--llm", "gpt-6-luna")

    request = {"reasoning_effort": "none", "temperature": 0, "max_completion_tokens": 100}
    assert json.loads(paid)["request"] == request
    assert json.loads(local)["request"] is None
    assert '[request]\n{"max_completion_tokens": 100, ' in words


def test_export_takes_the_experiment_that_was_planned_last(
    run: Run, engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("earlier", "later"):
        stored = plan_questions(engine, tmp_path / name, n_items=2, name=name)
        answer_all(engine, stored.experiment, lambda cell: cell.right)
    monkeypatch.setenv("PERSONA_DATABASE_URL", database_url)
    folder = tmp_path / "answers"

    code, _, _ = run("export", "--parquet", str(folder))

    assert code == 0
    assert {path.name.split("-")[0] for path in folder.iterdir()} == {"later"}
    frames = [pl.read_parquet(path) for path in folder.glob("*sums*")]
    assert [len(frame) for frame in frames] == [19 * 2]


def test_export_of_nothing_is_one_line(
    run: Run, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONA_DATABASE_URL", database_url)

    code, _, _ = run("export", "--parquet", str(tmp_path / "answers"))

    assert code == 2
    assert not (tmp_path / "answers").exists()
