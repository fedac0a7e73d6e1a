"""Where the variance of answers comes from: personas, items, LLMs and their interactions.

A complete crossed array, personas x items (x LLMs), on its own linear scale. Personas lie in
categories, items in clusters in strata. Components are moment estimates in closed form: expected
sums of squares are linear in them. Report their roots, in percentage points; as shares of the total
items would swamp everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics import Undefined
from analysis.statistics.facets import Facet
from analysis.statistics.nesting import GroupSums, Nest
from analysis.statistics.rates import Floats


class Component(NamedTuple):
    """An estimate; negative ones are shown as they are.

    Ends are None without a jackknife, or where all that it leaves out changes nothing.
    """

    value: float
    low: float | None
    high: float | None

    @property
    def sd(self) -> float | None:
        """Root of a variance, in the values' units; None where the estimate is negative."""
        return float(np.sqrt(self.value)) if self.value >= 0 else None

    def cut(self, low: float, high: float) -> "Component":
        """With ends that do not leave ``low`` to ``high``."""
        ends = (None if end is None else min(max(end, low), high) for end in (self.low, self.high))
        return Component(self.value, *ends)


@dataclass(frozen=True, slots=True)
class Components:
    """Variance components, and how well scores tell personas apart."""

    parts: dict[str, Component]  # variances: "persona", "persona x item", ...; last the residual
    g: Component | Undefined  # generalizability of persona scores, 0 to 1
    n_personas: int
    n_items: int
    n_llms: int


def measure_components(
    values: NDArray[Any],
    personas: Facet,
    items: Facet,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_groups: int = 40,
    third: str = "llm",
    scored: Facet | None = None,
) -> Components | Undefined:
    """Components of values [personas, items] or [personas, items, llms], no cell missing.

    ``third`` is what the third axis is called where it is not LLMs ("template"). ``scored`` are the
    items that scores are means over, where ``items`` are only clusters drawn from them.

    With Q the sums of squared group sums over group sizes at every combination of levels,
    E[Q] = (T_p x T_i x T_l) sigma^2 (Kronecker); solved axis by axis. On balanced data this is the
    analysis of variance (Searle, Casella and McCulloch 1992, Variance Components, 4 and 5.2).
    Intervals: jackknife over ``n_groups`` random groups of clusters, within strata; t quantiles;
    none with fewer than three, nor where leaving any out changes nothing. That of G is cut at 0 and
    1, which G cannot leave: no truth is lost by it.

    G = s2_p/(s2_p + s2_pl/L + s2_pi/n_i + s2_pli/(L n_i)) (Brennan 2001, Generalizability Theory,
    4), where s2_p sums the levels of the personas and the fixed levels of the items, and each other
    item level counts by sum n_group^2/n_i^2 of ``scored``, whatever is drawn or left out. Each
    component of the noise that is estimated below 0 counts as 0 there (Brennan 2001, 3.4), lest it
    make up for another's; among the parts it stays as it is.
    """
    array = np.asarray(values, np.float64)
    array = array[:, :, None] if array.ndim == 2 else array
    facets = (personas, items, Facet.of(third, array.shape[2]))
    if not array.size:
        return Undefined("no cell in the array")
    if array.shape != tuple(facet.size for facet in facets):
        raise ValueError(f"an array of shape {array.shape} for {personas.size} x {items.size}")
    if np.isnan(array).any():
        return Undefined("a cell of the array has no value")
    if personas.size < 2 or items.size < 2:
        return Undefined("fewer than two personas or items")
    if _is_constant(array):
        return Undefined("all cells are equal")
    at, dealt = _deal_clusters(items, rng, n_groups)
    remaining = (scored or items).share()
    shares = np.array([1, *(remaining[name] for name in items.names)])
    full, *without = _estimate_each(array - array.mean(), facets, shares, at, dealt)
    described = _jackknife(full, without, level)
    names = [_name_levels(facets, at) for at in np.ndindex(full.variances.shape)]
    g = described.pop().cut(0, 1)
    return Components(
        parts={name: part for name, part in zip(names, described, strict=True) if name},
        g=_explain_no_g(full.variances) if np.isnan(g.value) else g,
        n_personas=personas.size,
        n_items=items.size,
        n_llms=facets[2].size,
    )


def _explain_no_g(variances: Floats) -> Undefined:
    """Why persona scores have no generalizability."""
    if not variances[1:].any():
        return Undefined("personas do not vary, neither in their means nor on single items")
    return Undefined("personas vary no more than noise")


def _is_constant(array: Floats) -> bool:
    """Whether all cells are equal but for rounding; one persona that varies settles it."""
    one = array[0, 0, 0]
    rounding = 1e-12 * abs(one)
    return all(bool((np.abs(part - one) <= rounding).all()) for part in (array[0], array))


class _Estimates(NamedTuple):
    """Component for every combination of levels; [0, 0, 0] is the mean's, of no interest."""

    variances: Floats  # [levels of personas, of items, of llms], level 0 is everything
    g: float  # NaN where personas do not vary


def _estimate_each(
    array: Floats,
    facets: tuple[Facet, Facet, Facet],
    shares: Floats,
    at: int,
    dealt: NDArray[np.intp],
) -> list[_Estimates]:
    """Of all items, then leaving out one jackknife group of clusters after another.

    Clusters are the groups of the items' level ``at``; ``dealt`` [clusters] is each one's jackknife
    group. Sums of finer levels add up over clusters, and those of coarser ones are made of the
    clusters' own, so that the array is read once. Empty after the first where a level would be
    gone.
    """
    personas, items, llms = facets
    order = np.lexsort(items.labels[::-1])  # all levels are runs of neighbours then
    nest = Nest.of([labels[order] for labels in items.labels], at, dealt)
    turned = np.ascontiguousarray(np.moveaxis(array[:, order], 2, 1))  # [personas, llms, items]
    everything = [np.zeros(facet.size, np.intp) for facet in (personas, llms)]
    sums: dict[tuple[int, int], GroupSums] = {}
    for p, by_persona in enumerate([everything[0], *personas.labels]):
        partly = _add_groups(turned, by_persona, 0)
        for m, by_llm in enumerate([everything[1], *llms.labels]):
            sums[p, m] = nest.add(_add_groups(partly, by_llm, 1))
    sizes = nest.count()
    n_left_out = int(dealt.max()) + 1 if len(dealt) and dealt.max() > 0 else 0
    found: list[_Estimates] = []
    for left_out in (None, *range(n_left_out)):
        kept = np.array([group != left_out for group in range(nest.n_groups)])
        weights = nest.weigh(sizes, kept)
        if weights is None:
            return found[:1]
        squares = {at: nest.square(each, sizes, kept) for at, each in sums.items()}
        found.append(_estimate(squares, facets, weights, shares))
    return found


def _estimate(
    squares: Mapping[tuple[int, int], Floats],
    facets: tuple[Facet, Facet, Facet],
    weights: Floats,
    shares: Floats,
) -> _Estimates:
    """From Q at all combinations of levels, (personas, llms) -> [items], to components."""
    personas, items, llms = facets
    n_items = float(weights[-1, -1])
    variances = np.empty((len(personas.labels) + 1, len(weights), len(llms.labels) + 1))
    for (p, m), each in squares.items():
        variances[p, :, m] = each
    mean_square = variances[-1, -1, -1] / (personas.size * n_items * llms.size)
    for axis, table in enumerate((personas.weigh(), weights, llms.weigh())):
        variances = np.moveaxis(np.tensordot(np.linalg.inv(table), variances, (1, axis)), 0, axis)
    variances = np.where(np.abs(variances) < 1e-12 * mean_square, 0, variances)
    return _Estimates(variances, _generalize(variances, items, llms, shares))


def _add_groups(array: Floats, labels: NDArray[np.intp], axis: int) -> Floats:
    """Sums of groups along an axis, over the roots of their sizes."""
    sizes = np.bincount(labels)
    if len(sizes) == len(labels):
        return array
    order = np.argsort(labels, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sums = np.add.reduceat(np.take(array, order, axis), starts, axis)
    shape = [1, 1, 1]
    shape[axis] = len(sizes)
    divided: Floats = sums / np.sqrt(sizes).reshape(shape)
    return divided


def _generalize(variances: Floats, items: Facet, llms: Facet, shares: Floats) -> float:
    """G; NaN where personas' own variance is not above 0.

    ``shares`` [levels of items]: sum n_group^2/n_i^2, 1 for the whole.
    """
    by_persona = variances[1:]  # [levels of personas, of items, of llms]
    weights = np.outer(shares, [1, 1 / llms.size][: by_persona.shape[2]])
    is_own = np.zeros(weights.shape, np.bool_)
    is_own[:, 0] = [True, *(name in items.fixed for name in items.names)]
    weighted = by_persona * weights
    truth = float(np.sum(weighted[:, is_own]))
    noise = float(np.sum(np.maximum(weighted[:, ~is_own], 0)))
    return truth / (truth + noise) if truth > 1e-15 else float("nan")


def _deal_clusters(
    items: Facet, rng: np.random.Generator, n_groups: int
) -> tuple[int, NDArray[np.intp]]:
    """The level of clusters, and the jackknife group of each cluster; none: no jackknife.

    A cluster is a group of the coarsest level that is a sample; clusters are dealt out stratum by
    stratum.
    """
    at = next((k for k, name in enumerate(items.names) if name not in items.fixed), None)
    if at is None or n_groups < 3:
        return at or 0, np.zeros(0, np.intp)
    clusters = items.labels[at]
    n_clusters = int(clusters.max()) + 1
    strata = np.zeros(n_clusters, np.intp)
    strata[clusters] = items.labels[at - 1] if at else 0
    dealt = np.empty(n_clusters, np.intp)
    dealt[np.lexsort((rng.random(n_clusters), strata))] = np.arange(n_clusters)
    return at, dealt % min(n_groups, n_clusters)


def _jackknife(full: _Estimates, without: list[_Estimates], level: float) -> list[Component]:
    """Estimates with (m - 1)/m sum (x_-g - mean)^2 intervals (Wolter 2007, 4.2); G is the last."""
    values = np.append(full.variances, full.g)
    half = np.full(len(values), np.nan)
    if len(without) > 2:
        m = len(without)
        left = np.array([np.append(each.variances, each.g) for each in without])
        error = np.sqrt((m - 1) / m * np.square(left - left.mean(axis=0)).sum(axis=0))
        moves = np.ptp(left, axis=0) > 1e-12 * np.abs(left).max(axis=0)  # else it is rounding
        half = np.where(moves, float(stats.t.isf((1 - level) / 2, m - 1)) * error, np.nan)
    return [
        Component(float(v), None, None)
        if np.isnan(h)
        else Component(float(v), float(v - h), float(v + h))
        for v, h in zip(values, half, strict=True)
    ]


def _name_levels(facets: tuple[Facet, Facet, Facet], at: tuple[int, ...]) -> str:
    """ "persona x item" for a combination of levels, "" for everything."""
    chosen = (facet.names[k - 1] for facet, k in zip(facets, at, strict=True) if k)
    return " x ".join(chosen)
