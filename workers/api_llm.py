"""An LLM that is asked over an API, as a worker's child holds it between chunks."""

import asyncio
from dataclasses import dataclass, field

import redis.asyncio
from sqlalchemy import Engine

from models.api_calls import count_recent_calls
from models.keys import find_key
from models.llms import LlmSpec, Quota
from models.settings import Settings
from workers.asking import Health
from workers.provider import Provider
from workers.quota import Limits, QuotaLedger, name_scope, open_quota_redis
from workers.token_estimate import TokenEstimator

# Answers of two seconds then make 960 calls a minute, twice what a new account may ask.
CONCURRENCY = 32


@dataclass
class ApiLlm:
    """A provider, its quota and an event loop that lives as long as the worker's child."""

    spec: LlmSpec
    provider: Provider
    ledger: QuotaLedger
    estimator: TokenEstimator
    concurrency: int  # calls under way at most
    client: redis.asyncio.Redis
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    health: Health = field(default_factory=Health)
    revisions: dict[int, str | None] = field(default_factory=dict)  # row of llm -> who answers
    said: str | None = None  # why it was paused last: said once

    def close(self) -> None:
        """Close the connections and the event loop."""
        self.runner.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        await self.provider.close()
        await self.client.aclose()


def open_api_llm(
    spec: LlmSpec,
    *,
    settings: Settings,
    engine: Engine,
    broker_url: str,
    concurrency: int | None = None,
) -> ApiLlm:
    """Make everything ready to ask; no network is used yet.

    Raises:
        LlmLoadError: there is no key in the variable that the entry names, or what cannot be one.
    """
    key = find_key(spec)
    client = open_quota_redis(broker_url)
    scope = name_scope(spec.base_url, str(spec.model))

    async def count_calls(seconds: float) -> int:
        return await asyncio.to_thread(_count_calls, engine, spec, seconds)

    quota = spec.quota or Quota()
    limits = Limits(quota.requests_per_minute, quota.tokens_per_minute, quota.requests_per_day)
    return ApiLlm(
        spec=spec,
        provider=Provider(spec, key, timeout_s=settings.api_timeout_s),
        ledger=QuotaLedger(client, scope, limits, count_calls=count_calls),
        estimator=TokenEstimator(client, scope),
        concurrency=concurrency or CONCURRENCY,
        client=client,
    )


def _count_calls(engine: Engine, spec: LlmSpec, seconds: float) -> int:
    with engine.connect() as connection:
        return count_recent_calls(connection, spec, seconds=seconds)
