"""The numbers of slices, stored or computed, and then those over several slices.

Where there is much to compute, two processes share it, each on one core: most of an analysis is
small steps, which threads would have to take in turn. Their arrays come back through the files of
`analysis.array_cache`. Nothing heavy is imported here, so that a process can be told how many
threads it may use before NumPy and Polars look.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from sqlalchemy import Engine

from analysis.progress import SILENCE, Progress, Stage
from analysis.results import find_result, store_result
from models.coverage import SliceProgress
from models.db import open_engine

if TYPE_CHECKING:
    from analysis.array_cache import SliceReader

Result = TypeVar("Result")

PROCESSES = 2  # more would need more memory than a laptop has to spare
MANY_CELLS = 1_000_000  # below it, starting a process takes longer than it saves
ONE_CORE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


class Helpers:
    """Processes that are started when first needed and then kept: starting one takes seconds."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def submit(self, work: Callable[..., Result], *words: Any) -> Future[Result]:
        """Begin to work in one of them."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                PROCESSES, mp_context=get_context("spawn"), initializer=_use_one_core
            )
        return self._pool.submit(work, *words)


def find_or_compute(
    engine: Engine,
    parts: Sequence[SliceProgress],
    slices: "SliceReader",
    helpers: Helpers,
    *,
    progress: Progress = SILENCE,
) -> dict[int, dict[str, Any]]:
    """The numbers of every slice (`analysis.analyse.describe_slice`), in the order of ``parts``."""
    found = {part.slice: _find(engine, slices, part.slice) for part in parts}
    open_parts = [part for part in parts if found[part.slice] is None]
    computed = _compute_all(engine, open_parts, slices, helpers, progress) if open_parts else {}
    return {slice_id: result or computed[slice_id] for slice_id, result in found.items()}


def _find(engine: Engine, slices: "SliceReader", slice_id: int) -> dict[str, Any] | None:
    if slice_id not in slices.settled:
        return None
    coverage = slices.settled[slice_id]
    with engine.connect() as connection:
        return find_result(connection, slices.experiment, slice_id, coverage=coverage)


def _compute_all(
    engine: Engine,
    parts: Sequence[SliceProgress],
    slices: "SliceReader",
    helpers: Helpers,
    progress: Progress,
) -> dict[int, dict[str, Any]]:
    order = sorted(parts, key=lambda part: -part.planned)
    for stage in (Stage.READ, Stage.ANALYSED):
        progress.expect(stage, sum(part.planned for part in parts))
    found = {}
    if not is_worth_processes(parts, slices):
        for part in order:
            slices.load(part.slice)
            progress.advance(Stage.READ, part.planned)
            found[part.slice] = compute_result(engine, slices, part.slice)
            progress.advance(Stage.ANALYSED, part.planned)
        return found
    source = _Source.of(engine, slices)
    made = {helpers.submit(_compute_apart, source, part.slice): part for part in order}
    for future in as_completed(made):
        part = made[future]
        found[part.slice] = future.result()
        for stage in (Stage.READ, Stage.ANALYSED):
            progress.advance(stage, part.planned)
    return found


def is_worth_processes(parts: Sequence[SliceProgress], slices: "SliceReader") -> bool:
    """Whether two processes would be done sooner, and may be started at all.

    The child of a Celery worker may not; and what is read apart has to come back through files.
    """
    return (
        len(parts) > 1
        and sum(part.planned for part in parts) >= MANY_CELLS
        and slices.folder is not None
        and all(part.slice in slices.settled for part in parts)
        and not current_process().daemon
    )


def compute_result(engine: Engine, slices: "SliceReader", slice_id: int) -> dict[str, Any]:
    """Compute the numbers of a slice, and store them if it is settled."""
    from analysis.analyse import describe_slice
    from analysis.measures import Draws

    result = describe_slice(slices.load(slice_id), Draws())
    if slice_id in slices.settled:
        coverage = slices.settled[slice_id]
        with engine.begin() as connection:
            store_result(connection, slices.experiment, slice_id, coverage=coverage, result=result)
    return result


def join_topics(
    engine: Engine,
    parts: Sequence[SliceProgress],
    slices: "SliceReader",
    results: Mapping[int, dict[str, Any]],
    families: Mapping[str, str],
    helpers: Helpers,
    *,
    progress: Progress = SILENCE,
) -> dict[str, Any]:
    """Every topic of `analysis.joint` by its name; ``families`` is LLM -> family."""
    from analysis.joint import LONGEST, TOPICS, Slices, join_slices
    from analysis.measures import Draws

    every = Slices(tuple(parts), results, slices.load, families)
    if not is_worth_processes(parts, slices):
        return join_slices(every, Draws(), progress=progress)
    source = _Source.of(engine, slices)
    longest = helpers.submit(_join_apart, source, tuple(parts), dict(families), LONGEST)
    others = [name for name in TOPICS if name != LONGEST]
    found = join_slices(every, Draws(), names=others, progress=progress)
    found |= longest.result()
    progress.advance(Stage.JOINED)
    return {name: found[name] for name in TOPICS}


def _use_one_core() -> None:
    for name in ONE_CORE:
        os.environ.setdefault(name, "1")


class _Source(NamedTuple):
    """Where another process reads the same slices; it goes through a pipe, to ourselves."""

    url: str
    experiment: int
    folder: Path | None
    settled: dict[int, str]

    @classmethod
    def of(cls, engine: Engine, slices: "SliceReader") -> "_Source":
        url = engine.url.render_as_string(hide_password=False)
        return cls(url, slices.experiment, slices.folder, dict(slices.settled))

    @contextmanager
    def open(self) -> Iterator[tuple[Engine, "SliceReader"]]:
        """Its own connections and arrays, for as long as the body runs."""
        from analysis.array_cache import SliceReader

        engine = open_engine(self.url)
        try:
            yield engine, SliceReader(engine, self.experiment, self.folder, self.settled)
        finally:
            engine.dispose()


def _compute_apart(source: _Source, slice_id: int) -> dict[str, Any]:
    """`compute_result` in a process of its own."""
    with source.open() as (engine, slices):
        return compute_result(engine, slices, slice_id)


def _join_apart(
    source: _Source, parts: tuple[SliceProgress, ...], families: dict[str, str], name: str
) -> dict[str, Any]:
    """One topic in a process of its own; the slices' numbers are stored by now."""
    from analysis.joint import Slices, join_slices
    from analysis.measures import Draws

    with source.open() as (engine, slices), Helpers() as helpers:
        results = find_or_compute(engine, parts, slices, helpers)
        every = Slices(parts, results, slices.load, families)
        return join_slices(every, Draws(), names=[name])
