"""What is wrong in an experiment's file, as one line: file, place, key, value and the way out.

study.toml, claim 2, measure: must be 'accuracy' or ..., not 'speed'
study.toml, [decoding]: unknown key 'repeats': it belongs at the top, before the first [table]
"""

import difflib
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from models.errors import ConfigError, FarmError, UnknownNameError
from models.mistakes import (
    describe_mistake,
    find_field,
    find_model,
    list_fields,
    pick_mistake,
    show_value,
)

# Tables of a list have no names of their own: they are counted from 1.
_ENTRIES = {"claims": "claim", "datasets": "data set", "personas": "persona set"}
TOP = "at the top, before the first [table]"
Loc = Sequence[int | str]


def name_place(file: str, loc: Loc) -> str:
    """ "study.toml, claim 2, measure" for ("claims", 1, "measure")."""
    parts = [file]
    left = list(loc)
    if len(left) > 1 and isinstance(left[1], int):
        entry = _ENTRIES.get(str(left[0]), f"{left[0]}, entry")
        parts.append(f"{entry} {left[1] + 1}")
        left = left[2:]
    elif len(left) > 1 and left[0] == "template":
        parts.append(f"[template.{left[1]}]")
        left = left[2:]
    elif len(left) > 1:
        parts.append(f"[{left[0]}]")
        left = left[1:]
    return ", ".join([*parts, *map(str, left)])


def explain_mistake(file: str, error: ValidationError, spec: type[BaseModel]) -> FarmError:
    """The first mistake that pydantic found in an experiment's file."""
    found = pick_mistake(error)
    if found["type"] == "extra_forbidden":
        return _explain_key(file, found["loc"], spec)
    if found["type"] == "missing":
        return _explain_missing(file, found["loc"], error, spec)
    loc = _cut(found, spec)
    if found["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return ConfigError(_explain_table(file, loc, found))
    said = describe_mistake(found, spec)
    if found["type"] in ("tuple_type", "list_type") and isinstance(found.get("input"), dict):
        said = f"must be a list of tables, each under [[{loc[-1]}]], not under [{loc[-1]}]"
    return ConfigError(f"{name_place(file, loc)}: {said}")


def _cut(found: ErrorDetails, spec: type[BaseModel]) -> Loc:
    """The place without pydantic's own words for the kinds that a value may have."""
    loc = found["loc"]
    is_kind = loc[:1] == ("datasets",) and "columns" in loc and len(loc) > 4
    return loc[:4] if is_kind else loc


def _explain_table(file: str, loc: Loc, found: ErrorDetails) -> str:
    given = found.get("input")
    if isinstance(loc[-1], int):
        name = loc[-2]
        said = f"must be a table of keys, under [[{name}]], not {show_value(given)}"
        return f"{name_place(file, loc)}: {said}"
    table = ".".join(str(part) for part in loc if not isinstance(part, int))
    if loc[0] == "template" and len(loc) == 2:
        said = f"must be a table, as in [template.NAME], not {show_value(given)}"
        return f"{file}, [template], {loc[1]}: {said}"
    if isinstance(given, list):
        said = f"must be one table, under [{table}], not under [[{table}]]"
    else:
        said = f"must be a table of keys and values, not {show_value(given)}"
    return f"{name_place(file, loc)}: {said}"


def _explain_missing(
    file: str, loc: Loc, error: ValidationError, spec: type[BaseModel]
) -> ConfigError:
    missing = [
        str(found["loc"][-1])
        for found in error.errors()
        if found["type"] == "missing" and found["loc"][:-1] == loc[:-1]
    ]
    place = name_place(file, loc[:-1])
    named = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    said = f"{named} {'is' if len(missing) == 1 else 'are'} missing"
    fields = [find_field(spec, [*loc[:-1], name]) for name in missing]
    examples = [field.examples[0] for field in fields if field is not None and field.examples]
    return ConfigError(f"{place}: {said}{', as in ' + '; '.join(examples) if examples else ''}")


def _explain_key(file: str, loc: Loc, spec: type[BaseModel]) -> UnknownNameError:
    *table, key = loc
    key = str(key)
    tables = _list_tables(spec)
    here = _name_table(table)
    known = tables[here]
    place = name_place(file, [*table, ""]).removesuffix(", ")
    elsewhere = {name: keys for name, keys in tables.items() if name != here}
    hint = ""
    for name, keys in elsewhere.items():
        if key in keys and not hint:
            hint = f"it belongs {name if name == TOP else f'under {name}'}"
    if not hint:
        hint = _suggest(key, known, elsewhere)
    return UnknownNameError("key", key, known, where=place, hint=hint)


def _suggest(key: str, known: Sequence[str], elsewhere: dict[str, list[str]]) -> str:
    """A key of another table where that is nearer than any of this one; "" where none is."""
    here = difflib.get_close_matches(key, known, n=1)
    nearest = max((_measure_likeness(key, name) for name in here), default=0.0)
    for name, keys in elsewhere.items():
        for close in difflib.get_close_matches(key, keys, n=1, cutoff=0.9):
            if _measure_likeness(key, close) > nearest:
                return f"did you mean {close!r}, {name if name == TOP else f'under {name}'}?"
    return ""


def _measure_likeness(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first, second).ratio()


def _name_table(loc: Loc) -> str:
    if not loc:
        return TOP
    return f"[[{loc[0]}]]" if len(loc) > 1 else f"[{loc[0]}]"


def _list_tables(spec: type[BaseModel]) -> dict[str, list[str]]:
    """Every table that a file may have, as it is written -> its keys."""
    fields = list_fields(spec)
    tables = {TOP: list(fields)}
    for name, field in fields.items():
        inner = find_model(field)
        if inner is not None:
            tables[f"[[{name}]]" if name in _ENTRIES else f"[{name}]"] = list(list_fields(inner))
    return tables
