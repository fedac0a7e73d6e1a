"""What an experiment planned: its slices, their settings and items, and who answers.

Only SQL and records here, so that a command that finds its report up to date starts quickly.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from models.aims import Aims
from models.personas import CONTROL
from models.sent import Sent, describe_sent

NO_PERSONA = "(no persona)"  # what the empty setting is called in tables and figures


@dataclass(frozen=True, slots=True)
class Setting:
    """A persona setting as the experiment's sets list it."""

    persona: str  # with its article; "" for the empty one
    category: str
    statement: str  # the sentence as sent

    @property
    def label(self) -> str:
        """The persona, or a name for having none."""
        return self.persona or NO_PERSONA

    @property
    def is_empty(self) -> bool:
        """Whether no persona is assigned."""
        return not self.statement

    @property
    def is_control(self) -> bool:
        """Whether it rewords the neutral role."""
        return self.category == CONTROL and not self.is_empty


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """An item without its words: what statistics need."""

    id: int
    index: int  # the publisher's order
    kind: str
    n_options: int
    answer: int | None
    tags: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedSlice:
    """One LLM's share of a data set under one template."""

    id: int
    llm_id: int
    llm: str
    dataset: str
    data_hash: str
    ask: int
    template: str
    persona_ids: tuple[int, ...]  # in the experiment's order
    item_ids: tuple[int, ...]  # in prompt order
    repeats: int


@dataclass(frozen=True, slots=True)
class AnsweringLlm:
    """An LLM as it was run: what its answers depend on."""

    id: int
    name: str
    kind: str
    revision: str | None
    chat_template_hash: str | None  # None: not known, as of any that is asked over an API
    spec: dict[str, Any]
    decoding: dict[str, Any]
    engines: tuple[str, ...]  # engine, device, library versions of the chunks
    repeats: int = 1

    @property
    def sent(self) -> Sent:
        """What it was asked with, beside the prompts."""
        return describe_sent(
            self.name,
            kind=self.kind,
            spec=self.spec,
            decoding=self.decoding,
            repeats=self.repeats,
        )


def load_slice(connection: Connection, slice_id: int) -> PlannedSlice:
    """One slice by its row."""
    row = connection.execute(
        text("""
            SELECT s.id, s.llm AS llm_id, l.name AS llm, s.dataset, s.data_hash, s.ask,
                t.name AS template, s.persona_ids, s.item_ids, s.repeats
            FROM slice s JOIN llm l ON l.id = s.llm JOIN ask a ON a.id = s.ask
                JOIN template t ON t.id = a.template
            WHERE s.id = :slice
        """),
        {"slice": slice_id},
    ).one()
    return PlannedSlice(
        **{
            **row._mapping,
            "persona_ids": tuple(row.persona_ids),
            "item_ids": tuple(row.item_ids),
        }
    )


def load_aims(connection: Connection, experiment: int) -> Aims:
    """Margins and claims as the experiment was planned with them."""
    spec = connection.execute(
        text("SELECT spec FROM experiment WHERE id = :experiment"), {"experiment": experiment}
    ).scalar_one()
    return Aims.of_spec(spec)


def list_settings(
    connection: Connection, experiment: int, persona_ids: Sequence[int]
) -> tuple[Setting, ...]:
    """The settings in the order given, in the categories that the experiment was planned with.

    A persona that its spec does not list has the category of the first of its sets that holds it.
    """
    rows = connection.execute(
        text("""
            SELECT p.persona, p.statement, coalesce(s.category, m.category, '') AS category
            FROM unnest(CAST(:personas AS int[])) WITH ORDINALITY AS wanted(id, place)
                JOIN persona p ON p.id = wanted.id
                LEFT JOIN (SELECT pair ->> 0 AS statement, pair ->> 1 AS category
                    FROM experiment e, jsonb_array_elements(e.spec -> 'settings') pair
                    WHERE e.id = :experiment) s ON s.statement = p.statement
                LEFT JOIN LATERAL (
                    SELECT m.category FROM experiment_persona_set es
                        JOIN persona_set_member m ON m.persona_set = es.persona_set
                    WHERE es.experiment = :experiment AND m.persona = p.id
                    ORDER BY es.position LIMIT 1) m ON true
            ORDER BY wanted.place
        """),
        {"experiment": experiment, "personas": list(persona_ids)},
    )
    return tuple(Setting(**row._mapping) for row in rows)


def list_items(connection: Connection, item_ids: Sequence[int]) -> tuple[PlannedItem, ...]:
    """The items in their publisher's order."""
    rows = connection.execute(
        text("""
            SELECT id, index, kind, n_options, answer, tags::text FROM item
            WHERE id = ANY(:items) ORDER BY index, id
        """),
        {"items": list(item_ids)},
    )
    return tuple(
        PlannedItem(number, index, kind, n_options, answer, json.loads(tags))
        for number, index, kind, n_options, answer, tags in rows
    )


def list_llms(connection: Connection, experiment: int) -> list[AnsweringLlm]:
    """The LLMs of an experiment in the order of their slices."""
    rows = connection.execute(
        text("""
            SELECT l.id, l.name, l.kind, l.revision,
                CASE WHEN l.kind <> 'api' THEN l.chat_template_hash END AS chat_template_hash,
                l.spec, l.decoding, max(s.repeats) AS repeats,
                coalesce((SELECT array_agg(DISTINCT c.engine ORDER BY c.engine) FROM chunk c
                    WHERE c.slice = ANY(array_agg(s.id)) AND c.engine IS NOT NULL), '{}')
                    AS engines
            FROM experiment_slice es JOIN slice s ON s.id = es.slice JOIN llm l ON l.id = s.llm
            WHERE es.experiment = :experiment GROUP BY l.id ORDER BY min(s.id)
        """),
        {"experiment": experiment},
    )
    return [AnsweringLlm(**{**row._mapping, "engines": tuple(row.engines)}) for row in rows]
