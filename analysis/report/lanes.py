"""Lanes: where the rows of a figure lie that has a band per thing measured and a row per LLM.

Facets cannot fill the width of a page, so a figure is one plot, and its rows are placed here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

HEADING = 0.9  # height of a band's heading, in rows
LABEL_PIXELS = 160  # at most, of a row's label
# How much of it there is on a page: more on a desk, less on a phone, as said in a file.
ROOM = "(containerSize()[0] > 800 ? 2 : containerSize()[0] < 500 ? 0.75 : 1)"
CHARACTER_PIXELS = 7  # of a name, about
PHONE_PIXELS = 270  # beside the rows' names on a narrow phone
INK = "#8a8f98"  # seen on light pages and dark ones


def label_places(labels: Mapping[float, str], *, most_pixels: int = LABEL_PIXELS) -> alt.Axis:
    """An axis of names at places along it, longer ones cut, without a line or a grid."""
    names = json.dumps(list(labels.values()), ensure_ascii=False)
    return alt.Axis(
        values=list(labels),
        labelExpr=f"{names}[indexof({json.dumps(list(labels))}, datum.value)]",
        title=None,
        grid=False,
        ticks=False,
        domain=False,
        labelPadding=6,
        labelLimit=alt.ExprRef(f"{most_pixels} * {ROOM}"),
    )


def label_columns(names: Sequence[str], *, most_pixels: int) -> alt.Axis:
    """An axis of names above columns, slanted where a phone has no room for them side by side."""
    needed = len(names) * max(map(len, names), default=0) * CHARACTER_PIXELS
    return alt.Axis(
        orient="top",
        labelAngle=0 if needed <= PHONE_PIXELS else -40,
        labelLimit=most_pixels,
        ticks=False,
        domain=False,
    )


@dataclass(frozen=True, slots=True)
class Lanes:
    """Rows from the top; a row is 1 high, ``y`` its middle."""

    y: Mapping[tuple[str, str], float]  # band and row
    headings: tuple[tuple[str, float], ...]  # a band's name and the middle of its heading
    bottom: float

    def place(self, field: str) -> alt.Y:
        """The encoding of a field that holds lines from the top, with a label at every row."""
        return alt.Y(f"{field}:Q", axis=self.label_rows(), scale=self.scale_rows())

    def label_rows(self) -> alt.Axis:
        """An axis with a label at every row."""
        return label_places({at: row for (_, row), at in self.y.items()})

    def scale_rows(self) -> alt.Scale:
        """From the top down."""
        return alt.Scale(domain=[0, self.bottom], reverse=True, nice=False, zero=False)

    def write_headings(self) -> list[alt.Chart]:
        """The bands' names at the left edge of the plot, with a hairline above all but the first.

        None where a band has no heading.
        """
        if not self.headings:
            return []
        rows: list[dict[str, Any]] = [
            {"heading": name, "y": y, "top": y - HEADING / 2} for name, y in self.headings
        ]
        names = (
            alt.Chart(alt.InlineData(values=rows))
            .mark_text(align="left", baseline="middle", fontWeight="bold", fontSize=11, color=INK)
            .encode(x=alt.value(2), y=self.place("y"), text="heading:N")
        )
        edges = (
            alt.Chart(alt.InlineData(values=rows[1:]))
            .mark_rule(strokeWidth=1, color=INK, opacity=0.4)
            .encode(y=self.place("top"))
        )
        return [edges, names] if len(rows) > 1 else [names]


def place_lanes(bands: Sequence[tuple[str, Sequence[str]]]) -> Lanes:
    """Bands with their rows; without headings where every band has one row of its own name."""
    has_headings = any(list(rows) != [band] for band, rows in bands)
    y: dict[tuple[str, str], float] = {}
    headings = []
    top = 0.0
    for band, rows in bands:
        if has_headings:
            headings.append((band, round(top + HEADING / 2, 3)))
            top += HEADING
        for row in rows:
            y[band, row] = round(top + 0.5, 3)
            top += 1
    return Lanes(y, tuple(headings), round(top, 3))
