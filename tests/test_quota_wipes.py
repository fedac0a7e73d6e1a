"""What a quota makes of a Redis that was wiped, restarted, away, or whose clock was set."""

import asyncio
import logging
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import redis
from quota_ledgers import (
    SCOPE,
    SHORT_S,
    WINDOW_S,
    count_always,
    count_nothing,
    open_ledger,
    passes_soon,
    redis_url,
    time_reserve,
)

import workers.quota_script
from models.embedded import find_redis_server
from models.embedded_server import find_free_port
from workers.quota import Limits, describe_quota, name_key


def test_a_wiped_scope_waits_a_window_and_says_so(
    broker: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    url = redis_url(broker)

    async def ask() -> float:
        async with open_ledger(url, Limits(1_000)) as ledger:
            await ledger.reserve(tokens=1)
            broker.delete(name_key(SCOPE))
            return min(await asyncio.gather(*(time_reserve(ledger) for _ in range(10))))

    waited_s = asyncio.run(ask())

    assert waited_s >= WINDOW_S * 0.95
    assert len(caplog.messages) == 1
    assert "does not know what was sent last; nothing is sent for 1 s" in caplog.messages[0]


def test_a_server_without_limits_is_never_waited_for(broker: redis.Redis) -> None:
    url = redis_url(broker)

    async def ask() -> tuple[float, float]:
        nothing, told = Limits(None), {"x-ratelimit-limit-requests": "1000"}
        async with open_ledger(url, nothing, count_calls=count_always(5)) as ledger:
            first_s = await time_reserve(ledger)
            grant = await ledger.reserve(tokens=1)
            await ledger.settle(grant, tokens=1, headers=told)
            broker.delete(f"quota:{SCOPE}")
            return first_s, await time_reserve(ledger)

    first_s, after_a_wipe_s = asyncio.run(ask())

    assert first_s < WINDOW_S * 0.5
    assert after_a_wipe_s >= WINDOW_S * 0.9  # by then a reply had named a limit


def test_a_new_process_asks_what_was_sent_before_it(broker: redis.Redis) -> None:
    url = redis_url(broker)

    async def ask(count: Callable[[float], Awaitable[int]] | None) -> float:
        broker.delete(name_key(SCOPE))
        async with open_ledger(url, Limits(5), count_calls=count) as ledger:
            return await time_reserve(ledger)

    assert asyncio.run(ask(count_nothing)) < SHORT_S
    assert asyncio.run(ask(count_always(1))) >= WINDOW_S * 0.95
    assert asyncio.run(ask(None)) >= WINDOW_S * 0.95


def test_a_wipe_gives_no_second_days_quota(broker: redis.Redis) -> None:
    url = redis_url(broker)

    async def ask() -> None:
        limits = Limits(None, None, 200)
        async with open_ledger(url, limits, count_calls=count_always(200)) as ledger:
            assert not await passes_soon(ledger)  # the window's wait
            await asyncio.sleep(WINDOW_S)
            assert not await passes_soon(ledger)

    asyncio.run(ask())

    use = describe_quota(broker, SCOPE, window_s=WINDOW_S)
    assert use is not None
    assert use.requests_of_day == (200, 200)


def test_a_restarted_redis_with_an_old_copy_is_not_believed(
    broker: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    url = redis_url(broker)

    n_sent = 0

    async def count(_seconds: float) -> int:
        return n_sent

    async def ask() -> float:
        nonlocal n_sent
        async with open_ledger(url, Limits(1_000), count_calls=count) as ledger:
            await ledger.reserve(tokens=1)
            n_sent = 1
            broker.hset(name_key(SCOPE), "run", "another server's")
            await asyncio.sleep(0.55)  # a silence in which a server can restart
            return await time_reserve(ledger)

    assert asyncio.run(ask()) >= WINDOW_S * 0.95
    assert "does not know what was sent last" in caplog.text


def test_a_clock_that_is_set_forward_frees_nothing(
    broker_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class LaggingTime:
        """This machine's clock seen from a server whose clock was set an hour forward."""

        behind_s = 0.0

        def monotonic(self) -> float:
            return time.monotonic() - self.behind_s

    lagging = LaggingTime()

    async def ask() -> tuple[float, float]:
        async with open_ledger(broker_url, Limits(1_000)) as ledger:
            await ledger.reserve(tokens=1)
            lagging.behind_s = 3_600.0
            first_s = max(await asyncio.gather(*(time_reserve(ledger) for _ in range(3))))
            return first_s, await time_reserve(ledger)

    monkeypatch.setattr(workers.quota_script, "time", lagging)
    first_s, next_s = asyncio.run(ask())

    assert first_s >= WINDOW_S * 0.95
    assert next_s < SHORT_S
    assert "the clock of Redis was set by +3600.0 s" in caplog.text


def test_a_clock_that_stands_still_or_went_back_a_little_breaks_nothing(
    broker: redis.Redis,
) -> None:
    url = redis_url(broker)

    async def ask() -> bool:
        async with open_ledger(url, Limits(1_000)) as ledger:
            grant = await ledger.reserve(tokens=1)
            seconds, _ = broker.time()
            broker.hset(name_key(SCOPE), "clock", (seconds + 1) * 1_000_000)
            await ledger.settle(grant, tokens=1)
            await ledger.settle(grant, tokens=1)
            return await passes_soon(ledger)

    assert asyncio.run(ask())


class OwnRedis:
    """A Redis that a test may stop and start, at one address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = find_free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [find_redis_server(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        client = redis.Redis(port=self.port, socket_timeout=2)
        for _ in range(200):
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.02)
            else:
                break
        client.close()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def test_nothing_passes_while_redis_is_away_and_all_goes_on_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = OwnRedis(tmp_path)
    monkeypatch.setattr(workers.quota_script, "RETRY_S", 0.05)
    passed = []

    async def ask() -> tuple[int, float]:
        limits, count = Limits(1_000), count_always(1)
        async with open_ledger(server.url, limits, count_calls=count) as ledger:
            grant = await ledger.reserve(tokens=1)
            await asyncio.to_thread(server.stop)
            await ledger.settle(grant, tokens=1)  # harmless: it stays counted
            await ledger.hold(0.01)
            waiting = [asyncio.create_task(ledger.reserve(tokens=1)) for _ in range(10)]
            await asyncio.sleep(0.3)
            passed.append(sum(task.done() for task in waiting))
            began_s = time.monotonic()
            await asyncio.to_thread(server.start)
            await asyncio.gather(*waiting)
            return passed[0], time.monotonic() - began_s

    server.start()
    try:
        n_passed, waited_s = asyncio.run(ask())
    finally:
        server.stop()

    assert n_passed == 0
    assert waited_s >= WINDOW_S * 0.95  # the new Redis knows nothing: a window is waited
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("nothing is sent until it does" in line for line in said) == 1
    assert sum("Redis is back" in line for line in said) == 1


def test_a_redis_that_may_not_write_is_waited_for_and_not_besieged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = OwnRedis(tmp_path)
    monkeypatch.setattr(workers.quota_script, "RETRY_S", 0.1)
    server.start()
    client = redis.Redis(port=server.port)

    async def ask() -> tuple[bool, int]:
        async with open_ledger(server.url, Limits(1_000), count_calls=count_nothing) as ledger:
            client.config_set("maxmemory", "1")
            waiting = asyncio.create_task(ledger.reserve(tokens=1))
            await asyncio.sleep(0.6)
            is_passed = waiting.done()
            tries = int(client.info("commandstats")["cmdstat_evalsha"]["calls"])
            client.config_set("maxmemory", "0")
            await waiting
            return is_passed, tries

    try:
        is_passed, tries = asyncio.run(ask())
    finally:
        client.close()
        server.stop()

    assert not is_passed
    assert tries < 20
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("nothing is sent until it does" in line for line in said) == 1
