"""``persona-schedule``: turn an experiment into rows and chunk ids, and watch it.

persona-schedule --experiment demo --local       everything on this machine
persona-schedule --experiment all --watch        send to the workers of a cluster
persona-schedule --experiment mine.toml --dry-run
persona-schedule --experiment truthfulqa --llm gpt-6-luna --max-usd 5 --local
"""

from collections.abc import Sequence
from typing import Annotated

import typer

from models.console import EXIT_COMPLETE, EXIT_FAILURES, out, run
from models.coverage import SHORT_HASH, FailedGroup, SliceProgress, list_failures, measure_progress
from models.db import check_reachable, migrate, open_engine
from models.errors import ConfigError, IncompleteError, LlmLoadError
from models.keys import find_key
from models.llms import load_registry
from models.pausing import Pause, list_pauses
from models.settings import Settings, load_settings
from models.tables import ApiMode
from scheduler.datasets.catalog import DataSources
from scheduler.dry_run import print_dry_run
from scheduler.experiments import list_experiments, load_experiment
from scheduler.grid import Grid, resolve_grid
from scheduler.money import MoneyOptions, check_options, parse_money
from scheduler.progress import describe_cells, watch_until_settled
from scheduler.send import plan_and_send
from workers.app import configure_app, open_broker

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: persona-schedule --experiment demo --local  |  "
    "persona-schedule --experiment truthfulqa --llm tiny --limit 100 --dry-run"
)
def schedule(
    experiment: Annotated[
        str, typer.Option(help=f"One of: {', '.join(list_experiments())}; or a .toml file.")
    ],
    llm: Annotated[
        list[str] | None, typer.Option(help="Ask these LLMs instead of the experiment's.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only each data set's first N items.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the grid; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: print JSON.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show progress until everything is settled.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again what could not be answered.")
    ] = False,
    local: Annotated[
        bool, typer.Option("--local", help="Start servers and workers here; end in a report.")
    ] = False,
    available: Annotated[
        bool, typer.Option("--available", help="Go on with the part of the data that is here.")
    ] = False,
    max_usd: Annotated[
        list[str] | None,
        typer.Option(
            metavar="USD",
            help="Hard cap on what each API LLM may cost this experiment, or LLM=USD for one.",
        ),
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="IN,OUT",
            help="USD per million tokens: IN,OUT for LLMs without a price in the registry (or the "
            "only one), LLM=IN,OUT for one.",
        ),
    ] = None,
    api_mode: Annotated[
        ApiMode | None,
        typer.Option(help="Ask API LLMs live, or as batches: within a day, at half the price."),
    ] = None,
    cancel_batches: Annotated[
        bool,
        typer.Option(
            "--cancel-batches",
            help="Cancel the batches under way and keep what they have answered; the rest waits, "
            "or with --api-mode live is asked live.",
        ),
    ] = False,
) -> int:
    """Plan an experiment and send what is not settled. The same command again resumes it.

    Exit code 0: complete (or sent); 1: settled with failures; 2: a mistake in what was asked; 3:
    an LLM is paused, so cells are missing.
    """
    settings = load_settings()
    money = parse_money(
        max_usd=max_usd or (),
        price=price or (),
        api_mode=api_mode,
        cancel_batches=cancel_batches,
    )
    if as_json and not dry_run:
        raise ConfigError(
            "--json goes with --dry-run; for a running experiment: persona-status --json"
        )
    spec = load_experiment(experiment).narrow(llms=llm or (), limit=limit)
    grid = resolve_grid(
        spec,
        registry=load_registry(settings.llms_file),
        sources=DataSources(mirror=settings.data_dir, cache=settings.home / "data"),
        available=available,
        declared=dry_run,
    )
    if dry_run:
        print_dry_run(settings, grid, money, as_json=as_json)
        return EXIT_COMPLETE
    check_options(grid, money)
    if local:
        return schedule_locally(settings, grid, money, retry_failed=retry_failed)
    return schedule_on_cluster(settings, grid, money, retry_failed=retry_failed, watch=watch)


def schedule_on_cluster(
    settings: Settings, grid: Grid, money: MoneyOptions, *, retry_failed: bool, watch: bool
) -> int:
    """Plan and send to workers that run elsewhere; wait for them where asked to."""
    if settings.database_url is None or settings.broker_url is None:
        raise ConfigError(
            "no servers are named: add --local to run everything on this machine, or set "
            'PERSONA_DATABASE_URL and PERSONA_BROKER_URL (README, "Scaling out")'
        )
    broker_url = settings.broker_url.get_secret_value()
    engine = open_engine(settings.database_url.get_secret_value())
    check_reachable(engine)
    migrate(engine)
    configure_app(broker_url)
    sent = plan_and_send(
        engine,
        open_broker(broker_url),
        grid,
        window=settings.window,
        retry_failed=retry_failed,
        money=money,
    )
    for line in sent.notes:
        out.print(line)
    with engine.connect() as connection:
        parts = measure_progress(connection, sent.stored.experiment)
    out.print(f"Experiment {grid.spec.name}: {describe_cells(parts)}; {sent.chunks:,} chunks sent")
    out.print(f"Follow it with: persona-status --experiment {grid.spec.name}")
    if not watch:
        return EXIT_COMPLETE
    parts = watch_until_settled(engine, sent.stored.experiment, on_tick=set)
    with engine.connect() as connection:
        failures = list_failures(connection, sent.stored.experiment)
        pauses = list_pauses(connection, sent.stored.experiment)
    code = print_failures(parts, failures)
    refuse_paused(pauses)
    return code


def schedule_locally(
    settings: Settings, grid: Grid, money: MoneyOptions, *, retry_failed: bool
) -> int:
    """Run everything on this machine and write the report.

    Raises:
        LlmLoadError: an API LLM has no key; nothing has been started then.
    """
    for llm in grid.api_llms.values():
        find_key(llm)
    from scheduler.local import report_run, run_locally, write_report

    with run_locally(settings, grid, retry_failed=retry_failed, money=money) as done:
        report_run(done)
        if done.problems:
            raise LlmLoadError("; ".join(done.problems))
        refuse_paused(done.pauses)
        # not by its name alone, which another command may have given to another grid meanwhile
        code = write_report(settings, done, f"{grid.spec.name}@{grid.spec_hash[:SHORT_HASH]}")
        failures = print_failures(done.parts, done.failures)
    return code or failures


def refuse_paused(pauses: Sequence[Pause]) -> None:
    """Raise IncompleteError, with its one line, where an LLM waits for a person."""
    if pauses:
        reasons = {pause.llm: pause.reason for pause in reversed(pauses)}  # of the most chunks
        raise IncompleteError("; ".join(reasons[llm] for llm in sorted(reasons)))


def print_failures(parts: list[SliceProgress], groups: list[FailedGroup]) -> int:
    """List what could not be answered; the exit code that goes with it."""
    failed = sum(part.failed for part in parts)
    if not failed:
        return EXIT_COMPLETE
    out.print(f"{failed:,} cells could not be answered (ask them again with --retry-failed):")
    for group in groups[:20]:
        out.print(f"  {group.llm}, {group.dataset}: {group.n:,} x {group.reason}")
    return EXIT_FAILURES


def main() -> None:
    """Entry point of ``persona-schedule``."""
    run(app)


if __name__ == "__main__":
    main()
