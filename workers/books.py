"""The books of one chunk's calls: rows and money, committed together, as many as have come.

    async with Books(engine, claim, account) as books:
        held = await books.reserve(usd)                    None: the cap would be exceeded
        ... the call ...
        await books.save(row, held, usd)                   returns when it has been committed

One transaction at a time, off the event loop, with everything that waits in it: a single answer is
saved at once, and hundreds a second are not slower than the disk. All workers change the same row
of the account, so it is this that keeps them from queueing up before it.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from models import spending
from models.api_calls import count_trouble
from workers.halting import HaltedError
from workers.lease import Claim
from workers.saving import FailureRow, GenerationRow, save_failures, save_generations

# A Postgres that restarts is back by then; what was paid meanwhile is kept in memory.
PATIENCE_S = 60.0


class LeaseLostError(HaltedError):
    """Somebody else holds the chunk now: nothing more is asked for it here."""


_Result = int | None | LeaseLostError


@dataclass(slots=True)
class _Entry:
    """One thing to be written; ``done`` is told the id of what was reserved, or None."""

    done: asyncio.Future[int | None]
    row: GenerationRow | FailureRow | None = None
    reserve_usd: Decimal | None = None
    held: int | None = None  # a reservation that ends:
    cost_usd: Decimal | None = None  # with this; None: written off
    is_free: bool = False  # or with nothing, and as if it had never been
    trouble: tuple[str, str] | None = None  # cause and message


@dataclass
class Books:
    """What one worker writes about one chunk; used within one event loop."""

    engine: Engine
    claim: Claim
    account: int
    _waiting: list[_Entry] = field(default_factory=list)
    _has_come: asyncio.Event = field(default_factory=asyncio.Event)
    _is_closing: bool = False
    _keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Whatever was brought is written, also by who no longer waits for it."""
        self._is_closing = True
        self._has_come.set()
        if self._keeper is not None:
            await self._keeper

    async def reserve(self, usd: Decimal) -> int | None:
        """Set the worst case of a call aside; None: the cap would be exceeded.

        Raises:
            LeaseLostError: the chunk was taken over, so its new holder pays.
        """
        return await self._enter(reserve_usd=usd)

    async def save(self, row: GenerationRow, held: int, usd: Decimal) -> None:
        """Save an answer with what it has cost."""
        await self._enter(row=row, held=held, cost_usd=usd)

    async def save_failure(self, row: FailureRow) -> None:
        """Save that a cell could not be answered."""
        await self._enter(row=row)

    async def settle(self, held: int, usd: Decimal) -> None:
        """A call has cost so much and brought nothing."""
        await self._enter(held=held, cost_usd=usd)

    async def release(self, held: int) -> None:
        """A call cost nothing."""
        await self._enter(held=held, is_free=True)

    async def write_off(self, held: int) -> None:
        """Nobody knows what a call cost: all that was set aside counts as spent."""
        await self._enter(held=held)

    async def note_trouble(self, cause: str, message: str) -> None:
        """Count a call that went wrong; ``message`` without keys."""
        await self._enter(trouble=(cause, message))

    async def _enter(
        self,
        *,
        row: GenerationRow | FailureRow | None = None,
        reserve_usd: Decimal | None = None,
        held: int | None = None,
        cost_usd: Decimal | None = None,
        is_free: bool = False,
        trouble: tuple[str, str] | None = None,
    ) -> int | None:
        done: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(done, row, reserve_usd, held, cost_usd, is_free, trouble))
        self._has_come.set()
        return await done

    async def _keep(self) -> None:
        while self._waiting or not self._is_closing:
            await self._has_come.wait()
            self._has_come.clear()
            entries, self._waiting = self._waiting, []
            if entries:
                await self._write(entries)

    async def _write(self, entries: Sequence[_Entry]) -> None:
        [written] = await asyncio.gather(
            asyncio.to_thread(self._commit_patiently, entries), return_exceptions=True
        )
        for number, entry in enumerate(entries):
            if entry.done.done():  # cancelled meanwhile
                continue
            result = written if isinstance(written, BaseException) else written[number]
            if isinstance(result, BaseException):
                entry.done.set_exception(result)
            else:
                entry.done.set_result(result)

    def _commit_patiently(self, entries: Sequence[_Entry]) -> list[_Result]:
        """Commit, and again while Postgres is away: rows are added once, reservations end once.

        A reservation that had been committed unheard is written off with the claim.
        """
        again = Retrying(
            retry=retry_if_exception_type((OperationalError, InterfaceError)),
            wait=wait_random_exponential(0.2, max=5),
            stop=stop_after_delay(PATIENCE_S),
            reraise=True,
        )
        return again(self._commit, entries)

    def _commit(self, entries: Sequence[_Entry]) -> list[_Result]:
        rows = [entry.row for entry in entries if entry.row is not None]
        ended = [entry for entry in entries if entry.held is not None]
        with self.engine.begin() as connection:
            save_generations(connection, [row for row in rows if isinstance(row, GenerationRow)])
            save_failures(connection, [row for row in rows if isinstance(row, FailureRow)])
            if rows and self.claim.attempts:
                self._forget_attempts(connection)
            costs = {e.held: e.cost_usd for e in ended if e.held and e.cost_usd is not None}
            spending.settle_all(connection, costs)
            unknown = [e.held for e in ended if e.held and e.cost_usd is None and not e.is_free]
            if unknown:
                spending.write_off(connection, unknown)
            for entry in ended:
                if entry.held and entry.is_free:
                    spending.release(connection, entry.held)
            self._count_troubles(connection, entries)
            wanted = [entry.reserve_usd for entry in entries]
            if any(usd is not None for usd in wanted) and not self._holds(connection):
                return [None if usd is None else LeaseLostError() for usd in wanted]
            return [None if usd is None else self._reserve(connection, usd) for usd in wanted]

    def _forget_attempts(self, connection: Connection) -> None:
        """A chunk that moves does not kill its workers, however often they are killed."""
        query = text("UPDATE chunk SET attempts = 0 WHERE id = :chunk AND worker = :worker")
        connection.execute(query, self.claim.keys)

    def _holds(self, connection: Connection) -> bool:
        query = text(
            "SELECT FROM chunk WHERE id = :chunk AND worker = :worker AND state = 'running'"
        )
        return connection.execute(query, self.claim.keys).one_or_none() is not None

    def _reserve(self, connection: Connection, usd: Decimal) -> int | None:
        return spending.reserve(
            connection, self.account, usd=usd, worker=self.claim.worker, chunk=self.claim.chunk
        )

    def _count_troubles(self, connection: Connection, entries: Sequence[_Entry]) -> None:
        troubles = [entry.trouble for entry in entries if entry.trouble is not None]
        last = dict(troubles)
        for cause, n in Counter(cause for cause, _ in troubles).items():
            count_trouble(connection, self.account, cause, message=last[cause], n=n)
