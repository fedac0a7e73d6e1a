"""Caps against estimates: who may be asked at all, and how far the money reaches."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from models.accounts import Account, format_usd
from models.coverage import SliceProgress
from models.errors import ConfigError
from models.lengths import measure_lengths
from models.tables import ApiMode
from scheduler.estimate import SliceEstimate, estimate_grid
from scheduler.grid import Grid
from scheduler.money import (
    PRICES_AT,
    Budget,
    MoneyOptions,
    find_accounts,
    find_prices,
    put_prices,
)


@dataclass(frozen=True, slots=True)
class LlmCost:
    """USD of all that a grid asks one LLM, in one mode; None where it cannot be known."""

    cells: int
    usd: float | None  # at most
    usd_expected: float | None

    def scale(self, cells: int) -> "LlmCost":
        """The same for a part of the cells."""
        share = cells / self.cells if self.cells else 0.0
        return LlmCost(
            cells,
            None if self.usd is None else self.usd * share,
            None if self.usd_expected is None else self.usd_expected * share,
        )

    def describe(self) -> str:
        """ "at most $8.10, $3.20 with answers as they have been so far"."""
        if self.usd is None:
            return "an amount that cannot be estimated"
        said = f"at most {format_usd(self.usd)}"
        if self.usd_expected is not None:
            said += f", {format_usd(self.usd_expected)} with answers as they have been so far"
        return said


def sum_costs(estimates: Iterable[SliceEstimate], llm: str, mode: ApiMode) -> LlmCost:
    """What an LLM's slices cost together."""
    own = [estimate for estimate in estimates if estimate.llm == llm]
    is_batch = mode == ApiMode.BATCH
    at_most = [e.usd_batch if is_batch else e.usd for e in own]
    expected = [e.usd_batch_expected if is_batch else e.usd_expected for e in own]
    return LlmCost(sum(e.cells for e in own), _sum_known(at_most), _sum_known(expected))


def _sum_known(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a grid's API LLMs may cost, and what they are expected to."""

    budgets: dict[str, Budget]
    costs: dict[str, LlmCost]


def allow_grid(connection: Connection, grid: Grid, options: MoneyOptions) -> Allowance:
    """The budget of every API LLM: as given now, else as an earlier run of this grid left it.

    Raises:
        ConfigError: an unknown price, or a priced LLM without a cap.
    """
    if not grid.api_llms:
        return Allowance({}, {})
    accounts = find_accounts(connection, grid)
    prices = find_prices(grid, options, accounts=accounts)
    names = list(prices)
    estimates = estimate_grid(
        put_prices(grid, prices), lengths=measure_lengths(connection, names), only=names
    )
    budgets: dict[str, Budget] = {}
    costs: dict[str, LlmCost] = {}
    for name, price in prices.items():
        stored = accounts.get(name)
        mode = options.api_mode or (stored.api_mode if stored else ApiMode.LIVE)
        cap = options.find_cap(name)
        if cap is None and stored is not None:
            cap = stored.max_usd
        costs[name] = sum_costs(estimates, name, mode)
        if price is None:
            raise ConfigError(_ask_for_price(name, is_only=len(prices) == 1))
        if cap is None and (price.input_usd or price.output_usd):
            raise ConfigError(_ask_for_cap(name, costs[name], mode))
        budgets[name] = Budget(cap, price, mode)
    return Allowance(budgets, costs)


def _ask_for_price(name: str, *, is_only: bool) -> str:
    example = "IN,OUT" if is_only else f"{name}=IN,OUT"
    return f"LLM {name!r} has no price in the registry; give --price {example} ({PRICES_AT})"


def _ask_for_cap(name: str, cost: LlmCost, mode: ApiMode) -> str:
    example = "5" if cost.usd is None else str(max(1, math.ceil(cost.usd)))
    how = " as batches" if mode == ApiMode.BATCH else ""
    return (
        f"LLM {name!r} costs money: {cost.describe()} for {cost.cells:,} cells{how}; "
        f"set a hard cap with --max-usd {example}"
    )


def describe_prices(grid: Grid, allowance: Allowance, options: MoneyOptions) -> list[str]:
    """A line per LLM that goes on at an earlier run's price while the registry has another one."""
    return [
        f"{name} is counted at {price.input_usd:f},{price.output_usd:f}, the price of its earlier "
        f"runs; the registry says {known.input_usd:f},{known.output_usd:f} ({PRICES_AT}); change "
        f"it with --price"
        for name, llm in grid.api_llms.items()
        for price, known in [(allowance.budgets[name].price, llm.price)]
        if known is not None and price != known and options.find_price(name, grid) is None
    ]


def describe_caps(
    allowance: Allowance, accounts: Mapping[str, Account], parts: Sequence[SliceProgress]
) -> list[str]:
    """A line per LLM that costs money: what is still to be paid, and how far the cap reaches."""
    lines = []
    for name, cost in allowance.costs.items():
        account = accounts[name]
        missing = sum(part.missing for part in parts if part.llm == name)
        if account.max_usd is None or account.room_usd is None or not missing:
            continue
        open_cost = cost.scale(missing)
        left = float(account.room_usd)
        line = (
            f"{name} ({account.api_mode.value}): {missing:,} cells cost {open_cost.describe()}; "
            f"the cap is {format_usd(account.max_usd)}"
        )
        if account.spent_usd or account.reserved_usd:
            line += f", {format_usd(left)} of it left"
        lines.append(line + _describe_reach(open_cost, left, missing, account.api_mode))
    return lines


def _describe_reach(cost: LlmCost, left: float, missing: int, mode: ApiMode) -> str:
    """How far the money reaches, where it may not be to the end."""
    if cost.usd is None or cost.usd <= left:
        return ""
    at_worst = f"{int(missing * left / cost.usd):,} cells"
    if cost.usd_expected is None:
        said = f"it stops there, after {at_worst} if every answer is at its limit"
    elif cost.usd_expected > left:
        said = f"it stops there, after about {int(missing * left / cost.usd_expected):,} cells"
    else:
        said = f"that should do; it stops there, after {at_worst} at the worst"
    said += " (go on with a higher --max-usd)"
    if mode == ApiMode.BATCH:  # money is set aside at its worst until a batch is back
        said += f"; it lets about {at_worst} be in batches at a time"
    return f": {said}"
