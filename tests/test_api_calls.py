"""What is known of calls: under way, recent by any name, and gone wrong by cause."""

from datetime import timedelta

from factories import Planned
from paid_accounts import CENT, give_money, set_aside
from sqlalchemy import Engine, text

from models.api_calls import count_in_flight, count_recent_calls, count_trouble, list_troubles
from models.llms import load_registry
from models.spending import settle, settle_all


def test_without_a_cap_calls_are_counted_all_the_same(engine: Engine, paid_plan: Planned) -> None:
    free = give_money(engine, paid_plan, None)

    set_aside(engine, free, 0)
    set_aside(engine, free, 0, n_calls=40)

    with engine.connect() as connection:
        assert count_in_flight(connection, free) == 41


def test_troubles_are_counted_by_cause(engine: Engine, account: int) -> None:
    with engine.begin() as connection:
        count_trouble(connection, account, "500", message="oops")
        count_trouble(connection, account, "429", message="slow down")
        count_trouble(connection, account, "429", message="slower", n=4)

        troubles = list_troubles(connection, account)

    assert [(each.cause, each.n, each.message) for each in troubles] == [
        ("429", 5, "slower"),
        ("500", 1, "oops"),
    ]


def count_recent(engine: Engine, *, seconds: float = 60, **changes: object) -> int:
    spec = load_registry()["gpt-6-luna"].model_copy(update=changes)
    with engine.connect() as connection:
        return count_recent_calls(connection, spec, seconds=seconds)


def age(engine: Engine, *, seconds: int) -> None:
    """Let everything have happened earlier."""
    back = {"back": timedelta(seconds=seconds)}
    with engine.begin() as connection:
        connection.execute(text("UPDATE spend SET last_call_at = last_call_at - :back"), back)
        connection.execute(text("UPDATE call_hour SET hour = hour - :back"), back)


def test_a_wiped_quota_is_rebuilt_from_what_was_called(engine: Engine, account: int) -> None:
    unused = count_recent(engine)
    held = [set_aside(engine, account, CENT) for _ in range(3)]
    under_way = count_recent(engine)
    elsewhere = count_recent(engine, base_url="http://127.0.0.1:8000/v1")
    with engine.begin() as connection:
        settle_all(connection, dict.fromkeys(held, CENT))
    settled = count_recent(engine)
    age(engine, seconds=3600)

    assert (unused, under_way, elsewhere, settled) == (0, 3, 0, 3)
    assert count_recent(engine) == 0
    assert count_recent(engine, seconds=86_400) == 3


def test_a_call_that_waited_long_before_it_was_sent_is_recent(engine: Engine, account: int) -> None:
    held = set_aside(engine, account, CENT)
    age(engine, seconds=5 * 3600)
    while_under_way = count_recent(engine)

    with engine.begin() as connection:
        settle(connection, held, usd=CENT)

    assert while_under_way == 1
    assert count_recent(engine) == 1
