"""A file that a user named: it is there, or the nearest name beside it is told."""

import difflib
from pathlib import Path

from models.errors import DataError


def require_file(path: Path, *, thing: str, shown: str = "", where: str = "") -> Path:
    """The path itself, where it is a file; ``shown`` is how the user named it.

    Raises:
        DataError: there is none, naming ``where`` it was asked for.
    """
    if path.is_file():
        return path
    named = shown or str(path)
    if path.is_dir():
        said = f"{named} is a folder, not a file"
    else:
        said = f"no {thing} {named}"
        if not path.parent.is_dir():
            said += f": there is no folder {Path(named).parent}"
        else:
            names = sorted(other.name for other in path.parent.iterdir() if other.is_file())
            close = difflib.get_close_matches(path.name, names, n=1)
            said += f": did you mean {close[0]!r}?" if close else ""
    raise DataError(f"{where}: {said}" if where else said)
