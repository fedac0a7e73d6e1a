"""Where one measure's variance lies: in personas, in items, or in what items do to personas.

Components need a crossed array without gaps. Personas with too many answers missing are left out
first, then items that do not count in every persona that is left; what remains is said beside the
numbers. The scale is the answers' own and every item counts alike, whatever cells a score has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.attitudes import average_blocks, has_wordings
from analysis.statistics import Undefined
from analysis.statistics.components import Component, Components, measure_components
from analysis.statistics.facets import Facet
from analysis.statistics.scorings import MISSING_SHARE, Scored

# Cells of personas x items x LLMs or templates that components are made of, 8 bytes each and copied
# twice; of more, clusters of items are drawn: a deviation of 10 million cells is exact enough.
MOST_CELLS = 10_000_000

NO_ENDS = Undefined(
    "too few clusters of items to leave some out, or leaving any out changes nothing"
)
FEW = "fewer than two personas and two items are without a gap"


@dataclass(frozen=True, slots=True)
class Spread:
    """A component as a standard deviation, in the measure's units."""

    sd: float | Undefined
    low: float | Undefined  # 95%, jackknife over clusters of items
    high: float | Undefined
    variance: float  # as it was estimated, negative ones too


@dataclass(frozen=True, slots=True)
class Generalizability:
    """How much of the variance of personas' scores others like these items would show again."""

    value: float  # 0 to 1
    low: float | Undefined  # 95%, jackknife over clusters of items, cut at 0 and 1
    high: float | Undefined


@dataclass(frozen=True, slots=True)
class VarianceParts:
    """Components of a measure's answers, and how reliably they tell personas apart."""

    parts: Mapping[str, Spread]  # "persona", "persona x item", ...; the last is the residual
    g: Generalizability | Undefined
    n_personas: int
    n_units: int
    n_personas_left_out: int
    n_items_left_out: int  # with a gap; prompts where items are asked repeatedly
    unit: str  # "item", with repeats "prompt"; of a questionnaire "instruction", over statements
    n_items_not_drawn: int = 0  # without a gap, of clusters left aside to keep the array small


def measure_variance(
    part: SliceArray, scored: Scored, personas: NDArray[np.intp], rng: np.random.Generator
) -> VarianceParts | Undefined:
    """Components over ``personas`` (rows) of the values that count.

    Statements of a questionnaire are fixed, so a persona's value is its mean under one instruction
    over the statements that all personas answered under it; elsewhere strata are fixed and items
    lie in clusters.
    """
    one = Scored(scored.values[personas], scored.counted[personas])
    if not one.counted.size:
        return Undefined(FEW)
    categories = np.array([part.settings[row].category for row in personas], np.str_)
    return measure_crossed(part, [one], categories, rng=rng, most_cells=one.counted.size)


def measure_crossed(
    part: SliceArray,
    scored: Sequence[Scored],
    categories: NDArray[np.str_],
    *,
    rng: np.random.Generator,
    third: str = "llm",
    few: str = FEW,
    most_cells: int | None = None,
) -> VarianceParts | Undefined:
    """Components of personas x items x the elements of ``third``, which are LLMs or templates.

    ``scored`` has each one's [personas, columns of ``part``]. Personas with too many answers
    missing in some of them are left out first, then what does not count in all of them. Of an array
    beyond ``most_cells``, by default `MOST_CELLS`, whole clusters are drawn; G is that of means
    over all items all the same. With one element there is no third component.
    """
    kept = np.logical_and.reduce(
        [each.counted.mean(axis=1) >= 1 - MISSING_SHARE for each in scored]
    )
    complete = np.logical_and.reduce([each.counted[kept].all(axis=0) for each in scored])
    if np.count_nonzero(kept) < 2 or np.count_nonzero(complete) < 2:
        return Undefined(few)
    most = (MOST_CELLS if most_cells is None else most_cells) // (int(kept.sum()) * len(scored))
    chosen = draw_clusters(part.clusters, complete, most=most, rng=rng)
    arrays = [each.values[np.ix_(kept, chosen)] for each in scored]
    if has_wordings(part):
        unit = "instruction"
        averaged = [average_instructions(each, part, chosen) for each in arrays]
        arrays, items = [means for means, _ in averaged], averaged[0][1]
        whole = Facet.of(unit, len(np.unique(part.tag_items(unit)[complete])))
    else:
        unit = "item" if part.slice.repeats == 1 else "prompt"
        items = list_item_levels(part, chosen)
        whole = items if chosen is complete else list_item_levels(part, complete)
    found = measure_components(
        np.stack(arrays, axis=2),
        Facet.of("persona", int(kept.sum()), {"category": categories[kept]}),
        items,
        rng=rng,
        third=third,
        scored=whole,
    )
    if isinstance(found, Undefined):
        return found
    return VarianceParts(
        parts=describe_parts(found),
        g=found.g if isinstance(found.g, Undefined) else _describe_g(found.g),
        n_personas=found.n_personas,
        n_units=found.n_items,
        n_personas_left_out=int(np.count_nonzero(~kept)),
        n_items_left_out=int(np.count_nonzero(~complete)),
        unit=unit,
        n_items_not_drawn=int(np.count_nonzero(complete & ~chosen)),
    )


def draw_clusters(
    clusters: NDArray[np.intp],
    complete: NDArray[np.bool_],
    *,
    most: int,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """The complete columns, or of more than ``most`` those of clusters drawn at random."""
    if np.count_nonzero(complete) <= most:
        return complete
    sizes = np.bincount(clusters[complete], minlength=int(clusters.max()) + 1)
    order = rng.permutation(len(sizes))
    fits = np.cumsum(sizes[order]) <= most
    return np.asarray(complete & np.isin(clusters, order[fits]))


def average_instructions(
    values: NDArray[Any], part: SliceArray, complete: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], Facet]:
    """Means by instruction over the statements that are complete under it."""
    means = average_blocks(values, part.tag_items("instruction")[complete])
    return means, Facet.of("instruction", means.shape[1])


def list_item_levels(part: SliceArray, complete: NDArray[np.bool_]) -> Facet:
    """Strata (fixed), clusters, items, and repeats where there are any."""
    groups: dict[str, NDArray[Any]] = {}
    if part.strata is not None:
        groups["stratum"] = part.strata[complete]
    groups["cluster"] = part.clusters[complete]
    finest = "item"
    if part.slice.repeats > 1:
        groups["item"] = np.array([item.id for item in part.items])[complete]
        finest = "repeat"
    return Facet.of(finest, int(np.count_nonzero(complete)), groups, fixed=("stratum",))


def describe_parts(found: Components) -> dict[str, Spread]:
    """Every component as a standard deviation, none where it was estimated below 0."""
    return {name: _take_root(part) for name, part in found.parts.items()}


def _describe_g(g: Component) -> Generalizability:
    low, high = (NO_ENDS if end is None else end for end in (g.low, g.high))
    return Generalizability(g.value, low, high)


def _take_root(part: Component) -> Spread:
    negative = Undefined("the variance was estimated below 0: less than the noise alone would give")
    sd = negative if part.sd is None else part.sd
    if part.high is not None and part.high < 0:
        below = Undefined("the whole interval lies below 0")
        return Spread(sd, below, below, part.value)
    low, high = (
        NO_ENDS if end is None else float(np.sqrt(max(end, 0))) for end in (part.low, part.high)
    )
    return Spread(sd, low, high, part.value)
