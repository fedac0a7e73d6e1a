"""Batches that a provider refuses, fails, hides or forgets."""

from batch_farm import AT_ONCE, CELLS, OpenFarm
from factories import count
from simulated_provider import BatchRules, Fault, FaultKind, RunningProvider
from sqlalchemy import Engine

from models.batches import find_batches_under_way
from models.tables import Finish


def test_a_refused_file_pauses_the_llm_with_the_provider_s_words_and_costs_nothing(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    provider.configure(batches=AT_ONCE.model_copy(update={"max_requests": 10}))
    farm = open_farm()

    farm.tend_to_the_end()

    [(reason,)] = farm.farm.read_rows("SELECT DISTINCT error FROM chunk WHERE state = 'paused'")
    assert "refused a batch (too_many_tasks: The batch input file contains" in reason
    assert "persona-schedule again" in reason
    account = farm.farm.read_account()
    assert (account.spent_usd, account.reserved_usd, provider.read_state().n_paid) == (0, 0, 0)
    provider.configure(batches=AT_ONCE)
    farm.send()
    farm.tend_to_the_end()
    assert count(farm.engine, "generation") == CELLS


def test_lines_that_failed_are_treated_like_live_calls(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    faults = [
        Fault(kind=FaultKind.BAD_REQUEST, on="batch_line", prompt_matches="after 1", message="No."),
        Fault(kind=FaultKind.FILTERED, on="batch_line", prompt_matches="after 2"),
        Fault(kind=FaultKind.FILTERED_PROMPT, on="batch_line", prompt_matches="after 3"),
        Fault(kind=FaultKind.SERVER_ERROR, on="batch_line", prompt_matches="after 4", times=4),
        Fault(kind=FaultKind.EMPTY_CHOICES, on="batch_line", prompt_matches="after 5"),
    ]
    provider.configure(faults=faults)
    farm = open_farm()

    farm.tend_to_the_end()

    state, account = provider.read_state(), farm.farm.read_account()
    failed = {
        tuple(row)
        for row in farm.farm.read_rows(
            "SELECT reason, attempts, count(*) FROM failure GROUP BY 1,2"
        )
    }
    assert failed == {
        ("400: No.", 1, 4),
        ("a completion with no choices (3 attempts)", 3, 4),
    }
    assert count(farm.engine, "generation", f"finish = {Finish.FILTERED.value}") == 8
    assert count(farm.engine, "generation") == CELLS - 8
    assert farm.list_chunk_states() == {"done"}
    assert account.reserved_usd == 0
    assert account.spent_usd >= state.usd  # a refused prompt's input may have been charged
    assert state.count_paid_twice() == 8  # the empty completions, twice more each
    retries = dict(map(tuple, farm.farm.read_rows("SELECT cause, n FROM api_trouble")))
    assert retries == {"400": 4, "500": 4, "empty": 12}


def test_a_refused_key_pauses_what_was_not_sent_and_ends_the_worker(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    provider.configure(faults=[Fault(kind=FaultKind.UNAUTHORIZED, on="files")])
    farm = open_farm()

    farm.tender.tend()

    assert farm.list_chunk_states() == {"paused"}
    [error] = farm.ended
    assert "its provider refuses the key" in str(error)
    assert farm.farm.read_account().reserved_usd == 0


def test_batches_of_an_unreachable_provider_stay_where_they_are(
    open_farm: OpenFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(batches=BatchRules(in_progress_s=60.0))
    farm = open_farm()
    farm.tender.tend()
    lost = Fault(kind=FaultKind.SERVER_ERROR, on="batches", method="GET", status=503, times=3)
    provider.configure(faults=[lost])

    farm.tend_until(lambda: count(engine, "api_trouble", "n >= 3") == 1)

    assert farm.list_chunk_states() == {"submitted"}
    with engine.connect() as connection:
        found = find_batches_under_way(connection, farm.farm.read_account().id)
    assert found is not None
    assert found.error is not None
    assert "server had an error" in found.error
    assert provider.read_state().batches_created == 1


def test_a_batch_that_the_provider_has_forgotten_is_given_up_only_when_told_to(
    open_farm: OpenFarm, provider: RunningProvider
) -> None:
    provider.configure(batches=BatchRules(in_progress_s=60.0))
    farm = open_farm()
    farm.tender.tend()
    assert provider.provider is not None
    provider.provider.batches.batches.clear()
    farm.tend_until(lambda: count(farm.engine, "batch", "error LIKE '%knows no batch%'") == 1)
    held = farm.farm.read_account().reserved_usd

    farm.send(cancel_batches=True)
    farm.tend_to_the_end()

    account = farm.farm.read_account()
    assert (account.written_off_usd, account.reserved_usd) == (held, 0)
    assert held > 0
    assert farm.list_chunk_states() == {"paused"}
