"""Chunks that wait for a person: paused with their account, opened again."""

from pathlib import Path

from factories import Planned, claim, plan
from paid_accounts import give_money
from sqlalchemy import Engine

from models.pausing import list_paused_llms, list_pauses, pause_account, pause_chunk, reopen_paused


def test_paused_chunks_wait_until_they_are_opened(
    engine: Engine, paid_plan: Planned, account: int
) -> None:
    mine = claim(engine, paid_plan, paid_plan.chunks[0])
    slices = [part.id for part in paid_plan.stored.slices]
    with engine.begin() as connection:
        pause_account(connection, account, reason="no money is left")
        while_one_runs = list_paused_llms(connection, paid_plan.stored.experiment)
        pause_chunk(connection, chunk=mine.chunk, worker=mine.worker, reason="no money is left")
        paused = list_paused_llms(connection, paid_plan.stored.experiment)
        [pause] = list_pauses(connection, paid_plan.stored.experiment)

    with engine.begin() as connection:
        n_opened = reopen_paused(connection, slices)

    assert (while_one_runs, paused) == (set(), {"gpt-6-luna"})
    assert (pause.llm, pause.reason, pause.chunks) == ("gpt-6-luna", "no money is left", 4)
    assert n_opened == 4
    claim(engine, paid_plan, paid_plan.chunks[0])


def test_an_account_pauses_only_what_it_pays_for(engine: Engine, tmp_path: Path) -> None:
    first = plan(engine, tmp_path / "first", llms=["gpt-6-luna"], n_items=3)
    second = plan(engine, tmp_path / "second", llms=["gpt-6-luna"])
    old, new = give_money(engine, first, "1"), give_money(engine, second, "1")

    with engine.begin() as connection:
        n_paused = pause_account(connection, new, reason="no money is left")
        of_first = list_pauses(connection, first.stored.experiment)

    assert old != new
    assert (n_paused, of_first) == (4, [])
