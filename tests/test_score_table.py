"""Reading a file of scores: what it has, its gaps, and the line that is broken."""

from pathlib import Path

import numpy as np
import pytest

from analysis.score_table import COLUMNS, read_score_table
from models.errors import DataError

HEADING = ",".join(COLUMNS) + "\n"


def test_a_small_table_is_read_with_gaps_where_it_has_no_row(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(
        HEADING + "one,a cook,work,.5,.25,.75,.5\none,empty,empty,1,1,1,1\ntwo,a cook,work,0,0,0,0"
    )

    table = read_score_table(path)

    assert (table.llms, table.personas) == (("one", "two"), ("a cook", "empty"))
    np.testing.assert_array_equal(table.scores["mmlu"], [[0.25, 1], [0, np.nan]])
    np.testing.assert_array_equal(table.assigned, [0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,persona\none,a cook\n", "no column 'category'"),
        (HEADING, "no rows"),
        (HEADING + "one,a cook,work,.5,.5,.5,.5\none,a cook,work,.5,.5,.5,.5\n", "stands twice"),
        (HEADING + "one,a cook,work,50,.5,.5,.5\n", "line 2: truthfulqa of 'a cook' is '50'"),
        (HEADING + "one,a cook,work,.5,,.5,.5\n", "mmlu of 'a cook' is ''"),
        (HEADING + "one,a cook,work,.5,.5,.5,.5\ntwo,a cook,art,.5,.5,.5,.5\n", "is 'art' here"),
    ],
    ids=["columns", "empty", "twice", "percent", "blank", "category"],
)
def test_a_broken_table_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=said):
        read_score_table(path)
