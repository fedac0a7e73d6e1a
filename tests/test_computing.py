"""Numbers that are stored are found; the others are computed, in two processes where it pays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from planted import MISSING, answer_all, answer_plausibly, plan_questions
from sqlalchemy import Engine, text

from analysis import computing
from analysis.array_cache import SliceReader
from analysis.computing import Helpers, find_or_compute, is_worth_processes, join_topics
from analysis.evidence import Coverage, measure_coverage
from analysis.joint import LONGEST, TOPICS
from scheduler.store import StoredGrid

TWO_SLICES = 'templates = ["paper", "clean"]'


@pytest.fixture
def helpers() -> Iterator[Helpers]:
    with Helpers() as opened:
        yield opened


def open_slices(
    engine: Engine, stored: StoredGrid, folder: Path | None
) -> tuple[Coverage, SliceReader]:
    with engine.connect() as connection:
        coverage = measure_coverage(connection, stored.experiment)
    settled = {
        part.slice: coverage.hashes[part.slice] for part in coverage.parts if not part.missing
    }
    return coverage, SliceReader(engine, stored.experiment, folder, settled)


def test_two_processes_find_the_same_numbers_as_one(
    engine: Engine, tmp_path: Path, helpers: Helpers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = plan_questions(engine, tmp_path, n_items=4, settings=TWO_SLICES)
    answer_all(engine, stored.experiment, answer_plausibly)
    coverage, slices = open_slices(engine, stored, tmp_path / "arrays")
    alone = find_or_compute(engine, coverage.parts, slices, helpers)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM analysis_job"))
    coverage, slices = open_slices(engine, stored, tmp_path / "others")
    monkeypatch.setattr(computing, "MANY_CELLS", 1)

    together = find_or_compute(engine, coverage.parts, slices, helpers)

    assert together == alone
    assert list(together) == [part.slice for part in coverage.parts]
    assert len(list((tmp_path / "others").glob("*.npz"))) == 2  # what they read comes back
    with engine.connect() as connection:
        stored_rows = connection.execute(text("SELECT count(*) FROM analysis_job")).scalar_one()
    assert stored_rows == 2


def test_topics_are_the_same_in_two_processes_as_in_one(
    engine: Engine, tmp_path: Path, helpers: Helpers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = plan_questions(engine, tmp_path, n_items=4, settings=TWO_SLICES)
    answer_all(engine, stored.experiment, answer_plausibly)
    coverage, slices = open_slices(engine, stored, tmp_path / "arrays")
    results = find_or_compute(engine, coverage.parts, slices, helpers)
    families = {part.llm: "toy" for part in coverage.parts}
    alone = join_topics(engine, coverage.parts, slices, results, families, helpers)
    monkeypatch.setattr(computing, "MANY_CELLS", 1)
    there: list[str] = []
    monkeypatch.setitem(TOPICS, LONGEST, lambda *_: there.append("computed here"))

    together = join_topics(engine, coverage.parts, slices, results, families, helpers)

    assert together == alone
    assert list(together) == list(TOPICS)
    assert together[LONGEST]["measures"]
    assert there == []


def test_stored_numbers_are_not_computed_again(
    engine: Engine, tmp_path: Path, helpers: Helpers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = plan_questions(engine, tmp_path, n_items=4)
    answer_all(engine, stored.experiment, answer_plausibly)
    coverage, slices = open_slices(engine, stored, tmp_path / "arrays")
    first = find_or_compute(engine, coverage.parts, slices, helpers)
    monkeypatch.setattr(computing, "compute_result", lambda *_: pytest.fail("computed again"))

    again = find_or_compute(engine, coverage.parts, slices, helpers)

    assert again == first


def test_processes_are_started_only_where_they_pay_and_can_give_back_what_they_read(
    engine: Engine, tmp_path: Path, helpers: Helpers, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = plan_questions(engine, tmp_path / "whole", n_items=4, settings=TWO_SLICES)
    answer_all(engine, whole.experiment, answer_plausibly)
    partial = plan_questions(engine, tmp_path / "part", n_items=5, name="p", settings=TWO_SLICES)
    answer_all(engine, partial.experiment, lambda cell: MISSING if cell.index == 4 else cell.right)
    coverage, slices = open_slices(engine, whole, tmp_path / "arrays")
    without_folder = open_slices(engine, whole, None)[1]
    gaps, partly = open_slices(engine, partial, tmp_path / "arrays")

    is_small = is_worth_processes(coverage.parts, slices)
    monkeypatch.setattr(computing, "MANY_CELLS", 1)

    assert not is_small
    assert is_worth_processes(coverage.parts, slices)
    assert not is_worth_processes(coverage.parts[:1], slices)
    assert not is_worth_processes(coverage.parts, without_folder)
    assert not is_worth_processes(gaps.parts, partly)
