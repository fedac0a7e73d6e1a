"""Ledgers of one quota with a short window, for tests, and what goes through them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import redis

from workers.quota import Limits, QuotaLedger, open_quota_redis

SCOPE = "simulated.test/an-llm"
WINDOW_S = 0.6
SHORT_S = 0.25  # far less than a window, far more than a call of the script


async def count_nothing(_seconds: float) -> int:
    """No call in the last seconds."""
    return 0


def count_always(n: int) -> Callable[[float], Awaitable[int]]:
    """This many calls in whatever seconds."""

    async def count(_seconds: float) -> int:
        return n

    return count


@asynccontextmanager
async def open_ledger(
    broker_url: str, limits: Limits, **options: Any
) -> AsyncIterator[QuotaLedger]:
    """A ledger with a window of 0.6 s and no guard that finds an unused scope, unless told."""
    given: dict[str, Any] = {"window_s": WINDOW_S, "guard_s": 0.0, "count_calls": count_nothing}
    client = open_quota_redis(broker_url)
    try:
        yield QuotaLedger(client, SCOPE, limits, **{**given, **options})
    finally:
        await client.aclose()


async def passes_soon(ledger: QuotaLedger, tokens: int = 1) -> bool:
    """Whether a call is let go at once."""
    try:
        await asyncio.wait_for(ledger.reserve(tokens=tokens), SHORT_S)
    except TimeoutError:
        return False
    return True


async def time_reserve(ledger: QuotaLedger, tokens: int = 1) -> float:
    """The seconds that a call waited."""
    began_s = time.monotonic()
    await ledger.reserve(tokens=tokens)
    return time.monotonic() - began_s


def redis_url(client: redis.Redis) -> str:
    """The URL that a client was made from."""
    given = client.connection_pool.connection_kwargs
    return f"redis://:{given['password']}@{given['host']}:{given['port']}/{given['db']}"
