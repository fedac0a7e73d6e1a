"""Correlations of people beside those of LLMs' personas (Figures 11 and 12), cosines (Figure 6)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt

from analysis.report.figures import style_chart
from analysis.report.lanes import INK, label_columns, place_lanes

CELL_PIXELS = 20
TEXT_PIXELS = 25  # a number in a cell
ROW_PIXELS = 30
# What stands in a row of Figure 6: colour (Okabe and Ito) and form.
SERIES = {
    "asked": ("#0072b2", "circle"),
    "asked, few missing": ("#009e73", "triangle-up"),
    "paper": ("#d55e00", "square"),
}
MARKS = {
    "95% of random answers": "#e69f00",
    "95% of relabellings": "#cc79a7",
    "two halves of the people": INK,
}


class RCell(NamedTuple):
    """A correlation of one column (people, an LLM); ``r`` None is not defined."""

    column: str
    first: str
    second: str
    r: float | None
    n: int


class Cosine(NamedTuple):
    """One point or mark of Figure 6."""

    side: str
    llm: str
    series: str  # of `SERIES` or `MARKS`
    value: float
    low: float | None = None
    high: float | None = None


def draw_correlations(cells: Sequence[RCell], *, rows: str) -> dict[str, Any]:
    """A column for people and for every LLM, a row for every pair, in a band per first variable."""
    bands: dict[str, list[str]] = {}
    for cell in cells:
        if cell.second not in bands.setdefault(cell.first, []):
            bands[cell.first].append(cell.second)
    lanes = place_lanes(list(bands.items()))
    values = [
        {
            **cell._asdict(),
            "r": None if cell.r is None else round(cell.r, 4),
            "text": "–" if cell.r is None else f"{cell.r:.2f}".replace("-", "\N{MINUS SIGN}"),
            "y": lanes.y[cell.first, cell.second],
            "top": lanes.y[cell.first, cell.second] - 0.5,
            "bottom": lanes.y[cell.first, cell.second] + 0.5,
        }
        for cell in cells
    ]
    columns = list(dict.fromkeys(cell.column for cell in cells))
    x = alt.X(
        "column:N",
        sort=columns,
        title=None,
        axis=label_columns(columns, most_pixels=120),
        scale=alt.Scale(domain=columns),
    )
    base = alt.Chart(alt.InlineData(values=values))
    rects = base.mark_rect(stroke="transparent", strokeWidth=1).encode(
        x=x,
        y=lanes.place("top"),
        y2="bottom:Q",
        color=alt.Color(
            "r:Q",
            scale=alt.Scale(domain=[-1, 0, 1], range=["#d55e00", "#f7f7f7", "#0072b2"]),
            title="r",
            legend=alt.Legend(orient="bottom", gradientLength=160),
        ),
        tooltip=[
            alt.Tooltip("column:N", title="of"),
            alt.Tooltip("first:N", title="attitude"),
            alt.Tooltip("second:N", title=rows),
            alt.Tooltip("text:N", title="r"),
            alt.Tooltip("n:Q", title="have both"),
        ],
    )
    texts = base.mark_text(fontSize=9).encode(
        x=x,
        y=lanes.place("y"),
        text="text:N",
        color=alt.condition(
            "isValid(datum.r) && abs(datum.r) > 0.6", alt.value("#ffffff"), alt.value("#1a1d21")
        ),
        opacity=alt.condition(  # on a phone many columns leave no room; hover still tells
            f"width >= {TEXT_PIXELS * len(columns)}", alt.value(1), alt.value(0)
        ),
    )
    chart = alt.layer(rects, texts, *lanes.write_headings()).properties(
        width="container", height=round(lanes.bottom * CELL_PIXELS)
    )
    return style_chart(chart)


def draw_cosines(cosines: Sequence[Cosine]) -> dict[str, Any]:
    """A band per side of Figure 6, a row per LLM: points with intervals, and marks of chance."""
    bands: dict[str, list[str]] = {}
    for each in cosines:
        if each.llm not in bands.setdefault(each.side, []):
            bands[each.side].append(each.llm)
    lanes = place_lanes(list(bands.items()))
    names = [*SERIES, *MARKS]
    shift = {"asked": -0.2, "asked, few missing": 0, "paper": 0.2}
    values = [
        {
            **each._asdict(),
            "form": "mark" if each.series in MARKS else "point",
            "y": lanes.y[each.side, each.llm] + shift.get(each.series, 0),
        }
        for each in cosines
    ]
    y = lanes.place("y")
    color = alt.Color(
        "series:N",
        scale=alt.Scale(
            domain=names, range=[*(color for color, _ in SERIES.values()), *MARKS.values()]
        ),
        title=None,
        legend=alt.Legend(orient="top", columns=2, symbolOpacity=1, symbolStrokeWidth=2),
    )
    scale = alt.Scale(domainMax=1, nice=True, zero=True)
    base = alt.Chart(alt.InlineData(values=values))
    points = base.transform_filter("datum.form == 'point'")
    tooltip = [
        alt.Tooltip("llm:N", title="LLM"),
        alt.Tooltip("series:N", title="which"),
        alt.Tooltip("value:Q", title="cosine", format=".2f"),
        alt.Tooltip("low:Q", title="lower end", format=".2f"),
        alt.Tooltip("high:Q", title="upper end", format=".2f"),
    ]
    chart = alt.layer(
        *lanes.write_headings(),
        base.transform_filter("datum.form == 'mark'")
        .mark_tick(thickness=2.5, size=0.8 * ROW_PIXELS)
        .encode(x=alt.X("value:Q", scale=scale, title="cosine with people"), y=y, color=color,
                tooltip=tooltip[:3]),
        points.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=1.4, opacity=0.6)
        .encode(x="low:Q", x2="high:Q", y=y, color=color),
        points.mark_point(filled=True, size=55, opacity=1).encode(
            x="value:Q",
            y=y,
            color=color,
            shape=alt.Shape(
                "series:N",
                scale=alt.Scale(domain=list(SERIES), range=[form for _, form in SERIES.values()]),
                legend=None,
            ),
            tooltip=tooltip,
        ),
    ).properties(width="container", height=max(120, round(lanes.bottom * ROW_PIXELS)))  # fmt: skip
    return style_chart(chart)
