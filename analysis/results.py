"""Numbers that have been computed already: the rows of ``analysis_job``, and which code made them.

A stored result is used again only for the same answers (the coverage hash) by the same code.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

PACKAGE = Path(__file__).parent
REPORT = PACKAGE / "report"
# of models, what numbers follow from
RULES = (PACKAGE.parent / "models" / "subsample.py",)
_CODE = {".py", ".jinja", ".css", ".js", ".json"}


@cache
def hash_analyses() -> str:
    """Identity of the code that makes numbers: analysis without its report."""
    return _hash_files(
        [*(path for path in PACKAGE.rglob("*") if REPORT not in path.parents), *RULES]
    )


@cache
def hash_report() -> str:
    """Identity of the code that makes the report, numbers included."""
    return _hash_files([*PACKAGE.rglob("*"), *RULES])


def _hash_files(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in paths if path.suffix in _CODE):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(PACKAGE.parent)} {content}\n".encode())
    return digest.hexdigest()[:16]


def find_result(
    connection: Connection, experiment: int, slice_id: int, *, coverage: str
) -> dict[str, Any] | None:
    """The stored numbers of a slice, if they are of these answers and of today's code."""
    found: dict[str, Any] | None = connection.execute(
        text("""
            SELECT result FROM analysis_job WHERE experiment = :experiment AND slice = :slice
                AND coverage_hash = :coverage AND state = 'done' AND result ->> 'code' = :code
        """),
        {
            "experiment": experiment,
            "slice": slice_id,
            "coverage": coverage,
            "code": hash_analyses(),
        },
    ).scalar_one_or_none()
    return found


def store_result(
    connection: Connection, experiment: int, slice_id: int, *, coverage: str, result: dict[str, Any]
) -> None:
    """Keep the numbers of a complete slice, whoever has computed them."""
    connection.execute(
        text("""
            INSERT INTO analysis_job (experiment, slice, coverage_hash, state, result, finished_at)
            VALUES (:experiment, :slice, :coverage, 'done', CAST(:result AS jsonb), now())
            ON CONFLICT (experiment, slice, coverage_hash) DO UPDATE SET state = 'done',
                result = excluded.result, finished_at = now(), lease_until = NULL, error = NULL
        """),
        {
            "experiment": experiment,
            "slice": slice_id,
            "coverage": coverage,
            "result": json.dumps(result),
        },
    )
