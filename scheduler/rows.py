"""Rows found by content, and made only for what is new: personas, their sets, items.

A smallint sequence would not survive ON CONFLICT on every run, so rows are looked up first; the
caller holds the planning lock.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text
from sqlmodel import Session, SQLModel, select

from models.db import copy_rows
from models.identity import hash_content
from models.items import Item
from models.personas import PersonaSetting
from models.tables import ExperimentPersonaSet, Persona, PersonaSet, PersonaSetMember
from scheduler.choices import ChosenSet


def find_or_add(
    session: Session, table: type[SQLModel], key: dict[str, Any], values: dict[str, Any]
) -> int:
    """The id of the row with this key; made with ``values`` if there is none."""
    found = session.exec(select(table).filter_by(**key)).one_or_none()
    if found is None:
        found = table(**key, **values)
        session.add(found)
        session.flush()
    return int(found.id)  # type: ignore[attr-defined]


def store_personas(session: Session, experiment: int, sets: Sequence[ChosenSet]) -> list[int]:
    """Rows of all settings and their sets; the ids of the settings taken, in order."""
    taken: list[int] = []
    for position, chosen in enumerate(sets):
        ids = {
            setting.statement: find_or_add(
                session,
                Persona,
                {"statement": setting.statement},
                {"persona": setting.persona, "article": setting.article},
            )
            for setting in chosen.whole
        }
        set_id = _store_set(session, chosen.name, chosen.whole, ids)
        if session.get(ExperimentPersonaSet, (experiment, position)) is None:
            session.add(
                ExperimentPersonaSet(experiment=experiment, position=position, persona_set=set_id)
            )
        taken += [ids[setting.statement] for setting in chosen.picked]
    session.flush()
    return taken


def _store_set(
    session: Session, name: str, settings: Sequence[PersonaSetting], ids: dict[str, int]
) -> int:
    content = hash_content([[s.statement, s.category, s.tags] for s in settings])
    key = {"name": name, "content_hash": content}
    found = session.exec(select(PersonaSet).filter_by(**key)).one_or_none()
    if found is not None:
        return int(found.id or 0)
    set_id = find_or_add(session, PersonaSet, key, {})
    session.add_all(
        PersonaSetMember(
            persona_set=set_id,
            position=position,
            persona=ids[setting.statement],
            category=setting.category,
            tags=setting.tags,
        )
        for position, setting in enumerate(settings)
    )
    session.flush()
    return set_id


def store_items(connection: Connection, items: Sequence[Item]) -> list[int]:
    """Rows of the items that are new; the ids of all of them, in the order given."""
    if not items:
        return []
    dataset = items[0].dataset
    hashes = [hash_item(item) for item in items]

    def find_ids() -> dict[str, int]:
        rows = connection.execute(
            text("SELECT content_hash, id FROM item WHERE dataset = :dataset"), {"dataset": dataset}
        )
        return {row.content_hash: row.id for row in rows}

    known = find_ids()
    new = [(item, key) for item, key in zip(items, hashes, strict=True) if key not in known]
    if new:
        columns = ["dataset", "content_hash", "index", "kind", "fields", "n_options"]
        copy_rows(connection, "item", [*columns, "answer", "tags"], [_item_row(*n) for n in new])
        known = find_ids()
    return [known[key] for key in hashes]


def hash_item(item: Item) -> str:
    """Identity of an item within its data set: its place and all that it says."""
    return hash_content(
        [item.index, item.kind, item.fields, item.n_options, item.answer, item.tags]
    )


def _item_row(item: Item, content_hash: str) -> tuple[Any, ...]:
    fields, tags = (json.dumps(part, ensure_ascii=False) for part in (item.fields, item.tags))
    kind = item.kind.value
    return (
        item.dataset, content_hash, item.index, kind, fields, item.n_options, item.answer, tags,
    )  # fmt: skip
