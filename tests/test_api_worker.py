"""A chunk of an API LLM, from its claim to rows and money."""

import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from api_farm import CELLS, KEY_VARIABLE, OpenLiveFarm, make_api_spec, sort_out
from factories import count
from paid_accounts import reserve
from simulated_provider import Latency, RunningProvider
from simulated_provider.tokens import count_chat_tokens
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from models.db import open_engine
from models.errors import LlmLoadError
from models.settings import Settings
from workers.api_llm import open_api_llm
from workers.lease import claim_chunk
from workers.sweep import sweep_llm
from workers.tasks import process_chunk
from workers.token_estimate import FIRST, measure_chat


def test_every_cell_is_asked_once_and_paid_to_the_cent(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    farm = open_live_farm()

    farm.answer_all()

    state, account = provider.read_state(), farm.read_account()
    assert count(farm.engine, "generation") == CELLS
    assert sort_out(state) == (CELLS, 0)
    assert (account.spent_usd, account.reserved_usd) == (state.usd, 0)
    assert (account.n_calls, account.written_off_usd) == (CELLS, 0)
    [(tokens, new)] = farm.read_rows("SELECT sum(prompt_tokens), sum(new_tokens) FROM generation")
    assert (tokens, new) == (state.prompt_tokens, state.new_tokens)


def test_what_is_sent_holds_persona_and_item_and_the_empty_persona_an_empty_message(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    farm = open_live_farm()

    farm.answer_all()

    sent = provider.read_state().prompts.values()
    assert sum(text.startswith("You are a baker.\n\nQuestion: Which number") for text in sent) == 6
    assert sum(text.startswith("\n\nQuestion: Which number") for text in sent) == 6  # as the paper


def test_the_provider_s_name_for_the_llm_and_its_fingerprint_are_kept(
    open_live_farm: OpenLiveFarm,
) -> None:
    farm = open_live_farm()

    farm.answer_all()

    [row] = farm.read_rows("SELECT revision, chat_template FROM llm")
    assert tuple(row) == ("gpt-4-0125-preview", "")
    [(engine,)] = farm.read_rows("SELECT DISTINCT engine FROM chunk")
    assert engine.startswith("openai 3.")
    assert engine.endswith("fingerprint fp_simulated")


def test_calls_are_under_way_side_by_side_and_never_more_than_told(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    provider.configure(latency=Latency(median_s=0.05))
    farm = open_live_farm(concurrency=3)

    process_chunk(farm.bench, farm.chunks[0])

    assert provider.read_state().max_in_flight in (3, 4)  # the fourth asks for the state


def test_a_chunk_delivered_twice_is_asked_once(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    farm = open_live_farm()
    chunk = farm.chunks[0]

    for _ in range(2):
        process_chunk(farm.bench, chunk)

    assert sort_out(provider.read_state()) == (6, 0)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.asking.MONEY_WAIT_S", 0.05)


@pytest.mark.usefixtures("_impatient")
def test_a_cap_stops_before_it_is_passed_and_names_the_way_out(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    farm = open_live_farm(max_usd="0.0006")

    farm.answer_all()

    state, account = provider.read_state(), farm.read_account()
    assert 0 < count(farm.engine, "generation") < CELLS
    assert state.usd == account.spent_usd <= Decimal("0.0006")
    assert account.reserved_usd == 0
    [(reason,)] = farm.read_rows("SELECT DISTINCT error FROM chunk WHERE state = 'paused'")
    assert "--max-usd" in reason
    assert not farm.ended


@pytest.mark.usefixtures("_impatient")
def test_a_higher_cap_goes_on_where_the_lower_one_stopped(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    open_live_farm(max_usd="0.0006").answer_all()

    richer = open_live_farm(max_usd="1")
    richer.answer_all()

    assert count(richer.engine, "generation") == CELLS
    assert sort_out(provider.read_state()) == (CELLS, 0)


def test_a_stop_saves_what_is_under_way_and_counts_no_attempt(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(latency=Latency(median_s=0.3))
    farm = open_live_farm(concurrency=2)
    stop = threading.Event()
    object.__setattr__(farm.bench, "is_stopping", stop.is_set)
    threading.Timer(0.4, stop.set).start()

    process_chunk(farm.bench, farm.chunks[0])

    saved = count(engine, "generation")
    assert 0 < saved < 6
    assert sort_out(provider.read_state()) == (saved, 0)
    stopped = "state IN ('planned', 'queued') AND attempts = 0 AND error LIKE '%stopped'"
    assert count(engine, "chunk", stopped) == 1
    assert farm.read_account().reserved_usd == 0


def test_an_answer_of_another_llm_is_not_saved(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, engine: Engine
) -> None:
    farm = open_live_farm()
    process_chunk(farm.bench, farm.chunks[0])
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE llm SET revision = 'gpt-4-of-before'")
    farm.bench.llm.revisions.clear()  # type: ignore[union-attr]

    process_chunk(farm.bench, farm.chunks[0])

    assert count(engine, "generation") == 6
    assert count(engine, "chunk", "state = 'paused'") == 3
    [reason] = farm.ended
    assert "answers as 'gpt-4-0125-preview' now" in str(reason)
    assert farm.read_account().spent_usd == provider.read_state().usd


def test_the_calls_of_a_dead_worker_count_as_spent(
    open_live_farm: OpenLiveFarm, engine: Engine
) -> None:
    farm = open_live_farm()
    account = farm.read_account()
    dead = claim_chunk(
        engine, farm.chunks[0], worker="dead@there:1", llm_ids=[account.llm], lease_s=0.01
    )
    assert dead is not None
    reserve(engine, account.id, usd=Decimal("0.25"), worker=dead.worker, chunk=dead.chunk)
    time.sleep(0.05)

    sweep_llm(engine, farm.bench.broker, farm.spec, farm.bench.settings)

    account = farm.read_account()
    assert (account.spent_usd, account.reserved_usd) == (Decimal("0.25"), 0)


def test_prompts_are_soon_estimated_closely_and_never_bounded_too_low(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    farm = open_live_farm(n_items=30, entry={"chunk_cells": 30})

    farm.answer_all()

    estimator = farm.bench.llm.estimator  # type: ignore[union-attr]
    assert estimator.n > FIRST
    for prompt in provider.read_state().prompts.values():
        persona, _, question = prompt.partition("\n\n")
        chat: Any = [
            {"role": "system", "content": persona},
            {"role": "user", "content": question},
        ]
        size, counted = measure_chat(chat), count_chat_tokens(chat)
        assert counted <= size.most_tokens
        assert 0.95 * counted <= estimator.estimate(size) <= 1.3 * counted


def test_a_missing_key_is_one_line_that_names_its_variable(
    engine: Engine, broker_url: str, settings: Settings, provider: RunningProvider
) -> None:
    with pytest.raises(LlmLoadError, match=f"set {KEY_VARIABLE} in the environment"):
        open_api_llm(
            make_api_spec(provider), settings=settings, engine=engine, broker_url=broker_url
        )


def test_a_server_of_one_s_own_needs_neither_key_nor_cap_nor_network_to_start(
    engine: Engine, broker_url: str, settings: Settings
) -> None:
    nobody = RunningProvider("http://127.0.0.1:9", "")
    spec = make_api_spec(nobody, api_key_env=None, price={"input_usd": 0, "output_usd": 0})

    llm = open_api_llm(spec, settings=settings, engine=engine, broker_url=broker_url)
    llm.close()

    assert llm.concurrency == 32


def test_who_lost_a_chunk_asks_for_nothing_more_of_it(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(latency=Latency(median_s=0.1))
    farm = open_live_farm(concurrency=1)
    chunk = farm.chunks[0]

    def take_over() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE chunk SET worker = 'w@there:2#1' WHERE worker > ''")

    threading.Timer(0.25, take_over).start()
    process_chunk(farm.bench, chunk)

    state = provider.read_state()
    assert 0 < state.n_paid < 6
    assert count(engine, "generation") == state.n_paid
    assert count(engine, "chunk", "state = 'running' AND worker = 'w@there:2#1'") == 1


def test_answers_outlast_a_postgres_that_drops_its_connections(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(latency=Latency(median_s=0.05))
    farm = open_live_farm(concurrency=2, n_items=12)
    over = threading.Event()

    def drop_all() -> None:
        other = open_engine(engine.url.render_as_string(hide_password=False))
        while not over.wait(0.1):
            with other.connect() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        other.dispose()

    process_chunk(farm.bench, farm.chunks[0])
    dropping = threading.Thread(target=drop_all)
    dropping.start()
    try:
        process_chunk(farm.bench, farm.chunks[0])
    except (OperationalError, InterfaceError):
        pass  # the doorway lets go of the chunk, and a sweep sends it again
    finally:
        over.set()
        dropping.join()
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE chunk SET lease_until = now() - interval '1 s'")
    farm.answer_all()

    state = provider.read_state()
    assert count(engine, "generation") == 48
    assert sort_out(state) == (48, 0)
    assert farm.read_account().spent_usd >= state.usd
