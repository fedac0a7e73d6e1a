"""What ``persona-status`` says of each API LLM: money, quota, calls under way, trouble, time left.

All but the quota is in Postgres; how much of that is used is asked of Redis, and unknown without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis
from rich.table import Table
from sqlalchemy import Connection, text

from models.accounts import Account, format_usd, list_accounts
from models.api_calls import Trouble, count_in_flight, list_troubles
from models.batches import BatchesUnderWay, find_batches_under_way
from models.console import make_table
from models.coverage import SliceProgress
from models.durations import format_duration
from models.pausing import Pause, list_pauses
from workers.quota import DAY_S, MINUTE_S, QuotaUse, WindowUse, describe_quota, name_scope

QUOTA_KEYS = ("requests_per_minute", "tokens_per_minute", "requests_per_day")


@dataclass(frozen=True, slots=True)
class LlmStatus:
    """One API LLM of an experiment; ``describe`` gives it as JSON."""

    llm: str
    account: Account
    in_flight: int
    troubles: list[Trouble]
    pauses: list[Pause]
    missing: int
    rate_per_s: float
    quota: QuotaUse | None  # None: nobody used it for days, or Redis cannot be asked
    batches: BatchesUnderWay | None = None

    @property
    def eta_s(self) -> float | None:
        """Seconds until nothing is missing, at the present rate but never faster than the quota
        allows; None while nothing moves, or while it is paused."""
        if self.missing == 0:
            return 0.0
        if self.pauses:
            return None
        quota_s = bound_by_quota(self.quota, self.missing) if self.quota else None
        rate_s = self.missing / self.rate_per_s if self.rate_per_s > 0 else None
        known = [seconds for seconds in (quota_s, rate_s) if seconds is not None]
        return max(known) if known else None

    def describe(self) -> dict[str, Any]:
        """As JSON; amounts in USD.

        llm, api_mode, max_usd (null: no cap), spent_usd (with what was written off), reserved_usd
        (of calls under way, at their worst), written_off_usd (of calls whose fate is unknown: the
        provider may have charged them), calls, in_flight, retries (cause -> how often), paused
        (the line that says why, or null), missing (cells), eta_s, in_batches: null, or {batches,
        cells, answered, oldest_at, next_look_at, statuses, error}; quota: null, or
        {requests_per_minute, tokens_per_minute, requests_per_day: {used, limit (or null)},
        waiting (calls, on all machines), held_s (nothing is sent for so long)}
        """
        account = self.account
        return {
            "llm": self.llm,
            "api_mode": account.api_mode.value,
            "max_usd": None if account.max_usd is None else float(account.max_usd),
            "spent_usd": float(account.spent_usd),
            "reserved_usd": float(account.reserved_usd),
            "written_off_usd": float(account.written_off_usd),
            "calls": account.n_calls,
            "in_flight": self.in_flight,
            "retries": {trouble.cause: trouble.n for trouble in self.troubles},
            "paused": self.pauses[0].reason if self.pauses else None,
            "missing": self.missing,
            "eta_s": self.eta_s,
            "in_batches": None if self.batches is None else self.batches.describe(),
            "quota": None if self.quota is None else _describe_quota(self.quota),
        }


def _describe_quota(use: QuotaUse) -> dict[str, Any]:
    windows = {
        key: window._asdict() for key, window in zip(QUOTA_KEYS, list_windows(use), strict=True)
    }
    return {**windows, "waiting": use.waiting, "held_s": use.held_s}


def list_windows(use: QuotaUse) -> tuple[WindowUse, WindowUse, WindowUse]:
    """What is used in the order of ``QUOTA_KEYS``."""
    return use.requests, use.tokens, use.requests_of_day


def bound_by_quota(use: QuotaUse, calls: int) -> float | None:
    """The fewest seconds in which a quota lets so many calls through; None while it is not used.

    A call is taken to need as many tokens as those of the last minute did. What a day's limit
    leaves beyond what it still has is spread over the days that follow.
    """
    if use.requests.used == 0 and use.waiting == 0:
        return None
    bounds = [use.held_s]
    if use.requests.limit is not None:
        bounds.append(calls / use.requests.limit * MINUTE_S)
    if use.tokens.limit is not None and use.requests.used:
        tokens = calls * use.tokens.used / use.requests.used
        bounds.append(tokens / use.tokens.limit * MINUTE_S)
    if use.requests_of_day.limit is not None:
        beyond = calls - max(0, use.requests_of_day.limit - use.requests_of_day.used)
        bounds.append(max(0, beyond) / use.requests_of_day.limit * DAY_S)
    return max(bounds)


def list_llm_statuses(
    connection: Connection,
    experiment: int,
    parts: Sequence[SliceProgress],
    *,
    broker: Redis | None,
) -> list[LlmStatus]:
    """Every LLM of an experiment that has an account; none where no API is asked.

    Raises:
        redis.RedisError: the broker does not answer; without one no quota is looked up.
    """
    accounts = list_accounts(connection, experiment)
    if not accounts:
        return []
    names, scopes = _name_llms(connection, [account.llm for account in accounts])
    pauses = list_pauses(connection, experiment)
    return [
        LlmStatus(
            llm=name,
            account=account,
            in_flight=count_in_flight(connection, account.id),
            troubles=list_troubles(connection, account.id),
            pauses=[pause for pause in pauses if pause.llm == name],
            missing=sum(part.missing for part in parts if part.llm == name),
            rate_per_s=sum(part.rate_per_s for part in parts if part.llm == name),
            quota=None if broker is None else describe_quota(broker, scopes[account.llm]),
            batches=find_batches_under_way(connection, account.id),
        )
        for account in accounts
        for name in [names[account.llm]]
    ]


def _name_llms(
    connection: Connection, ids: Sequence[int]
) -> tuple[Mapping[int, str], Mapping[int, str]]:
    """By row of ``llm``: its name, and the scope of its quota."""
    rows = connection.execute(
        text("""
            SELECT id, name, spec ->> 'base_url' AS base_url, spec ->> 'model' AS model
            FROM llm WHERE id = ANY(:ids)
        """),
        {"ids": list(ids)},
    ).all()
    return (
        {row.id: row.name for row in rows},
        {row.id: name_scope(row.base_url, row.model) for row in rows},
    )


def tabulate_llms(statuses: Sequence[LlmStatus]) -> Table:
    """The API LLMs for people."""
    table = make_table(
        "Over APIs",
        words=["LLM", "asked"],
        numbers=["spent", "cap", "reserved", "calls", "in flight", "left"],
    )
    table.add_column("quota used")
    table.add_column("retries")
    for status in statuses:
        account = status.account
        table.add_row(
            status.llm,
            account.api_mode.value,
            format_usd(account.spent_usd),
            "none" if account.max_usd is None else format_usd(account.max_usd),
            format_usd(account.reserved_usd),
            f"{account.n_calls:,}",
            f"{status.in_flight:,}",
            _format_left(status),
            _format_quota(status.quota),
            ", ".join(f"{trouble.n:,} x {trouble.cause}" for trouble in status.troubles),
        )
    return table


def _format_left(status: LlmStatus) -> str:
    if status.missing == 0:
        return ""
    return "paused" if status.pauses else format_duration(status.eta_s)


def _format_quota(use: QuotaUse | None) -> str:
    if use is None:
        return "?"
    units = ("requests/min", "tokens/min", "requests/day")
    said = [
        f"{window.used / window.limit:.0%} of {window.limit:,} {unit}"
        for window, unit in zip(list_windows(use), units, strict=True)
        if window.limit is not None
    ]
    if use.held_s:
        said.append(f"held for {format_duration(use.held_s)}")
    return ", ".join(said) or "no limits"


def explain_llms(statuses: Sequence[LlmStatus]) -> list[str]:
    """A line for every reason why an LLM is paused, each trouble's last words, and for money of
    unknown fate."""
    lines = [
        f"paused, {pause.chunks:,} chunks: {pause.reason}"
        for status in statuses
        for pause in status.pauses
    ]
    lines += [_explain_batches(each, each.batches) for each in statuses if each.batches]
    for status in statuses:
        lines += [
            f"{status.llm}, {trouble.n:,} x {trouble.cause}, the last: {trouble.message}"
            for trouble in status.troubles
        ]
        if status.account.written_off_usd:
            lines.append(
                f"{status.llm}: {format_usd(status.account.written_off_usd)} of what is spent were "
                "set aside for calls whose answer never came (time-outs, dead workers); compare "
                "with the provider's bill"
            )
    return lines


def _explain_batches(status: LlmStatus, batches: BatchesUnderWay) -> str:
    line = (
        f"{status.llm}, in batches: {batches.cells:,} cells in {batches.n:,} "
        f"({', '.join(batches.statuses)}), {batches.answered:,} answered there, oldest since "
        f"{batches.oldest_at:%Y-%m-%d %H:%M}"
    )
    if batches.look_at is not None:
        line += f", next look {batches.look_at:%H:%M:%S}"
    at_once = _count_under_cap(status, batches)
    if at_once is not None and status.account.max_usd is not None:
        line += (
            f"; the cap of {format_usd(status.account.max_usd)} lets about {at_once:,} cells be in "
            "batches at a time, each set aside at its worst until it is back"
        )
    return line + (f"; the last trouble: {batches.error}" if batches.error else "")


def _count_under_cap(status: LlmStatus, batches: BatchesUnderWay) -> int | None:
    """Cells that the money lets be in batches at a time; None where all that are left may go."""
    room = status.account.room_usd
    waiting = status.missing - batches.cells
    worst_usd = status.account.reserved_usd / batches.cells if batches.cells else 0
    if room is None or not worst_usd or waiting * worst_usd <= room:
        return None
    return batches.cells + int(room / worst_usd)
