"""What is asked, of whom, and which of it a user wanted."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from models.tables.columns import make_id, make_json, make_reference, make_small_id, make_time


class LlmKind(StrEnum):
    """Where an LLM's answers come from."""

    GPU = "gpu"  # weights that a worker of ours loads (on a GPU, or on a CPU if they are small)
    API = "api"
    IMPORTED = "imported"


class Persona(SQLModel, table=True):
    """A persona setting. The statement is the sentence as sent, "" for no persona."""

    id: int | None = Field(default=None, sa_column=make_small_id())
    statement: str = Field(sa_type=Text, unique=True)
    persona: str = Field(sa_type=Text)  # with its article: "a gay person"
    article: str = Field(sa_type=Text)  # "a", "an" or ""


class PersonaSet(SQLModel, table=True):
    """A named list of personas; another content is another row."""

    __tablename__ = "persona_set"
    __table_args__ = (UniqueConstraint("name", "content_hash"),)

    id: int | None = Field(default=None, sa_column=make_id())
    name: str = Field(sa_type=Text)
    content_hash: str = Field(sa_type=Text)


class PersonaSetMember(SQLModel, table=True):
    """A persona's place in a set, with the category and tags that this set gives it."""

    __tablename__ = "persona_set_member"
    __table_args__ = (
        PrimaryKeyConstraint("persona_set", "position"),
        UniqueConstraint("persona_set", "persona"),
    )

    persona_set: int = Field(sa_column=make_reference("persona_set.id", Integer))
    position: int = Field(sa_type=SmallInteger)
    persona: int = Field(sa_column=make_reference("persona.id", SmallInteger))
    category: str = Field(sa_type=Text)
    tags: dict[str, Any] = Field(default_factory=dict, sa_column=make_json())


class Item(SQLModel, table=True):
    """An item as its publisher gives it; see ``models.items.Item`` for the fields by kind."""

    __table_args__ = (
        UniqueConstraint("dataset", "content_hash"),
        CheckConstraint("index >= 0", name="item_index_from_0"),
        CheckConstraint("answer IS NULL OR answer BETWEEN 0 AND n_options - 1", name="item_answer"),
    )

    id: int | None = Field(default=None, sa_column=make_id())
    dataset: str = Field(sa_type=Text)
    content_hash: str = Field(sa_type=Text)
    index: int = Field(sa_type=Integer)  # the publisher's order
    kind: str = Field(sa_type=Text)
    fields: dict[str, Any] = Field(sa_column=make_json())
    n_options: int = Field(sa_type=SmallInteger)
    answer: int | None = Field(default=None, sa_type=SmallInteger)
    tags: dict[str, Any] = Field(default_factory=dict, sa_column=make_json())


class Template(SQLModel, table=True):
    """The words around persona and item; see ``models.prompts.Template``."""

    id: int | None = Field(default=None, sa_column=make_small_id())
    name: str = Field(sa_type=Text)
    spec: dict[str, Any] = Field(sa_column=make_json())
    content_hash: str = Field(sa_type=Text, unique=True)


class Ask(SQLModel, table=True):
    """What is asked: a template, or a template over another LLM's answers (a judge, a 2nd turn)."""

    __table_args__ = (
        UniqueConstraint(
            "template", "source_llm", "source_ask", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("(source_llm IS NULL) = (source_ask IS NULL)", name="ask_source_whole"),
    )

    id: int | None = Field(default=None, sa_column=make_small_id())
    template: int = Field(sa_column=make_reference("template.id", SmallInteger))
    source_llm: int | None = Field(
        default=None, sa_column=make_reference("llm.id", SmallInteger, nullable=True)
    )
    source_ask: int | None = Field(
        default=None, sa_column=make_reference("ask.id", SmallInteger, nullable=True)
    )


class Llm(SQLModel, table=True):
    """One way of running one LLM. Two runs that could differ never share a row.

    ``revision``, ``chat_template`` and its hash are filled by the worker that first loads the
    weights, where the scheduler cannot know them (compare-and-set; another value is refused).
    """

    __table_args__ = (
        UniqueConstraint("name", "identity_hash"),
        CheckConstraint("kind IN ('gpu', 'api', 'imported')", name="llm_kind"),
    )

    id: int | None = Field(default=None, sa_column=make_small_id())
    name: str = Field(sa_type=Text)
    identity_hash: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    spec: dict[str, Any] = Field(sa_column=make_json())  # registry entry without prices and quotas
    decoding: dict[str, Any] = Field(sa_column=make_json())
    revision: str | None = Field(default=None, sa_type=Text)
    chat_template: str | None = Field(default=None, sa_type=Text)
    chat_template_hash: str | None = Field(default=None, sa_type=Text)


class Experiment(SQLModel, table=True):
    """What a user wanted, as effective after all options; another spec is another row."""

    __table_args__ = (UniqueConstraint("name", "spec_hash"),)

    id: int | None = Field(default=None, sa_column=make_id())
    name: str = Field(sa_type=Text)
    spec: dict[str, Any] = Field(sa_column=make_json())
    spec_hash: str = Field(sa_type=Text)
    git_revision: str | None = Field(default=None, sa_type=Text)
    asked_at: datetime | None = Field(default=None, sa_column=make_time(now=True))


class ExperimentSlice(SQLModel, table=True):
    """Which slices an experiment needs, and which persona sets its settings come from."""

    __tablename__ = "experiment_slice"
    __table_args__ = (PrimaryKeyConstraint("experiment", "slice"),)

    experiment: int = Field(sa_column=make_reference("experiment.id", Integer))
    slice: int = Field(sa_column=make_reference("slice.id", Integer, index=True))


class ExperimentPersonaSet(SQLModel, table=True):
    """The persona sets of an experiment, in order."""

    __tablename__ = "experiment_persona_set"
    __table_args__ = (PrimaryKeyConstraint("experiment", "position"),)

    experiment: int = Field(sa_column=make_reference("experiment.id", Integer))
    position: int = Field(sa_type=SmallInteger)
    persona_set: int = Field(sa_column=make_reference("persona_set.id", Integer))
