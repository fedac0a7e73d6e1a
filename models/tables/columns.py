"""Columns that many tables have, and the check of a state."""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    Numeric,
    SmallInteger,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


def make_small_id() -> Column[int]:
    """A key of what there are few of (below 32,768): it stands in every generation."""
    return Column(SmallInteger, Identity(), primary_key=True)


def make_id() -> Column[int]:
    """A key that Postgres counts up."""
    return Column(Integer, Identity(), primary_key=True)


def make_reference(target: str, type_: type, *, nullable: bool = False, index: bool = False) -> Any:
    """A foreign key to ``table.column``; a SQLModel field takes it whatever its own type."""
    return Column(type_, ForeignKey(target), nullable=nullable, index=index)


def make_json() -> Column[Any]:
    """A JSON value that is never null."""
    return Column(JSONB, nullable=False, server_default=text("'{}'::jsonb"))


def make_time(*, now: bool = False) -> Column[Any]:
    """An instant with its zone: null until it is known, or the time at which the row is written."""
    return Column(
        DateTime(timezone=True),
        nullable=not now,
        server_default=text("now()") if now else None,
    )


def make_usd(*, nullable: bool = False, zero: bool = False) -> Column[Any]:
    """An amount of USD: numeric without a scale, so that no sum of prices is ever rounded."""
    return Column(Numeric, nullable=nullable, server_default="0" if zero else None)


def check_state(name: str, states: type[StrEnum]) -> CheckConstraint:
    """That ``state`` is one of an enum's."""
    listed = ", ".join(f"'{state}'" for state in states)
    return CheckConstraint(f"state IN ({listed})", name=name)
