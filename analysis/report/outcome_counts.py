"""The outcomes of a setting's cells in one column: five counts beside every score of choices.

A table on a page has one column for them, since five do not fit beside the rest; its CSV has them
one by one.
"""

from collections.abc import Mapping, Sequence

from analysis.outcomes import OF_CHOICES, OF_SCALES, SHOWN
from analysis.report.blocks import Cell
from analysis.report.wording import write_count

OUTCOME_COUNTS, SCALE_COUNTS = "outcomes", "scale_outcomes"  # the columns
JOINED = (OUTCOME_COUNTS, SCALE_COUNTS)
JOINT = " / "
_KEPT_JOINT = "\N{NO-BREAK SPACE}/ "  # a line that is broken ends with the stroke

Columns = Mapping[str, Sequence[int]]  # outcome -> cells [settings]


def name_column(columns: Columns) -> str:
    """The column that a table of these settings has."""
    return OUTCOME_COUNTS if "correct" in columns else SCALE_COUNTS


def write_outcomes(columns: Columns, row: int, *, is_named: bool = False) -> Cell:
    """ "812 / 150 / 30 / 8 / 0", sorted by how many were not answered.

    ``is_named``: in a column of choices, "962 answered / 30 / 8 / 0" says that these are none.
    """
    keys = OF_CHOICES if "correct" in columns else OF_SCALES
    texts = [write_count(columns[key][row]) for key in keys]
    if is_named and keys is OF_SCALES:
        texts[0] += " answered"
    unanswered = float(columns["refused"][row] + columns["unreadable"][row])
    parts = tuple((key, columns[key][row] if key in columns else None) for key in SHOWN)
    return Cell(_KEPT_JOINT.join(texts), unanswered, parts=parts)
