"""From generations in Postgres to one dense array of readings per slice.

Texts repeat over personas, so what has been read is remembered for the whole slice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from analysis.answers import Places, iterate_answers
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
from models.items import Kind
from models.tables import Finish

TAG_JOINT = "\x1f"  # between the tags of a joint label


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
    place = Places(items, planned.repeats)
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


def _mark_failures(
    connection: Connection, planned: PlannedSlice, place: Places, readings: Readings
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
