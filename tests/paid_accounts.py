"""Accounts of an API LLM: what a test gives them, sets aside and reads."""

from decimal import Decimal

from factories import Planned
from sqlalchemy import Engine

from models import spending
from models.accounts import Account, open_account, read_account
from models.llms import Price

PRICE = Price(input_usd=Decimal("0.1"), output_usd=Decimal("0.5"))
CENT = Decimal("0.01")


def give_money(engine: Engine, planned: Planned, max_usd: str | None) -> int:
    """An account of what an experiment may spend on its LLM."""
    with engine.begin() as connection:
        return open_account(
            connection,
            planned.stored.experiment,
            planned.llm_ids[0],
            max_usd=None if max_usd is None else Decimal(max_usd),
            price=PRICE,
        )


def read_money(engine: Engine, account: int) -> Account:
    """The account as it stands."""
    with engine.connect() as connection:
        return read_account(connection, account)


def reserve(
    engine: Engine,
    account: int,
    *,
    usd: Decimal,
    worker: str = "w#1",
    chunk: int | None = None,
    n_calls: int = 1,
) -> int | None:
    """A reservation, committed; None where there is no room for it."""
    with engine.begin() as connection:
        return spending.reserve(
            connection, account, usd=usd, worker=worker, chunk=chunk, n_calls=n_calls
        )


def set_aside(engine: Engine, account: int, usd: str | Decimal, **more: object) -> int:
    """A reservation that there is room for."""
    held = reserve(engine, account, usd=Decimal(usd), **more)  # type: ignore[arg-type]
    assert held is not None
    return held
