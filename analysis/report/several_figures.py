"""Personas by LLMs: effects against the controls as colours, in a band per category."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt

from analysis.report.figures import IS_FOUND, IS_SHOWN, make_params, name_band, style_chart
from analysis.report.lanes import label_columns, place_lanes

ROW_PIXELS = 13
CELLS = "cells"  # the data of the figure
VERMILLION, MIDDLE, BLUE = "#d55e00", "#f7f7f7", "#0072b2"


class EffectCell(NamedTuple):
    """One persona in one LLM."""

    label: str
    category: str  # as the experiment has it
    llm: str
    effect: float | None
    text: str
    note: str  # what the LLM's own test says


def draw_effects(cells: Sequence[EffectCell], *, title: str) -> dict[str, Any]:
    """A row per persona, the highest mean effect of a category on top, a column per LLM."""
    means = _average_effects(cells)
    bands: dict[str, list[str]] = {}
    for cell in sorted(cells, key=lambda cell: -means[cell.label]):
        rows = bands.setdefault(name_band(cell.category), [])
        if cell.label not in rows:
            rows.append(cell.label)
    lanes = place_lanes(sorted(bands.items()))
    llms = list(dict.fromkeys(cell.llm for cell in cells))
    most = max((abs(cell.effect) for cell in cells if cell.effect is not None), default=1) or 1
    values = []
    for cell in cells:
        band = name_band(cell.category)
        y = lanes.y[band, cell.label]
        values.append(
            {
                **cell._asdict(),
                "category": band,
                "effect": None if cell.effect is None else round(cell.effect, 5),
                "top": round(y - 0.5, 3),
                "bottom": round(y + 0.5, 3),
            }
        )
    rects = (
        alt.Chart(alt.NamedData(name=CELLS))
        .transform_filter(IS_SHOWN)
        .mark_rect(stroke="transparent", strokeWidth=0.5)
        .encode(
            x=alt.X(
                "llm:N",
                title=None,
                axis=label_columns(llms, most_pixels=140),
                scale=alt.Scale(domain=llms),
            ),
            y=lanes.place("top"),
            y2="bottom:Q",
            color=alt.Color(
                "effect:Q",
                scale=alt.Scale(domain=[-most, 0, most], range=[VERMILLION, MIDDLE, BLUE]),
                title=title.split(", "),
                legend=alt.Legend(
                    orient="bottom",
                    gradientLength=150,
                    format="+.3~g",
                    labelExpr="datum.value == 0 ? '0' : datum.label",
                    titleLimit=0,
                ),
            ),
            opacity=alt.condition(IS_FOUND, alt.value(1), alt.value(0.12)),
            tooltip=[
                alt.Tooltip("label:N", title="persona"),
                alt.Tooltip("category:N", title="category"),
                alt.Tooltip("llm:N", title="LLM"),
                alt.Tooltip("text:N", title=title),
                alt.Tooltip("note:N", title="on its own items"),
            ],
        )
        .add_params(*make_params())
    )
    chart = alt.layer(rects, *lanes.write_headings()).properties(
        width="container", height=round(lanes.bottom * ROW_PIXELS)
    )
    return style_chart(chart, datasets={CELLS: values})


def _average_effects(cells: Sequence[EffectCell]) -> Mapping[str, float]:
    """Mean effect by label; one without any is 0, the middle."""
    effects: dict[str, list[float]] = {cell.label: [] for cell in cells}
    for cell in cells:
        if cell.effect is not None:
            effects[cell.label].append(cell.effect)
    return {label: sum(each) / len(each) if each else 0.0 for label, each in effects.items()}
