"""A small experiment of an LLM at the simulated provider, and a worker's bench in this process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factories import make_grid
from simulated_provider import RunningProvider
from simulated_provider.counters import State
from sqlalchemy import Engine, text

from models.accounts import Account, list_accounts
from models.llms import LlmSpec, load_registry
from models.settings import Settings
from models.tables import ApiMode
from scheduler.money import parse_money
from scheduler.send import Sent, plan_and_send
from workers.api_llm import open_api_llm
from workers.app import configure_app, open_broker
from workers.tasks import Bench, process_chunk

KEY_VARIABLE = "SIMULATED_KEY"
QUICK = {"api_retry_wait_s": 0.01, "api_timeout_s": 30.0, "api_attempts": 3, "retry_wait_s": 0.0}
CELLS = 24


def make_api_spec(provider: RunningProvider, **changes: Any) -> LlmSpec:
    """An LLM at the simulated provider, at its price; chunks of 12 cells."""
    entry = load_registry()["gpt-4-0125-preview"]
    own = {
        "name": "sim",
        "base_url": provider.base_url,
        "api_key_env": KEY_VARIABLE,
        "price": {"input_usd": "0.5", "output_usd": "1.5"},
        "quota": None,
        "retired": None,
        "chunk_cells": 12,
    }
    return LlmSpec.model_validate({**entry.model_dump(), **own, **changes})


@dataclass
class ApiFarm:
    """An experiment that was sent, and what asks its LLM here."""

    engine: Engine
    spec: LlmSpec
    sent: Sent
    bench: Bench
    ended: list[Exception]  # why the worker was told to end

    @property
    def chunks(self) -> list[int]:
        """All chunks that are open."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT id FROM chunk WHERE state IN ('planned', 'queued') ORDER BY id")
            )
            return list(rows.scalars())

    def answer_all(self) -> None:
        """Answer every open chunk once."""
        for chunk in self.chunks:
            process_chunk(self.bench, chunk)

    def read_account(self) -> Account:
        """The money as it stands."""
        with self.engine.connect() as connection:
            return list_accounts(connection, self.sent.stored.experiment)[0]

    def read_rows(self, query: str) -> list[Any]:
        """Rows of a query in a test's own words."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(query)).all())


OpenLiveFarm = Callable[..., ApiFarm]


def sort_out(state: State) -> tuple[int, int]:
    """Calls paid, and those paid beyond the first of their prompt."""
    return state.n_paid, state.count_paid_twice()


def send_api(
    engine: Engine,
    broker_url: str,
    folder: Path,
    spec: LlmSpec,
    *,
    max_usd: str = "5",
    api_mode: ApiMode | None = None,
    cancel_batches: bool = False,
    **options: Any,
) -> Sent:
    """Plan an experiment of one API LLM: 4 settings x 6 items unless told otherwise."""
    configure_app(broker_url)
    grid = make_grid(folder, registry={spec.name: spec}, llms=[spec.name], **options)
    money = parse_money(
        max_usd=[max_usd], price=[], api_mode=api_mode, cancel_batches=cancel_batches
    )
    broker = open_broker(broker_url)
    return plan_and_send(engine, broker, grid, window=2000, retry_failed=False, money=money)


@contextmanager
def open_api_farm(
    engine: Engine,
    broker_url: str,
    folder: Path,
    spec: LlmSpec,
    *,
    api_key: str,
    concurrency: int = 4,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[ApiFarm]:
    """A planned experiment and a bench that answers it."""
    sent = send_api(engine, broker_url, folder, spec, **options)
    os.environ[KEY_VARIABLE] = api_key
    quick = Settings(_env_file=None, home=folder, **{**QUICK, **(settings or {})})
    llm = open_api_llm(
        spec, settings=quick, engine=engine, broker_url=broker_url, concurrency=concurrency
    )
    ended: list[Exception] = []
    broker = open_broker(broker_url)
    bench = Bench("w@here:1", quick, engine, broker, llm, ended.append, lambda: None)
    try:
        yield ApiFarm(engine, spec, sent, bench, ended)
    finally:
        llm.close()
        broker.close()
        os.environ.pop(KEY_VARIABLE, None)
