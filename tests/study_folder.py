"""A study of a user's own in a folder, to be broken: study.toml, its items and its people."""

import json
import sys
from pathlib import Path

import pytest

from scheduler import cli

STUDY = """
llms = ["tiny"]
templates = ["paper", "as-one-would"]
repeats = 2

[decoding]
temperature = 0.7

[margins]
accuracy = 0.02

[[claims]]
persona = "a gardener"
measure = "accuracy"

[[claims]]
persona = "a teacher"
measure = "mean_answer"
direction = "higher"

[template.as-one-would]
base = "clean"
statement = "Answer as {article} {noun} would."

[[datasets]]
name = "fruit"
path = "fruit.jsonl"
columns = { question = "prompt", choices = "options", answer = "label" }

[[personas]]
set = "people.csv"

[[personas]]
set = "control"
first = 3
"""
FRUIT = [
    {"prompt": "Which is a fruit?", "options": ["a pear", "a stone"], "label": 0},
    {"statement": "Pears are good.", "instruction": "Do you agree?", "scale": ["no"] * 5},
]
PEOPLE = "persona,category\na gardener,job\na teacher,job\n"


class Study:
    """The folder, and what planning it says."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        lines = [json.dumps(row) + "\n" for row in FRUIT]
        (folder / "fruit.jsonl").write_text("".join(lines))
        (folder / "people.csv").write_text(PEOPLE)

    def plan(self, old: str = "", new: str = "", *, file: str = "study.toml") -> tuple[int, str]:
        """Plan after a change of study.toml: the exit code, and what is said without the folder."""
        assert old in STUDY
        (self.folder / "study.toml").write_text(STUDY.replace(old, new, 1))
        arguments = ["persona-schedule", "--experiment", file, "--dry-run"]
        self._monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = self._capsys.readouterr().err.replace(f"{self.folder}/", "")
        assert isinstance(left.value.code, int)
        return left.value.code, said
