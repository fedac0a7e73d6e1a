"""Money: set aside before a call, spent after it, never beyond the cap.

    account = find_payer(connection, slice)                  whose money it is: models.accounts
    held = reserve(connection, account.id, usd=worst, worker=claim.worker, chunk=claim.chunk)
    ... the call ...                                         only after reserve has committed
    settle(connection, held, usd=price_tokens(...))          in the transaction that saves its row
    release(connection, held)                                it certainly never reached the provider
    write_off(connection, [held])                            nobody knows: a time-out, a lost line
    write_off_dead(connection)                               calls of workers that are no more
    count_trouble(...), count_recent_calls(...)              models.api_calls

Spent and reserved together never pass the cap: the worst case is reserved before a call, by one
UPDATE with the cap in its WHERE, so the database decides between any number of workers. A call
whose fate is unknown counts as spent in full, and is told apart (``written_off_usd``), so that a
person can compare with the provider's bill. Amounts are exact decimals. Redis has no part in this,
and no other module changes amounts.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from models.accounts import read_account


def reserve(
    connection: Connection,
    account: int,
    *,
    usd: Decimal,
    worker: str,
    chunk: int | None,
    n_calls: int = 1,
    is_batch: bool = False,
) -> int | None:
    """Set the worst case of a call aside; the reservation's id, None beyond the cap.

    ``worker`` and ``chunk`` are a claim's own: when that claim ends, what is still open is written
    off by ``write_off_dead``. A batch passes ``chunk=None``: it outlives any worker, and whoever
    keeps its state settles it. After None, ``may_fit_later`` says whether waiting can help.

    Nothing is sent before the transaction has committed. A batch's calls are not counted as calls:
    a provider's limits on live ones ignore them.
    """
    return connection.execute(
        text("""
            WITH taken AS (
                UPDATE spend SET reserved_usd = reserved_usd + :usd,
                    last_call_at = CASE WHEN :is_batch THEN last_call_at ELSE now() END
                WHERE id = :account
                    AND (max_usd IS NULL OR spent_usd + reserved_usd + :usd <= max_usd)
                RETURNING id
            ), counted AS (
                INSERT INTO call_hour AS h (account, hour, n)
                SELECT id, date_trunc('hour', now()), :n_calls FROM taken WHERE NOT :is_batch
                ON CONFLICT (account, hour) DO UPDATE SET n = h.n + excluded.n
            )
            INSERT INTO reservation (account, chunk, worker, usd, n_calls)
            SELECT id, :chunk, :worker, :usd, :n_calls FROM taken RETURNING id
        """),
        {
            "account": account,
            "chunk": chunk,
            "worker": worker,
            "usd": usd,
            "n_calls": n_calls,
            "is_batch": is_batch,
        },
    ).scalar_one_or_none()


def may_fit_later(connection: Connection, account: int, *, usd: Decimal) -> bool:
    """Whether an amount that found no room may find some when calls under way are settled.

    They are reserved at their worst and mostly cost less: stopping at the first refusal would leave
    money unused. False: only a higher cap helps, so the chunk is paused.
    """
    now = read_account(connection, account)
    return now.max_usd is None or now.spent_usd + usd <= now.max_usd


def settle(connection: Connection, reservation: int, *, usd: Decimal) -> bool:
    """Replace a reservation by what the call has cost, in the transaction that saves its row.

    False, and nothing happens, where it was closed before. One that had been written off is
    corrected: its worker was only slow.
    """
    return settle_all(connection, {reservation: usd}) == 1


def settle_all(connection: Connection, costs: Mapping[int, Decimal]) -> int:
    """``settle`` for several: reservation -> USD; how many were open or written off."""
    return _close(connection, costs, is_paid=True)


def release(connection: Connection, reservation: int) -> bool:
    """Give a reservation back whose call certainly never reached the provider, or was refused there
    without a charge (connection refused, 429, 401); False where it was closed before."""
    return _close(connection, {reservation: Decimal(0)}, is_paid=False) == 1


def _close(connection: Connection, costs: Mapping[int, Decimal], *, is_paid: bool) -> int:
    if not costs:
        return 0
    rows = connection.execute(
        text("""
            WITH gone AS (
                DELETE FROM reservation r
                USING unnest(CAST(:ids AS bigint[]), CAST(:costs AS numeric[])) AS c(id, cost)
                WHERE r.id = c.id
                RETURNING r.account, r.usd, r.n_calls, r.written_off_at IS NOT NULL AS is_off,
                    c.cost, EXISTS (SELECT FROM batch b WHERE b.reservation = r.id) AS is_batch
            ), sums AS (
                SELECT account, count(*) AS n, sum(cost) AS cost, bool_and(is_batch) AS is_batch,
                    sum(usd) FILTER (WHERE NOT is_off) AS open_usd,
                    sum(usd) FILTER (WHERE is_off) AS off_usd,
                    sum(n_calls) FILTER (WHERE NOT is_off) AS open_calls,
                    sum(n_calls) FILTER (WHERE is_off) AS off_calls
                FROM gone GROUP BY account
            )
            UPDATE spend a SET
                last_call_at = CASE WHEN s.is_batch THEN last_call_at ELSE now() END,
                reserved_usd = reserved_usd - coalesce(s.open_usd, 0),
                written_off_usd = written_off_usd - coalesce(s.off_usd, 0),
                spent_usd = spent_usd - coalesce(s.off_usd, 0) + s.cost,
                n_calls = n_calls + CASE WHEN :is_paid THEN coalesce(s.open_calls, 0)
                    ELSE -coalesce(s.off_calls, 0) END
            FROM sums s WHERE a.id = s.account RETURNING s.n
        """),
        {"ids": list(costs), "costs": list(costs.values()), "is_paid": is_paid},
    )
    return sum(int(row.n) for row in rows)


def write_off(connection: Connection, reservations: Sequence[int]) -> int:
    """Count calls of unknown fate as spent in full (the provider may have charged them); how many.

    For a time-out or a connection that was lost after sending. A retry reserves again.
    """
    return _write_off(connection, "r.id = ANY(:ids)", {"ids": list(reservations)})


def write_off_dead(connection: Connection) -> int:
    """Write off what was reserved under claims that have ended: the worker died or was stopped.

    To be called wherever leases are released, after it. A claim that somebody else took over is
    found too. Reservations of batches (without a chunk) are left alone.
    """
    is_dead = """r.chunk IS NOT NULL AND NOT EXISTS (SELECT FROM chunk c
        WHERE c.id = r.chunk AND c.worker = r.worker AND c.state = 'running')"""
    return _write_off(connection, is_dead, {})


def _write_off(connection: Connection, condition: str, values: dict[str, Any]) -> int:
    # Accounts are locked first and reservations that somebody is just settling are skipped, so
    # that this never waits for a settlement while that waits for us.
    accounts = connection.execute(
        text(f"""
            SELECT id FROM spend WHERE id IN (
                SELECT r.account FROM reservation r WHERE r.written_off_at IS NULL AND {condition})
            ORDER BY id FOR UPDATE
        """),  # noqa: S608  our own conditions
        values,
    )
    ids = list(accounts.scalars())
    if not ids:
        return 0
    rows = connection.execute(
        text(f"""
            WITH off AS (
                UPDATE reservation SET written_off_at = now() WHERE id IN (
                    SELECT r.id FROM reservation r
                    WHERE r.written_off_at IS NULL AND r.account = ANY(:accounts) AND {condition}
                    FOR UPDATE OF r SKIP LOCKED)
                RETURNING account, usd, n_calls
            ), sums AS (
                SELECT account, count(*) AS n, sum(usd) AS usd, sum(n_calls) AS calls
                FROM off GROUP BY account
            )
            UPDATE spend a SET reserved_usd = reserved_usd - s.usd, spent_usd = spent_usd + s.usd,
                written_off_usd = written_off_usd + s.usd, n_calls = n_calls + s.calls
            FROM sums s WHERE a.id = s.account RETURNING s.n
        """),  # noqa: S608  our own conditions
        {**values, "accounts": ids},
    )
    return sum(int(row.n) for row in rows)
