"""Chunks asked by batches: answered, expired, cancelled, and paid to the cent."""

import time

from batch_farm import AT_ONCE, CELLS, OpenFarm, sort_out_batches
from factories import count
from simulated_provider import BatchRules, RunningProvider
from sqlalchemy import Engine, text

from models.coverage import measure_progress
from models.tables import ApiMode
from scheduler.llm_status import explain_llms, list_llm_statuses
from workers.batches.requests import CellKey, parse_custom_id
from workers.tasks import process_chunk


def test_custom_ids_are_a_cell_s_key_and_back() -> None:
    longest = CellKey(32_767, 32_767, 2_147_483_647, 32_767)

    assert len(longest.custom_id) <= 64
    assert parse_custom_id(longest.custom_id) == longest
    assert parse_custom_id("request-1") is None


def test_every_cell_is_answered_by_a_batch_once_at_half_the_price(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    farm = open_farm()

    farm.tend_to_the_end()

    state, account = provider.read_state(), farm.farm.read_account()
    assert sort_out_batches(state) == (CELLS, CELLS, 0)
    assert count(farm.engine, "generation") == CELLS
    assert (account.spent_usd, account.reserved_usd, account.n_calls) == (state.usd, 0, CELLS)
    assert (state.batches_created, state.files_uploaded) == (1, 1)
    assert provider.provider is not None
    assert [f.given.purpose for f in provider.provider.files.files.values()] == ["batch_output"]
    assert count(farm.engine, "chunk", "state = 'done' AND engine LIKE '%, batch_sim%'") == 4
    assert count(farm.engine, "analysis_job") == 1


def test_a_batch_answers_what_a_live_call_would(
    open_farm: OpenFarm, provider: RunningProvider, engine: Engine
) -> None:
    farm = open_farm()
    query = "SELECT persona, item, prompt_tokens, new_tokens, finish, text FROM generation"
    farm.tend_to_the_end()
    by_batch = sorted(map(tuple, farm.farm.read_rows(query)))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM generation"))
        connection.execute(text("UPDATE chunk SET state = 'planned'"))

    farm.send(api_mode=ApiMode.LIVE)
    farm.farm.answer_all()

    assert sorted(map(tuple, farm.farm.read_rows(query))) == by_batch
    assert set(provider.read_state().paid_by_prompt.values()) == {2}  # the same prompts


def test_no_chunk_of_a_batch_reaches_the_queue_and_one_sent_before_is_not_asked_live(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    farm = open_farm(api_mode=ApiMode.LIVE)
    [first, *_] = farm.farm.chunks
    farm.send(api_mode=ApiMode.BATCH)

    for chunk in farm.farm.chunks:
        process_chunk(farm.farm.bench, chunk)

    assert provider.read_state().n_paid == 0
    assert farm.list_chunk_states() == {"planned"}
    farm.tend_to_the_end()
    assert sort_out_batches(provider.read_state()) == (CELLS, CELLS, 0)
    assert first > 0


def test_what_is_in_batches_counts_as_open_and_is_told(
    open_farm: OpenFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(batches=BatchRules(in_progress_s=60.0))
    farm = open_farm()
    farm.tender.tend()

    experiment = farm.farm.sent.stored.experiment
    with engine.connect() as connection:
        [part] = measure_progress(connection, experiment)
        [status] = list_llm_statuses(connection, experiment, [part], broker=None)

    assert farm.list_chunk_states() == {"submitted"}
    assert (part.missing, status.in_flight) == (CELLS, 0)
    assert status.batches is not None
    assert status.describe()["in_batches"]["cells"] == CELLS
    [line] = explain_llms([status])
    assert line.startswith("sim, in batches: 24 cells in 1 (")
    assert "oldest since" in line


def test_looks_at_a_batch_grow_rarer(open_farm: OpenFarm, provider: RunningProvider) -> None:
    provider.configure(batches=BatchRules(in_progress_s=60.0))
    farm = open_farm()

    over_s = time.monotonic() + 0.8

    farm.tend_until(lambda: time.monotonic() > over_s)

    [(looks,)] = farm.farm.read_rows("SELECT n_looks FROM batch")
    assert 2 <= looks <= 10  # each wait half as long again; with even ones of 0.02 s twice as many


def test_an_expired_batch_keeps_its_answers_and_the_rest_is_sent_again(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    provider.configure(
        batches=BatchRules(validating_s=0.0, in_progress_s=0.4, finalizing_s=0.0, expires_s=0.2)
    )
    farm = open_farm()
    farm.tend_until(lambda: count(farm.engine, "generation") > 0)
    kept, settled = count(farm.engine, "generation"), farm.farm.read_account().n_calls
    provider.configure(batches=AT_ONCE)

    farm.tend_to_the_end()

    assert 0 < kept == settled < CELLS
    state, account = provider.read_state(), farm.farm.read_account()
    assert sort_out_batches(state) == (CELLS, CELLS, 0)
    assert (account.spent_usd, account.reserved_usd) == (state.usd, 0)
    assert count(farm.engine, "chunk", "attempts > 0") == 0
    assert count(farm.engine, "failure") == 0


def test_cancelled_batches_keep_their_answers_and_the_rest_waits_for_a_person(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    provider.configure(batches=BatchRules(validating_s=0.0, in_progress_s=1.0, cancelling_s=0.05))
    farm = open_farm()
    farm.tend_until(lambda: count(farm.engine, "batch", "n_completed > 0") > 0)

    notes = farm.send(cancel_batches=True).notes
    farm.tend_to_the_end()

    state = provider.read_state()
    kept = count(farm.engine, "generation")
    assert notes[-1] == "sim: 24 cells are in batches, its worker cancels them"
    assert [batch.status for batch in state.batches] == ["cancelled"]
    assert 0 < kept == state.n_paid < CELLS
    assert "paused" in farm.list_chunk_states()
    assert farm.farm.read_account().spent_usd == state.usd
    farm.send(api_mode=ApiMode.LIVE)
    farm.farm.answer_all()
    assert sort_out_batches(provider.read_state()) == (CELLS, kept, 0)
    assert count(farm.engine, "generation") == CELLS


def test_cancelling_with_the_live_mode_goes_on_live_by_itself(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    provider.configure(batches=BatchRules(in_progress_s=60.0))
    farm = open_farm()
    farm.tender.tend()

    farm.send(cancel_batches=True, api_mode=ApiMode.LIVE)
    farm.tend_until(lambda: count(farm.engine, "batch", "state = 'ended'") == 1)

    assert farm.list_chunk_states() == {"planned"}
    assert farm.farm.read_account().reserved_usd == 0
