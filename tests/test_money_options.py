"""``--max-usd``, ``--price``, ``--api-mode``, and how far a cap reaches."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import redis
from factories import count, make_grid, write_experiment
from money_options import LUNA, SOL, UNPRICED, parse_options, unprice
from paid_accounts import reserve
from sqlalchemy import Engine

from models.accounts import Account, list_accounts
from models.api_calls import count_trouble
from models.errors import ConfigError, IncompleteError, UnknownNameError
from models.llms import Price, load_registry
from models.pausing import list_pauses, pause_llm
from models.spending import settle
from models.tables import ApiMode
from scheduler.cli import refuse_paused
from scheduler.money import MoneyOptions, check_options, find_prices
from scheduler.progress import watch_until_settled
from scheduler.send import Sent, plan_and_send
from workers.app import configure_app


@pytest.fixture
def queue(broker: redis.Redis, broker_url: str) -> redis.Redis:
    """An empty Redis that chunks are sent to."""
    configure_app(broker_url)
    return broker


def send(
    engine: Engine, queue: redis.Redis, folder: Path, money: MoneyOptions, **options: object
) -> Sent:
    """Plan four chunks of an API LLM and send them."""
    grid = make_grid(folder, **{"llms": [LUNA], **options})  # type: ignore[arg-type]
    return plan_and_send(engine, queue, grid, window=100, retry_failed=False, money=money)


def read_accounts(engine: Engine, sent: Sent) -> list[Account]:
    with engine.connect() as connection:
        return list_accounts(connection, sent.stored.experiment)


@pytest.mark.parametrize(
    ("max_usd", "price", "said"),
    [
        ("five", "", "--max-usd five: expected USD or LLM=USD, not 'five'"),
        ("-1", "", "not '-1'"),
        ("NaN", "", "not 'NaN'"),
        (f"{LUNA}=", "", "not ''"),
        ("1", "3", r"--price 3: expected IN,OUT or LLM=IN,OUT \(USD per million tokens"),
        ("1", "1,2,3", "expected IN,OUT"),
        ("1", "1,x", "not 'x'"),
        ("1", f"{LUNA}=1,2 {LUNA}=3,4", f"given twice for {LUNA}"),
    ],
)
def test_an_amount_that_is_none_is_the_users_mistake(max_usd: str, price: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_options(max_usd, price=price)


def test_an_amount_is_read_exactly_and_by_llm() -> None:
    given = parse_options("5", f"{LUNA}=0.1", price="0.1,$0.7")

    assert given.find_cap(LUNA) == Decimal("0.1")
    assert given.find_cap("another") == 5
    assert given.prices[None] == Price(input_usd=Decimal("0.1"), output_usd=Decimal("0.7"))


def test_a_price_for_all_is_for_those_that_have_none(tmp_path: Path) -> None:
    known = load_registry()[SOL]
    free = Price(input_usd=Decimal(0), output_usd=Decimal(0))
    llms, given = [LUNA, SOL], parse_options(price="0,0")
    bare = make_grid(tmp_path, llms=llms, registry={LUNA: UNPRICED, SOL: unprice(SOL)})
    mixed = make_grid(tmp_path, llms=llms, registry={LUNA: UNPRICED, SOL: known})

    for grid in (bare, mixed):
        check_options(grid, given)

    assert find_prices(bare, given, accounts={}) == {LUNA: free, SOL: free}
    assert find_prices(mixed, given, accounts={}) == {LUNA: free, SOL: known.price}
    named = parse_options(price=f"0,0 {SOL}=1,2")
    assert find_prices(mixed, named, accounts={})[SOL] == Price(
        input_usd=Decimal(1), output_usd=Decimal(2)
    )


@pytest.mark.parametrize(
    ("llms", "money", "error", "said"),
    [
        (
            ["tiny"],
            parse_options("5"),
            ConfigError,
            "--max-usd: no LLM of experiment 'numbers' is asked",
        ),
        (
            ["tiny"],
            parse_options(mode=ApiMode.BATCH),
            ConfigError,
            "--api-mode: no LLM of experiment",
        ),
        ([LUNA], parse_options("gpt-6-lun=5"), UnknownNameError, f"did you mean '{LUNA}'"),
        ([LUNA, "tiny"], parse_options(price="tiny=1,2"), UnknownNameError, "--price: 'tiny'"),
        ([LUNA, SOL], parse_options(price="1,2"), ConfigError, "have prices of their own; say"),
    ],
)
def test_an_option_that_nothing_heeds_is_refused(
    tmp_path: Path, llms: list[str], money: MoneyOptions, error: type[Exception], said: str
) -> None:
    grid = make_grid(tmp_path, llms=llms)

    with pytest.raises(error, match=said):
        check_options(grid, money)


def test_an_llm_that_costs_money_needs_a_cap(
    engine: Engine, queue: redis.Redis, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        send(engine, queue, tmp_path, MoneyOptions())

    assert str(refused.value) == (
        "LLM 'gpt-6-luna' costs money: at most $0.0013 for 24 cells; "
        "set a hard cap with --max-usd 1"
    )
    assert count(engine, "experiment") == 0


def test_an_unknown_price_is_refused(engine: Engine, queue: redis.Redis, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        send(engine, queue, tmp_path, parse_options("5"), registry={LUNA: UNPRICED})

    assert str(refused.value) == (
        "LLM 'gpt-6-luna' has no price in the registry; give --price IN,OUT "
        "(USD per million tokens; 0,0 for a server of your own)"
    )


def test_a_server_of_ones_own_needs_no_cap(
    engine: Engine, queue: redis.Redis, tmp_path: Path
) -> None:
    sent = send(engine, queue, tmp_path, parse_options(price="0,0"), registry={LUNA: UNPRICED})

    [account] = read_accounts(engine, sent)
    assert (account.max_usd, account.price.output_usd) == (None, 0)
    assert (sent.chunks, sent.notes) == (4, ())


def test_the_same_command_without_options_keeps_them(
    engine: Engine, queue: redis.Redis, tmp_path: Path
) -> None:
    given = parse_options("0.25", price="3,4", mode=ApiMode.BATCH)
    first = send(engine, queue, tmp_path, given, registry={LUNA: UNPRICED})

    again = send(engine, queue, tmp_path, MoneyOptions(), registry={LUNA: UNPRICED})
    kept = read_accounts(engine, again)
    changed = send(engine, queue, tmp_path, parse_options("2", mode=ApiMode.LIVE))

    assert first.stored.experiment == again.stored.experiment == changed.stored.experiment
    assert [(each.max_usd, each.price.input_usd, each.api_mode) for each in kept] == [
        (Decimal("0.25"), 3, ApiMode.BATCH)
    ]
    assert [
        (each.max_usd, each.price.input_usd, each.api_mode)
        for each in read_accounts(engine, changed)
    ] == [(2, 3, ApiMode.LIVE)]


def test_a_price_that_the_registry_has_changed_meanwhile_is_pointed_at(
    engine: Engine, queue: redis.Redis, tmp_path: Path
) -> None:
    dearer = UNPRICED.model_copy(
        update={"price": Price(input_usd=Decimal(3), output_usd=Decimal(9))}
    )
    registry = {LUNA: dearer}
    first = send(engine, queue, tmp_path, parse_options("5"))

    again = send(engine, queue, tmp_path, parse_options(), registry=registry)
    told = send(engine, queue, tmp_path, parse_options(price="3,9"), registry=registry)

    [note] = [note for note in again.notes if "the registry says" in note]
    assert f"{LUNA} is counted at 0.1,0.5" in note
    assert "the registry says 3,9 " in note
    assert not [note for note in (*first.notes, *told.notes) if "the registry says" in note]


def test_each_llm_has_a_cap_of_its_own(engine: Engine, queue: redis.Redis, tmp_path: Path) -> None:
    money = parse_options("5", "gpt-6-sol=7")

    sent = send(engine, queue, tmp_path, money, llms=[LUNA, "gpt-6-sol", "tiny"])

    assert [account.max_usd for account in read_accounts(engine, sent)] == [5, 7]


def test_money_is_no_part_of_what_is_asked(
    engine: Engine, queue: redis.Redis, tmp_path: Path
) -> None:
    plain = make_grid(tmp_path, llms=[LUNA])

    sent = send(engine, queue, tmp_path, parse_options("5", price="9,9", mode=ApiMode.BATCH))

    assert count(engine, "experiment", f"spec_hash = '{plain.spec_hash}'") == 1
    assert len(sent.stored.slices) == 1


@pytest.mark.parametrize(
    ("cap", "spent", "said"),
    [
        ("1", None, "24 cells cost at most $0.0013; the cap is $1.00"),
        (
            "0.0005",
            None,
            "the cap is $0.00050: it stops there, after 9 cells if every answer is at its limit "
            "(go on with a higher --max-usd)",
        ),
        ("0.0020", "0.0019", "$0.00010 of it left: it stops there, after 1 cells"),
    ],
)
def test_how_far_the_cap_reaches_is_said(
    engine: Engine, queue: redis.Redis, tmp_path: Path, cap: str, spent: str | None, said: str
) -> None:
    if spent is not None:
        first = send(engine, queue, tmp_path, parse_options(cap))
        [account] = read_accounts(engine, first)
        pay(engine, account, spent)

    sent = send(engine, queue, tmp_path, parse_options(cap))

    assert said in sent.notes[0]


def pay(engine: Engine, account: Account, usd: str) -> None:
    held = reserve(engine, account.id, usd=Decimal(usd), worker="w#1", chunk=None)
    assert held is not None
    with engine.begin() as connection:
        settle(connection, held, usd=Decimal(usd))


def test_a_higher_cap_opens_what_was_paused(
    engine: Engine, queue: redis.Redis, tmp_path: Path
) -> None:
    first = send(engine, queue, tmp_path, parse_options("0.0001"))
    with engine.begin() as connection:
        pause_llm(connection, [part.llm_id for part in first.stored.slices], reason="the cap")
    queue.flushdb()

    again = send(engine, queue, tmp_path, parse_options("5"))

    with engine.connect() as connection:
        assert list_pauses(connection, first.stored.experiment) == []
    assert again.chunks == 4


def test_nobody_waits_for_an_llm_that_is_paused(
    engine: Engine, queue: redis.Redis, tmp_path: Path
) -> None:
    sent = send(engine, queue, tmp_path, parse_options("5"))
    with engine.begin() as connection:
        pause_llm(connection, [part.llm_id for part in sent.stored.slices], reason="no key")

    parts = watch_until_settled(engine, sent.stored.experiment, on_tick=set)

    assert parts[0].missing == 24
    with engine.connect() as connection:
        pauses = list_pauses(connection, sent.stored.experiment)
    with pytest.raises(IncompleteError, match=r"^no key$"):
        refuse_paused(pauses)


def test_a_run_says_that_calls_fail_where_nothing_comes_back(
    engine: Engine,
    queue: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("scheduler.silence.SILENT_S", 0.2)
    sent = send(engine, queue, tmp_path, parse_options("5"))
    [account] = read_accounts(engine, sent)
    ticks: list[int] = []

    def fail_and_give_up() -> set[str]:
        ticks.append(1)
        with engine.begin() as connection:
            count_trouble(connection, account.id, "connection", message="All [attempts] failed")
        return {LUNA} if len(ticks) > 8 else set()

    watch_until_settled(engine, sent.stored.experiment, on_tick=fail_and_give_up, every_s=0.05)

    said = [line for line in capsys.readouterr().err.splitlines() if "calls fail" in line]
    assert len(said) == 1  # and not again at every look
    assert said[0].startswith(f"{LUNA}: no answer for 0 s, calls fail (")
    assert said[0].endswith("x connection so far); the last: All [attempts] failed")


def test_the_command_refuses_in_one_line(
    database_url: str, broker_url: str, tmp_path: Path
) -> None:
    path = write_experiment(tmp_path, llms=[LUNA])

    done = subprocess.run(
        [sys.executable, "-m", "scheduler.cli", "--experiment", str(path)],
        env={
            **os.environ,
            "PERSONA_DATABASE_URL": database_url,
            "PERSONA_BROKER_URL": broker_url,
            "PERSONA_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 2
    assert done.stderr.strip().startswith("LLM 'gpt-6-luna' costs money: at most $0.0013")
    assert len(done.stderr.strip().splitlines()) == 1
