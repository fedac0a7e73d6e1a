"""Calls of API LLMs, counted: under way, gone wrong, and made lately."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, text

from models.llms import OPENAI_URL, LlmSpec


@dataclass(frozen=True, slots=True)
class Trouble:
    """How often calls of an account went wrong for one cause."""

    cause: str
    n: int
    message: str  # the last one's
    last_at: datetime


def count_in_flight(connection: Connection, account: int) -> int:
    """Calls of an account that are under way; those in batches are ``models.batches``'."""
    return int(
        connection.execute(
            text("""
                SELECT coalesce(sum(n_calls), 0) FROM reservation r
                WHERE account = :account AND written_off_at IS NULL
                    AND NOT EXISTS (SELECT FROM batch b WHERE b.reservation = r.id)
            """),
            {"account": account},
        ).scalar_one()
    )


def count_recent_calls(connection: Connection, spec: LlmSpec, *, seconds: float) -> int:
    """How many calls may have reached an LLM's provider in the last so many seconds.

    Those of all experiments and of all names of the registry that ask the same LLM there, those
    under way included. Rather too many than too few: calls are counted by the hour in which they
    were reserved, and two hours more are taken; 0 only where none ended or began in the time.
    """
    row = connection.execute(
        text("""
            WITH mine AS (
                SELECT a.id, a.last_call_at FROM spend a JOIN llm l ON l.id = a.llm
                WHERE l.spec ->> 'model' = :model
                    AND lower(substring(coalesce(l.spec ->> 'base_url', :openai)
                        FROM '//([^/?#]*)')) = lower(:place)
            )
            SELECT
                coalesce((SELECT sum(h.n) FROM call_hour h JOIN mine ON mine.id = h.account
                    WHERE h.hour > now() - make_interval(secs => :seconds + 7200)), 0) AS n,
                coalesce((SELECT sum(r.n_calls) FROM reservation r JOIN mine ON mine.id = r.account
                    WHERE r.written_off_at IS NULL AND NOT EXISTS (SELECT FROM batch b
                        WHERE b.reservation = r.id)), 0) AS n_open,
                EXISTS (SELECT FROM mine
                    WHERE last_call_at > now() - make_interval(secs => :seconds)) AS is_recent
        """),
        {
            "model": spec.model,
            "openai": OPENAI_URL,
            "place": urlsplit(spec.endpoint).netloc,
            "seconds": seconds,
        },
    ).one()
    if not row.is_recent and not row.n_open:
        return 0
    return max(1, int(row.n), int(row.n_open))


def count_trouble(
    connection: Connection, account: int, cause: str, *, message: str, n: int = 1
) -> None:
    """Count calls that went wrong, for ``persona-status``.

    ``cause`` is a short word ("429", "500", "timeout", "connection", "malformed", ...); keys must
    have been taken out of ``message``.
    """
    connection.execute(
        text("""
            INSERT INTO api_trouble AS t (account, cause, n, message)
            VALUES (:account, :cause, :n, :message)
            ON CONFLICT (account, cause) DO UPDATE SET n = t.n + excluded.n,
                message = excluded.message, last_at = now()
        """),
        {"account": account, "cause": cause, "n": n, "message": message[:500]},
    )


def list_troubles(connection: Connection, account: int) -> list[Trouble]:
    """What went wrong with an account's calls, the most frequent cause first."""
    rows = connection.execute(
        text("""
            SELECT cause, n, message, last_at FROM api_trouble WHERE account = :account
            ORDER BY n DESC, cause
        """),
        {"account": account},
    )
    return [Trouble(**row._mapping) for row in rows]


def list_failing_calls(
    connection: Connection, experiment: int, llm: str, *, seconds: float
) -> list[Trouble]:
    """Causes for which an experiment's calls of an LLM went wrong in the last so many seconds.

    Counts are of all its runs.
    """
    rows = connection.execute(
        text("""
            SELECT t.cause, t.n, t.message, t.last_at
            FROM api_trouble t JOIN spend a ON a.id = t.account JOIN llm l ON l.id = a.llm
            WHERE a.experiment = :experiment AND l.name = :llm
                AND t.last_at > now() - make_interval(secs => :seconds)
            ORDER BY t.n DESC, t.cause
        """),
        {"experiment": experiment, "llm": llm, "seconds": seconds},
    )
    return [Trouble(**row._mapping) for row in rows]
