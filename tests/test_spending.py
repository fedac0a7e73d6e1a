"""Money: the cap holds between any number of workers, and what is reserved is never forgotten."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
import redis
from factories import Planned, claim
from paid_accounts import CENT, PRICE, give_money, read_money, reserve, set_aside
from sqlalchemy import Engine, text

from models.accounts import price_tokens
from models.db import open_engine
from models.spending import (
    may_fit_later,
    release,
    settle,
    settle_all,
    write_off,
    write_off_dead,
)
from workers.lease import release_worker


def count_reserved(engine: Engine) -> Decimal:
    """What the open reservations sum to, by the rows themselves."""
    with engine.connect() as connection:
        query = "SELECT coalesce(sum(usd), 0) FROM reservation WHERE written_off_at IS NULL"
        return Decimal(connection.execute(text(query)).scalar_one())


@pytest.fixture
def eight_engines(database_url: str) -> Iterator[list[Engine]]:
    """What eight workers would have: an engine each."""
    engines = [open_engine(database_url, pool_size=1) for _ in range(8)]
    yield engines
    for engine in engines:
        engine.dispose()


def test_eight_workers_never_pass_the_cap(
    engine: Engine, eight_engines: list[Engine], account: int
) -> None:
    stop = threading.Event()
    seen: list[Decimal] = []

    def work(number: int) -> Decimal:
        draw = random.Random(number)  # noqa: S311  not for secrets
        paid = Decimal(0)
        while True:
            worst = Decimal(draw.randint(1, 20_000)) / 1_000_000
            held = reserve(eight_engines[number], account, usd=worst, worker="w#1", chunk=None)
            if held is None:
                return paid
            cost = worst * draw.randint(20, 100) / 100
            with eight_engines[number].begin() as connection:
                settle(connection, held, usd=cost)
            paid += cost

    def watch() -> None:
        while not stop.is_set():
            now = read_money(engine, account)
            seen.append(now.spent_usd + now.reserved_usd)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        paid = list(pool.map(work, range(8)))
    stop.set()
    watcher.join()

    after = read_money(engine, account)
    assert after.spent_usd == sum(paid)
    assert after.reserved_usd == 0
    assert max(seen) <= 1
    assert Decimal("0.95") < after.spent_usd <= 1


def test_the_last_cent_is_given_once(eight_engines: list[Engine], account: int) -> None:
    start = threading.Barrier(8)

    def grab(engine: Engine) -> list[int]:
        start.wait()
        asked = [reserve(engine, account, usd=CENT, worker="w#1", chunk=None) for _ in range(20)]
        return [held for held in asked if held is not None]

    with ThreadPoolExecutor(8) as pool:
        granted = [held for each in pool.map(grab, eight_engines) for held in each]

    assert len(granted) == len(set(granted)) == 100
    assert read_money(eight_engines[0], account).reserved_usd == 1


def test_a_call_is_settled_at_what_it_has_cost(engine: Engine, account: int) -> None:
    held = set_aside(engine, account, "0.3")
    cost = price_tokens(PRICE, prompt_tokens=123, new_tokens=7)

    with engine.begin() as connection:
        was_open = settle(connection, held, usd=cost)

    after = read_money(engine, account)
    assert was_open
    assert after.spent_usd == Decimal("0.0000158")
    assert (after.reserved_usd, after.written_off_usd, after.n_calls) == (0, 0, 1)


def test_what_is_settled_twice_is_paid_once(engine: Engine, account: int) -> None:
    held = set_aside(engine, account, "0.3")

    with engine.begin() as connection:
        results = [settle(connection, held, usd=CENT) for _ in range(2)]

    assert results == [True, False]
    assert read_money(engine, account).spent_usd == CENT


def test_a_settlement_that_is_rolled_back_leaves_the_money_reserved(
    engine: Engine, account: int
) -> None:
    held = set_aside(engine, account, "0.3")

    with engine.connect() as connection:
        settle(connection, held, usd=CENT)
        connection.rollback()  # its row could not be saved

    after = read_money(engine, account)
    assert (after.spent_usd, after.reserved_usd) == (0, Decimal("0.3"))


def test_several_calls_are_settled_together(engine: Engine, account: int) -> None:
    held = [set_aside(engine, account, "0.1") for _ in range(3)]

    with engine.begin() as connection:
        n_settled = settle_all(connection, {each: CENT * at for at, each in enumerate(held)})

    after = read_money(engine, account)
    assert n_settled == 3
    assert (after.spent_usd, after.reserved_usd, after.n_calls) == (CENT * 3, 0, 3)


def test_a_call_that_never_left_costs_nothing(engine: Engine, account: int) -> None:
    held = set_aside(engine, account, 1)

    with engine.begin() as connection:
        release(connection, held)

    after = read_money(engine, account)
    assert (after.spent_usd, after.reserved_usd, after.n_calls) == (0, 0, 0)
    set_aside(engine, account, 1)


def test_a_call_of_unknown_fate_counts_as_spent_and_is_told_apart(
    engine: Engine, account: int
) -> None:
    lost, answered = set_aside(engine, account, "0.4"), set_aside(engine, account, "0.4")

    with engine.begin() as connection:
        write_off(connection, [lost])
        settle(connection, answered, usd=Decimal("0.1"))

    after = read_money(engine, account)
    assert (after.spent_usd, after.written_off_usd) == (Decimal("0.5"), Decimal("0.4"))
    assert (after.reserved_usd, after.n_calls) == (0, 2)
    assert reserve(engine, account, usd=Decimal("0.6"), worker="w#1", chunk=None) is None


def test_a_slow_worker_corrects_what_was_written_off(engine: Engine, account: int) -> None:
    held = set_aside(engine, account, "0.4")
    with engine.begin() as connection:
        write_off(connection, [held])

    with engine.begin() as connection:
        settle(connection, held, usd=CENT)

    after = read_money(engine, account)
    assert (after.spent_usd, after.written_off_usd, after.n_calls) == (CENT, 0, 1)


def test_what_a_dead_worker_had_reserved_counts_as_spent(
    engine: Engine, paid_plan: Planned, account: int
) -> None:
    dead = claim(engine, paid_plan, paid_plan.chunks[0], worker="w@here:1")
    alive = claim(engine, paid_plan, paid_plan.chunks[1], worker="w@here:2")
    for mine in (dead, alive):
        set_aside(engine, account, "0.25", worker=mine.worker, chunk=mine.chunk)
    set_aside(engine, account, "0.125")  # a batch's

    with engine.begin() as connection:
        release_worker(connection, "w@here:1", has_died=True)
        write_off_dead(connection)
        again = write_off_dead(connection)

    after = read_money(engine, account)
    assert again == 0
    assert (after.spent_usd, after.written_off_usd) == (Decimal("0.25"), Decimal("0.25"))
    assert after.reserved_usd == count_reserved(engine) == Decimal("0.375")


def test_a_chunk_that_somebody_took_over_gives_its_first_holder_up(
    engine: Engine, paid_plan: Planned, account: int
) -> None:
    first = claim(engine, paid_plan, paid_plan.chunks[0], worker="w@here:1")
    set_aside(engine, account, "0.25", worker=first.worker, chunk=first.chunk)
    with engine.begin() as connection:
        connection.execute(text("UPDATE chunk SET lease_until = now() - interval '1 s'"))
    second = claim(engine, paid_plan, paid_plan.chunks[0], worker="w@here:1")
    set_aside(engine, account, "0.5", worker=second.worker, chunk=second.chunk)

    with engine.begin() as connection:
        write_off_dead(connection)

    after = read_money(engine, account)
    assert (after.written_off_usd, after.reserved_usd) == (Decimal("0.25"), Decimal("0.5"))


def test_a_sweep_that_meets_a_settlement_waits_for_nothing_and_breaks_nothing(
    engine: Engine, eight_engines: list[Engine], paid_plan: Planned, account: int
) -> None:
    dead = claim(engine, paid_plan, paid_plan.chunks[0])
    held = [
        set_aside(engine, account, CENT, worker=dead.worker, chunk=dead.chunk) for _ in range(60)
    ]
    with engine.begin() as connection:
        release_worker(connection, "w@here:1", has_died=True)

    def settle_slowly() -> None:
        for at in range(0, 60, 3):
            with eight_engines[0].begin() as connection:
                for each in held[at : at + 3]:
                    settle(connection, each, usd=CENT / 2)

    def sweep(number: int) -> None:
        for _ in range(20):
            with eight_engines[number].begin() as connection:
                write_off_dead(connection)

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(settle_slowly), *(pool.submit(sweep, n) for n in (1, 2, 3))]
        for job in jobs:
            job.result()

    after = read_money(engine, account)
    assert after.spent_usd == CENT / 2 * 60
    assert (after.reserved_usd, after.written_off_usd, after.n_calls) == (0, 0, 60)


def test_a_wiped_redis_changes_nothing(engine: Engine, broker: redis.Redis, account: int) -> None:
    set_aside(engine, account, "0.75")

    broker.flushall()

    assert read_money(engine, account).reserved_usd == Decimal("0.75")
    assert reserve(engine, account, usd=Decimal("0.26"), worker="w#1", chunk=None) is None


def test_another_cap_keeps_what_was_spent(engine: Engine, paid_plan: Planned, account: int) -> None:
    held = set_aside(engine, account, 1)
    with engine.begin() as connection:
        settle(connection, held, usd=Decimal(1))
    refused = reserve(engine, account, usd=CENT, worker="w#1", chunk=None)

    same = give_money(engine, paid_plan, "1.01")

    assert refused is None
    assert same == account
    assert read_money(engine, account).spent_usd == 1
    set_aside(engine, account, CENT)


def test_waiting_helps_only_while_dearer_calls_are_under_way(engine: Engine, account: int) -> None:
    held = set_aside(engine, account, "0.9")
    with engine.connect() as connection:
        while_under_way = may_fit_later(connection, account, usd=Decimal("0.2"))
    with engine.begin() as connection:
        settle(connection, held, usd=Decimal("0.9"))

    with engine.connect() as connection:
        when_spent = may_fit_later(connection, account, usd=Decimal("0.2"))

    assert (while_under_way, when_spent) == (True, False)
