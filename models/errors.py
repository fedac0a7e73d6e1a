"""Everything that can go wrong for a user, as one tree.

FarmError                    one line on standard error, exit 2
├── UnknownNameError         a name nobody knows, with "did you mean"
├── ConfigError              a setting, a TOML file or an option that does not fit
├── DataError                a data file that is missing or broken, with its line
├── ServiceError             Postgres or Redis cannot be reached or started
├── LlmLoadError             an LLM cannot be loaded here
├── WrongLlmError            a chunk that belongs to another LLM
└── IncompleteError          refused because cells are missing (exit 3)

A failure of an LLM on a prompt is not here: it is a row in the table ``failure``. Anything that is
not a FarmError is a bug and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class FarmError(Exception):
    """What the user can mend. The message names the thing, the value and the way out."""

    exit_code = 2


class ConfigError(FarmError):
    """A setting, a TOML file or a command line option that does not fit."""


class DataError(FarmError):
    """A data file that is missing or broken."""


class ServiceError(FarmError):
    """Postgres or Redis cannot be reached or started."""


class LlmLoadError(FarmError):
    """An LLM cannot be loaded on this machine."""


class WrongLlmError(FarmError):
    """A chunk was delivered to a worker of another LLM."""


class IncompleteError(FarmError):
    """Refused because cells are still missing."""

    exit_code = 3


class UnknownNameError(FarmError):
    """A name that is not among the known ones; ``where`` it stands, if that is not the command."""

    def __init__(
        self,
        thing: str,
        name: str,
        known: Iterable[str],
        *,
        way_out: str = "",
        where: str = "",
        hint: str = "",
    ) -> None:
        known = sorted(known)
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        if hint:
            pass  # the caller knows better
        elif close:
            hint = f"did you mean {close[0]!r}?"
        elif len(known) <= 12:
            hint = f"known: {', '.join(known) or 'none'}"
        else:
            hint = f"{len(known)} are known"
        said = f"unknown {thing} {name!r}: {hint}{' ' + way_out if way_out else ''}"
        super().__init__(f"{where}: {said}" if where else said)
