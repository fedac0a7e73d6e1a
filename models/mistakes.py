"""What pydantic found wrong with a file or a setting, in a user's words.

    must be a number above 0 and below 1, not 2
    must be 'higher', 'lower' or 'different', not 'hihger': did you mean 'higher'?

Where it stands and in which file is for the caller to say.
"""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

MAX_SHOWN = 60  # characters of a value
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_NUMBERS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"}


def pick_mistake(error: ValidationError) -> ErrorDetails:
    """The one to speak of: a misspelt key shows twice, as unknown and as missing, the first first.

    What is missing comes after what does not fit, and a list is short when its entry was refused.
    """
    order = {"extra_forbidden": 0, "missing": 2, "too_short": 3}
    return min(error.errors(), key=lambda found: order.get(found["type"], 1))


def describe_mistake(
    found: ErrorDetails, model: type[BaseModel], *, shows_value: bool = True
) -> str:
    """What a value must be and what it is; ``model`` is what the whole was to become."""
    kind, given = found["type"], found.get("input")
    if kind == "value_error":
        return str(found.get("ctx", {})["error"])
    field = find_field(model, found["loc"])
    if kind == "missing":
        return f"is missing{_give_example(field)}"
    if kind == "extra_forbidden":
        table = find_field(model, found["loc"][:-1])
        inner = (find_model(table) if table is not None else None) or model
        return f"is no key here; known: {', '.join(sorted(list_fields(inner)))}"
    if kind == "too_short":
        return f"must not be empty{_give_example(field)}"
    said = f"must be {_describe_expected(found, field)}"
    if not shows_value:
        return said
    said += f", not {show_value(given)}"
    if kind in ("literal_error", "enum") and isinstance(given, str):
        close = difflib.get_close_matches(given, _list_allowed(found), n=1)
        said += f": did you mean {close[0]!r}?" if close else ""
    return said


def find_field(model: type[BaseModel], loc: Sequence[int | str]) -> FieldInfo | None:
    """The field that a place in the data belongs to; within a table of values, that table's."""
    field: FieldInfo | None = None
    inner: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, int):
            continue
        found = list_fields(inner).get(part) if inner is not None else None
        if found is None:
            break
        field, inner = found, find_model(found)
    return field


def list_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys that a table may have, as they are written."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def find_model(field: FieldInfo) -> type[BaseModel] | None:
    """What the tables under a key are made into; None for plain values."""
    inside = _unpack(field.annotation)
    return next((a for a in inside if isinstance(a, type) and issubclass(a, BaseModel)), None)


def show_value(value: Any) -> str:
    """A value as it is written, cut where it is long."""
    if isinstance(value, str):
        shown = repr(value)
    elif isinstance(value, dict):
        shown = "a table"
    else:
        shown = json.dumps(value, default=str, ensure_ascii=False)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 3]}..."


def _unpack(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _unpack(inner)


def _give_example(field: FieldInfo | None) -> str:
    return f", as in {field.examples[0]}" if field is not None and field.examples else ""


def _describe_expected(found: ErrorDetails, field: FieldInfo | None) -> str:
    kind = found["type"]
    allowed = _list_allowed(found)
    is_whole = kind.startswith("int_") or (field is not None and int in _unpack(field.annotation))
    if kind in _NUMBERS or kind.startswith(("int_", "float_", "decimal_")):
        return ("a whole number" if is_whole else "a number") + _describe_bounds(field)
    if allowed:
        names = [repr(name) for name in allowed]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    if kind.startswith("date_"):
        return "a date, as in 2026-10-23"
    if kind in ("tuple_type", "list_type"):
        return _describe_list(found, field)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "a table, with keys and values of its own"
    words = {"string_type": "a text in quotes", "bool_type": "true or false"}
    return words.get(kind, found["msg"].removeprefix("Input should be "))


def _describe_list(found: ErrorDetails, field: FieldInfo | None) -> str:
    if field is not None and field.examples:
        return f"a list, as in {field.examples[0]}"
    if field is not None and find_model(field) is not None:
        return f"a list of tables, each under [[{found['loc'][-1]}]]"
    given = found.get("input")
    is_plain = isinstance(given, str | int | float)
    return f"a list, as in {json.dumps([given], ensure_ascii=False)}" if is_plain else "a list"


def _describe_bounds(field: FieldInfo | None) -> str:
    bounds = {
        name: getattr(each, name)
        for name in _BOUNDS
        for each in (field.metadata if field is not None else ())
        if getattr(each, name, None) is not None
    }
    if bounds.keys() == {"ge", "le"}:
        return f" from {bounds['ge']} to {bounds['le']}"
    said = " and ".join(f"{_BOUNDS[name]} {bound}" for name, bound in bounds.items())
    return f" of {said}" if said.startswith("at") else f" {said}" if said else ""


def _list_allowed(found: ErrorDetails) -> list[str]:
    if found["type"] not in ("literal_error", "enum"):
        return []
    return re.findall(r"'([^']*)'", str(found.get("ctx", {}).get("expected", "")))
