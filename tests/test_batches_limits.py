"""Batches within what a provider takes: enqueued tokens, requests, bytes, and the cap."""

from decimal import Decimal

import pytest
from batch_farm import AT_ONCE, CELLS, OpenFarm, sort_out_batches
from factories import count
from simulated_provider import RunningProvider

from workers.batches import preparing


def test_a_batch_over_the_enqueued_tokens_waits_and_is_cut_to_the_limit_it_was_told(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    provider.configure(batches=AT_ONCE.model_copy(update={"enqueued_tokens_default": 700}))
    farm = open_farm()

    farm.tend_to_the_end()

    state = provider.read_state()
    assert sort_out_batches(state) == (CELLS, CELLS, 0)
    assert state.batches[0].status == "failed"
    assert state.batches_created > 2
    assert farm.farm.read_account().spent_usd == state.usd
    assert count(farm.engine, "batch", "told_limit = 700") >= 1


def test_the_registry_s_quota_of_enqueued_tokens_is_never_passed(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    provider.configure(batches=AT_ONCE.model_copy(update={"enqueued_tokens_default": 2_500}))
    farm = open_farm(entry={"quota": {"batch_enqueued_tokens": 2_500}})

    farm.tend_to_the_end()

    state = provider.read_state()
    assert state.batches_created > 1
    assert {batch.status for batch in state.batches} == {"completed"}
    assert sort_out_batches(state) == (CELLS, CELLS, 0)


def test_a_batch_is_cut_to_what_is_left_of_the_cap_and_the_rest_waits_for_more(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    farm = open_farm(max_usd="0.0008")

    farm.tend_to_the_end()

    state, account = provider.read_state(), farm.farm.read_account()
    assert 0 < count(farm.engine, "generation") < CELLS
    assert (account.spent_usd, account.reserved_usd) == (state.usd, 0)
    assert state.usd <= Decimal("0.0008")
    [(reason,)] = farm.farm.read_rows("SELECT DISTINCT error FROM chunk WHERE state = 'paused'")
    assert "go on with a higher --max-usd" in reason
    farm.send(max_usd="1")
    farm.tend_to_the_end()
    assert sort_out_batches(provider.read_state()) == (CELLS, CELLS, 0)


def test_a_file_holds_no_more_than_the_limits_of_a_batch(
    open_farm: OpenFarm, provider: RunningProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.configure(batches=AT_ONCE.model_copy(update={"max_requests": 13, "max_bytes": 9_000}))
    monkeypatch.setattr(preparing, "MAX_REQUESTS", 13)
    monkeypatch.setattr(preparing, "MAX_BYTES", 9_000)
    farm = open_farm()

    farm.tend_to_the_end()

    state = provider.read_state()
    assert {batch.status for batch in state.batches} == {"completed"}
    assert [batch.total for batch in state.batches] == [12, 12]
    assert sort_out_batches(state) == (CELLS, CELLS, 0)
