"""Accounts: what an experiment may spend on an API LLM, at which price, and where it stands.

    account = find_payer(connection, slice)    whose money answers the cells of a slice
    price_tokens(account.price, ...)           USD of a call at its worst, or as it was

``models.spending`` moves the money. Amounts are exact decimals.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from models.llms import Price
from models.tables import ApiMode

PER_TOKENS = 1_000_000  # prices are of so many tokens
# https://developers.openai.com/api/docs/guides/batch: 50% of the price of the same live calls
BATCH_SHARE = Decimal("0.5")


def price_tokens(
    price: Price, *, prompt_tokens: int, new_tokens: int, api_mode: ApiMode = ApiMode.LIVE
) -> Decimal:
    """USD of so many tokens, exact; cached input at its full price, so never too little."""
    usd = (prompt_tokens * price.input_usd + new_tokens * price.output_usd) / PER_TOKENS
    return usd * BATCH_SHARE if api_mode == ApiMode.BATCH else usd


def format_usd(usd: Decimal | float) -> str:
    """ "$12.30", and "$0.0042" where cents would hide it."""
    decimals = 2 if usd == 0 else max(2, 1 - math.floor(math.log10(abs(float(usd)))))
    return f"${usd:,.{decimals}f}"


@dataclass(frozen=True, slots=True)
class Account:
    """What an experiment has for one row of ``llm``, and where it stands; USD."""

    id: int
    experiment: int
    llm: int
    api_mode: ApiMode
    max_usd: Decimal | None  # None: no cap, for what costs nothing
    price: Price
    spent_usd: Decimal  # settled, and what was written off
    reserved_usd: Decimal  # of calls under way, at their worst
    written_off_usd: Decimal  # of what was spent: the provider may or may not have charged it
    n_calls: int  # settled or written off

    @property
    def room_usd(self) -> Decimal | None:
        """What may still be reserved; None without a cap."""
        if self.max_usd is None:
            return None
        return max(Decimal(0), self.max_usd - self.spent_usd - self.reserved_usd)


_COLUMNS = """a.id, a.experiment, a.llm, a.api_mode, a.max_usd, a.input_usd, a.output_usd,
    a.spent_usd, a.reserved_usd, a.written_off_usd, a.n_calls"""


def open_account(
    connection: Connection,
    experiment: int,
    llm: int,
    *,
    max_usd: Decimal | None,
    price: Price,
    api_mode: ApiMode = ApiMode.LIVE,
) -> int:
    """Make the account of an experiment and LLM, or give it another cap, price or mode; its id.

    What was spent stays. A cap below that is taken as it is: nothing more will be reserved.
    """
    return int(
        connection.execute(
            text("""
                INSERT INTO spend (experiment, llm, api_mode, max_usd, input_usd, output_usd)
                VALUES (:experiment, :llm, :api_mode, :max_usd, :input_usd, :output_usd)
                ON CONFLICT (experiment, llm) DO UPDATE SET api_mode = excluded.api_mode,
                    max_usd = excluded.max_usd, input_usd = excluded.input_usd,
                    output_usd = excluded.output_usd
                RETURNING id
            """),
            {
                "experiment": experiment,
                "llm": llm,
                "api_mode": api_mode.value,
                "max_usd": max_usd,
                "input_usd": price.input_usd,
                "output_usd": price.output_usd,
            },
        ).scalar_one()
    )


def has_accounts(connection: Connection) -> bool:
    """Whether the schema has accounts yet."""
    return connection.execute(text("SELECT to_regclass('spend')")).scalar() is not None


def find_payer(connection: Connection, slice_id: int) -> Account | None:
    """Whose money answers a slice's cells; None where no experiment with an account holds it.

    Experiments share slices, so several may have asked for the same cells: the one that was asked
    for last pays, since somebody wants it now and has just said how much. An older one whose cap is
    used up then stops nobody; running it again makes it the newest.
    """
    row = connection.execute(
        text(f"""
            SELECT {_COLUMNS} FROM experiment_slice es JOIN slice s ON s.id = es.slice
                JOIN experiment e ON e.id = es.experiment
                JOIN spend a ON a.experiment = e.id AND a.llm = s.llm
            WHERE es.slice = :slice ORDER BY e.asked_at DESC, e.id DESC LIMIT 1
        """),  # noqa: S608  our own columns
        {"slice": slice_id},
    ).one_or_none()
    return None if row is None else _read_account(row)


def list_batch_slices(connection: Connection, llm_ids: Sequence[int]) -> dict[int, list[int]]:
    """Account -> the slices of these LLMs that it pays for and whose cells go into batches."""
    rows = connection.execute(
        text("""
            SELECT payer, array_agg(slice ORDER BY slice) AS slices FROM (
                SELECT DISTINCT ON (s.id) s.id AS slice, a.id AS payer, a.api_mode
                FROM slice s JOIN experiment_slice es ON es.slice = s.id
                    JOIN experiment e ON e.id = es.experiment
                    JOIN spend a ON a.experiment = e.id AND a.llm = s.llm
                WHERE s.llm = ANY(:llms) ORDER BY s.id, e.asked_at DESC, e.id DESC
            ) paid
            WHERE api_mode = 'batch' GROUP BY payer ORDER BY payer
        """),
        {"llms": list(llm_ids)},
    )
    return {row.payer: list(row.slices) for row in rows}


def read_account(connection: Connection, account: int) -> Account:
    """An account as it stands now."""
    query = text(f"SELECT {_COLUMNS} FROM spend a WHERE a.id = :account")  # noqa: S608  our own
    return _read_account(connection.execute(query, {"account": account}).one())


def list_accounts(connection: Connection, experiment: int) -> list[Account]:
    """All accounts of an experiment, by LLM."""
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM spend a WHERE a.experiment = :experiment ORDER BY a.llm"),  # noqa: S608  our own columns
        {"experiment": experiment},
    )
    return [_read_account(row) for row in rows]


def _read_account(row: Any) -> Account:
    return Account(
        id=row.id,
        experiment=row.experiment,
        llm=row.llm,
        api_mode=ApiMode(row.api_mode),
        max_usd=row.max_usd,
        price=Price(input_usd=row.input_usd, output_usd=row.output_usd),
        spent_usd=row.spent_usd,
        reserved_usd=row.reserved_usd,
        written_off_usd=row.written_off_usd,
        n_calls=row.n_calls,
    )


def describe_spent_cap(connection: Connection, account: int, *, llm: str) -> str:
    """The one line of a chunk that is paused because its account has no room.

    It names no amount that changes, so that all workers say the same.
    """
    cap = format_usd(read_account(connection, account).max_usd or Decimal(0))
    return (
        f"LLM {llm!r} is paused, another call could pass its cap of {cap}; go on with a higher "
        "--max-usd"
    )
