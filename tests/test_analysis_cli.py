"""``persona-analyze`` in a process of its own: exit codes, messages, and reports that are kept."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from planted import MISSING, Cell, Reply, Rule, answer_all, answer_plausibly, plan_questions
from sqlalchemy import Engine


class Analyst:
    """Runs the command on a test's own database and home."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment = {
            **os.environ,
            "PERSONA_DATABASE_URL": database_url,
            "PERSONA_HOME": str(self.home),
        }

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "analysis.cli", "--experiment", "planted", *options],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def report(self) -> Path:
        return self.home / "reports" / "planted"


@pytest.fixture
def analyst(database_url: str, tmp_path: Path) -> Analyst:
    return Analyst(database_url, tmp_path)


def plan_and_answer(engine: Engine, folder: Path, rule: Rule = answer_plausibly) -> int:
    stored = plan_questions(engine, folder, n_items=8)
    answer_all(engine, stored.experiment, rule)
    return stored.experiment


def leave_a_gap(cell: Cell) -> Reply | str:
    return MISSING if cell.persona == "a reader of book 3" else answer_plausibly(cell)


def test_a_complete_experiment_ends_in_a_report(
    engine: Engine, tmp_path: Path, analyst: Analyst
) -> None:
    plan_and_answer(engine, tmp_path)

    done = analyst.run()

    assert done.returncode == 0
    said = done.stderr.splitlines()  # a busy machine is slow enough for a line on how far it is
    assert [line for line in said if not re.match(r"[\d,]+ of [\d,]+ ", line)] == []
    assert "scripted, sums" in done.stdout
    assert str(analyst.report / "report.html") in done.stdout
    assert "Partial" not in (analyst.report / "report.html").read_text()


def test_an_incomplete_experiment_is_refused_in_one_line_that_says_what_is_missing(
    engine: Engine, tmp_path: Path, analyst: Analyst
) -> None:
    plan_and_answer(engine, tmp_path, leave_a_gap)

    done = analyst.run()

    assert done.returncode == 3
    assert len(done.stderr.strip().splitlines()) == 1
    assert "scripted x sums, paper: 8 of 152" in done.stderr
    assert "persona-schedule --experiment planted" in done.stderr
    assert not analyst.report.exists()


def test_a_partial_report_says_so(engine: Engine, tmp_path: Path, analyst: Analyst) -> None:
    plan_and_answer(engine, tmp_path, leave_a_gap)

    done = analyst.run("--partial")

    assert done.returncode == 0
    assert "PARTIAL: 8 cells missing" in done.stdout
    assert "<strong>Partial.</strong> 8 of" in (analyst.report / "report.html").read_text()


def test_a_partial_report_of_nothing_is_refused_and_leaves_an_older_one(
    engine: Engine, tmp_path: Path, analyst: Analyst
) -> None:
    plan_and_answer(engine, tmp_path)
    analyst.run()
    written = (analyst.report / "report.html").read_bytes()
    plan_questions(engine, tmp_path, n_items=9)  # another version of that name, not asked yet

    done = analyst.run("--partial")

    assert done.returncode == 3
    assert len(done.stderr.strip().splitlines()) == 1
    assert "has no answer yet, not one of 171 cells" in done.stderr
    assert (analyst.report / "report.html").read_bytes() == written


def test_a_second_run_finds_the_report_up_to_date(
    engine: Engine, tmp_path: Path, analyst: Analyst
) -> None:
    plan_and_answer(engine, tmp_path)
    analyst.run()
    written = (analyst.report / "report.html").stat().st_mtime_ns

    again = analyst.run("--json")

    told = json.loads(again.stdout)
    assert told["was_current"]
    assert told["measures"][0]["cells"] == 152
    assert (analyst.report / "report.html").stat().st_mtime_ns == written


def test_the_up_to_date_path_imports_nothing_heavy() -> None:
    code = (
        "import sys, analysis.cli; "
        "print([m for m in ('altair', 'scipy', 'statsmodels', 'polars', 'torch') "
        "if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def test_cells_that_could_not_be_answered_are_exit_1(
    engine: Engine, tmp_path: Path, analyst: Analyst
) -> None:
    plan_and_answer(engine, tmp_path, lambda c: Reply(failed="too long") if c.index == 0 else "A")

    done = analyst.run()

    assert done.returncode == 1


def test_where_all_personas_are_equal_none_is_called_highest(
    engine: Engine, tmp_path: Path, analyst: Analyst
) -> None:
    plan_and_answer(engine, tmp_path, lambda cell: cell.right)

    done = analyst.run()
    told = json.loads(analyst.run("--json").stdout)

    assert "all are equal" in done.stdout
    assert "and 11 more" not in done.stdout
    accuracy = told["measures"][0]
    assert (accuracy["all_equal"], accuracy["best"], accuracy["worst"]) == (True, None, None)
    assert (accuracy["best_score"], accuracy["worst_score"]) == ("100.0%", "100.0%")


def test_an_unknown_experiment_is_the_users_mistake(
    engine: Engine, tmp_path: Path, analyst: Analyst
) -> None:
    plan_and_answer(engine, tmp_path)

    done = analyst.run("--experiment", "plantd")

    assert done.returncode == 2
    assert "did you mean 'planted'?" in done.stderr
