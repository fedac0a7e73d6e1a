"""A progress bar per LLM and data set, from Postgres, until everything is settled."""

import time
from collections.abc import Callable, Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from sqlalchemy import Engine, text

from models.console import err
from models.coverage import SliceProgress, measure_progress
from models.durations import format_duration
from models.pausing import list_paused_llms
from scheduler.silence import Silence

LINE_EVERY_S = 15.0  # without a terminal there is no bar, but a line now and then


def watch_until_settled(
    engine: Engine, experiment: int, *, on_tick: Callable[[], set[str]], every_s: float = 0.5
) -> list[SliceProgress]:
    """Show progress until no cell is missing, but for those of LLMs that are paused.

    Where calls go wrong and nothing comes back, a line says so.
    ``on_tick`` gives the names of LLMs that nobody will ask any more, and may raise to end it.
    """
    bars: dict[int, TaskID] = {}
    started = last_line = time.monotonic()
    first: int | None = None
    silence = Silence()
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        console=err,
    ) as progress:
        while True:
            asked_at = time.monotonic()
            with engine.connect() as connection:
                everything = measure_progress(connection, experiment)
                paused = list_paused_llms(connection, experiment)
                said = silence.explain(connection, experiment, everything, now=asked_at)
            for line in said:
                err.print(line)
            parts = [part for part in everything if not part.is_imported]
            for part in parts:
                if part.slice not in bars:
                    bars[part.slice] = progress.add_task(
                        f"{part.llm}, {part.dataset}, {part.template}", total=part.planned, rate=""
                    )
                progress.update(
                    bars[part.slice],
                    completed=part.covered + part.failed,
                    rate=_describe_rate(part),
                )
            settled = sum(part.covered + part.failed for part in parts)
            first = settled if first is None else first
            given_up = on_tick() | paused
            if all(part.missing <= 0 or part.llm in given_up for part in parts):
                return everything
            now = time.monotonic()
            if not err.is_terminal and now - last_line >= LINE_EVERY_S:
                last_line = now
                err.print(_describe_all(parts, (settled - first) / (now - started)))
            time.sleep(max(every_s, 9 * (now - asked_at)))  # a tenth of the time at most


def _describe_rate(part: SliceProgress) -> str:
    if part.missing == 0:
        return "done" if not part.failed else f"done, {part.failed} failed"
    if part.rate_per_s == 0:
        return "waiting"
    return f"{part.rate_per_s:,.0f}/s, {format_duration(part.eta_s)} left"


def _describe_all(parts: Sequence[SliceProgress], rate_per_s: float) -> str:
    planned = sum(part.planned for part in parts)
    missing = sum(part.missing for part in parts)
    left = format_duration(missing / rate_per_s) if rate_per_s > 0 else "?"
    return f"{planned - missing:,} of {planned:,} cells, {rate_per_s:,.0f}/s, {left} left"


def describe_cells(parts: Sequence[SliceProgress], *, is_short: bool = False) -> str:
    """ "2,800 cells, 140 answered already", what was imported apart."""
    asked = [part for part in parts if not part.is_imported]
    imported = [part for part in parts if part.is_imported]
    planned = sum(part.planned for part in asked)
    settled = sum(part.covered + part.failed for part in asked)
    said = f"{planned:,} cells"
    if settled and not is_short:
        said += f", {'all' if settled == planned else f'{settled:,}'} settled already"
    if imported:
        covered = sum(part.covered for part in imported)
        said += f", and {covered:,} imported answers of {sum(p.planned for p in imported):,}"
    return said


def count_analyses(engine: Engine, experiment: int) -> tuple[int, int]:
    """Analysis jobs of an experiment: how many are queued or running, and how many there are."""
    with engine.connect() as connection:
        row = connection.execute(
            text("""
                SELECT count(*) FILTER (WHERE state IN ('queued', 'running')) AS open,
                    count(*) AS total
                FROM analysis_job WHERE experiment = :experiment
            """),
            {"experiment": experiment},
        ).one()
    return int(row.open), int(row.total)
