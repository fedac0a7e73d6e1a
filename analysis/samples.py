"""A few generations of every persona, LLM and data set, to be read beside the numbers.

Cells are drawn by outcome, so that what is rare (a refusal among ten thousand answers) is there.
The order in which items are looked through is drawn once per slice and is the same for all of its
personas: where outcomes agree, so do the items, and answers can be compared from page to page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from analysis.arrays import SliceArray
from analysis.planned import PlannedItem
from analysis.readings import FILTERED, LETTERS, REFUSED, UNREADABLE
from models.coverage import SliceProgress
from models.items import Kind
from models.prompts import Template, ask_item, build_messages, state_persona
from models.tables import Finish

MOST_OF_PERSONA = 120  # samples: with about 1.2 KB each, a persona's page stays near 150 KB
MOST_OF_SLICE = 6  # of one persona
MOST_OF_OUTCOME = 3
SEED = 2_407_020_97

# What became of a cell, in the order in which a persona's samples are filled, one of each at first.
OUTCOMES = ("correct", "wrong", "answered", "refused", "unreadable", "filtered")
_NOT_READ = {REFUSED: "refused", UNREADABLE: "unreadable", FILTERED: "filtered"}


class Place(NamedTuple):
    """A cell of a slice's array."""

    row: int
    column: int
    repeat: int
    outcome: str  # one of `OUTCOMES`


@dataclass(frozen=True, slots=True)
class SampledCell:
    """One generation, what was asked, and what was read out of it."""

    llm: str
    dataset: str
    template: str
    persona: str  # with its article; "" for the empty setting
    index: int  # the item's, in the publisher's order
    repeat: int
    prompt: tuple[tuple[str, str], ...]  # (role, text), as `models.prompts.compose_chat` has them
    is_put_together: bool  # False: imported, and how statement and item were joined is not recorded
    text: str
    outcome: str  # one of `OUTCOMES`
    read: str  # "B. The second option", "4"; "" where nothing was read
    strictly: str  # the same by `analysis.strict_readings.read_strictly`
    right: str  # the right option; "" where there is none
    finish: str
    chunk: int | None  # None: imported


LoadArray = Callable[[int], SliceArray]


def sample_cells(
    connection: Connection, parts: Sequence[SliceProgress], load: LoadArray
) -> dict[str, list[SampledCell]]:
    """Label of a setting -> its samples, in the order of the slices."""
    found: dict[str, list[SampledCell]] = {}
    most = min(MOST_OF_SLICE, max(2, MOST_OF_PERSONA // max(len(parts), 1)))
    for part in parts:
        array = load(part.slice)
        places = choose_cells(array, np.random.default_rng([SEED, part.slice]), most=most)
        labels = [setting.label for setting in array.settings]
        for place, cell in _fetch_cells(connection, array, places):
            found.setdefault(labels[place.row], []).append(cell)
    return found


def choose_cells(array: SliceArray, rng: np.random.Generator, *, most: int) -> list[Place]:
    """At most ``most`` covered cells of every setting, `MOST_OF_OUTCOME` of an outcome.

    One of each outcome comes before a second of any.
    """
    order = rng.permutation(len(array.items))
    answers = np.array([-1 if i.answer is None else i.answer for i in array.items], np.int8)
    places = []
    for row, codes in enumerate(array.codes):
        outcomes = _classify(codes[order], answers[order])
        ranked = [
            (nth, outcome, column)
            for outcome in range(len(OUTCOMES))
            for nth, column in enumerate(np.flatnonzero(outcomes == outcome)[:MOST_OF_OUTCOME])
        ]
        chosen = sorted(sorted(ranked)[:most], key=lambda found: (found[1], found[0]))
        for _, outcome, at in chosen:
            column = int(order[at])
            places.append(Place(row, column, column % array.slice.repeats, OUTCOMES[outcome]))
    return places


def _classify(codes: NDArray[np.int8], answers: NDArray[np.int8]) -> NDArray[np.int8]:
    """Places in `OUTCOMES` [columns] of a setting's codes; -1 where there is no generation."""
    found = np.full(len(codes), -1, np.int8)
    for code, name in _NOT_READ.items():
        found[codes == code] = OUTCOMES.index(name)
    found[codes >= 0] = OUTCOMES.index("wrong")
    found[(codes >= 0) & (codes == answers)] = OUTCOMES.index("correct")
    found[(codes >= 0) & (answers < 0)] = OUTCOMES.index("answered")
    return found


@dataclass(frozen=True, slots=True)
class _Source:
    """What a slice's prompts are made of."""

    template: Template
    placement: Any  # None: imported
    personas: Mapping[int, tuple[str, str]]  # id -> persona, article
    fields: Mapping[int, dict[str, Any]]  # item -> its fields

    def compose(self, persona: int, item: PlannedItem) -> tuple[tuple[str, str], ...]:
        name, article = self.personas[persona]
        statement = state_persona(self.template, persona=name, article=article)
        asked = ask_item(
            self.template,
            kind=item.kind,
            fields=self.fields[item.id],
            persona=name,
            article=article,
        )
        if self.placement is None:
            return (("persona", statement), ("item", asked)) if statement else (("item", asked),)
        messages = build_messages(
            self.template, statement=statement, prompt=asked, placement=self.placement
        )
        return tuple((message["role"], message["content"]) for message in messages)


def _fetch_cells(
    connection: Connection, array: SliceArray, places: Sequence[Place]
) -> list[tuple[Place, SampledCell]]:
    """The generations at these places; one that has gone meanwhile is left out."""
    planned, items = array.slice, array.items
    keys = [(planned.persona_ids[at.row], items[at.column].id, at.repeat) for at in places]
    source = _read_source(connection, array, {item for _, item, _ in keys})
    rows = connection.execute(
        text("""
            SELECT g.persona, g.item, g.repeat, g.text, g.finish, g.chunk
            FROM unnest(CAST(:personas AS smallint[]), CAST(:items AS int[]),
                    CAST(:repeats AS smallint[])) AS wanted(persona, item, repeat)
                JOIN generation g ON g.llm = :llm AND g.ask = :ask AND g.persona = wanted.persona
                    AND g.item = wanted.item AND g.repeat = wanted.repeat
        """),
        {
            "llm": planned.llm_id,
            "ask": planned.ask,
            "personas": [persona for persona, _, _ in keys],
            "items": [item for _, item, _ in keys],
            "repeats": [repeat for _, _, repeat in keys],
        },
    )
    there = {(row.persona, row.item, row.repeat): row for row in rows}
    found = []
    for place, key in zip(places, keys, strict=True):
        row = there.get(key)
        if row is None:
            continue
        item = items[place.column]
        options = source.fields[item.id].get("options", [])
        cell = SampledCell(
            llm=planned.llm,
            dataset=planned.dataset,
            template=planned.template,
            persona=array.settings[place.row].persona,
            index=item.index,
            repeat=place.repeat,
            prompt=source.compose(key[0], item),
            is_put_together=source.placement is not None,
            text=row.text,
            outcome=place.outcome,
            read=_write_answer(array.codes[place.row, place.column], item.kind, options),
            strictly=_write_answer(array.strict_codes[place.row, place.column], item.kind, options),
            right="" if item.answer is None else _write_answer(item.answer, item.kind, options),
            finish=Finish(row.finish).name.lower(),
            chunk=row.chunk,
        )
        found.append((place, cell))
    return found


def _read_source(connection: Connection, array: SliceArray, item_ids: set[int]) -> _Source:
    planned = array.slice
    row = connection.execute(
        text("""
            SELECT t.name, t.spec, l.spec ->> 'placement' AS placement
            FROM ask a JOIN template t ON t.id = a.template, llm l
            WHERE a.id = :ask AND l.id = :llm
        """),
        {"ask": planned.ask, "llm": planned.llm_id},
    ).one()
    personas = connection.execute(
        text("SELECT id, persona, article FROM persona WHERE id = ANY(:personas)"),
        {"personas": list(planned.persona_ids)},
    )
    fields = connection.execute(
        text("SELECT id, fields FROM item WHERE id = ANY(:items)"), {"items": list(item_ids)}
    )
    return _Source(
        Template(name=row.name, **row.spec),
        row.placement,
        {each.id: (each.persona, each.article) for each in personas},
        {each.id: each.fields for each in fields},
    )


def _write_answer(code: int, kind: str, options: Sequence[str]) -> str:
    """An option with its letter, a point of a scale; "" where nothing is or was read."""
    if code < 0 or kind == Kind.FREE:
        return ""
    if kind == Kind.LIKERT:
        return str(code)
    return f"{LETTERS[code]}. {options[code]}" if code < len(options) else LETTERS[code]
