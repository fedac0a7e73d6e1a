"""Reading TOML that people write: a mistake names the file, the line and what stands there."""

import re
import tomllib
from pathlib import Path
from typing import Any

from models.errors import ConfigError

MAX_SHOWN = 60  # characters of a line
_WORDS = {
    "Invalid value": "no value that TOML knows, a text stands in quotes",
    "Cannot overwrite a value": "the key has a value already",
    "Cannot declare": "the table has begun already, or its name has a value",
}


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; a byte order mark is skipped.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: not UTF-8; save it as UTF-8") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name}: not valid TOML{_describe(str(error), text)}") from error


def _describe(message: str, text: str) -> str:
    """ ", line 3: the key has a value already: repeats = 3"."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", message, flags=re.DOTALL)
    what, line = (found[1], int(found[2])) if found else (message, None)
    what = next((words for start, words in _WORDS.items() if what.startswith(start)), what)
    if line is None:
        return f": {what}"
    shown = text.splitlines()[line - 1].strip() if line <= len(text.splitlines()) else ""
    return f", line {line}: {what}: {shown[:MAX_SHOWN]}"
