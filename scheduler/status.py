"""``persona-status``: how far an experiment is, from Postgres.

persona-status
persona-status --experiment demo --json
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from redis import Redis, RedisError
from rich.table import Table
from sqlalchemy import Connection, Engine, text

from models.console import (
    EXIT_COMPLETE,
    EXIT_FAILURES,
    EXIT_INCOMPLETE,
    err,
    make_table,
    out,
    run,
)
from models.coverage import (
    SliceProgress,
    StoredExperiment,
    find_experiment,
    hash_coverage,
    list_failures,
    list_planned_experiments,
    measure_progress,
)
from models.db import open_database
from models.durations import format_duration
from models.errors import ConfigError
from models.settings import Settings, load_settings
from scheduler.llm_status import LlmStatus, explain_llms, list_llm_statuses, tabulate_llms
from workers.app import open_broker

_INTERNAL = {"slice", "is_imported"}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: persona-status --experiment truthfulqa --json")
def show_status(
    experiment: Annotated[
        str | None, typer.Option(help="NAME, or NAME@HASH (default: the one planned last).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show coverage, rate and time left for each LLM and data set, and what failed.

    For LLMs that are asked over an API also money, quota, calls under way and retries.

    Exit code 0: complete; 1: settled with failures; 3: cells are missing.
    """
    settings = load_settings()
    with open_farm(settings) as (engine, broker), engine.connect() as connection:
        names = list_planned_experiments(connection)
        if not names:
            raise ConfigError(
                "nothing is planned yet; begin with persona-schedule --experiment demo"
            )
        stored = find_experiment(connection, experiment or names[0])
        parts = measure_progress(connection, stored.id)
        outcomes = read_outcomes(connection, stored.id, parts)
        llms = read_llms(connection, stored.id, parts, broker=broker)
        if as_json:
            out.print_json(json.dumps(describe_status(stored, parts, outcomes, llms)))
        else:
            out.print(tabulate_status(stored, parts, outcomes, llms))
            if llms:
                out.print(tabulate_llms(llms))
            for line in explain_llms(llms):
                out.print(line)
            for group in list_failures(connection, stored.id)[:10]:
                out.print(f"failed: {group.llm}, {group.dataset}: {group.n:,} x {group.reason}")
    if any(part.missing for part in parts):
        return EXIT_INCOMPLETE
    return EXIT_FAILURES if any(part.failed for part in parts) else EXIT_COMPLETE


@contextmanager
def open_farm(settings: Settings) -> Iterator[tuple[Engine, Redis | None]]:
    """Postgres and Redis as configured, or the embedded ones; no Redis where none is named."""
    if settings.database_url is not None:
        url = settings.broker_url
        with open_database(settings) as engine:
            yield engine, None if url is None else open_broker(url.get_secret_value())
        return
    from models.embedded import open_services  # only where it is needed

    with open_services(settings.home) as services:
        here = settings.model_copy(update={"database_url": SecretStr(services.database_url)})
        with open_database(here) as engine:
            yield engine, open_broker(services.broker_url)


def read_llms(
    connection: Connection,
    experiment: int,
    parts: Sequence[SliceProgress],
    *,
    broker: Redis | None,
) -> list[LlmStatus]:
    """The API LLMs, without their quotas where Redis does not answer."""
    try:
        return list_llm_statuses(connection, experiment, parts, broker=broker)
    except RedisError as error:
        err.print(f"how much of the quotas is used is unknown, Redis does not answer: {error}")
        return list_llm_statuses(connection, experiment, parts, broker=None)


def read_outcomes(
    connection: Connection, experiment: int, parts: list[SliceProgress]
) -> dict[int, dict[str, int]]:
    """Slice -> outcome -> cells, of the complete slices whose present answers were analysed."""
    rows = connection.execute(
        text("""
            SELECT slice, coverage_hash, result -> 'outcomes' AS outcomes FROM analysis_job
            WHERE experiment = :experiment AND state = 'done' AND slice = ANY(:slices)
        """),
        {
            "experiment": experiment,
            "slices": [part.slice for part in parts if part.missing == 0],
        },
    ).all()
    hashes = {row.slice: hash_coverage(connection, row.slice) for row in rows}
    return {row.slice: row.outcomes or {} for row in rows if row.coverage_hash == hashes[row.slice]}


def describe_status(
    stored: StoredExperiment,
    parts: list[SliceProgress],
    outcomes: dict[int, dict[str, int]],
    llms: Sequence[LlmStatus] = (),
) -> dict[str, Any]:
    """The status as JSON; ``llms`` as ``llm_status.LlmStatus.describe`` says."""
    paused = {llm.llm for llm in llms if llm.pauses}
    return {
        "experiment": stored.name,
        "complete": all(part.missing == 0 for part in parts),
        "slices": [
            {
                **{key: value for key, value in asdict(part).items() if key not in _INTERNAL},
                "missing": part.missing,
                "eta_s": None if part.llm in paused and part.missing else part.eta_s,
                "outcomes": outcomes.get(part.slice, {}),
            }
            for part in parts
        ],
        "llms": [llm.describe() for llm in llms],
    }


def tabulate_status(
    stored: StoredExperiment,
    parts: list[SliceProgress],
    outcomes: dict[int, dict[str, int]],
    llms: Sequence[LlmStatus] = (),
) -> Table:
    """The status for people."""
    paused = {llm.llm for llm in llms if llm.pauses}
    table = make_table(
        f"Experiment {stored.name}",
        words=["LLM", "data set", "template"],
        numbers=["cells", "covered", "failed", "missing", "cut off", "rate", "left"],
    )
    table.add_column("outcomes")
    for part in parts:
        counts = outcomes.get(part.slice, {})
        table.add_row(
            part.llm,
            part.dataset,
            part.template,
            *(f"{n:,}" for n in (part.planned, part.covered, part.failed, part.missing)),
            "?" if part.cut_off is None else f"{part.cut_off:,}",
            f"{part.rate_per_s:,.0f}/s" if part.missing else "",
            _format_left(part, is_paused=part.llm in paused),
            ", ".join(f"{count:,} {name}" for name, count in counts.items() if count),
        )
    return table


def _format_left(part: SliceProgress, *, is_paused: bool) -> str:
    if part.missing == 0:
        return ""
    return "paused" if is_paused else format_duration(part.eta_s)


def main() -> None:
    """Entry point of ``persona-status``."""
    run(app)


if __name__ == "__main__":
    main()
