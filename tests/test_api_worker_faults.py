"""A chunk of an API LLM whose provider fails, stays away, holds us or refuses us."""

from itertools import pairwise
from typing import Any

import pytest
from api_farm import CELLS, KEY_VARIABLE, OpenLiveFarm, sort_out
from factories import count
from simulated_provider import Fault, FaultKind, Latency, RunningProvider

from models.tables import Finish
from workers.tasks import process_chunk


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.RATE_LIMITED, times=3),
        Fault(kind=FaultKind.RATE_LIMITED, times=2, retry_after_s=0.1, retry_after_form="both"),
        Fault(kind=FaultKind.SERVER_ERROR, times=5),
        Fault(kind=FaultKind.DROP_AFTER, times=3),
        Fault(kind=FaultKind.DROP_MIDWAY, times=3),
        Fault(kind=FaultKind.MALFORMED_JSON, times=3),
        Fault(kind=FaultKind.EMPTY_CHOICES, times=3),
        Fault(kind=FaultKind.TIME_OUT_AFTER, times=2),
        Fault(kind=FaultKind.DRIP, times=4, seconds=0.2),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.retry_after_s}",
)
def test_a_fault_that_passes_leaves_no_trace_in_the_rows(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, fault: Fault
) -> None:
    provider.configure(faults=[fault])
    settings: dict[str, Any] = {"api_attempts": 10}
    if fault.kind == FaultKind.TIME_OUT_AFTER:
        settings["api_timeout_s"] = 1.0
    farm = open_live_farm(settings=settings)

    process_chunk(farm.bench, farm.chunks[0])

    state, account = provider.read_state(), farm.read_account()
    assert (count(farm.engine, "generation"), count(farm.engine, "failure")) == (6, 0)
    assert account.reserved_usd == 0
    assert account.spent_usd >= state.usd  # what nobody knows is counted in full
    assert account.spent_usd - account.written_off_usd <= state.usd
    troubles = farm.read_rows("SELECT sum(n) FROM api_trouble")
    assert troubles == [(None if fault.kind == FaultKind.DRIP else fault.times,)]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.BAD_REQUEST, "400: your prompt is strange"),
        (FaultKind.EMPTY_CHOICES, "a completion with no choices (3 attempts)"),
        (FaultKind.NULL_CONTENT, "a completion with no content (3 attempts)"),
        (FaultKind.MALFORMED_JSON, "not a chat completion"),
        (FaultKind.SERVER_ERROR, "The server had an error"),
        (FaultKind.DROP_AFTER, "RemoteProtocolError: Server disconnected"),
    ],
)
def test_a_cell_that_nothing_helps_is_a_failure_with_its_reason_and_no_answer(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, kind: FaultKind, reason: str
) -> None:
    message = "your prompt is strange" if kind == FaultKind.BAD_REQUEST else None
    always = Fault(kind=kind, prompt_matches="after 3", message=message)
    provider.configure(faults=[always], latency=Latency(median_s=0.01))
    farm = open_live_farm(concurrency=2)

    process_chunk(farm.bench, farm.chunks[0])

    assert count(farm.engine, "generation") == 5
    [(said,)] = farm.read_rows("SELECT reason FROM failure")
    assert said.startswith(reason)
    assert count(farm.engine, "chunk", "state = 'done' AND n_done = 5 AND n_failed = 1") == 1
    assert farm.read_account().reserved_usd == 0


@pytest.mark.parametrize("kind", [FaultKind.FILTERED, FaultKind.FILTERED_PROMPT])
def test_what_a_content_filter_stops_is_a_state_of_its_own(
    open_live_farm: OpenLiveFarm, provider: RunningProvider, kind: FaultKind
) -> None:
    provider.configure(faults=[Fault(kind=kind, prompt_matches="after 3")])
    farm = open_live_farm()

    process_chunk(farm.bench, farm.chunks[0])

    filtered = f"finish = {Finish.FILTERED.value} AND text = ''"
    assert count(farm.engine, "generation", filtered) == 1
    assert count(farm.engine, "failure") == 0
    assert farm.read_account().spent_usd >= provider.read_state().usd


def test_a_provider_that_is_down_is_waited_for_longer_than_a_cell_is_tried(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    provider.configure(faults=[Fault(kind=FaultKind.SERVER_ERROR, status=503, times=24)])
    farm = open_live_farm()

    process_chunk(farm.bench, farm.chunks[0])

    assert (count(farm.engine, "generation"), count(farm.engine, "failure")) == (6, 0)


def test_a_provider_that_stays_down_fails_the_cells_in_the_end(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    provider.configure(faults=[Fault(kind=FaultKind.SERVER_ERROR, status=503)])
    farm = open_live_farm(settings={"api_patience_s": 0.3})

    process_chunk(farm.bench, farm.chunks[0])

    assert (count(farm.engine, "generation"), count(farm.engine, "failure")) == (0, 6)
    assert farm.read_account().spent_usd == 0


def test_retry_after_holds_every_call_of_the_llm(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    hold = Fault(
        kind=FaultKind.RATE_LIMITED, times=1, skip=2, retry_after_s=0.8, retry_after_form="both"
    )
    provider.configure(faults=[hold])
    farm = open_live_farm(concurrency=1)

    process_chunk(farm.bench, farm.chunks[0])

    at_s = [at for at, _ in provider.read_arrivals("gpt-4-0125-preview")]
    gaps = [later - earlier for earlier, later in pairwise(at_s)]
    assert max(gaps) == gaps[2]
    assert gaps[2] >= 0.8


@pytest.mark.parametrize(
    ("kind", "line", "is_end"),
    [
        (FaultKind.INSUFFICIENT_QUOTA, "top it up there, then run persona-schedule again", False),
        (FaultKind.UNAUTHORIZED, f"set {KEY_VARIABLE}, start the worker again", True),
    ],
)
def test_an_llm_whose_provider_refuses_us_is_paused_and_keeps_its_chunks(
    open_live_farm: OpenLiveFarm,
    provider: RunningProvider,
    caplog: pytest.LogCaptureFixture,
    kind: FaultKind,
    line: str,
    is_end: bool,
) -> None:
    provider.configure(faults=[Fault(kind=kind, skip=3)])
    farm = open_live_farm()

    farm.answer_all()

    assert count(farm.engine, "generation") == 3
    assert count(farm.engine, "failure") == 0
    assert count(farm.engine, "chunk", "state = 'paused' AND attempts = 0") == 4
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    [(reason,)] = farm.read_rows("SELECT DISTINCT error FROM chunk")
    assert line in reason
    assert "\n" not in reason
    assert bool(farm.ended) == is_end
    assert farm.read_account().reserved_usd == 0
    assert farm.read_account().spent_usd == provider.read_state().usd


def test_running_the_schedule_again_opens_what_was_paused(
    open_live_farm: OpenLiveFarm, provider: RunningProvider
) -> None:
    provider.configure(faults=[Fault(kind=FaultKind.INSUFFICIENT_QUOTA, skip=3)])
    farm = open_live_farm()
    farm.answer_all()
    provider.configure(faults=[])

    again = open_live_farm()
    again.answer_all()

    assert count(farm.engine, "generation") == CELLS
    assert sort_out(provider.read_state()) == (CELLS, 0)
