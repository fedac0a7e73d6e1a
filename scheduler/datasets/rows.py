"""Reading rows out of JSON lines and CSV, with errors that name file and line."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.errors import DataError


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) for every line that is not blank.

    Raises DataError naming file and line where a line is not a JSON object.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    with file:
        # bytes, not text: text is decoded in blocks, which would blur the line of a bad byte
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig"))
            except json.JSONDecodeError as error:
                raise DataError(
                    f"{path.name} line {number}: not valid JSON"
                    f" ({error.msg} at column {error.colno}; {path})"
                ) from error
            except UnicodeDecodeError as error:
                raise DataError(f"{path.name} line {number}: not UTF-8 ({path})") from error
            if not isinstance(row, dict):
                raise DataError(f"{path.name} line {number}: not a JSON object ({path})")
            yield number, row


def read_json(path: Path) -> Any:
    """Return the content of a JSON file. Raises DataError naming file and line."""
    with open_text(path) as file:
        try:
            return json.load(file)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{path.name} line {error.lineno}: not valid JSON ({error.msg}; {path})"
            ) from error
        except UnicodeDecodeError as error:
            raise DataError(f"{path.name}: not UTF-8 ({path})") from error


def read_csv(path: Path, *, required: tuple[str, ...] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) of a CSV with a header.

    Raises DataError where a required column or some cells of a row are missing.
    """
    with open_text(path, newline="") as file:
        reader = csv.DictReader(file)
        try:
            header = reader.fieldnames or []
            if len(header) == 1 and re.search(r"[;\t]", header[0]):
                raise DataError(
                    f"{path.name} line 1: columns must be parted by commas, not"
                    f" {header[0]!r} ({path})"
                )
            lacking = [column for column in required if column not in header]
            if lacking:
                raise DataError(
                    f"{path.name} line 1: no column {', '.join(map(repr, lacking))} ({path})"
                )
            for row in reader:
                # DictReader files surplus cells under None, and fills absent ones with None
                if None in row or None in row.values():
                    raise DataError(
                        f"{path.name} line {reader.line_num}: not as many cells as the header has"
                        f" columns ({len(header)}; {path})"
                    )
                yield reader.line_num, row
        except csv.Error as error:
            raise DataError(f"{path.name} line {reader.line_num}: {error} ({path})") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{path.name}: not UTF-8; save it as UTF-8 ({path})") from error


def open_text(path: Path, *, newline: str | None = None) -> Any:
    """Open a UTF-8 text file (a byte order mark is skipped). Raises DataError if it cannot be."""
    try:
        return path.open(encoding="utf-8-sig", newline=newline)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def take_columns(row: dict[str, Any], columns: dict[str, type], where: str) -> None:
    """Raise DataError naming ``where`` unless the row has these columns with these types."""
    for column, kind in columns.items():
        if column not in row:
            raise DataError(f"{where}: no {column!r}")
        if not isinstance(row[column], kind) or (kind is int and isinstance(row[column], bool)):
            raise DataError(
                f"{where}: {column!r} must be {_NAMES[kind]}, not {type(row[column]).__name__}"
            )


_NAMES: dict[type, str] = {
    str: "text",
    int: "a whole number",
    list: "a list",
    dict: "an object",
}
