"""Which limits a quota has: as configured, as a provider's headers tell, and in whose name."""

import asyncio
import math
from typing import Any

import pytest
import redis
from quota_ledgers import SCOPE, WINDOW_S, open_ledger, passes_soon, redis_url

from models.errors import ConfigError
from workers.quota import (
    CallTooBigError,
    Limits,
    QuotaLedger,
    describe_quota,
    name_key,
    name_scope,
    open_quota_redis,
)


def test_limits_follow_the_headers_up_and_down(broker_url: str) -> None:
    async def ask() -> tuple[int, int]:
        async with open_ledger(broker_url, Limits(1, 10)) as ledger:
            grant = await ledger.reserve(tokens=1)
            raised = {"x-ratelimit-limit-requests": "200", "x-ratelimit-limit-tokens": "9000"}
            await ledger.settle(grant, headers=raised)
            n_raised = sum([await passes_soon(ledger, 40) for _ in range(10)])
            grant = await ledger.reserve(tokens=1)
            await ledger.settle(grant, headers={"x-ratelimit-limit-requests": "12"})
            return n_raised, sum([await passes_soon(ledger) for _ in range(2)])

    n_raised, n_lowered = asyncio.run(ask())

    assert n_raised == 10
    assert n_lowered == 0


def test_what_others_use_of_the_account_shrinks_the_room(broker: redis.Redis) -> None:
    url = redis_url(broker)
    told = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "3"}

    async def ask() -> None:
        async with open_ledger(url, Limits(100)) as ledger:
            grants = [await ledger.reserve(tokens=1) for _ in range(3)]
            for grant in grants:  # all were under way: the others' 94 are counted once
                await ledger.settle(grant, headers=told)

    asyncio.run(ask())

    use = describe_quota(broker, SCOPE, window_s=WINDOW_S)
    assert use is not None
    assert use.requests == (97, 100)


def test_an_old_or_larger_remainder_changes_nothing(broker: redis.Redis) -> None:
    url = redis_url(broker)

    async def ask() -> None:
        async with open_ledger(url, Limits(100)) as ledger:
            grants = [await ledger.reserve(tokens=1) for _ in range(10)]
            for left, grant in zip((99, 90, 100, 97), grants, strict=False):
                told = {"x-ratelimit-limit-requests": "100"}
                told["x-ratelimit-remaining-requests"] = str(left)
                await ledger.settle(grant, headers=told)

    asyncio.run(ask())

    use = describe_quota(broker, SCOPE, window_s=WINDOW_S)
    assert use is not None
    assert use.requests == (10, 100)


def test_a_call_larger_than_a_minute_is_refused_by_name(broker_url: str) -> None:
    async def ask() -> None:
        async with open_ledger(broker_url, Limits(None, 1_000)) as ledger:
            await ledger.reserve(tokens=1_001)

    with pytest.raises(CallTooBigError, match=r"an-llm: a call of up to 1,001 .* 1,000 tokens"):
        asyncio.run(ask())


@pytest.mark.parametrize("limit", [0, -1, math.nan, 2.5])
def test_a_limit_that_is_none_is_refused(limit: Any) -> None:
    with pytest.raises(ConfigError, match="requests_per_minute is"):
        QuotaLedger(open_quota_redis("redis://127.0.0.1:1"), SCOPE, Limits(limit))


def test_a_changed_limit_in_the_registry_is_taken_over_by_the_next_worker(
    broker: redis.Redis,
) -> None:
    url = redis_url(broker)

    async def ask(limits: Limits) -> None:
        async with open_ledger(url, limits) as ledger:
            await ledger.reserve(tokens=1)

    asyncio.run(ask(Limits(100, 1_000)))
    asyncio.run(ask(Limits(50)))

    use = describe_quota(broker, SCOPE, window_s=WINDOW_S)
    assert use is not None
    assert (use.requests.limit, use.tokens.limit) == (50, None)


def test_an_unused_scope_is_described_as_unknown_and_kept_for_days_only(
    broker: redis.Redis,
) -> None:
    url = redis_url(broker)

    async def ask() -> None:
        async with open_ledger(url, Limits(7)) as ledger:
            await ledger.reserve(tokens=3)
            await ledger.hold(30)

    before = describe_quota(broker, SCOPE)
    asyncio.run(ask())
    after = describe_quota(broker, SCOPE)

    assert before is None
    assert after is not None
    assert (after.requests, after.tokens, after.requests_of_day) == ((1, 7), (3, None), (1, None))
    assert (after.waiting, round(after.held_s)) == (0, 30)
    assert 0 < broker.ttl(name_key(SCOPE)) <= 2 * 86_400


@pytest.mark.parametrize(
    ("base_url", "scope"),
    [
        (None, "api.openai.com/gpt"),
        ("https://api.openai.com/v1/", "api.openai.com/gpt"),
        ("http://user:secret@127.0.0.1:8000/v1", "127.0.0.1:8000/gpt"),
    ],
)
def test_a_scope_is_the_host_and_the_llm_and_never_a_secret(
    base_url: str | None, scope: str
) -> None:
    assert name_scope(base_url, "gpt") == scope
