"""LLMs that their provider has shut down: imported answers stand in for them, and this is said."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from models.decoding import Decoding
from scheduler.grid import Grid, GridSlice


def describe_retired(grid: Grid) -> list[str]:
    """A line for every LLM of a grid that can no longer be asked."""
    return [
        f"{llm.name} was shut down by its provider on {llm.retired}: only imported answers "
        "(persona-data import-published) can stand in for it."
        for llm in {part.llm.name: part.llm for part in grid.slices}.values()
        if llm.retired
    ]


def find_imported_llm(
    connection: Connection,
    part: GridSlice,
    *,
    ask: int,
    personas: Sequence[int],
    items: Sequence[int],
    decoding: Decoding,
) -> int | None:
    """The imported LLM, the newest, that was asked just what a slice of a retired LLM asks.

    The same items under the same ask, greedy and once; more personas and more items may have been
    asked. None where nothing like it was imported.
    """
    if decoding.temperature > 0 or part.repeats > 1:
        return None
    found = connection.execute(
        text("""
            SELECT max(l.id) FROM slice s JOIN llm l ON l.id = s.llm
            WHERE l.kind = 'imported' AND l.name = :llm AND s.dataset = :dataset
                AND s.data_hash = :data_hash AND s.ask = :ask
                AND s.persona_ids @> CAST(:personas AS smallint[])
                AND s.item_ids @> CAST(:items AS int[])
        """),
        {
            "llm": part.llm.name,
            "dataset": part.data.name,
            "data_hash": part.data.data_hash,
            "ask": ask,
            "personas": list(personas),
            "items": list(items),
        },
    ).scalar()
    return None if found is None else int(found)


def note_imported(part: GridSlice, *, is_found: bool) -> str:
    """What to tell the user of one slice of a retired LLM."""
    said = f"{part.llm.name} was shut down by its provider on {part.llm.retired}; "
    if is_found:
        return f"{said}its imported answers are taken for {part.data.name}"
    return (
        f"{said}nothing that was imported answers {part.data.name} as it is asked here, so it is "
        "left out (persona-data import-published)"
    )
