"""persona-data: the data sets, where they are, and whether they are what they should be.

persona-data list
persona-data fetch truthfulqa mmlu bbq
persona-data check
persona-data import-published persona-behavior
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from models.console import EXIT_COMPLETE, EXIT_USER, err, out, run
from models.errors import DataError
from models.llms import find_llm, load_registry
from models.settings import load_settings
from scheduler.datasets.catalog import (
    DATASETS,
    Dataset,
    DataSources,
    find_dataset,
    locate_dataset,
)
from scheduler.datasets.check import Check, State, check_dataset
from scheduler.datasets.fetch import describe_by_hand, fetch_files
from scheduler.datasets.source import SourceFile, describe_missing
from scheduler.experiments import load_experiment
from scheduler.show import find_item, find_persona, find_template, load_items, show_prompt

app = typer.Typer(
    name="persona-data",
    help="The data sets: list them, download them into the cache, verify them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())


def main() -> NoReturn:
    """Run persona-data and leave with its exit code."""
    run(app)


def find_sources() -> DataSources:
    """Return the folders of the settings: PERSONA_DATA_DIR, and the cache below PERSONA_HOME."""
    settings = load_settings()
    return DataSources(mirror=settings.data_dir, cache=settings.home / "data")


@app.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """Show every data set: its items, source, revision, licence, citation, and where it is.

    Example: persona-data list --json
    """
    sources = find_sources()
    rows = [_describe(dataset, sources) for dataset in DATASETS.values()]
    if as_json:
        _print_json(rows)
        return
    table = Table("name", box=None, expand=True)
    table.add_column("items", justify="right")
    table.add_column("source, revision, citation", ratio=3, overflow="fold")
    table.add_column("licence", min_width=10)
    table.add_column("here", ratio=2, overflow="fold")
    for row in rows:
        about = [row["source"], row["revision"][:12], row["citation"]]
        here = f"partly: {row['missing']}" if row["is_partial"] else row["place"]
        table.add_row(
            row["name"],
            f"{row['items']:,}",
            "\n".join(line for line in about if line),
            row["licence"],
            here,
        )
    out.print(table)


@app.command("fetch")
def fetch_datasets(names: Names = None, as_json: AsJson = False) -> None:
    """Download data sets into the cache, all that can be or those named.

    What is complete in PERSONA_DATA_DIR or in the cache is left as it is.

    Example: persona-data fetch truthfulqa mmlu bbq
    """
    sources = find_sources()
    written: dict[str, list[str]] = {}
    for dataset in _choose(names):
        written[dataset.name] = []
        if not locate_dataset(dataset, sources).missing:
            _say(f"{dataset.name}: already here", as_json)
            continue
        by_hand = [file for file in dataset.files if file.by_hand]
        if by_hand and not names:
            _say(f"{dataset.name}: {describe_by_hand(by_hand[0], sources.cache)}", as_json)
            continue
        with Progress(*_COLUMNS, console=err, transient=True, disable=not err.is_terminal) as bars:
            shown = _Bars(bars, dataset)
            paths = fetch_files(dataset.files, sources.cache, progress=shown.move)
        written[dataset.name] = [str(path) for path in paths]
        _say(f"{dataset.name}: {len(paths)} files in {sources.cache}", as_json)
    if as_json:
        _print_json([{"name": name, "written": paths} for name, paths in written.items()])


@app.command("check")
def check_datasets(names: Names = None, as_json: AsJson = False) -> None:
    """Verify the hashes and the counts of what is here; leaves with 2 if something is broken.

    Says which files are missing, derived, or have no published hash. A data set that was named
    and is not here at all counts as broken, and so does it when there is nothing at all to check.

    Example: persona-data check bbq
    """
    sources = find_sources()
    checks = [check_dataset(dataset, sources) for dataset in _choose(names)]
    is_nothing = all(check.state is State.ABSENT for check in checks if DATASETS[check.name].files)
    if as_json:
        _print_json([asdict(check) for check in checks])
    elif names or not is_nothing:
        for check in checks:
            _print_check(check)
    if is_nothing and not names:
        raise DataError(
            "nothing to check, no publisher's data set is here: `persona-data fetch` downloads "
            "them, or set PERSONA_DATA_DIR to a mirror that has them"
        )
    wrong = {State.BROKEN, State.ABSENT} if names else {State.BROKEN}
    is_wrong = any(check.state in wrong for check in checks)
    raise typer.Exit(EXIT_USER if is_wrong else EXIT_COMPLETE)


@app.command("show")
def show_item(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0)],
    llm: Annotated[str, typer.Option(help="The LLM that would be asked.")],
    persona: Annotated[str, typer.Option(help='The persona, "" for none.')] = "",
    template: Annotated[
        str | None,
        typer.Option(help="The words around it (default: paper, or the experiment's first)."),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(help="Look in its data sets, personas and templates too: a name or a file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print exactly what an LLM would be sent for one item (numbered from 0) under a persona.

    Example: persona-data show demo 0 --persona "a mathematician" --llm tiny
    """
    settings = load_settings()
    spec = load_experiment(experiment) if experiment is not None else None
    asked = find_llm(load_registry(settings.llms_file), llm)
    wanted = find_persona(persona, experiment=spec)
    words = find_template(template, experiment=spec)
    item = find_item(load_items(dataset, find_sources(), experiment=spec), index)
    decoding = spec.decoding if spec is not None else None
    shown = show_prompt(item, persona=wanted, llm=asked, template=words, decoding=decoding)
    if as_json:
        _print_json(shown.as_dict())
        return
    if shown.rendered is not None:
        out.print(shown.rendered)
        return
    for message in shown.messages:
        out.print(f"[{message['role']}]\n{message['content']}\n")
    if shown.request is not None:
        out.print(f"[request]\n{json.dumps(shown.request)}\n")
    err.print(f"Messages only: {shown.reason}")


@app.command("export")
def export_rows(
    parquet: Annotated[Path, typer.Option(help="The folder to write into.")],
    experiment: Annotated[
        str | None, typer.Option(help="Its name (default: the one planned last).")
    ] = None,
) -> None:
    """Write generations and readings with all their keys as Parquet, for your own statistics.

    Example: persona-data export --parquet answers --experiment demo
    """
    command = [sys.executable, "-m", "analysis.export", "--parquet", str(parquet)]
    if experiment is not None:
        command += ["--experiment", experiment]
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603


@app.command("import-published")
def import_published_answers(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A checkout of peluz/persona-behavior.")
    ],
    llm: Annotated[
        list[str] | None, typer.Option(help="Only this LLM, as its folder is called; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the paper's own generations into the experiment "published", partial files included.

    They are answers to the data sets in PERSONA_DATA_DIR or the cache, each of which must be
    complete. Importing again adds only what is not there yet.

    Example: persona-data import-published ../persona-behavior --llm gemma-2b-it
    """
    # SQL and Postgres, only for the command that needs them
    from scheduler.published.summary import import_and_describe, print_import

    summary = import_and_describe(
        folder, llms=llm or (), settings=load_settings(), sources=find_sources()
    )
    if as_json:
        _print_json(summary)
    else:
        print_import(summary)


class _Bars:
    """One progress bar per file, from the calls that fetching makes."""

    def __init__(self, bars: Progress, dataset: Dataset) -> None:
        self.bars = bars
        self.dataset = dataset
        self.tasks: dict[str, TaskID] = {}

    def move(self, file: SourceFile, done: int, total: int | None) -> None:
        if file.path not in self.tasks:
            self.tasks[file.path] = self.bars.add_task(file.path)
        if file.hub is not None:
            total = self.dataset.n_items  # the hub counts rows, not bytes
        self.bars.update(self.tasks[file.path], completed=done, total=total)


def _choose(names: Sequence[str] | None) -> list[Dataset]:
    return [find_dataset(name) for name in names] if names else list(DATASETS.values())


def _describe(dataset: Dataset, sources: DataSources) -> dict[str, Any]:
    located = locate_dataset(dataset, sources)
    return {
        "name": dataset.name,
        "title": dataset.title,
        "kinds": [kind.value for kind in dataset.kinds],
        "items": dataset.n_items,
        "source": dataset.source,
        "revision": dataset.revision,
        "licence": dataset.licence,
        "citation": dataset.citation,
        "url": dataset.url,
        "cluster": dataset.cluster,
        "stratum": dataset.stratum,
        "place": located.place.value,
        "is_partial": bool(located.missing) and located.root is not None,
        "missing": (
            describe_missing(dataset.title, dataset.files, located.missing)
            if located.missing
            else ""
        ),
    }


def _print_check(check: Check) -> None:
    if check.state is State.ABSENT:
        is_by_hand = any(file.by_hand for file in DATASETS[check.name].files)
        does = "says how to get it" if is_by_hand else "downloads it"
        out.print(f"{check.name}: absent; `persona-data fetch {check.name}` {does}")
        return
    out.print(f"{check.name}: {check.state} ({check.place}, {check.n_items:,} items)")
    for line in (check.missing, *check.problems, *check.notes):
        if line:
            out.print(f"  {line}")


def _say(line: str, as_json: bool) -> None:
    (err if as_json else out).print(line)


def _print_json(value: Any) -> None:
    out.print(json.dumps(value, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
