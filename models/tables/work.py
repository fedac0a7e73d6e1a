"""Work in slices and chunks, what came back of it, and its analysis."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from models.tables.columns import check_state, make_id, make_reference, make_time


class ChunkState(StrEnum):
    """Where a chunk stands. Cells, not chunks, say what is answered."""

    PLANNED = "planned"  # a row only; no message has been sent
    QUEUED = "queued"  # its id is in the LLM's queue (or was, before Redis was wiped)
    RUNNING = "running"  # a worker holds its lease
    SUBMITTED = "submitted"  # handed to a provider's Batch API
    PAUSED = "paused"  # waits for a person: quota or money is used up
    DONE = "done"  # every cell is settled: covered, or failed with a reason
    FAILED = "failed"  # it raised too often; what it left open is in ``failure``


class Finish(IntEnum):
    """Why an LLM stopped."""

    STOP = 0  # it ended its turn
    LENGTH = 1  # cut off at the limit of new tokens
    FILTERED = 2  # the provider's content filter stopped it
    UNKNOWN = 3  # imported, and not recorded there


class Slice(SQLModel, table=True):
    """One LLM's share of a data set under one ask: settings x items x repeats. Immutable."""

    __table_args__ = (
        UniqueConstraint("llm", "dataset", "data_hash", "ask", "selection_hash"),
        CheckConstraint("repeats >= 1", name="slice_repeats"),
    )

    id: int | None = Field(default=None, sa_column=make_id())
    llm: int = Field(sa_column=make_reference("llm.id", SmallInteger))
    dataset: str = Field(sa_type=Text)
    data_hash: str = Field(sa_type=Text)
    ask: int = Field(sa_column=make_reference("ask.id", SmallInteger))
    selection_hash: str = Field(sa_type=Text)  # of personas, items and repeats
    persona_ids: list[int] = Field(sa_column=Column(ARRAY(SmallInteger), nullable=False))
    item_ids: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))  # prompt order
    repeats: int = Field(sa_type=SmallInteger)


class Chunk(SQLModel, table=True):
    """One persona x a run of neighbouring items of a slice: ``item_ids[start:stop]``."""

    __table_args__ = (
        UniqueConstraint("slice", "persona", "repeat", "start"),
        CheckConstraint('"start" >= 0 AND "stop" > "start"', name="chunk_run"),
        check_state("chunk_state", ChunkState),
        Index("chunk_planned", "slice", "id", postgresql_where=text("state = 'planned'")),
        Index(
            "chunk_in_flight",
            "slice",
            "state",
            postgresql_where=text("state IN ('queued', 'running', 'submitted')"),
        ),
        Index("chunk_open", "slice", postgresql_where=text("state NOT IN ('done', 'failed')")),
        Index("chunk_paused", "slice", postgresql_where=text("state = 'paused'")),
        Index("chunk_submitted", "batch", postgresql_where=text("state = 'submitted'")),
    )

    id: int | None = Field(default=None, sa_column=make_id())
    slice: int = Field(sa_column=make_reference("slice.id", Integer))
    persona: int = Field(sa_column=make_reference("persona.id", SmallInteger))
    repeat: int = Field(sa_type=SmallInteger)
    start: int = Field(sa_type=Integer)
    stop: int = Field(sa_type=Integer)
    state: str = Field(
        default=ChunkState.PLANNED,
        sa_column=Column(Text, nullable=False, server_default=ChunkState.PLANNED.value),
    )
    attempts: int = Field(
        default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0")
    )
    retry_at: datetime | None = Field(default=None, sa_column=make_time())
    lease_until: datetime | None = Field(default=None, sa_column=make_time())
    worker: str | None = Field(default=None, sa_type=Text)  # name and claim, "tiny@host:pid#5f2a"
    batch: int | None = Field(  # the one it is in, or was answered in
        default=None, sa_column=make_reference("batch.id", Integer, nullable=True)
    )
    engine: str | None = Field(default=None, sa_type=Text)  # engine, device, library versions
    error: str | None = Field(default=None, sa_type=Text)
    queued_at: datetime | None = Field(default=None, sa_column=make_time())
    started_at: datetime | None = Field(default=None, sa_column=make_time())
    finished_at: datetime | None = Field(default=None, sa_column=make_time())
    n_done: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    n_failed: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    n_cut_off: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


class Generation(SQLModel, table=True):
    """What an LLM returned for one cell, and nothing else. Partitioned by LLM.

    No foreign keys here: 91 million triggers would cost more than the rows. The writers take every
    id from a chunk, whose own references are enforced. The order of the columns avoids padding.
    """

    __table_args__ = (
        PrimaryKeyConstraint("llm", "ask", "persona", "item", "repeat"),
        CheckConstraint("new_tokens IS NULL OR new_tokens >= 0", name="generation_new_tokens"),
        CheckConstraint("finish BETWEEN 0 AND 3", name="generation_finish"),
        {"postgresql_partition_by": "LIST (llm)"},
    )

    llm: int = Field(sa_type=SmallInteger)
    ask: int = Field(sa_type=SmallInteger)
    persona: int = Field(sa_type=SmallInteger)
    repeat: int = Field(sa_type=SmallInteger)
    item: int = Field(sa_type=Integer)
    chunk: int | None = Field(default=None, sa_type=Integer)  # null: imported
    prompt_tokens: int | None = Field(default=None, sa_type=Integer)
    new_tokens: int | None = Field(default=None, sa_type=SmallInteger)
    finish: int = Field(sa_type=SmallInteger)
    text: str = Field(sa_type=Text)


class Failure(SQLModel, table=True):
    """A cell that could not be answered, and why."""

    __table_args__ = (PrimaryKeyConstraint("llm", "ask", "persona", "item", "repeat"),)

    llm: int = Field(sa_column=make_reference("llm.id", SmallInteger))
    ask: int = Field(sa_column=make_reference("ask.id", SmallInteger))
    persona: int = Field(sa_column=make_reference("persona.id", SmallInteger))
    repeat: int = Field(sa_type=SmallInteger)
    item: int = Field(sa_column=make_reference("item.id", Integer))
    chunk: int | None = Field(
        default=None, sa_column=make_reference("chunk.id", Integer, nullable=True)
    )
    attempts: int = Field(sa_type=SmallInteger)
    reason: str = Field(sa_type=Text)


class AnalysisJob(SQLModel, table=True):
    """The analysis of one complete slice for one experiment; its unique key makes it happen once.

    ``coverage_hash`` says which answers it saw: cells that are answered later make another job.
    """

    __tablename__ = "analysis_job"
    __table_args__ = (
        UniqueConstraint("experiment", "slice", "coverage_hash"),
        CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed')", name="analysis_job_state"
        ),
    )

    id: int | None = Field(default=None, sa_column=make_id())
    experiment: int = Field(sa_column=make_reference("experiment.id", Integer))
    slice: int = Field(sa_column=make_reference("slice.id", Integer))
    coverage_hash: str = Field(sa_type=Text)
    state: str = Field(
        default="queued", sa_column=Column(Text, nullable=False, server_default="queued")
    )
    attempts: int = Field(
        default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0")
    )
    lease_until: datetime | None = Field(default=None, sa_column=make_time())
    worker: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    result: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    finished_at: datetime | None = Field(default=None, sa_column=make_time())
