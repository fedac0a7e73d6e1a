"""Choose planned chunks for a batch, within every limit, and set them and their money aside.

A batch takes whole chunks, in their order, until the next one would pass a limit: of requests, of
the file's size, of the tokens that may be enqueued, or of the money that is left.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection, Engine, text

from models.accounts import (
    Account,
    describe_spent_cap,
    list_batch_slices,
    price_tokens,
    read_account,
)
from models.llms import LlmSpec
from models.pausing import pause_account
from models.spending import may_fit_later, reserve
from models.tables import ApiMode, BatchState
from workers.batches.closing import Ending, close_chunks
from workers.batches.enqueued import Room, estimate_tokens, find_tokens_per_byte
from workers.batches.requests import CellKey, Request, list_open_cells, write_requests
from workers.batches.rows import BatchRow, read_batch
from workers.saving import FailureRow, save_failures
from workers.token_estimate import Size

logger = logging.getLogger(__name__)

# https://developers.openai.com/api/docs/guides/batch: 50,000 requests, 200 MB.
MAX_REQUESTS = 50_000
MAX_BYTES = 200_000_000


class _TakenError(Exception):
    """Somebody else has changed the chunks, or the money, meanwhile."""


@dataclass
class Load:
    """Chunks and what their open cells come to."""

    chunks: list[int] = field(default_factory=list)
    failures: list[FailureRow] = field(default_factory=list)
    requests: int = 0
    file_bytes: int = 0
    content_bytes: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)

    def add(self, other: "Load") -> "Load":
        """Both together."""
        return Load(
            self.chunks + other.chunks,
            self.failures + other.failures,
            self.requests + other.requests,
            self.file_bytes + other.file_bytes,
            self.content_bytes + other.content_bytes,
            self.tokens + other.tokens,
            self.usd + other.usd,
        )


def price_request(account: Account, size: Size, answer_limit: int) -> Decimal:
    """The most that one request of a batch can cost, in USD."""
    return price_tokens(
        account.price,
        prompt_tokens=size.most_tokens,
        new_tokens=answer_limit,
        api_mode=ApiMode.BATCH,
    )


def prepare_batch(
    engine: Engine, spec: LlmSpec, llm_ids: Sequence[int], *, room: Room
) -> BatchRow | None:
    """Set one batch aside for the first account that has something to send; None: nothing now.

    An account without money for one more chunk has its chunks laid aside, unless batches or calls
    under way may leave some.
    """
    with engine.connect() as connection:
        payers = list_batch_slices(connection, llm_ids)
    for account_id, slices in payers.items():
        while True:
            with engine.connect() as connection:
                account = read_account(connection, account_id)
                chunks = _list_planned(connection, slices)
                loads = _weigh_chunks(connection, spec, account, chunks)
            load = _cut(loads, account, room)
            if not load.chunks:
                if loads and not _fits_money(loads[0], account):
                    _pause_without_money(engine, spec, account, loads[0].usd)
                break
            try:
                row = _set_aside(engine, account, load)
            except _TakenError:
                logger.info("%s: chunks or money changed while a batch was chosen", spec.name)
                break
            if row is not None:
                return row
    return None


def _list_planned(connection: Connection, slices: Sequence[int]) -> list[int]:
    """Planned chunks in their order, at most as many cells as a batch may hold.

    One whose cells are in a batch already, as part of another slice, waits for that.
    """
    rows = connection.execute(
        text("""
            SELECT id FROM (
                SELECT c.id, sum(c.stop - c.start) OVER (ORDER BY c.id) AS cells FROM (
                    SELECT c.id, c.start, c.stop FROM chunk c JOIN slice s ON s.id = c.slice
                    WHERE c.slice = ANY(:slices) AND c.state = 'planned'
                        AND (c.retry_at IS NULL OR c.retry_at <= now())
                        AND NOT EXISTS (
                            SELECT FROM slice os JOIN chunk o ON o.slice = os.id
                            WHERE os.llm = s.llm AND os.ask = s.ask AND os.dataset = s.dataset
                                AND os.id <> s.id AND o.state = 'submitted'
                                AND o.persona = c.persona AND o.repeat = c.repeat
                                AND os.item_ids[o.start + 1 : o.stop]
                                    && s.item_ids[c.start + 1 : c.stop])
                    ORDER BY c.id LIMIT :most
                ) c
            ) summed WHERE cells <= :most ORDER BY id
        """),
        {"slices": list(slices), "most": MAX_REQUESTS},
    )
    return list(rows.scalars())


def _weigh_chunks(
    connection: Connection, spec: LlmSpec, account: Account, chunks: Sequence[int]
) -> list[Load]:
    """What each chunk's open cells come to, in order."""
    loads = {chunk: Load([chunk]) for chunk in chunks}
    if not loads:
        return []
    ratio = find_tokens_per_byte(connection, spec)
    cells: dict[CellKey, int] = list_open_cells(connection, account.llm, chunks)
    for each in write_requests(connection, spec, llm=account.llm, cells=cells):
        load = loads[each.chunk]
        if isinstance(each, Request):
            load.requests += 1
            load.file_bytes += len(each.line)
            load.content_bytes += each.size.content_bytes
            load.tokens += estimate_tokens(each.size, ratio)
            load.usd += price_request(account, each.size, each.answer_limit)
        else:
            load.failures.append(each)
    return list(loads.values())


def _cut(loads: Sequence[Load], account: Account, room: Room) -> Load:
    """As many chunks from the first one on as fit together."""
    whole = Load()
    for load in loads:
        both = whole.add(load)
        if both.requests > MAX_REQUESTS or both.file_bytes > MAX_BYTES:
            break
        if not _fits_money(both, account) or not room.fits(both.tokens, chunks=len(both.chunks)):
            break
        whole = both
    return whole


def _fits_money(load: Load, account: Account) -> bool:
    return account.room_usd is None or load.usd <= account.room_usd


def _pause_without_money(engine: Engine, spec: LlmSpec, account: Account, usd: Decimal) -> None:
    with engine.begin() as connection:
        if may_fit_later(connection, account.id, usd=usd):
            return  # batches under way are reserved at their worst
        line = describe_spent_cap(connection, account.id, llm=spec.name)
        if pause_account(connection, account.id, reason=line):
            logger.error("%s", line)


def _set_aside(engine: Engine, account: Account, load: Load) -> BatchRow | None:
    """Commit a batch's row with its chunks and its money; None where nothing was left to ask.

    Raises:
        _TakenError: chunks or money are no longer as they were; nothing has been written.
    """
    with engine.begin() as connection:
        save_failures(connection, load.failures)
        if load.requests == 0:
            close_chunks(connection, account.llm, load.chunks, Ending())
            return None
        sign = secrets.token_hex(16)
        reservation = reserve(
            connection,
            account.id,
            usd=load.usd,
            worker=f"batch {sign}",
            chunk=None,
            n_calls=load.requests,
            is_batch=True,
        )
        if reservation is None:
            raise _TakenError
        batch = _add_row(connection, account, load, sign, reservation)
        held = connection.execute(
            text("""
                UPDATE chunk SET state = 'submitted', batch = :batch, started_at = now(),
                    worker = NULL, error = NULL
                WHERE id = ANY(:chunks) AND state = 'planned'
            """),
            {"batch": batch, "chunks": load.chunks},
        )
        if held.rowcount != len(load.chunks):
            raise _TakenError
        return read_batch(connection, batch)


def _add_row(
    connection: Connection, account: Account, load: Load, sign: str, reservation: int
) -> int:
    return int(
        connection.execute(
            text("""
                INSERT INTO batch (sign, account, llm, state, reservation, n_requests,
                    content_bytes, enqueued_tokens)
                VALUES (:sign, :account, :llm, :state, :reservation, :n_requests, :content_bytes,
                    :tokens)
                RETURNING id
            """),
            {
                "sign": sign,
                "account": account.id,
                "llm": account.llm,
                "state": BatchState.PREPARING.value,
                "reservation": reservation,
                "n_requests": load.requests,
                "content_bytes": load.content_bytes,
                "tokens": load.tokens,
            },
        ).scalar_one()
    )
