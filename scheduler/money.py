"""What a user allows an experiment to cost: ``--max-usd``, ``--price``, ``--api-mode`` and
``--cancel-batches``.

None of it changes what is asked, so none of it is in the spec or its hash. It is kept in the
accounts of ``models.spending``: the same command again, without these options, keeps it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, text

from models.accounts import Account, list_accounts
from models.errors import ConfigError, UnknownNameError
from models.llms import Price
from models.tables import ApiMode
from scheduler.grid import Grid

PRICES_AT = "USD per million tokens; 0,0 for a server of your own"


class Budget(NamedTuple):
    """What one LLM may cost an experiment."""

    max_usd: Decimal | None  # None: it costs nothing
    price: Price
    api_mode: ApiMode


@dataclass(frozen=True, slots=True)
class MoneyOptions:
    """What stood on the command line, by LLM; under None what holds for every API LLM.

    A price under None is for those that the registry knows none of, or for the only one.
    """

    max_usd: Mapping[str | None, Decimal] = field(default_factory=dict)
    prices: Mapping[str | None, Price] = field(default_factory=dict)
    api_mode: ApiMode | None = None
    cancel_batches: bool = False

    def find_cap(self, llm: str) -> Decimal | None:
        """The cap given for an LLM."""
        return self.max_usd.get(llm, self.max_usd.get(None))

    def find_price(self, llm: str, grid: Grid) -> Price | None:
        """The price given for an LLM of a grid."""
        llms = grid.api_llms
        is_meant = len(llms) == 1 or llms[llm].price is None
        return self.prices.get(llm, self.prices.get(None) if is_meant else None)


def parse_money(
    *,
    max_usd: Sequence[str],
    price: Sequence[str],
    api_mode: ApiMode | None,
    cancel_batches: bool = False,
) -> MoneyOptions:
    """The options as typed: AMOUNT or LLM=AMOUNT, and IN,OUT or LLM=IN,OUT.

    Raises:
        ConfigError: an amount that is not one, or two for the same LLM.
    """
    caps: dict[str | None, Decimal] = {}
    prices: dict[str | None, Price] = {}
    for given in max_usd:
        llm, amount = _split_name("--max-usd", given, caps)
        caps[llm] = _read_amount(f"--max-usd {given}: expected USD or LLM=USD", amount)
    for given in price:
        llm, amounts = _split_name("--price", given, prices)
        expected = f"--price {given}: expected IN,OUT or LLM=IN,OUT ({PRICES_AT})"
        parts = [_read_amount(expected, part) for part in amounts.split(",")]
        if len(parts) != 2:
            raise ConfigError(expected)
        prices[llm] = _make_price(expected, *parts)
    return MoneyOptions(caps, prices, api_mode, cancel_batches)


def _split_name(
    option: str, given: str, seen: Mapping[str | None, object]
) -> tuple[str | None, str]:
    name, _, rest = given.rpartition("=")
    llm = name.strip() or None
    if llm in seen:
        raise ConfigError(f"{option} {given}: given twice for {llm or 'every API LLM'}")
    return llm, rest


def _read_amount(expected: str, given: str) -> Decimal:
    try:
        amount = Decimal(given.strip().removeprefix("$"))
    except InvalidOperation as error:
        raise ConfigError(f"{expected}, not {given!r}") from error
    if not amount.is_finite() or amount < 0:
        raise ConfigError(f"{expected}, not {given!r}")
    return amount


def _make_price(expected: str, input_usd: Decimal, output_usd: Decimal) -> Price:
    try:
        return Price(input_usd=input_usd, output_usd=output_usd)
    except ValidationError as error:
        raise ConfigError(expected) from error


def check_options(grid: Grid, options: MoneyOptions) -> None:
    """Refuse options about money that nothing of the grid would heed.

    Raises:
        ConfigError: no LLM of the grid is asked over an API, or a price stands for several LLMs
            that all have one.
        UnknownNameError: an LLM is named that is not among them.
    """
    llms = grid.api_llms
    used = {
        "--max-usd": options.max_usd,
        "--price": options.prices,
        "--api-mode": options.api_mode,
        "--cancel-batches": options.cancel_batches,
    }
    for option, given in used.items():
        if given and not llms:
            raise ConfigError(
                f"{option}: no LLM of experiment {grid.spec.name!r} is asked over an API"
            )
        for name in given if isinstance(given, Mapping) else ():
            if name is not None and name not in llms:
                raise UnknownNameError(f"API LLM of this experiment in {option}:", name, llms)
    if None in options.prices and len(llms) > 1 and all(llm.price for llm in llms.values()):
        raise ConfigError(
            f"--price: {', '.join(sorted(llms))} have prices of their own; say --price LLM=IN,OUT"
        )


def find_accounts(connection: Connection, grid: Grid) -> dict[str, Account]:
    """LLM -> the account that an earlier run of this very grid has left."""
    row = connection.execute(
        text("SELECT id FROM experiment WHERE name = :name AND spec_hash = :spec_hash"),
        {"name": grid.spec.name, "spec_hash": grid.spec_hash},
    ).one_or_none()
    if row is None:
        return {}
    names = {
        each.id: each.name
        for each in connection.execute(text("SELECT id, name FROM llm WHERE kind = 'api'"))
    }
    return {names[account.llm]: account for account in list_accounts(connection, row.id)}


def find_prices(
    grid: Grid, options: MoneyOptions, *, accounts: Mapping[str, Account]
) -> dict[str, Price | None]:
    """The price of each API LLM: as given, as stored before, or as registered; None: unknown."""
    stored = {name: account.price for name, account in accounts.items()}
    return {
        name: options.find_price(name, grid) or stored.get(name, llm.price)
        for name, llm in grid.api_llms.items()
    }


def put_prices(grid: Grid, prices: Mapping[str, Price | None]) -> Grid:
    """The grid with these prices in its LLMs' entries; a price is no part of their identity."""
    slices = tuple(
        replace(part, llm=part.llm.model_copy(update={"price": prices[part.llm.name]}))
        if part.llm.name in prices
        else part
        for part in grid.slices
    )
    return replace(grid, slices=slices)
