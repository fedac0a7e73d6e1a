"""From generations in Postgres to one dense array of readings per slice.

Postgres strings the answers of a persona together, one row each, in the order in which they lie on
its disk; while those of a few personas are read, the next are fetched (measured: 1.4 million cells
a second). Texts repeat over personas, so what has been read is remembered for the whole slice.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from analysis.extractor import Extractor
from analysis.planned import (
    PlannedItem,
    PlannedSlice,
    Setting,
    list_items,
    list_settings,
    load_aims,
    load_slice,
)
from analysis.readings import FAILED, FILTERED, MISSING
from models.aims import Aims
from models.db import raw
from models.items import Kind
from models.tables import Finish

TAG_JOINT = "\x1f"  # between the tags of a joint label
CELLS_AT_ONCE = 500_000  # texts in memory, twice: with 300 characters each about 400 MiB

T = TypeVar("T")


@dataclass(frozen=True)
class SliceArray:
    """The readings of one slice, or of its items of one kind.

    A column is one asking of one item: with repeats an item stands in several columns, which share
    its cluster.
    """

    slice: PlannedSlice
    settings: tuple[Setting, ...]  # rows
    items: tuple[PlannedItem, ...]  # columns
    codes: NDArray[np.int8]  # [settings, columns], see `analysis.readings.Outcome`
    cut_off: NDArray[np.bool_]  # [settings, columns]
    strict: NDArray[np.int8] | None = None  # None: there were no texts that could be read twice
    # of the experiment: what counts as equal, and what it claims
    aims: Aims = field(default_factory=Aims)

    @property
    def strict_codes(self) -> NDArray[np.int8]:
        """Codes [settings, columns] of the same texts by the strict reading."""
        return self.codes if self.strict is None else self.strict

    def select_items(self, chosen: NDArray[np.bool_]) -> "SliceArray":
        """The same settings on some of the columns."""
        if chosen.all():
            return self
        return replace(
            self,
            items=tuple(item for item, keep in zip(self.items, chosen, strict=True) if keep),
            codes=self.codes[:, chosen],
            cut_off=self.cut_off[:, chosen],
            strict=None if self.strict is None else self.strict[:, chosen],
        )

    def split_by_kind(self) -> dict[Kind, "SliceArray"]:
        """A part for each kind of item that there is, in the order of `Kind`."""
        kinds = np.array([item.kind for item in self.items])
        return {
            kind: self.select_items(kinds == kind.value) for kind in Kind if kind.value in kinds
        }

    def tag_items(self, *names: str) -> NDArray[np.str_]:
        """The items' tags as labels [columns]; several names make a joint label."""
        if names not in self._labels:
            tags = ([str(item.tags.get(name, "")) for item in self.items] for name in names)
            joint = [TAG_JOINT.join(each) for each in zip(*tags, strict=True)]
            self._labels[names] = np.array(joint, dtype=np.str_)
            self._labels[names].flags.writeable = False  # many hold it
        return self._labels[names]

    @cached_property
    def _labels(self) -> dict[tuple[str, ...], NDArray[np.str_]]:
        return {}

    @cached_property
    def clusters(self) -> NDArray[np.intp]:
        """Numbers [columns], from 0, of items that must not be taken for independent."""
        return _number([str(item.tags.get("cluster", f"#{item.id}")) for item in self.items])

    @cached_property
    def strata(self) -> NDArray[np.intp] | None:
        """Numbers [columns] of the strata that clusters are drawn within.

        None where there are none, or where clusters reach over them: then strata cannot be held
        fixed.
        """
        strata, clusters = _number(self.tag_items("stratum").tolist()), self.clusters
        stratum_of = np.zeros(clusters.max(initial=-1) + 1, np.intp)
        stratum_of[clusters] = strata
        return strata if np.array_equal(stratum_of[clusters], strata) else None


def _number(labels: Sequence[str]) -> NDArray[np.intp]:
    """Each label's place among the different ones in sorted order."""
    places = {label: place for place, label in enumerate(sorted(set(labels)))}
    return np.array([places[label] for label in labels], np.intp)


class ExtractionNoise(NamedTuple):
    """How much hangs on the rules of reading, per setting [settings]; NaN without a text."""

    n_texts: NDArray[np.intp]  # cells whose text was read: not filtered, failed or missing
    differ: NDArray[np.float64]  # share of them that the two readings take for something else
    contradict: NDArray[np.float64]  # share in which both read an answer, and not the same


def compare_extractions(array: SliceArray) -> ExtractionNoise:
    """Where the authors' reading and the strict one disagree about the same texts."""
    is_text = array.codes > FILTERED
    differs = is_text & (array.codes != array.strict_codes)
    contradicts = differs & (array.codes >= 0) & (array.strict_codes >= 0)
    n_texts = is_text.sum(axis=1)
    shares = np.full((2, len(n_texts)), np.nan)
    marked = np.stack([differs.sum(axis=1), contradicts.sum(axis=1)])
    np.divide(marked, n_texts, out=shares, where=n_texts > 0)
    return ExtractionNoise(n_texts, *shares)


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read of a slice; all [settings, columns]."""

    codes: NDArray[np.int8]
    strict_codes: NDArray[np.int8]
    cut_off: NDArray[np.bool_]


ReadAnswers = Callable[[Connection, PlannedSlice, Sequence[PlannedItem]], Readings]


class Answers(NamedTuple):
    """Generations of some items, in no order."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    finish: NDArray[np.int8]
    texts: pl.Series


def read_slice(
    connection: Connection, experiment: int, slice_id: int, *, read: ReadAnswers | None = None
) -> SliceArray:
    """Read all of a slice as far as it is settled; what is not is MISSING.

    ``read`` may take the readings from elsewhere than the texts (`analysis.array_cache`).
    """
    planned = load_slice(connection, slice_id)
    items = list_items(connection, planned.item_ids)
    readings = (read or read_answers)(connection, planned, items)
    return SliceArray(
        planned,
        list_settings(connection, experiment, planned.persona_ids),
        tuple(item for item in items for _ in range(planned.repeats)),
        readings.codes,
        readings.cut_off,
        readings.strict_codes,
        load_aims(connection, experiment),
    )


def read_answers(
    connection: Connection, planned: PlannedSlice, items: Sequence[PlannedItem]
) -> Readings:
    """Read every text of a slice; ``items`` are in the order of the columns."""
    shape = (len(planned.persona_ids), len(items) * planned.repeats)
    place = _Places(items, planned.repeats)
    readings = Readings(
        np.full(shape, MISSING, np.int8),
        np.full(shape, MISSING, np.int8),
        np.zeros(shape, np.bool_),
    )
    _mark_failures(connection, planned, place, readings)
    extractor = Extractor()
    flat = [each.reshape(-1) for each in (readings.codes, readings.strict_codes, readings.cut_off)]
    groups = _group_columns(items, planned.repeats)
    for found in iterate_answers(connection, planned, place):
        cells = found.rows * shape[1] + found.columns
        for (kind, n_options), is_inside in groups.items():
            some: Any = slice(None)
            if len(groups) > 1:
                some = np.flatnonzero(is_inside[found.columns])
            texts = found.texts if len(groups) == 1 else found.texts.gather(some)
            read = extractor.extract(texts, n_options, kind=Kind(kind))
            flat[0][cells[some]], flat[1][cells[some]] = read
        flat[2][cells[found.finish == Finish.LENGTH]] = True
        filtered = cells[found.finish == Finish.FILTERED]
        flat[0][filtered] = flat[1][filtered] = FILTERED
    return readings


def _group_columns(
    items: Sequence[PlannedItem], repeats: int
) -> dict[tuple[str, int], NDArray[np.bool_]]:
    """Which columns [columns] are read alike: by kind and number of options."""
    alike = [(item.kind, item.n_options) for item in items]
    return {
        group: np.repeat([each == group for each in alike], repeats)
        for group in dict.fromkeys(alike)
    }


class _Places:
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
    connection: Connection, planned: PlannedSlice, place: _Places
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
    place: _Places,
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


def _mark_failures(
    connection: Connection, planned: PlannedSlice, place: _Places, readings: Readings
) -> None:
    """Write FAILED where a cell has a failure; a generation, read later, overrides it."""
    rows = connection.execute(
        text("""
            SELECT persona, item, repeat FROM failure
            WHERE llm = :llm AND ask = :ask AND item BETWEEN :first AND :last AND repeat < :repeats
        """),
        {
            "llm": planned.llm_id,
            "ask": planned.ask,
            "first": place.first,
            "last": place.last,
            "repeats": planned.repeats,
        },
    ).all()
    row_of = {persona: row for row, persona in enumerate(planned.persona_ids)}
    ours = [row for row in rows if row.persona in row_of]
    if ours:
        columns = place.find([row.item for row in ours], [row.repeat for row in ours])
        settings = np.array([row_of[row.persona] for row in ours])
        at = (settings[columns >= 0], columns[columns >= 0])
        readings.codes[at] = readings.strict_codes[at] = FAILED
