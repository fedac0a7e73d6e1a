"""python -m analysis.reproduction --scores all_scores.csv"""

import json
from pathlib import Path
from typing import Annotated

import typer

from analysis.reproduction.document import write_markdown
from analysis.reproduction.reproduce import Files, describe_reproduction, reproduce
from models.console import EXIT_COMPLETE, run

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: python -m analysis.reproduction --scores all_scores.csv")
def reproduction(
    scores: Annotated[Path, typer.Option(help="The authors' all_scores.csv, downloaded by you.")],
    tweets: Annotated[
        Path | None, typer.Option(help="largeScale.csv of Sap et al.: claims about people.")
    ] = None,
    bbq: Annotated[
        Path | None,
        typer.Option(help="Folder of BBQ's files and additional_metadata.csv: its right answers."),
    ] = None,
    mmlu: Annotated[
        Path | None, typer.Option(help="MMLU's test split as JSON lines: its right answers.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> int:
    """Check the paper's claims against public files and print them as Markdown."""
    found = reproduce(Files(scores, tweets, bbq, mmlu))
    if as_json:
        text = json.dumps(describe_reproduction(found), indent=1, ensure_ascii=False) + "\n"
    else:
        text = write_markdown(found)
    typer.echo(text, nl=False)
    return EXIT_COMPLETE


def main() -> None:
    """Entry point of ``python -m analysis.reproduction``."""
    run(app)


if __name__ == "__main__":
    main()
