"""LLMs that their provider has shut down, and imported answers in their stead."""

from pathlib import Path
from typing import Any

import pytest
from factories import count, make_grid
from sqlalchemy import Engine, text

from models.errors import ConfigError
from scheduler.store import store_grid


def test_an_llm_that_was_shut_down_is_not_asked(engine: Engine, tmp_path: Path) -> None:
    grid = make_grid(tmp_path, llms=["gpt-3.5-turbo-0125", "scripted"])

    stored = store_grid(engine, grid)

    assert [part.llm for part in stored.slices] == ["scripted"]
    assert len(stored.notes) == 1
    assert "shut down by its provider on 2026-10-23" in stored.notes[0]
    assert "left out" in stored.notes[0]


def test_nothing_but_shut_down_llms_is_the_users_mistake(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="import-published"):
        store_grid(engine, make_grid(tmp_path, llms=["gpt-3.5-turbo-0125"]))


def import_as(engine: Engine, name: str) -> None:
    """Leave what an import leaves: another row of the LLM, slices without chunks."""
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO llm (name, identity_hash, kind) VALUES (:name, 'x', 'imported')"),
            {"name": name},
        )
        connection.execute(
            text(
                "INSERT INTO slice (llm, dataset, data_hash, ask, selection_hash, persona_ids, "
                "item_ids, repeats) SELECT l.id, dataset, data_hash, ask, selection_hash, "
                "persona_ids, item_ids, repeats FROM slice, llm l WHERE l.kind = 'imported'"
            )
        )


def test_imported_answers_stand_in_for_an_llm_that_was_shut_down(
    engine: Engine, tmp_path: Path
) -> None:
    plan_first = store_grid(engine, make_grid(tmp_path))
    import_as(engine, "gpt-3.5-turbo-0125")

    stored = store_grid(engine, make_grid(tmp_path, llms=["gpt-3.5-turbo-0125"]))

    first, second = stored.notes
    assert first.startswith("numbers is another grid than last time; that one is now numbers@")
    assert "its imported answers are taken for numbers" in second
    assert stored.slices == ()
    assert stored.experiment != plan_first.experiment
    assert count(engine, "experiment_slice", f"experiment = {stored.experiment}") == 1


@pytest.mark.parametrize(
    "change", [{"n_items": 3}, {"personas": ["a pilot"]}, {"extra": 'templates = ["clean"]'}]
)
def test_imported_answers_do_not_stand_in_for_another_question(
    engine: Engine, tmp_path: Path, change: dict[str, Any]
) -> None:
    store_grid(engine, make_grid(tmp_path / "imported"))
    import_as(engine, "gpt-3.5-turbo-0125")

    with pytest.raises(ConfigError, match="nothing that was imported answers numbers"):
        store_grid(engine, make_grid(tmp_path / "new", llms=["gpt-3.5-turbo-0125"], **change))
