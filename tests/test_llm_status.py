"""What ``persona-status`` says of LLMs that are asked over an API."""

import asyncio
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
import redis
from factories import Planned, claim, plan
from paid_accounts import reserve
from sqlalchemy import Engine, text

from models.accounts import open_account
from models.api_calls import count_trouble
from models.coverage import measure_progress
from models.llms import Price
from models.pausing import pause_account
from models.settings import Settings
from models.spending import settle, write_off
from scheduler.llm_status import LlmStatus, bound_by_quota, explain_llms, tabulate_llms
from scheduler.status import open_farm, read_llms
from workers.quota import Limits, QuotaLedger, QuotaUse, WindowUse, name_scope, open_quota_redis

LUNA = "gpt-6-luna"
PRICE = Price(input_usd=Decimal(1), output_usd=Decimal(2))


@pytest.fixture
def planned(engine: Engine, tmp_path: Path) -> Planned:
    """24 cells for an API LLM, half a dollar for them, and four calls: one is paid, one is lost,
    one is under way and one came to nothing."""
    planned = plan(engine, tmp_path, llms=[LUNA])
    with engine.begin() as connection:
        account = open_account(
            connection,
            planned.stored.experiment,
            planned.llm_ids[0],
            max_usd=Decimal("0.5"),
            price=PRICE,
        )
    held = [
        reserve(engine, account, usd=Decimal("0.1"), worker="w#1", chunk=None) for _ in range(3)
    ]
    with engine.begin() as connection:
        settle(connection, held[0] or 0, usd=Decimal("0.015"))
        write_off(connection, [held[1] or 0])
        count_trouble(connection, account, "429", message="slow down", n=7)
        count_trouble(connection, account, "timeout", message="nothing came")
    return planned


def read(engine: Engine, planned: Planned, broker: redis.Redis | None = None) -> LlmStatus:
    experiment = planned.stored.experiment
    with engine.connect() as connection:
        parts = measure_progress(connection, experiment)
        [status] = read_llms(connection, experiment, parts, broker=broker)
    return status


def show(statuses: Sequence[LlmStatus], capsys: pytest.CaptureFixture[str]) -> str:
    from models.console import out

    out.print(tabulate_llms(statuses))
    return " ".join(capsys.readouterr().out.split())


def test_money_calls_and_trouble_are_told(engine: Engine, planned: Planned) -> None:
    described = read(engine, planned).describe()

    assert described == {
        "llm": LUNA,
        "api_mode": "live",
        "max_usd": 0.5,
        "spent_usd": 0.115,
        "reserved_usd": 0.1,
        "written_off_usd": 0.1,
        "calls": 2,
        "in_flight": 1,
        "retries": {"429": 7, "timeout": 1},
        "paused": None,
        "missing": 24,
        "eta_s": None,
        "in_batches": None,
        "quota": None,
    }
    assert json.dumps(described)


def test_a_person_reads_the_same(
    engine: Engine, planned: Planned, capsys: pytest.CaptureFixture[str]
) -> None:
    status = read(engine, planned)

    shown = show([status], capsys)

    assert f"{LUNA} live $0.12 $0.50 $0.10 2 1 ? ? 7 x 429, 1 x timeout" in shown
    *troubles, money = explain_llms([status])
    assert troubles == [
        f"{LUNA}, 7 x 429, the last: slow down",
        f"{LUNA}, 1 x timeout, the last: nothing came",
    ]
    assert money.startswith(f"{LUNA}: $0.10 of what is spent were set aside for calls whose answer")


def test_a_paused_llm_shows_its_one_line(engine: Engine, planned: Planned) -> None:
    with engine.begin() as connection:
        [account] = connection.execute(text("SELECT id FROM spend")).scalars()
        pause_account(connection, account, reason="gpt-6-luna: the key is refused")

    status = read(engine, planned)

    assert status.describe()["paused"] == "gpt-6-luna: the key is refused"
    assert status.eta_s is None
    assert explain_llms([status])[0] == "paused, 4 chunks: gpt-6-luna: the key is refused"


def test_what_is_used_of_the_quota_is_read_from_redis(
    engine: Engine,
    planned: Planned,
    broker: redis.Redis,
    broker_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asyncio.run(use_quota(broker_url))

    status = read(engine, planned, broker)

    assert status.describe()["quota"] == {
        "requests_per_minute": {"used": 3, "limit": 6000},
        "tokens_per_minute": {"used": 60, "limit": 2000},
        "requests_per_day": {"used": 3, "limit": None},
        "waiting": 0,
        "held_s": 0.0,
    }
    assert status.eta_s == pytest.approx(24 * 20 / 2000 * 60)
    assert "0% of 6,000 requests/min, 3% of 2,000 tokens/min" in show([status], capsys)


async def use_quota(broker_url: str) -> None:
    """Three calls of 20 tokens each."""

    async def count_no_calls(_: float) -> int:
        return 0

    client = open_quota_redis(broker_url)
    ledger = QuotaLedger(
        client, name_scope(None, LUNA), Limits(6000, 2000), count_calls=count_no_calls
    )
    for _ in range(3):
        await ledger.reserve(tokens=20)
    await client.aclose()


def test_without_redis_all_else_is_told(
    engine: Engine, planned: Planned, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = redis.Redis(port=9, retry=None, socket_timeout=0.2)

    status = read(engine, planned, nobody)

    assert status.quota is None
    assert status.in_flight == 1
    assert "Redis does not answer" in capsys.readouterr().err


def test_the_embedded_servers_are_asked_where_none_are_named(
    engine: Engine, broker: redis.Redis, settings: Settings
) -> None:
    broker.set("here", 1)

    with open_farm(settings) as (here, found):
        assert found is not None
        is_same = found.get("here") == b"1"
        assert here.url.port == engine.url.port

    assert is_same


def test_answers_come_no_faster_than_the_binding_limit() -> None:
    use = QuotaUse(
        requests=WindowUse(100, 200),
        tokens=WindowUse(50_000, 100_000),
        requests_of_day=WindowUse(9_000, 10_000),
        waiting=4,
        held_s=30,
    )
    unlimited = use._replace(
        requests=WindowUse(100, None),
        tokens=WindowUse(50_000, None),
        requests_of_day=WindowUse(9_000, None),
    )

    assert bound_by_quota(use, 1_000) == 300  # requests per minute, and as many tokens
    assert bound_by_quota(use, 11_000) == 86_400  # a day more
    assert bound_by_quota(unlimited, 1_000) == 30
    assert bound_by_quota(unlimited._replace(requests=WindowUse(0, None), waiting=0), 9) is None


def test_the_eta_is_that_of_the_rate_where_the_quota_does_not_bind(
    engine: Engine, planned: Planned
) -> None:
    mine = claim(engine, planned, planned.chunks[0])
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE chunk SET state = 'done', n_done = 6, finished_at = now(),"
                " started_at = now() - interval '12 s' WHERE id = :chunk"
            ),
            {"chunk": mine.chunk},
        )

    status = read(engine, planned)

    assert status.eta_s == pytest.approx(18 / 6 * 12, rel=0.05)
