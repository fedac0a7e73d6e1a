"""What makes a report says how far it is: to a terminal in bars, to a file in a line at times."""

import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from planted import answer_all, answer_plausibly, plan_questions
from rich.console import Console
from sqlalchemy import Engine

from analysis import computing
from analysis.progress import Stage
from analysis.progress_bars import Lines, describe_left, show_progress
from analysis.publish import Published, publish_report
from models.coverage import find_experiment
from models.settings import Settings

TWO_SLICES = 'templates = ["paper", "clean"]'
CELLS = 2 * 4 * 19  # templates, items, settings


@dataclass
class Listener:
    """Writes down what it is told."""

    expected: dict[Stage, int] = field(default_factory=dict)
    steps: list[tuple[Stage, int]] = field(default_factory=list)

    def expect(self, stage: Stage, total: int) -> None:
        assert stage not in self.expected
        self.expected[stage] = total

    def advance(self, stage: Stage, steps: int = 1) -> None:
        assert stage in self.expected
        self.steps.append((stage, steps))

    @property
    def done(self) -> Counter[Stage]:
        found: Counter[Stage] = Counter()
        for stage, steps in self.steps:
            found[stage] += steps
        return found


def publish(engine: Engine, folder: Path, listener: Listener) -> Published:
    with engine.connect() as connection:
        experiment = find_experiment(connection, "planted")
    settings = Settings(_env_file=None, home=folder / "home")
    return publish_report(engine, settings, experiment, progress=listener)


def plan_and_answer(engine: Engine, folder: Path) -> None:
    stored = plan_questions(engine, folder, n_items=4, settings=TWO_SLICES)
    answer_all(engine, stored.experiment, answer_plausibly)


def test_every_stage_is_told_from_its_beginning_to_its_end(engine: Engine, tmp_path: Path) -> None:
    plan_and_answer(engine, tmp_path)
    listener = Listener()

    published = publish(engine, tmp_path, listener)

    folder = published.page.parent
    assert listener.done == listener.expected
    assert list(listener.expected) == list(Stage)
    assert listener.expected[Stage.READ] == listener.expected[Stage.ANALYSED] == CELLS
    assert listener.expected[Stage.DRAWN] == len(list((folder / "figures").glob("*.svg")))
    assert listener.expected[Stage.WRITTEN] == len(list(folder.rglob("*.html")))
    assert listener.steps[0] == (Stage.READ, CELLS // 2)


def test_what_was_computed_before_is_no_work(engine: Engine, tmp_path: Path) -> None:
    plan_and_answer(engine, tmp_path)
    publish(engine, tmp_path, Listener())
    elsewhere, again = Listener(), Listener()

    publish(engine, tmp_path / "elsewhere", elsewhere)  # numbers are stored, there is no report
    publish(engine, tmp_path, again)

    assert list(elsewhere.expected) == [Stage.JOINED, Stage.DRAWN, Stage.WRITTEN]
    assert again.expected == {}


def test_two_processes_tell_of_each_slice_as_it_is_done(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_and_answer(engine, tmp_path)
    monkeypatch.setattr(computing, "MANY_CELLS", 1)
    listener = Listener()

    publish(engine, tmp_path, listener)

    half = CELLS // 2
    assert listener.steps[:4] == 2 * [(Stage.READ, half), (Stage.ANALYSED, half)]
    assert listener.done == listener.expected


def test_a_terminal_has_a_bar_per_stage_with_the_time_left() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=120)

    with show_progress(console) as progress:
        progress.expect(Stage.READ, 91_000_000)
        progress.expect(Stage.DRAWN, 3)
        progress.advance(Stage.READ, 13_000_000)
        progress.advance(Stage.DRAWN, 3)

    shown = file.getvalue()
    assert "Cells read" in shown
    assert "13,000,000 of 91,000,000" in shown
    assert " s left" in shown
    assert "3 of 3" in shown


def test_without_a_terminal_there_is_a_plain_line_now_and_then() -> None:
    said: list[str] = []
    now = [100.0]
    lines = Lines(said.append, clock=lambda: now[0])

    lines.expect(Stage.READ, 6_000)
    for _ in range(6):
        now[0] += 10
        lines.advance(Stage.READ, 1_000)
    lines.expect(Stage.DRAWN, 2)
    lines.advance(Stage.DRAWN)

    assert said == [
        "2,000 of 6,000 cells read, 40 s left",
        "4,000 of 6,000 cells read, 20 s left",
        "6,000 of 6,000 cells read",
    ]


def test_what_takes_a_moment_says_nothing_where_there_is_no_terminal() -> None:
    file = io.StringIO()

    with show_progress(Console(file=file, force_terminal=False)) as progress:
        progress.expect(Stage.JOINED, 12)
        progress.advance(Stage.JOINED, 12)

    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("done", "elapsed_s", "left"),
    [(0, 5.0, ""), (1, 5.0, "45 s left"), (10, 5.0, ""), (5, None, "")],
)
def test_time_left_is_told_from_the_first_step_to_the_last(
    done: int, elapsed_s: float | None, left: str
) -> None:
    assert describe_left(done, 10, elapsed_s) == left
