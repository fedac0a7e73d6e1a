"""``persona-analyze``: from complete coverage to numbers and a report.

persona-analyze --experiment demo
persona-analyze --experiment truthfulqa --partial
"""

import json
from contextlib import nullcontext
from typing import Annotated, Any

import typer

from analysis.progress import SILENCE
from analysis.progress_bars import show_progress
from analysis.publish import Published, publish_report
from models.console import EXIT_COMPLETE, EXIT_FAILURES, err, make_table, out, run
from models.coverage import find_experiment
from models.db import open_database
from models.settings import load_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: persona-analyze --experiment demo")
def analyze(
    experiment: Annotated[str, typer.Option(help="NAME as it was planned, or NAME@HASH.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Report what there is; the report then says so.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Write the report of an experiment and print a short table.

    Exit code 0: done; 1: done, but some cells could not be answered; 3: refused because cells are
    missing.
    """
    settings = load_settings()
    with open_database(settings) as engine:
        with engine.connect() as connection:
            stored = find_experiment(connection, experiment)
        with nullcontext(SILENCE) if as_json else show_progress(err) as progress:
            published = publish_report(engine, settings, stored, partial=partial, progress=progress)
    if as_json:
        out.print_json(json.dumps(describe_published(stored.name, published)))
    else:
        print_published(stored.name, published)
    return EXIT_FAILURES if published.coverage.failed else EXIT_COMPLETE


def describe_published(name: str, published: Published) -> dict[str, Any]:
    """The short table as JSON."""
    return {
        "experiment": name,
        "report": str(published.page),
        "is_partial": published.coverage.missing > 0,
        "was_current": published.was_current,
        "measures": published.summary,
    }


def print_published(name: str, published: Published) -> None:
    """The short table and where the report is."""
    coverage = published.coverage
    partial = f", PARTIAL: {coverage.missing:,} cells missing" if coverage.missing else ""
    table = make_table(
        f"Experiment {name}{partial}",
        words=("LLM, data set", "measure", "highest persona", "lowest persona"),
        numbers=("cells", "answered", "refused", "unread.", "controls", "paper p", "perm. p", "W"),
    )
    templates = {row["template"] for row in published.summary}
    for row in published.summary:
        said = f", {row['template']}" if len(templates) > 1 else ""
        share = row["answered_share"]
        table.add_row(
            f"{row['llm']}, {row['dataset']}{said}",
            row["measure"],
            *(_describe_end(row, end) for end in ("best", "worst")),
            f"{row['cells']:,}",
            "-" if share is None else f"{share:.1%}",
            f"{row['refused']:,}",
            f"{row['unreadable']:,}",
            *(row[key] or "-" for key in ("controls", "q_p", "permutation_p", "kendalls_w")),
        )
    out.print(table)
    out.print(f"The report: {published.page}")


def _describe_end(row: dict[str, Any], end: str) -> str:
    if end not in row:
        return "-"
    if row["all_equal"]:
        return f"all are equal {row[f'{end}_score']}"
    others = row[f"{end}_ties"] - 1
    more = f" and {others:,} more" if others else ""
    return f"{row[end]}{more} {row[f'{end}_score']}"


def main() -> None:
    """Entry point of ``persona-analyze``."""
    run(app)


if __name__ == "__main__":
    main()
