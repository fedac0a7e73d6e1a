"""Batches that go out a few cells at a time: it is said that the cap is why."""

import re

from batch_farm import OpenFarm
from simulated_provider import BatchRules, RunningProvider
from sqlalchemy import Engine

from models.coverage import measure_progress
from scheduler.llm_status import explain_llms, list_llm_statuses


def explain_batches(engine: Engine, experiment: int) -> str:
    """The line of ``persona-status`` on the batches of the one LLM."""
    with engine.connect() as connection:
        parts = measure_progress(connection, experiment)
        [line] = explain_llms(list_llm_statuses(connection, experiment, parts, broker=None))
    return line


def test_a_cap_that_lets_few_cells_go_at_a_time_is_named(
    open_farm: OpenFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(batches=BatchRules(in_progress_s=60.0))
    farm = open_farm(max_usd="0.0008")

    farm.tender.tend()

    assert farm.list_chunk_states() == {"submitted", "planned"}
    [note] = [note for note in farm.farm.sent.notes if "the cap is" in note]
    assert re.search(r"; it lets about \d+ cells be in batches at a time$", note)
    line = explain_batches(engine, farm.farm.sent.stored.experiment)
    found = re.search(
        r"the cap of \$0\.00080 lets about (\d+) cells be in batches at a time, each set aside at "
        r"its worst until it is back$",
        line,
    )
    assert found is not None
    assert 6 <= int(found[1]) < 24


def test_a_cap_that_is_wide_enough_is_not_named(
    open_farm: OpenFarm, provider: RunningProvider, engine: Engine
) -> None:
    provider.configure(batches=BatchRules(in_progress_s=60.0))
    farm = open_farm(max_usd="5")

    farm.tender.tend()

    assert "at a time" not in "".join(farm.farm.sent.notes)
    assert "the cap" not in explain_batches(engine, farm.farm.sent.stored.experiment)
