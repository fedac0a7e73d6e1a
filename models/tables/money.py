"""What API LLMs may cost and have cost, what went wrong with calls, and calls in batches."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from models.tables.columns import check_state, make_id, make_reference, make_time, make_usd


class ApiMode(StrEnum):
    """How an API LLM is asked."""

    LIVE = "live"  # one call per cell, answered at once
    BATCH = "batch"  # files of calls, answered within a day at a lower price


class BatchState(StrEnum):
    """Where a batch stands; each is committed before the step that leads out of it begins."""

    PREPARING = "preparing"  # its chunks and its money are set aside; its file may be uploaded
    UPLOADED = "uploaded"  # the provider has its file, and nothing more
    CREATING = "creating"  # asked for and not confirmed: it may exist
    SUBMITTED = "submitted"  # the provider works on it, under an id that is known
    TAKEN = "taken"  # its answers and its cost are saved, or it was given up; its file is there
    ENDED = "ended"  # nothing is left to do


class Spend(SQLModel, table=True):
    """What an experiment pays for one API LLM; only ``models.spending`` changes it.

    ``spent_usd + reserved_usd`` stays within ``max_usd``. What was written off (nobody knows
    whether the provider charged it) is a part of what was spent.
    """

    __table_args__ = (
        UniqueConstraint("experiment", "llm"),
        CheckConstraint("api_mode IN ('live', 'batch')", name="spend_api_mode"),
        CheckConstraint("input_usd >= 0 AND output_usd >= 0", name="spend_price"),
        CheckConstraint("max_usd >= 0", name="spend_cap"),
        CheckConstraint(
            "reserved_usd >= 0 AND written_off_usd >= 0 AND spent_usd >= written_off_usd",
            name="spend_amounts",
        ),
    )

    id: int | None = Field(default=None, sa_column=make_id())
    experiment: int = Field(sa_column=make_reference("experiment.id", Integer))
    llm: int = Field(sa_column=make_reference("llm.id", SmallInteger))
    api_mode: str = Field(
        default=ApiMode.LIVE,
        sa_column=Column(Text, nullable=False, server_default=ApiMode.LIVE.value),
    )
    max_usd: Decimal | None = Field(default=None, sa_column=make_usd(nullable=True))  # null: no cap
    input_usd: Decimal = Field(sa_column=make_usd())  # per million tokens, asked live
    output_usd: Decimal = Field(sa_column=make_usd())
    spent_usd: Decimal = Field(default=Decimal(0), sa_column=make_usd(zero=True))
    reserved_usd: Decimal = Field(default=Decimal(0), sa_column=make_usd(zero=True))
    written_off_usd: Decimal = Field(default=Decimal(0), sa_column=make_usd(zero=True))
    n_calls: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    last_call_at: datetime | None = Field(default=None, sa_column=make_time())  # reserved or closed


class Reservation(SQLModel, table=True):
    """The worst case of a call (or of a batch) that is under way; gone when it is settled.

    One that was written off stays, with its time: a provider's bill can be compared with it.
    """

    __table_args__ = (
        CheckConstraint("usd >= 0 AND n_calls >= 1", name="reservation_amounts"),
        Index("reservation_open", "account", postgresql_where=text("written_off_at IS NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account: int = Field(sa_column=make_reference("spend.id", Integer))
    chunk: int | None = Field(  # null: held by a batch, which outlives any worker
        default=None, sa_column=make_reference("chunk.id", Integer, nullable=True)
    )
    worker: str = Field(sa_type=Text)  # as in chunk.worker: name and claim
    usd: Decimal = Field(sa_column=make_usd())
    n_calls: int = Field(sa_type=Integer)
    reserved_at: datetime | None = Field(default=None, sa_column=make_time(now=True))
    written_off_at: datetime | None = Field(default=None, sa_column=make_time())


class CallHour(SQLModel, table=True):
    """How many calls an account reserved in an hour: a day's quota survives a wiped Redis."""

    __tablename__ = "call_hour"
    __table_args__ = (PrimaryKeyConstraint("account", "hour"),)

    account: int = Field(sa_column=make_reference("spend.id", Integer))
    hour: datetime = Field(sa_column=make_time(now=True))
    n: int = Field(sa_type=Integer)


class ApiTrouble(SQLModel, table=True):
    """How often calls of an account went wrong, by cause, and what was last said of it."""

    __tablename__ = "api_trouble"
    __table_args__ = (PrimaryKeyConstraint("account", "cause"),)

    account: int = Field(sa_column=make_reference("spend.id", Integer))
    cause: str = Field(sa_type=Text)  # "429", "500", "timeout", "connection", "malformed", ...
    n: int = Field(sa_type=Integer)
    message: str = Field(sa_type=Text)  # without keys: whoever counts it has taken them out
    last_at: datetime | None = Field(default=None, sa_column=make_time(now=True))


class Batch(SQLModel, table=True):
    """A file of calls at a provider; ``workers.batches`` says how it is kept from being lost.

    ``sign`` stands in the file's name and in the batch's metadata there. What is counted here is
    what the provider says of it; what was answered and paid is in generations and accounts.
    """

    __table_args__ = (
        check_state("batch_state", BatchState),
        CheckConstraint("n_requests >= 1", name="batch_requests"),
        Index("batch_open", "account", postgresql_where=text("state <> 'ended'")),
    )

    id: int | None = Field(default=None, sa_column=make_id())
    sign: str = Field(sa_type=Text, unique=True)
    account: int = Field(sa_column=make_reference("spend.id", Integer))
    llm: int = Field(sa_column=make_reference("llm.id", SmallInteger))
    state: str = Field(sa_type=Text)
    status: str | None = Field(default=None, sa_type=Text)  # the provider's own word
    input_file: str | None = Field(default=None, sa_type=Text)  # ids at the provider
    provider_batch: str | None = Field(default=None, sa_type=Text)
    reservation: int | None = Field(  # no reference: a reservation is gone when it is settled
        default=None, sa_column=Column(BigInteger, nullable=True)
    )
    n_requests: int = Field(sa_type=Integer)
    content_bytes: int = Field(sa_type=BigInteger)  # of all messages
    enqueued_tokens: int = Field(sa_type=BigInteger)  # of all messages, as estimated
    prompt_tokens: int | None = Field(default=None, sa_type=BigInteger)  # as answered and reported
    n_completed: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default="0")
    )
    n_failed: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    n_looks: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    prepared_at: datetime | None = Field(default=None, sa_column=make_time(now=True))
    tried_at: datetime | None = Field(default=None, sa_column=make_time())  # to create it
    submitted_at: datetime | None = Field(default=None, sa_column=make_time())
    look_at: datetime | None = Field(default=None, sa_column=make_time())  # not before
    taken_at: datetime | None = Field(default=None, sa_column=make_time())
    cancel_asked_at: datetime | None = Field(default=None, sa_column=make_time())
    error_code: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    told_limit: int | None = Field(default=None, sa_type=BigInteger)  # of enqueued tokens
