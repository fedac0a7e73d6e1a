"""Many settings' numbers at once: a row per LLM, a point per setting (Figures 4, 5 and 8)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt

from analysis.report.figures import (
    COLORS,
    IS_FOUND,
    IS_SHOWN,
    ROLES,
    SHAPES,
    make_params,
    name_band,
    style_chart,
)
from analysis.report.lanes import INK, place_lanes

ROW_PIXELS = 30
EDGE_PIXELS = 8  # between the outermost point and the rows' names
N_TICKS = 8  # about; more would touch each other on a phone
SPREAD = 0.62  # of a row that points are strewn over
TURN = 0.618033988749895  # the golden ratio's part: neighbours in the list lie far apart
POINTS, SETTINGS = "distribution", "distribution_settings"


class Row(NamedTuple):
    """One LLM's numbers in a band; ``mark`` is drawn as a bar across the row."""

    band: str
    llm: str
    settings: Sequence[Mapping[str, str]]  # label, category, role
    values: Sequence[float | None]
    mark: float | None = None


def draw_distributions(
    rows: Sequence[Row], *, title: str, digits: int, mark_title: str = ""
) -> dict[str, Any]:
    """Rows by band in the order given; a setting without a number has no point."""
    bands: dict[str, list[str]] = {}
    for row in rows:
        bands.setdefault(row.band, []).append(row.llm)
    alone = all(len(llms) == 1 for llms in bands.values())  # one LLM: bands need no heading
    lanes = place_lanes([(band, [band] if alone else llms) for band, llms in bands.items()])
    middles = [lanes.y[row.band, row.band if alone else row.llm] for row in rows]
    settings = _list_settings(rows)
    points = [
        point
        for row, middle in zip(rows, middles, strict=True)
        for point in _strew_points(row, middle, settings)
    ]
    x = alt.X(
        "v:Q",
        title=title,
        scale=alt.Scale(zero=False, nice=True, padding=EDGE_PIXELS),
        axis=alt.Axis(tickCount=N_TICKS),
    )
    y = lanes.place("y")
    value = alt.Tooltip("v:Q", title=title.lower(), format=f".{digits}f")
    layers = [*lanes.write_headings(), _draw_points(x, y, value)]
    marks = [
        {"y": middle, "v": round(row.mark, 5), "is": mark_title}
        for row, middle in zip(rows, middles, strict=True)
        if row.mark is not None
    ]
    if marks:
        layers.append(
            alt.Chart(alt.InlineData(values=marks))
            .mark_tick(thickness=2.5, size=0.8 * ROW_PIXELS, color=INK, opacity=1)
            .encode(x=x, y=y, tooltip=[alt.Tooltip("is:N", title="mark"), value])
        )
    chart = alt.layer(*layers).properties(
        width="container", height=max(120, round(lanes.bottom * ROW_PIXELS))
    )
    return style_chart(chart, datasets={POINTS: points, SETTINGS: list(settings.values())})


def _list_settings(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Every setting once by its label: points name it by its number, which keeps figures small."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for setting in row.settings:
            if setting["label"] not in found:
                found[setting["label"]] = {
                    "s": len(found),
                    "label": setting["label"],
                    "category": name_band(setting["category"]),
                    "role": ROLES[setting["role"]],
                }
    return found


def _strew_points(
    row: Row, middle: float, settings: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Points strewn over the row's height; controls and the empty setting come last, on top."""
    order = list(ROLES)
    pairs = sorted(
        zip(row.settings, row.values, strict=True), key=lambda pair: order.index(pair[0]["role"])
    )
    for setting, value in pairs:
        if value is None:
            continue
        place = settings[setting["label"]]["s"]
        offset = 0.0 if setting["role"] == "empty" else (place * TURN % 1 - 0.5) * SPREAD
        yield {
            "s": place,
            "llm": row.llm,
            "band": row.band,
            "y": round(middle + offset, 3),
            "v": round(value, 5),
        }


def _draw_points(x: alt.X, y: alt.Y, value: alt.Tooltip) -> alt.Chart:
    roles = list(ROLES.values())
    hover = alt.selection_point(
        name="hover", fields=["label"], on="pointerover", clear="pointerout", empty=False
    )
    legend = alt.Legend(orient="top", symbolOpacity=1, symbolStrokeWidth=0)
    chart: alt.Chart = (
        alt.Chart(alt.NamedData(name=POINTS))
        .transform_lookup(
            lookup="s",
            from_=alt.LookupData(
                data=alt.NamedData(name=SETTINGS), key="s", fields=["label", "category", "role"]
            ),
        )
        .transform_filter(IS_SHOWN)
        .mark_point(filled=True)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "role:N", scale=alt.Scale(domain=roles, range=COLORS), title=None, legend=legend
            ),
            shape=alt.Shape("role:N", scale=alt.Scale(domain=roles, range=SHAPES), title=None),
            size=alt.when(hover)
            .then(alt.value(110))
            .when(f"datum.role == '{ROLES['empty']}'")
            .then(alt.value(90))
            .otherwise(alt.value(24)),
            opacity=alt.condition(IS_FOUND, alt.value(0.75), alt.value(0.06)),
            tooltip=[
                alt.Tooltip("label:N", title="persona"),
                alt.Tooltip("category:N", title="category"),
                alt.Tooltip("llm:N", title="LLM"),
                alt.Tooltip("band:N", title="of"),
                value,
            ],
        )
        .add_params(hover, *make_params())
    )
    return chart
