"""A small experiment that is asked by batches, and a worker's tender in this process."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from api_farm import ApiFarm, make_api_spec, open_api_farm, send_api
from factories import count
from simulated_provider import BatchRules, RunningProvider
from simulated_provider.counters import State
from sqlalchemy import Engine

from models.tables import ApiMode
from workers.app import app
from workers.batches.tending import Tender

CELLS = 24
QUICK = {
    "batch_poll_s": 0.02,
    "batch_doubt_s": 0.6,
    "retry_wait_s": 0.0,
    "api_timeout_s": 30.0,
}
AT_ONCE = BatchRules(validating_s=0.0, in_progress_s=0.0, finalizing_s=0.0, cancelling_s=0.0)
LIMIT_S = 20.0


class BatchFarm:
    """An experiment sent as batches; ``open_tender`` is what a worker would start."""

    def __init__(
        self,
        farm: ApiFarm,
        stack: ExitStack,
        *,
        send: Callable[..., Any],
    ) -> None:
        self.farm = farm
        self.engine = farm.engine
        self.ended: list[Exception] = []
        self.send = send
        self._stack = stack
        self.tender = self.open_tender()

    def open_tender(self, engine: Engine | None = None) -> Tender:
        """Another worker's."""
        tender = Tender(
            engine or self.engine,
            app,
            self.farm.spec,
            self.farm.bench.settings,
            end_worker=self.ended.append,
        )
        self._stack.callback(tender.close)
        return tender

    def tend_until(self, is_so: Callable[[], bool], tender: Tender | None = None) -> None:
        """Let a worker make its rounds until something holds."""
        give_up_s = time.monotonic() + LIMIT_S
        while not is_so():
            assert time.monotonic() < give_up_s, self.describe()
            (tender or self.tender).tend()
            time.sleep(0.02)

    def tend_to_the_end(self, tender: Tender | None = None) -> None:
        """Until every chunk is settled or paused and no batch is left."""
        self.tend_until(self.is_over, tender)

    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return not (
            count(self.engine, "chunk", "state NOT IN ('done', 'paused', 'failed')")
            or count(self.engine, "batch", "state <> 'ended'")
        )

    def list_chunk_states(self) -> set[str]:
        """The states of all chunks."""
        return {state for (state,) in self.farm.read_rows("SELECT DISTINCT state FROM chunk")}

    def describe(self) -> str:
        """Where it hangs."""
        return "\n".join(
            str(row)
            for row in [
                *self.farm.read_rows("SELECT state, status, error, n_requests FROM batch"),
                *self.farm.read_rows("SELECT state, batch, error, attempts FROM chunk"),
            ]
        )


OpenFarm = Callable[..., BatchFarm]


def sort_out_batches(state: State) -> tuple[int, int, int]:
    """Calls paid, those of them in batches, and those beyond the first of their prompt."""
    return state.n_paid, state.n_paid_in_batches, state.count_paid_twice()


def open_batch_farm(
    stack: ExitStack,
    engine: Engine,
    broker_url: str,
    folder: Path,
    provider: RunningProvider,
    **options: Any,
) -> BatchFarm:
    """A planned experiment in chunks of 6 cells, 24 in all, and what submits it."""
    spec = make_api_spec(provider, **options.pop("entry", {}))
    settings = {**QUICK, **options.pop("settings", {})}
    farm = stack.enter_context(
        open_api_farm(
            engine,
            broker_url,
            folder,
            spec,
            api_key=provider.api_key,
            settings=settings,
            **{"api_mode": ApiMode.BATCH, **options},
        )
    )

    def send(**again: Any) -> Any:
        kept = {key: value for key, value in options.items() if key == "n_items"}
        return send_api(engine, broker_url, folder, spec, **{**kept, **again})

    return BatchFarm(farm, stack, send=send)
