"""What an API worker counts and what it waits for: quota, attempts, bounds, calls under way."""

import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from api_farm import KEY_VARIABLE, OpenLiveFarm, make_api_spec
from factories import count
from paid_accounts import reserve
from simulated_provider import Fault, FaultKind, Latency, RunningProvider
from sqlalchemy import Connection, Engine, text

from models import spending
from models.api_calls import count_recent_calls
from models.coverage import measure_progress
from models.db import open_engine
from models.errors import LlmLoadError
from models.llms import LlmSpec
from models.settings import Settings
from workers.api_llm import open_api_llm
from workers.lease import claim_chunk, release_expired
from workers.quota import Grant, QuotaLedger
from workers.tasks import Bench, process_chunk


def test_eight_workers_together_stay_below_the_cap(
    open_live_farm: OpenLiveFarm,
    provider: RunningProvider,
    engine: Engine,
    broker_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.asking.MONEY_WAIT_S", 0.05)
    provider.configure(latency=Latency(median_s=0.05, sigma=0.3))
    farm = open_live_farm(n_items=120, max_usd="0.004")
    with ExitStack() as stack:
        benches = []
        for number in range(8):
            own = open_engine(engine.url.render_as_string(hide_password=False))
            stack.callback(own.dispose)
            llm = open_api_llm(
                farm.spec,
                settings=farm.bench.settings,
                engine=own,
                broker_url=broker_url,
                concurrency=4,
            )
            stack.callback(llm.close)
            benches.append(replace(farm.bench, name=f"w@here:{number}", engine=own, llm=llm))

        def work(bench: Bench) -> None:
            for chunk in farm.chunks:
                process_chunk(bench, chunk)

        threads = [threading.Thread(target=work, args=(bench,)) for bench in benches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    usd, account = provider.read_state().usd, farm.read_account()
    assert (account.spent_usd, account.reserved_usd) == (usd, 0)
    assert Decimal("0.0035") < usd <= Decimal("0.004")
    assert count(engine, "chunk", "state NOT IN ('paused', 'done')") == 0
    assert count(engine, "failure") == 0
    assert not farm.ended  # they stay, idle, for a higher cap


def test_waiting_for_quota_does_not_use_up_the_patience_with_a_cell(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.configure(faults=[Fault(kind=FaultKind.SERVER_ERROR, times=6)])
    farm = open_live_farm(settings={"api_patience_s": 0.25})
    reserve_at_once = QuotaLedger.reserve

    async def reserve_late(ledger: QuotaLedger, *, tokens: int) -> Grant:
        grant = await reserve_at_once(ledger, tokens=tokens)
        time.sleep(0.1)  # all six together more than the patience
        return grant

    monkeypatch.setattr(QuotaLedger, "reserve", reserve_late)
    process_chunk(farm.bench, farm.chunks[0])

    assert (count(farm.engine, "generation"), count(farm.engine, "failure")) == (6, 0)


def test_calls_under_way_when_an_llm_is_paused_are_waited_for(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.live.GRACE_S", 0.1)
    used_up = Fault(kind=FaultKind.INSUFFICIENT_QUOTA, skip=1)
    provider.configure(faults=[used_up], latency=Latency(median_s=0.6))
    farm = open_live_farm(concurrency=2)

    process_chunk(farm.bench, farm.chunks[0])

    assert (count(farm.engine, "generation"), provider.read_state().n_paid) == (1, 1)
    assert farm.read_account().written_off_usd == 0


def test_what_a_paused_chunk_has_is_counted(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(faults=[Fault(kind=FaultKind.INSUFFICIENT_QUOTA, skip=3)])
    farm = open_live_farm()

    farm.answer_all()

    with engine.connect() as connection:
        [part] = measure_progress(connection, farm.sent.stored.experiment)
    assert (part.covered, part.missing) == (3, 21)


def test_a_worker_that_is_killed_again_and_again_does_not_fail_a_chunk_that_moves(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(latency=Latency(median_s=0.1))
    farm = open_live_farm(concurrency=1, settings={"max_attempts": 2})
    chunk = farm.chunks[0]

    def die() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE chunk SET lease_until = now() - interval '1 s'")
            release_expired(connection, [1])

    n_deaths = 0
    while count(engine, "chunk", f"id = {chunk} AND state NOT IN ('done', 'failed')"):
        death = threading.Timer(0.25, die)
        death.start()
        process_chunk(farm.bench, chunk)
        death.join()
        n_deaths += 1

    assert n_deaths > 2
    assert (count(engine, "generation"), count(engine, "failure")) == (6, 0)


def test_a_chunk_that_kills_its_workers_without_an_answer_fails(
    open_live_farm: OpenLiveFarm, engine: Engine
) -> None:
    farm = open_live_farm(settings={"max_attempts": 2})
    chunk = farm.chunks[0]

    for _ in range(2):
        claim_chunk(engine, chunk, worker="w@there:2", llm_ids=[1], lease_s=0)
        with engine.begin() as connection:
            release_expired(connection, [1])
    process_chunk(farm.bench, chunk)

    assert (count(engine, "generation"), count(engine, "failure")) == (0, 6)


def test_a_provider_that_bills_beyond_the_limit_is_asked_no_more(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm = open_live_farm(concurrency=1)
    monkeypatch.setattr(LlmSpec, "find_answer_limit", lambda *_: 0)
    monkeypatch.setattr("workers.token_estimate.Size.most_tokens", 1)

    farm.answer_all()

    assert count(farm.engine, "generation") == 1  # what was paid is kept
    [(reason,)] = farm.read_rows("SELECT DISTINCT error FROM chunk WHERE state = 'paused'")
    assert "no cap would hold" in reason
    assert farm.read_account().spent_usd == provider.read_state().usd
    assert farm.ended


def test_a_call_that_only_its_bound_makes_too_big_for_the_quota_is_asked(
    open_live_farm: OpenLiveFarm,
) -> None:
    farm = open_live_farm(entry={"chunk_cells": 1, "quota": {"tokens_per_minute": 200}})

    process_chunk(farm.bench, farm.chunks[0])

    assert (count(farm.engine, "generation"), count(farm.engine, "failure")) == (1, 0)


def test_a_grant_that_waited_for_postgres_is_given_back_and_asked_for_anew(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm = open_live_farm(concurrency=1, entry={"chunk_cells": 1})
    granted_s: list[float] = []
    reserve_quota, reserve_money = QuotaLedger.reserve, spending.reserve

    async def note(ledger: QuotaLedger, *, tokens: int) -> Grant:
        grant = await reserve_quota(ledger, tokens=tokens)
        granted_s.append(time.time())
        return grant

    def reserve_slowly(connection: Connection, account: int, **options: Any) -> int | None:
        time.sleep(0.4)
        return reserve_money(connection, account, **options)

    monkeypatch.setattr(QuotaLedger, "reserve", note)
    monkeypatch.setattr(spending, "reserve", reserve_slowly)
    process_chunk(farm.bench, farm.chunks[0])

    assert count(farm.engine, "generation") == 1
    assert len(granted_s) == 2
    account = farm.read_account()
    assert (account.spent_usd, account.reserved_usd) == (provider.read_state().usd, 0)


@pytest.mark.parametrize("key", ["\u201csk-abcdefghijkl\u201d", "sk-abcdef\nghijkl", "sk abc def"])
def test_what_no_header_can_hold_is_refused_as_a_key_and_not_shown(
    engine: Engine,
    broker_url: str,
    settings: Settings,
    provider: RunningProvider,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, key)
    spec = make_api_spec(provider)

    with pytest.raises(LlmLoadError, match=f"what stands in {KEY_VARIABLE} is no key") as refused:
        open_api_llm(spec, settings=settings, engine=engine, broker_url=broker_url)

    assert "abc" not in str(refused.value)


def test_calls_of_another_name_of_the_same_llm_count_as_recent(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, engine: Engine
) -> None:
    farm = open_live_farm()
    account = farm.read_account()
    reserve(engine, account.id, usd=account.max_usd, worker="w#1", chunk=None)  # type: ignore[arg-type]
    other = farm.spec.model_copy(update={"base_url": provider.base_url + "/"})
    elsewhere = farm.spec.model_copy(update={"base_url": None})

    with engine.connect() as connection:
        n = [count_recent_calls(connection, s, seconds=60) for s in (other, elsewhere)]
        connection.execute(text("UPDATE llm SET spec = spec - 'base_url'"))
        official = elsewhere.model_copy(update={"base_url": "https://api.openai.com/v1"})
        n.append(count_recent_calls(connection, official, seconds=60))

    assert n == [1, 0, 1]
