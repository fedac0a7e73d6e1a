"""A slice's generations as they come out of Postgres, a few personas at a time.

Postgres strings the answers of a persona together, one row each, in the order in which they lie on
its disk; while those of a few personas are read, the next are fetched (measured: 1.4 million cells
a second).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection

from analysis.planned import PlannedItem, PlannedSlice
from models.db import raw

CELLS_AT_ONCE = 500_000  # texts in memory, twice: with 300 characters each about 400 MiB

T = TypeVar("T")


class Answers(NamedTuple):
    """Generations of some items, in no order."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    finish: NDArray[np.int8]
    texts: pl.Series


class Places:
    """From item and repeat to column."""

    def __init__(self, items: Sequence[PlannedItem], repeats: int) -> None:
        ids = np.array([item.id for item in items], np.int64)
        self.first, self.last = (int(ids.min()), int(ids.max())) if len(ids) else (0, -1)
        self.repeats = repeats
        self._column = np.full(self.last - self.first + 1, -1, np.intp)
        self._column[ids - self.first] = np.arange(len(ids)) * repeats

    def cut_runs(self, cells: int) -> list[tuple[int, int]]:
        """Runs of ids, first and last, of at most ``cells`` askings, that hold all items."""
        span = max(1, cells // self.repeats)
        starts = range(self.first, self.last + 1, span)
        return [(start, min(start + span - 1, self.last)) for start in starts]

    def find(self, items: Any, repeats: Any) -> NDArray[np.intp]:
        """Columns; -1 for an item within the range of ids that is not the slice's."""
        column = self._column[np.asarray(items, np.int64) - self.first]
        return np.where(column < 0, -1, column + np.asarray(repeats, np.intp))


def iterate_answers(
    connection: Connection, planned: PlannedSlice, place: Places
) -> Iterator[Answers]:
    """The slice's generations, those of a few personas at a time.

    Items of a data set have neighbouring ids, so a range of the primary key holds them all; the few
    others that lie in it are dropped here. Only with many repeats is a persona's range cut.
    """
    runs = place.cut_runs(CELLS_AT_ONCE)
    longest = max((last - first + 1 for first, last in runs), default=1) * planned.repeats
    n_personas = max(1, CELLS_AT_ONCE // longest)
    rows = range(0, len(planned.persona_ids), n_personas)

    def fetch(task: tuple[int, tuple[int, int]]) -> Answers:
        start, run = task
        some = planned.persona_ids[start : start + n_personas]
        return _fetch_answers(connection, planned, place, run, personas=some, start=start)

    return _work_ahead(fetch, [(start, run) for start in rows for run in runs])


# Rows of one persona in one value each, big-endian integers and UTF-8; every aggregate of a row
# sees the same rows in the same order.
_FETCH = """
    SELECT wanted.row, found.* FROM unnest(%s::int2[]) WITH ORDINALITY AS wanted(persona, row)
    CROSS JOIN LATERAL (
        SELECT string_agg(int4send(item), ''::bytea), string_agg(int2send(repeat), ''::bytea),
            string_agg(int2send(finish), ''::bytea),
            string_agg(int4send(octet_length(text)), ''::bytea),
            string_agg(textsend(text), ''::bytea)
        FROM generation WHERE llm = %s AND ask = %s AND persona = wanted.persona
            AND item BETWEEN %s AND %s AND repeat < %s
    ) found
"""


def _fetch_answers(
    connection: Connection,
    planned: PlannedSlice,
    place: Places,
    run: tuple[int, int],
    *,
    personas: Sequence[int],
    start: int,
) -> Answers:
    """Answers of these personas, the first of which is row ``start``, to a run of items."""
    with raw(connection).cursor(binary=True) as cursor:
        cursor.execute("SET LOCAL jit = off")  # compiling takes longer than it saves
        cursor.execute(
            _FETCH,
            (list(personas), planned.llm_id, planned.ask, *run, planned.repeats),
        )
        found = [row for row in cursor if row[1] is not None]
    if not found:
        nothing = np.array([], np.intp)
        return Answers(nothing, nothing, nothing.astype(np.int8), pl.Series(dtype=pl.String))
    rows, items, repeats, finish, lengths, texts = zip(*found, strict=True)
    columns = place.find(_unpack(items, ">i4"), _unpack(repeats, ">i2"))
    answers = Answers(
        np.repeat(start - 1 + np.array(rows, np.intp), [len(each) // 4 for each in items]),
        columns,
        _unpack(finish, ">i2").astype(np.int8),
        _join_texts(texts, _unpack(lengths, ">i4")),
    )
    ours = np.flatnonzero(columns >= 0)
    if len(ours) == len(columns):
        return answers
    return Answers(
        answers.rows[ours], columns[ours], answers.finish[ours], answers.texts.gather(ours)
    )


def _unpack(packed: Sequence[bytes], dtype: str) -> NDArray[Any]:
    return np.frombuffer(b"".join(packed), dtype)


def _join_texts(packed: Sequence[bytes], lengths: NDArray[Any]) -> pl.Series:
    """Texts of these lengths in bytes that stand one behind the other."""
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    buffers = (pa.py_buffer(ends), pa.py_buffer(b"".join(packed)))
    texts = pa.LargeStringArray.from_buffers(len(lengths), *buffers)
    texts.validate(full=True)  # a database that is not in UTF-8 could send anything
    return pl.Series(pl.from_arrow(texts))


def _work_ahead(work: Callable[[Any], T], tasks: Iterable[Any]) -> Iterator[T]:
    """Results in order; the next one is made, in a thread, while the last one is used."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for task in tasks:
            last, waiting = waiting, pool.submit(work, task)
            if last is not None:
                yield last.result()
        if waiting is not None:
            yield waiting.result()
