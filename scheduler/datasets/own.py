"""A user's own items: JSON lines, CSV, Parquet, or a data set on the Hugging Face hub.

A row is one item; its kind shows in its columns:
  choice: question, choices, answer (an index from 0, a letter, or the right choice's text; may be
    absent), and context where there is one
  likert: instruction, statement, scale (five texts, lowest first)
  free: text
Each may have ``cluster`` and ``stratum`` (texts: items that belong together) and ``tags`` (an
object of the user's own values). ``columns`` renames: {"question": "prompt"}; a list gathers
several columns: {"choices": ["a", "b", "c"], "tags": ["author", "year"]}.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet

from models.errors import ConfigError, DataError, UnknownNameError
from models.items import Item, Kind
from scheduler.datasets.answers import MAX_OPTIONS, N_SCALE_POINTS, find_answer, number_scale
from scheduler.datasets.fetch import read_hub_rows
from scheduler.datasets.loaded import LoadedDataset, hash_items
from scheduler.datasets.rows import read_csv, read_json_lines, take_columns
from scheduler.datasets.source import HubSplit

Columns = Mapping[str, str | list[str]]
Rows = Iterator[tuple[str, dict[str, Any]]]  # ("items.jsonl line 7", row)

_SHARED = ("cluster", "stratum", "tags")
_COLUMNS = {
    Kind.CHOICE: ("question", "choices", "answer", "context", *_SHARED),
    Kind.LIKERT: ("instruction", "statement", "scale", *_SHARED),
    Kind.FREE: ("text", *_SHARED),
}
_MARKS = {"question": Kind.CHOICE, "statement": Kind.LIKERT, "text": Kind.FREE}
_KNOWN = sorted({column for columns in _COLUMNS.values() for column in columns})


def load_own(
    source: Path | HubSplit,
    *,
    name: str | None = None,
    columns: Columns | None = None,
    columns_place: str = "",
    download: bool = True,
) -> LoadedDataset:
    """Load a user's items from a file (.jsonl, .csv, .parquet) or from the hub.

    ``name`` is the data set's name in results, by default the file's. With ``columns``, columns
    that are neither known nor named there are left out; without it they are an error, since a
    misspelt column would otherwise vanish silently. ``columns_place`` says where that mapping
    stands, for messages. With ``download=False`` a hub data set is read as it was fetched before.
    Raises DataError naming file and line, and ConfigError for a file of another kind or an unknown
    column.
    """
    name = name or (source.repo.split("/")[-1] if isinstance(source, HubSplit) else source.stem)
    rows = list(_read_rows(source, download=download))
    shown = source.name if isinstance(source, Path) else source.repo
    if not rows:
        raise DataError(f"{shown}: no items")
    if columns is not None:
        _check_columns(rows, columns, shown, columns_place)
    items = tuple(
        _make_item(_rename_columns(row, columns), name, index, where)
        for index, (where, row) in enumerate(rows)
    )
    return LoadedDataset(name, items, hash_items(items), complete=True, missing=())


def _read_rows(source: Path | HubSplit, *, download: bool) -> Rows:
    if isinstance(source, HubSplit):
        for number, row in enumerate(read_hub_rows(source, download=download), start=1):
            yield f"{source.repo} row {number}", row
        return
    match source.suffix.lower():
        case ".jsonl" | ".ndjson":
            for number, row in read_json_lines(source):
                yield f"{source.name} line {number}", row
        case ".csv":
            for number, cells in read_csv(source):
                yield f"{source.name} line {number}", _parse_cells(cells)
        case ".parquet":
            if not source.is_file():
                raise DataError(f"{source}: cannot be read (No such file or directory)")
            try:
                table = pyarrow.parquet.read_table(source)
            except pyarrow.ArrowInvalid as error:
                raise DataError(f"{source}: not a Parquet file ({error})") from error
            for number, row in enumerate(table.to_pylist(), start=1):
                yield f"{source.name} row {number}", row
        case suffix:
            raise ConfigError(
                f"{source}: items are read from .jsonl, .csv or .parquet, not {suffix or 'this'!r}"
            )


def _parse_cells(row: dict[str, str]) -> dict[str, Any]:
    """Read the cells that hold JSON, since a CSV has no lists of its own; an empty one is None."""
    parsed: dict[str, Any] = {}
    for column, cell in row.items():
        parsed[column] = cell or None
        if cell[:1] in ("[", "{"):
            with suppress(json.JSONDecodeError):  # a text may happen to start with a bracket
                parsed[column] = json.loads(cell)
    return parsed


def _check_columns(
    rows: list[tuple[str, dict[str, Any]]], columns: Columns, shown: str, place: str
) -> None:
    """Refuse a mapping to a column that no row has: its values would vanish silently."""
    seen = dict.fromkeys(their for _, row in rows for their in row)
    for column, theirs in columns.items():
        if column not in _KNOWN:
            raise UnknownNameError("item column", column, _KNOWN, where=place)
        for their in [theirs] if isinstance(theirs, str) else theirs:
            if their not in seen:
                close = difflib.get_close_matches(their, seen, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(seen)}"
                said = f"{shown}: no column {their!r} for {column!r}: {hint}"
                raise DataError(f"{place}: {said}" if place else said)


def _rename_columns(row: dict[str, Any], columns: Columns | None) -> dict[str, Any]:
    """Return the row in our columns, without those that are None (a table fills every cell)."""
    renamed: dict[str, Any] = dict(row)
    if columns is not None:
        renamed = {column: row.get(column) for column in _KNOWN if column not in columns}
        for column, theirs in columns.items():
            if isinstance(theirs, str):
                renamed[column] = row.get(theirs)
            elif column == "tags":
                renamed[column] = {their: row.get(their) for their in theirs}
            else:
                renamed[column] = [row[their] for their in theirs if row.get(their) is not None]
    return {column: value for column, value in renamed.items() if value is not None}


def _make_item(row: dict[str, Any], name: str, index: int, where: str) -> Item:
    marks = [mark for mark in _MARKS if mark in row]
    if len(marks) != 1:
        found = f"has {' and '.join(marks)}" if marks else f"has only {', '.join(row) or 'nothing'}"
        raise DataError(
            f"{where}: {found}; an item has one of 'question' (with 'choices'),"
            " 'statement' (with 'instruction' and 'scale') or 'text'; columns of other names are"
            " mapped by `columns` in the experiment"
        )
    kind = _MARKS[marks[0]]
    if isinstance(row[marks[0]], str) and not row[marks[0]].strip():
        raise DataError(f"{where}: {marks[0]!r} is empty")
    for column in row:
        if column not in _COLUMNS[kind]:
            close = difflib.get_close_matches(column, _COLUMNS[kind], n=1)
            hint = f"did you mean {close[0]!r}?" if close else "put values of your own into 'tags'"
            raise DataError(f"{where}: unknown column {column!r} of a {kind} item: {hint}")
    tags = _read_tags(row, where)
    match kind:
        case Kind.CHOICE:
            return _make_choice(row, tags, name, index, where)
        case Kind.LIKERT:
            take_columns(row, {"instruction": str, "statement": str}, where)
            scale = number_scale(row.get("scale"), where=where)
            fields = {
                "instruction": row["instruction"],
                "statement": row["statement"],
                "scale": scale,
            }
            return Item(name, index, kind, fields, n_options=N_SCALE_POINTS, tags=tags)
        case Kind.FREE:
            take_columns(row, {"text": str}, where)
            return Item(name, index, kind, {"text": row["text"]}, n_options=0, tags=tags)


def _make_choice(
    row: dict[str, Any], tags: dict[str, Any], name: str, index: int, where: str
) -> Item:
    if isinstance(row.get("choices"), str):
        raise DataError(
            f"{where}: 'choices' must be a list; in a CSV a JSON list, or several columns gathered"
            " by the column mapping"
        )
    take_columns(row, {"question": str, "choices": list}, where)
    choices = row["choices"]
    if not 2 <= len(choices) <= MAX_OPTIONS:
        raise DataError(f"{where}: {len(choices)} choices; there must be 2 to {MAX_OPTIONS}")
    if not all(isinstance(choice, str) and choice.strip() for choice in choices):
        wrong = next(c for c in choices if not (isinstance(c, str) and c.strip()))
        raise DataError(f"{where}: every choice must be a text that is not empty, not {wrong!r}")
    fields: dict[str, Any] = {"question": row["question"], "options": choices}
    if "context" in row:
        take_columns(row, {"context": str}, where)
        fields["context"] = row["context"]
    answer = find_answer(row.get("answer"), choices, where=where)
    return Item(name, index, Kind.CHOICE, fields, len(choices), answer=answer, tags=tags)


def _read_tags(row: dict[str, Any], where: str) -> dict[str, Any]:
    tags = row.get("tags", {})
    if not isinstance(tags, dict):
        raise DataError(f"{where}: 'tags' must be an object, not {type(tags).__name__}")
    tags = dict(tags)
    for column in ("cluster", "stratum"):
        if row.get(column) is not None:
            if not isinstance(row[column], str | int):
                raise DataError(f"{where}: {column!r} must be a text or a whole number")
            tags[column] = str(row[column])
    try:
        json.dumps(tags, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: 'tags' holds what JSON cannot ({error})") from error
    return tags
