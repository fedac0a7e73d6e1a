"""Readings of settled slices, kept in PERSONA_HOME/cache/arrays, so that no text is read twice.

A file is called after everything that decides what stands in it: which answers there are (the
coverage hash, and what was asked of which LLM) and how they are read (the readings' version and the
code). Changed statistics find it; a changed rule of reading or a later answer does not. Slices with
gaps are never kept. Files that have not been used for longest go when all of them together are
larger than `MOST_BYTES`; one that cannot be read is read anew from its texts.
"""

import hashlib
import logging
import os
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Engine, text

from analysis.arrays import Readings, SliceArray, read_answers, read_slice
from analysis.planned import PlannedItem, PlannedSlice
from analysis.readings import READINGS_VERSION
from models.coverage import hash_coverage
from models.identity import hash_content

logger = logging.getLogger(__name__)
MOST_BYTES = 2 * 2**30  # an LLM of the whole paper takes 44 million
DAY_S = 86_400.0
READING_CODE = ("answers.py", "arrays.py", "extractor.py", "readings.py", "strict_readings.py")


@dataclass(frozen=True, slots=True)
class KeptReadings:
    """Reads the answers of one settled slice: from its file, or from the texts into its file.

    To be called as `analysis.arrays.read_answers` is. ``coverage`` is the slice's coverage hash;
    the file is only written if it still holds once all texts are read.
    """

    folder: Path
    coverage: str

    def __call__(
        self, connection: Connection, planned: PlannedSlice, items: Sequence[PlannedItem]
    ) -> Readings:
        key = _hash_readings(connection, planned, items, coverage=self.coverage)
        path = self.folder / f"{key}.npz"
        found = _load(path, (len(planned.persona_ids), len(items) * planned.repeats))
        if found is not None:
            return found
        readings = read_answers(connection, planned, items)
        if hash_coverage(connection, planned.id) == self.coverage:
            _keep(path, readings)
        return readings


@dataclass(frozen=True)
class SliceReader:
    """The slices of an experiment, each read once and then held in memory.

    ``settled`` has the coverage hash of every slice without a gap; only these are kept on disk, and
    none where ``folder`` is None.
    """

    engine: Engine
    experiment: int
    folder: Path | None
    settled: Mapping[int, str]
    _arrays: dict[int, SliceArray] = field(default_factory=dict)
    _items: dict[object, tuple[PlannedItem, ...]] = field(default_factory=dict)

    def load(self, slice_id: int) -> SliceArray:
        """A slice's array; those of one data set share their items."""
        if slice_id not in self._arrays:
            kept = None
            if self.folder is not None and slice_id in self.settled:
                kept = KeptReadings(self.folder, self.settled[slice_id])
            with self.engine.connect() as connection:
                array = read_slice(connection, self.experiment, slice_id, read=kept)
            shared = self._items.setdefault(
                (array.slice.item_ids, array.slice.repeats), array.items
            )
            self._arrays[slice_id] = replace(array, items=shared)
        return self._arrays[slice_id]


def _hash_readings(
    connection: Connection,
    planned: PlannedSlice,
    items: Sequence[PlannedItem],
    *,
    coverage: str,
) -> str:
    """Identity of a slice's readings by content: ids of rows mean nothing in another database."""
    asked = connection.execute(
        text("""
            SELECT l.identity_hash, t.content_hash,
                (SELECT array_agg(p.statement ORDER BY wanted.place)
                    FROM unnest(CAST(:personas AS int[])) WITH ORDINALITY AS wanted(id, place)
                        JOIN persona p ON p.id = wanted.id) AS statements
            FROM llm l, ask a JOIN template t ON t.id = a.template
            WHERE l.id = :llm AND a.id = :ask
        """),
        {"personas": list(planned.persona_ids), "llm": planned.llm_id, "ask": planned.ask},
    ).one()
    indices = [item.index for item in items]
    return hash_content(
        [
            [coverage, planned.dataset, planned.data_hash, planned.repeats, indices],
            [asked.identity_hash, asked.content_hash, list(asked.statements or [])],
            [READINGS_VERSION, _hash_reading_code()],
        ]
    )


@cache
def _hash_reading_code() -> str:
    digest = hashlib.sha256()
    for name in READING_CODE:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


def _load(path: Path, shape: tuple[int, int]) -> Readings | None:
    """What a file holds, None where there is none or it is broken."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            readings = Readings(stored["codes"], stored["strict_codes"], stored["cut_off"])
        os.utime(path)  # used now: the last to be cleaned away
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        logger.warning("%s is broken and will be read anew: %s", path, error)
        return None
    is_whole = (
        readings.codes.shape == readings.strict_codes.shape == readings.cut_off.shape == shape
        and readings.codes.dtype == readings.strict_codes.dtype == np.int8
        and readings.cut_off.dtype == np.bool_
    )
    return readings if is_whole else None


def _keep(path: Path, readings: Readings) -> None:
    """Write a file whole or not at all; that it cannot be written stops nobody."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as made:
            try:
                np.savez(
                    made,
                    codes=readings.codes,
                    strict_codes=readings.strict_codes,
                    cut_off=readings.cut_off,
                )
                made.close()
                os.replace(made.name, path)
            except BaseException:
                Path(made.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        logger.warning("%s cannot be written, its texts will be read again: %s", path, error)
        return
    _clean(path.parent)


def _clean(folder: Path) -> None:
    """Delete what has not been used for longest until the rest is small enough."""
    for left in folder.glob("*.part"):  # of a process that was killed while it wrote
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > DAY_S:
                left.unlink()
    total = 0
    for path in sorted(folder.glob("*.npz"), key=_find_age):
        with suppress(FileNotFoundError):  # another process cleans as well
            total += path.stat().st_size
            if total > MOST_BYTES:
                path.unlink()


def _find_age(path: Path) -> float:
    """Larger for what was used longer ago; a file that is gone comes last."""
    try:
        return -path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
