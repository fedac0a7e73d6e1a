"""A specification curve in two panels: the estimates in their order, and what each was made with.

Both panels are one plot, so that it fills the width of a page: the upper one's scale is drawn by
hand onto the first rows, the choices stand in lanes below it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np

from analysis.report.figures import COLORS, style_chart
from analysis.report.lanes import INK, label_places, place_lanes

UPPER = 9.0  # rows of the upper panel
SPACE = 0.8  # rows between the panels
ROW_PIXELS = 17
N_TICKS = 5
BLUE, VERMILLION = COLORS[:2]


class CurvePoint(NamedTuple):
    """One specification: its estimate and, by axis, what was chosen."""

    value: float
    low: float | None
    high: float | None
    text: str  # estimate and interval as they are read
    choices: Mapping[str, str]  # axis -> choice
    is_main: bool


def draw_curve(
    points: Sequence[CurvePoint],
    *,
    threshold: float,
    title: str,
    scale: float = 1.0,
) -> dict[str, Any]:
    """Estimates from the lowest up, coloured by the side of the threshold that they lie on.

    ``scale`` is what values are multiplied with on the axis (100 for percentage points). Axes with
    a single choice are left out.
    """
    order = sorted(range(len(points)), key=lambda at: points[at].value)
    axes = {
        axis: list(dict.fromkeys(point.choices[axis] for point in points))
        for axis in points[0].choices
    }
    lanes = place_lanes([(axis, each) for axis, each in axes.items() if len(each) > 1])
    below = UPPER + SPACE
    ends = [end for p in points for end in (p.value, p.low, p.high) if end is not None]
    ticks = choose_ticks(scale * min([*ends, threshold]), scale * max([*ends, threshold]))
    lowest, highest = ticks[0], ticks[-1]

    def place(value: float) -> float:
        return round(UPPER * (highest - scale * value) / (highest - lowest), 4)

    side = np.sign(next(point.value for point in points if point.is_main) - threshold)
    dots = [
        {
            "x": x,
            "y": place(points[at].value),
            "low": None if points[at].low is None else place(points[at].low or 0),
            "high": None if points[at].high is None else place(points[at].high or 0),
            "side": "same side" if np.sign(points[at].value - threshold) == side else "other side",
            "is_main": points[at].is_main,
            "text": points[at].text,
            **points[at].choices,
        }
        for x, at in enumerate(order, start=1)
    ]
    marks = [
        {
            "x": x,
            "y": lanes.y[axis, choice] + below,
            "choice": choice,
            "text": points[at].text,
            "is_main": points[at].is_main,
        }
        for x, at in enumerate(order, start=1)
        for axis, choice in points[at].choices.items()
        if (axis, choice) in lanes.y
    ]
    bottom = below + lanes.bottom
    labels = {
        **{
            round(UPPER * (highest - tick) / (highest - lowest), 4): write_tick(tick, ticks)
            for tick in ticks
        },
        **{round(at + below, 4): choice for (_, choice), at in lanes.y.items()},
    }
    y_axis = label_places(labels)
    y_scale = alt.Scale(domain=[-0.3, bottom], reverse=True, nice=False, zero=False)
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[0, len(points) + 1], nice=False),
        axis=alt.Axis(title=f"{len(points)} specifications, sorted", grid=False, labels=False,
                      ticks=False),
    )  # fmt: skip

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", axis=y_axis, scale=y_scale)

    base = alt.Chart(alt.NamedData(name="dots"))
    color = alt.Color(
        "side:N",
        title=None,
        scale=alt.Scale(domain=["same side", "other side"], range=[BLUE, VERMILLION]),
        legend=alt.Legend(
            orient="top",
            columns=1,  # one above the other: a phone has no room for both
            labelExpr="datum.label + ' as the main one'",
            labelLimit=0,
            symbolOpacity=1,
        ),
    )
    tooltip = [
        alt.Tooltip("text:N", title=title),
        *(alt.Tooltip(f"{axis}:N", title=axis) for axis in axes),
    ]
    chart = alt.layer(
        alt.Chart(alt.InlineData(values=[{"y": place(threshold)}]))
        .mark_rule(color=INK, strokeDash=[4, 3])
        .encode(y=y("y")),
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=1.2, opacity=0.5)
        .encode(x=x, y=y("low"), y2="high:Q", color=color),
        base.mark_point(filled=True, opacity=1).encode(
            x=x,
            y=y("y"),
            color=color,
            shape=alt.condition("datum.is_main", alt.value("diamond"), alt.value("circle")),
            size=alt.condition("datum.is_main", alt.value(150), alt.value(26)),
            tooltip=tooltip,
        ),
        alt.Chart(alt.NamedData(name="marks"))
        .mark_tick(orient="vertical", thickness=2, size=0.62 * ROW_PIXELS)
        .encode(
            x=x,
            y=y("y"),
            color=alt.condition("datum.is_main", alt.value(BLUE), alt.value(INK)),
            tooltip=[alt.Tooltip("text:N", title=title), alt.Tooltip("choice:N", title="with")],
        ),
        *_write_headings(lanes.headings, below, y),
    ).properties(width="container", height=round(bottom * ROW_PIXELS))
    return style_chart(chart, datasets={"dots": dots, "marks": marks})


def _write_headings(headings: Sequence[tuple[str, float]], below: float, y: Any) -> list[alt.Chart]:
    """The axes' names above their choices."""
    if not headings:
        return []
    rows = [{"heading": name, "y": at + below} for name, at in headings]
    return [
        alt.Chart(alt.InlineData(values=rows))
        .mark_text(align="left", baseline="middle", fontWeight="bold", fontSize=11, color=INK)
        .encode(x=alt.value(2), y=y("y"), text="heading:N")
    ]


def choose_ticks(low: float, high: float) -> list[float]:
    """About `N_TICKS` round numbers that reach from below ``low`` to above ``high``."""
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / (N_TICKS - 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(power * each for each in (1, 2, 5, 10) if power * each >= rough))
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [round(step * at, 10) for at in range(first, last + 1)]


def write_tick(tick: float, ticks: Sequence[float]) -> str:
    """With as many digits as the step needs, and a true minus sign."""
    step = ticks[1] - ticks[0]
    digits = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    return f"{tick:.{digits}f}".replace("-", "\N{MINUS SIGN}")
