"""Generations with their readings as Parquet, for people who bring their own statistics.

python -m analysis.export --experiment demo --parquet out/

One file per LLM, data set and template, a row per generation, all keys in words; cells that could
not be answered stand in EXPERIMENT-failures.parquet with their reasons. Read and written persona
by persona: memory does not grow with the experiment.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import pyarrow.parquet as pq
import typer
from rich.progress import Progress
from sqlalchemy import Connection, Engine, text

from analysis.extractor import read_texts
from analysis.plain_names import make_plain
from analysis.planned import PlannedSlice, list_settings, load_slice
from analysis.readings import Outcome, is_hedge
from analysis.report.addresses import tell_apart
from models.console import EXIT_COMPLETE, err, out, run
from models.coverage import find_experiment, list_planned_experiments, measure_progress
from models.db import open_database, raw
from models.errors import ConfigError
from models.items import Kind
from models.sent import describe_sent
from models.settings import load_settings
from models.tables import Finish

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SCHEMA = {
    "llm": pl.String,
    "revision": pl.String,
    "decoding": pl.String,  # JSON of what was sent: limit of new tokens, temperature, ...
    "dataset": pl.String,
    "item_index": pl.Int32,  # the publisher's order, from 0
    "item_hash": pl.String,
    "kind": pl.String,
    "right_answer": pl.Int16,  # index of the right option
    "persona": pl.String,  # "" for none
    "category": pl.String,
    "template": pl.String,
    "repeat": pl.Int16,
    "seed": pl.Int64,  # of the repeat, as `models.sent` says; null where none is sent or drawn from
    "text": pl.String,
    "finish": pl.String,
    "prompt_tokens": pl.Int32,
    "new_tokens": pl.Int32,
    "value": pl.Int8,  # index of the option that was read, or the point from 1 to 5
    "outcome": pl.String,
    "hedge": pl.Boolean,
}
FAILURE_SCHEMA = {
    **{key: SCHEMA[key] for key in ("llm", "revision", "decoding", "dataset")},
    **{key: SCHEMA[key] for key in ("item_index", "item_hash")},
    **{key: SCHEMA[key] for key in ("persona", "category", "template", "repeat", "seed")},
    "attempts": pl.Int16,
    "reason": pl.String,
}
_GENERATION = {
    "item": pl.Int32,
    **{key: SCHEMA[key] for key in ("repeat", "text")},
    "finish": pl.Int16,
    **{key: SCHEMA[key] for key in ("prompt_tokens", "new_tokens")},
}
_ITEM = {
    "item": pl.Int32,
    **{key: SCHEMA[key] for key in ("item_index", "item_hash", "kind")},
    "n_options": pl.Int16,
    "right_answer": pl.Int16,
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    files: tuple[Path, ...]
    generations: int
    failures: int


def export_parquet(
    engine: Engine,
    experiment: str,
    folder: Path,
    *,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> Exported:
    """Write all generations of an experiment; ``on_rows`` hears of every batch.

    The files begin with the experiment as it was asked for, its hash included: versions of one
    name can go into one folder.

    Raises:
        UnknownNameError: nothing of that name has been planned.
        ConfigError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--parquet {folder}: {error.strerror}; name another folder") from error
    files: list[Path] = []
    rows = 0
    failures: list[pl.DataFrame] = []
    with engine.connect() as connection:
        stored = find_experiment(connection, experiment)
        parts = measure_progress(connection, stored.id)
        words = [(experiment, part.llm, part.dataset, part.template) for part in parts]
        *names, failures_name = _name_files([*words, (experiment, "failures")])
        for part, name in zip(parts, names, strict=True):
            planned = load_slice(connection, part.slice)
            path = folder / name
            with _open_parquet(path, SCHEMA) as write:
                for frame in iterate_frames(connection, stored.id, planned):
                    write(frame)
                    rows += len(frame)
                    on_rows(len(frame))
            files.append(path)
            failures.append(read_failures(connection, stored.id, planned))
    failed = pl.concat(failures) if failures else pl.DataFrame(schema=FAILURE_SCHEMA)
    path = folder / failures_name
    with _open_parquet(path, FAILURE_SCHEMA) as write:
        write(failed)
    return Exported((*files, path), rows, len(failed))


def _name_files(words: Sequence[Sequence[str]]) -> list[str]:
    """A name of its own for each file of these words."""
    plain = ["-".join(make_plain(word, also="@") for word in each) for each in words]
    return [f"{name}.parquet" for name in tell_apart(plain, ["\n".join(each) for each in words])]


@contextmanager
def _open_parquet(path: Path, schema: Any) -> Iterator[Callable[[pl.DataFrame], None]]:
    """A writer of row groups; the file has its name only when it is whole."""
    unfinished = path.with_suffix(".parquet.part")
    arrow = pl.DataFrame(schema=schema).to_arrow().schema
    with pq.ParquetWriter(unfinished, arrow, compression="zstd") as writer:
        yield lambda frame: writer.write_table(frame.to_arrow().cast(arrow))
    unfinished.replace(path)


def iterate_frames(
    connection: Connection, experiment: int, planned: PlannedSlice
) -> Iterator[pl.DataFrame]:
    """A frame of `SCHEMA` per persona that has generations, in the experiment's order."""
    items = _read_items(connection, planned)
    settings = list_settings(connection, experiment, planned.persona_ids)
    words, seeds = _read_words(connection, planned)
    for persona, setting in zip(planned.persona_ids, settings, strict=True):
        with raw(connection).cursor(binary=True) as cursor:
            cursor.execute(
                """
                SELECT item, repeat, text, finish, prompt_tokens, new_tokens FROM generation
                WHERE llm = %s AND ask = %s AND persona = %s AND item BETWEEN %s AND %s
                    AND repeat < %s
                """,
                (
                    planned.llm_id,
                    planned.ask,
                    persona,
                    min(planned.item_ids),
                    max(planned.item_ids),
                    planned.repeats,
                ),
            )
            found = pl.DataFrame(cursor.fetchall(), schema=_GENERATION, orient="row")
        if found.is_empty():
            continue
        words |= {"persona": setting.persona, "category": setting.category}
        frame = read_frame(found.join(items, on="item", how="inner").sort("item_index", "repeat"))
        frame = frame.join(seeds, on="repeat", how="left", maintain_order="left")
        yield frame.with_columns(pl.lit(word).alias(key) for key, word in words.items()).select(
            pl.col(key).cast(type_) for key, type_ in SCHEMA.items()
        )


def read_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Add value, outcome and hedge, and write the finish in words."""
    parts = []
    for (kind,), part in frame.partition_by("kind", as_dict=True, maintain_order=True).items():
        codes = read_texts(part["text"], part["n_options"].to_numpy(), kind=Kind(kind))
        parts.append(part.with_columns(code=pl.Series(codes)))
    read = pl.concat(parts).sort("item_index", "repeat")
    hedges = read.select(pl.col("text").unique())
    hedges = hedges.with_columns(
        hedge=pl.col("text").map_elements(is_hedge, return_dtype=pl.Boolean)
    )
    outcomes = {outcome.value: outcome.name.lower() for outcome in Outcome}
    code = (
        pl.when(pl.col("finish") == Finish.FILTERED)
        .then(pl.lit(Outcome.FILTERED.value, pl.Int8))
        .otherwise(pl.col("code"))
    )
    return (
        read.with_columns(code=code)
        .join(hedges, on="text", how="left", maintain_order="left")
        .with_columns(
            value=pl.when((pl.col("code") >= 0) & (pl.col("kind") != Kind.FREE.value)).then("code"),
            outcome=pl.col("code")
            .clip(upper_bound=0)
            .replace_strict(outcomes, return_dtype=pl.String),
            finish=pl.col("finish").replace_strict(
                {finish.value: finish.name.lower() for finish in Finish}, return_dtype=pl.String
            ),
        )
    )


def _read_items(connection: Connection, planned: PlannedSlice) -> pl.DataFrame:
    rows = connection.execute(
        text("""
            SELECT id, index, content_hash, kind, n_options, answer FROM item
            WHERE id = ANY(:items)
        """),
        {"items": list(planned.item_ids)},
    ).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=_ITEM, orient="row")


def _read_words(
    connection: Connection, planned: PlannedSlice
) -> tuple[dict[str, str | None], pl.DataFrame]:
    """What all rows of a slice have in common, and the seed of each repeat."""
    llm = connection.execute(
        text("SELECT kind, revision, spec, decoding FROM llm WHERE id = :llm"),
        {"llm": planned.llm_id},
    ).one()
    sent = describe_sent(
        planned.llm, kind=llm.kind, spec=llm.spec, decoding=llm.decoding, repeats=planned.repeats
    )
    words = {
        "llm": planned.llm,
        "revision": llm.revision,
        "decoding": json.dumps(sent.parameters),
        "dataset": planned.dataset,
        "template": planned.template,
    }
    seeds = {"repeat": range(planned.repeats), "seed": sent.seeds}
    return words, pl.DataFrame(seeds, schema={key: SCHEMA[key] for key in seeds})


def read_failures(connection: Connection, experiment: int, planned: PlannedSlice) -> pl.DataFrame:
    """The slice's cells that could not be answered, as `FAILURE_SCHEMA`."""
    settings = list_settings(connection, experiment, planned.persona_ids)
    category = {setting.persona: setting.category for setting in settings}
    rows = connection.execute(
        text("""
            SELECT i.index AS item_index, i.content_hash AS item_hash, p.persona, f.repeat,
                f.attempts, f.reason
            FROM failure f JOIN item i ON i.id = f.item JOIN persona p ON p.id = f.persona
            WHERE f.llm = :llm AND f.ask = :ask AND f.persona = ANY(:personas)
                AND f.item = ANY(:items) AND f.repeat < :repeats
            ORDER BY p.id, i.index, f.repeat
        """),
        {
            "llm": planned.llm_id,
            "ask": planned.ask,
            "personas": list(planned.persona_ids),
            "items": list(planned.item_ids),
            "repeats": planned.repeats,
        },
    )
    words, seeds = _read_words(connection, planned)
    seed = dict(seeds.iter_rows())
    return pl.DataFrame(
        [
            {
                **row._mapping,
                **words,
                "category": category[row.persona],
                "seed": seed[row.repeat],
            }
            for row in rows
        ],
        schema=FAILURE_SCHEMA,
    )


@app.command(epilog="Example: persona-data export --experiment demo --parquet out/")
def export(
    parquet: Annotated[Path, typer.Option(help="The folder to write into.")],
    experiment: Annotated[
        str | None, typer.Option(help="NAME, or NAME@HASH (default: the one planned last).")
    ] = None,
) -> int:
    """Write every generation with its reading as Parquet, for your own statistics."""
    with open_database(load_settings()) as engine:
        with engine.connect() as connection:
            planned = list_planned_experiments(connection)
            if not planned:
                raise ConfigError(
                    "nothing is planned yet; begin with persona-schedule --experiment demo"
                )
            asked = experiment or planned[0]
            stored = find_experiment(connection, asked)
            parts = measure_progress(connection, stored.id)
        with Progress(console=err) as bars:
            bar = bars.add_task("generations", total=sum(part.covered for part in parts))
            done = export_parquet(
                engine, asked, parquet, on_rows=lambda rows: bars.advance(bar, rows)
            )
    failed = f", {done.failures:,} failed cells" if done.failures else ""
    missing = sum(part.missing for part in parts)
    partial = f"; {missing:,} cells are not answered yet" if missing else ""
    out.print(
        f"{done.generations:,} generations{failed} in {len(done.files)} files: {parquet}{partial}",
        markup=False,
    )
    return EXIT_COMPLETE


def main() -> None:
    """Entry point of ``python -m analysis.export``."""
    run(app)


if __name__ == "__main__":
    main()
