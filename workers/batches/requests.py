"""Cells as the lines of a batch's file, and its answers back to cells.

A custom id is a cell's own key, so that an answer finds its place whatever else was lost:
"a3-p17-i4021-r0" is ask 3, persona 17, item 4021, repeat 0 (40 characters at most, and a provider
takes 64). The LLM is the batch's.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from models.decoding import Decoding
from models.llms import LlmSpec
from models.prompts import (
    Message,
    PromptError,
    Template,
    check_persona_stands,
    compose_chat,
)
from workers.batches.remote import CHAT
from workers.saving import FailureRow
from workers.token_estimate import Size, measure_chat


class CellKey(NamedTuple):
    """A cell of the batch's LLM."""

    ask: int
    persona: int
    item: int
    repeat: int

    @property
    def custom_id(self) -> str:
        """What the cell is called at the provider."""
        return f"a{self.ask}-p{self.persona}-i{self.item}-r{self.repeat}"


def parse_custom_id(custom_id: str) -> CellKey | None:
    """The cell that was called so; None for a name that is not ours."""
    found = re.fullmatch(r"a(\d+)-p(\d+)-i(\d+)-r(\d+)", custom_id)
    return CellKey(*map(int, found.groups())) if found else None


class Request(NamedTuple):
    """One line of a file."""

    cell: CellKey
    chunk: int
    line: bytes
    size: Size
    answer_limit: int  # tokens


def list_open_cells(connection: Connection, llm: int, chunks: Sequence[int]) -> dict[CellKey, int]:
    """Cell -> chunk, of those with neither generation nor failure, in the order of their chunks.

    A cell that several of the chunks hold (of two slices) is the first one's.
    """
    rows = connection.execute(
        text("""
            SELECT c.id AS chunk, s.ask, c.persona, c.repeat, cell.item
            FROM chunk c JOIN slice s ON s.id = c.slice
                CROSS JOIN LATERAL unnest(s.item_ids[c.start + 1 : c.stop])
                    WITH ORDINALITY AS cell(item, place)
            WHERE c.id = ANY(:chunks)
                AND NOT EXISTS (SELECT FROM generation g WHERE g.llm = :llm AND g.ask = s.ask
                    AND g.persona = c.persona AND g.item = cell.item AND g.repeat = c.repeat)
                AND NOT EXISTS (SELECT FROM failure f WHERE f.llm = :llm AND f.ask = s.ask
                    AND f.persona = c.persona AND f.item = cell.item AND f.repeat = c.repeat)
            ORDER BY c.id, cell.place
        """),
        {"llm": llm, "chunks": list(chunks)},
    )
    cells: dict[CellKey, int] = {}
    for row in rows:
        cells.setdefault(CellKey(row.ask, row.persona, row.item, row.repeat), row.chunk)
    return cells


def list_cells(connection: Connection, batch: int) -> dict[CellKey, int]:
    """Cell -> chunk, of all that the chunks of a batch hold, answered or not."""
    rows = connection.execute(
        text("""
            SELECT c.id AS chunk, s.ask, c.persona, c.repeat, cell.item
            FROM chunk c JOIN slice s ON s.id = c.slice
                CROSS JOIN LATERAL unnest(s.item_ids[c.start + 1 : c.stop]) AS cell(item)
            WHERE c.batch = :batch AND c.state = 'submitted' ORDER BY c.id
        """),
        {"batch": batch},
    )
    cells: dict[CellKey, int] = {}
    for row in rows:
        cells.setdefault(CellKey(row.ask, row.persona, row.item, row.repeat), row.chunk)
    return cells


def write_requests(
    connection: Connection, spec: LlmSpec, *, llm: int, cells: dict[CellKey, int]
) -> Iterator[Request | FailureRow]:
    """A line for each cell, in their order; a failure where a persona would be lost."""
    library = _Library(connection, spec, llm, list(cells))
    for cell, chunk in cells.items():
        try:
            messages = library.compose(cell)
        except PromptError as error:
            key = (llm, cell.ask, cell.persona, cell.repeat, cell.item, chunk)
            yield FailureRow(*key, 1, str(error))
            continue
        body = {"model": spec.model, "messages": messages, **library.find_request(cell.repeat)}
        line = {"custom_id": cell.custom_id, "method": "POST", "url": CHAT, "body": body}
        content = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        yield Request(cell, chunk, content, measure_chat(messages), library.answer_limit)


class _Library:
    """All texts that cells are made of, read once."""

    def __init__(
        self, connection: Connection, spec: LlmSpec, llm: int, cells: Sequence[CellKey]
    ) -> None:
        self.spec = spec
        self.decoding = Decoding(
            **connection.execute(
                text("SELECT decoding FROM llm WHERE id = :llm"), {"llm": llm}
            ).scalar_one()
        )
        self.answer_limit = spec.find_answer_limit(self.decoding)
        self.items = {
            row.id: row
            for row in connection.execute(
                text("SELECT id, kind, fields FROM item WHERE id = ANY(:ids)"),
                {"ids": sorted({cell.item for cell in cells})},
            )
        }
        self.personas = {
            row.id: row
            for row in connection.execute(
                text("SELECT id, persona, article FROM persona WHERE id = ANY(:ids)"),
                {"ids": sorted({cell.persona for cell in cells})},
            )
        }
        self.templates = {
            row.id: Template(name=row.name, **row.spec)
            for row in connection.execute(
                text("""
                    SELECT a.id, t.name, t.spec FROM ask a JOIN template t ON t.id = a.template
                    WHERE a.id = ANY(:ids)
                """),
                {"ids": sorted({cell.ask for cell in cells})},
            )
        }

    def find_request(self, repeat: int) -> dict[str, object]:
        """A call's parameters beside model and messages."""
        return self.spec.make_request(self.decoding, repeat=repeat)

    def compose(self, cell: CellKey) -> list[Message]:
        """The messages of a cell.

        Raises:
            PromptError: the persona would not stand in what is sent.
        """
        item, persona = self.items[cell.item], self.personas[cell.persona]
        chat = compose_chat(
            self.templates[cell.ask],
            persona=persona.persona,
            article=persona.article,
            kind=item.kind,
            fields=item.fields,
            placement=self.spec.placement,
        )
        sent = "\n\n".join(turn["content"] for turn in chat.messages)
        check_persona_stands(sent, statement=chat.statement, prompt=chat.prompt)
        return chat.messages
