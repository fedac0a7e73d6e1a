"""Who is assigned: the paper's 162 personas, its 30 controls, the empty one, and a user's own.

The strings carry their article, slips included ("a asexual person", "a sewer"), as they were sent
(arXiv 2407.02099, Table 5). A persona's statement is what an LLM reads: "You are a gay person.".
"""

import csv
import io
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from models.errors import DataError, UnknownNameError
from models.files import require_file

DATA = Path(__file__).parent / "data"
ARTICLES = ("a", "an", "the")
CONTROL = "control"  # category of the 30 rewordings of "a helpful assistant"
EMPTY = "empty"  # category of the one setting without a persona


@dataclass(frozen=True, slots=True)
class PersonaSetting:
    """A persona as a set lists it. ``persona`` is "" for the empty one."""

    persona: str  # with its article: "a gay person"; names have none
    category: str
    tags: dict[str, Any] = field(default_factory=dict)

    @property
    def article(self) -> str:
        """Its first word if that is an article, else ""."""
        first = self.persona.split(" ")[0]
        return first if first in ARTICLES else ""

    @property
    def statement(self) -> str:
        """The paper's sentence, "" for the empty persona; it identifies the persona."""
        return f"You are {self.persona}." if self.persona else ""


@cache
def _bundled() -> dict[str, tuple[PersonaSetting, ...]]:
    stored = json.loads((DATA / "personas.json").read_text(encoding="utf-8"))
    sets = {
        name: tuple(PersonaSetting(row["persona"], row["category"]) for row in rows)
        for name, rows in stored.items()
    }
    return {**sets, "empty": (PersonaSetting("", EMPTY),)}


def list_persona_sets() -> dict[str, tuple[PersonaSetting, ...]]:
    """The bundled sets: ``universal`` (162), ``control`` (30), ``empty`` (1)."""
    return dict(_bundled())


def load_persona_set(
    name: str, *, folder: Path = Path(), where: str = ""
) -> tuple[PersonaSetting, ...]:
    """A bundled set by name, or a user's own file (.csv or .json), relative to ``folder``.

    ``where`` is what asked for it, for messages.

    A file has a row per persona: ``persona`` (with its article), ``category``, and any further
    columns, which become tags.

    Raises:
        UnknownNameError: neither a bundled set nor a file.
        DataError: a broken file, naming its line.
    """
    if name in _bundled():
        return _bundled()[name]
    path = folder / name
    if path.suffix not in {".csv", ".json"}:
        way_out = "(or a .csv or .json file)"
        raise UnknownNameError("persona set", name, _bundled(), way_out=way_out, where=where)
    require_file(path, thing="persona file", where=where)
    rows = _read_csv(path) if path.suffix == ".csv" else _read_json(path)
    settings = tuple(_make_setting(path, line, row) for line, row in rows)
    seen: dict[str, int] = {}
    for (line, _), setting in zip(rows, settings, strict=True):
        if setting.persona in seen:
            raise DataError(
                f"{path} line {line}: persona {setting.persona!r} stands on line "
                f"{seen[setting.persona]} already"
            )
        seen[setting.persona] = line
    if not settings:
        raise DataError(f"{path} has no personas; expected columns persona, category")
    return settings


def _read_csv(path: Path) -> list[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(_read_text(path), newline=""))
    header = list(reader.fieldnames or ())
    if header and not {"persona", "category"} <= set(header):
        said = f"{path} line 1: needs persona and category, has {', '.join(header)}"
        if len(header) == 1 and re.search(r"[;\t]", header[0]):
            said += "; its columns must be parted by commas"
        raise DataError(said)
    rows = []
    for row in reader:
        # surplus cells stand under None, and absent ones are None
        if None in row or None in row.values():
            raise DataError(
                f"{path} line {reader.line_num}: not as many cells as the {len(header)} columns; a "
                "text with a comma stands in quotes"
            )
        rows.append((reader.line_num, dict(row)))
    return rows


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8; save it as UTF-8") from error


def _read_json(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        rows = json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path} line {error.lineno}: not valid JSON ({error.msg})") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: expected a list of objects with persona and category")
    return list(enumerate(rows, start=1))


def _make_setting(path: Path, line: int, row: dict[str, Any]) -> PersonaSetting:
    for column in ("persona", "category"):
        if column not in row:
            raise DataError(
                f"{path} line {line}: needs persona and category, has {', '.join(row) or 'nothing'}"
            )
        if not isinstance(row[column], str):
            raise DataError(f"{path} line {line}: {column} must be a text, not {row[column]!r}")
        if not row[column].strip():
            way_out = '; no persona at all is set = "empty"' if column == "persona" else ""
            raise DataError(f"{path} line {line}: {column} is empty{way_out}")
    persona, category = row["persona"], row["category"]
    tags = {str(key): value for key, value in row.items() if key not in {"persona", "category"}}
    return PersonaSetting(persona.strip(), category.strip(), tags)
