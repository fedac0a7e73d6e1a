"""What the paper prints, as columns beside ours: only where grid and template are the paper's."""

from collections.abc import Sequence
from typing import Any

from analysis.plain import UNDEFINED

NOT_THE_PAPERS = {UNDEFINED: "these are not the LLMs, settings and template of the paper"}


def drop_unprinted(records: Sequence[dict[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Records without the columns ``keys`` where none of them has the paper's numbers."""
    if any(record[key] is not NOT_THE_PAPERS for record in records for key in keys):
        return list(records)
    return [{key: value for key, value in record.items() if key not in keys} for record in records]
