"""Refusals (RQ4): who is refused how often, and is that arbitrary or disparate?

A refusal is a text that hedges and holds no answer. One measure per data set of the paper's six:
offensiveness and racism are two, the attitudes are one. The paper's averages over data sets (its
Figures 7 and 10) are made of the values per slice that stand here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.measures import MAIN, Draws, Groups, Measure, find_groups
from analysis.performance import run_hit_tests
from analysis.readings import FILTERED, REFUSED
from analysis.scores import NO_INTERVAL, NO_SCORE, describe_scores
from analysis.statistics import Undefined
from analysis.statistics.rates import (
    ClusterSums,
    Floats,
    cluster_bootstrap,
    cluster_sums,
    macro_scores,
    percentile_interval,
)
from analysis.statistics.scorings import Scored
from models.items import Kind

SPLIT_BY = {"tweets": "question"}  # data sets that are several in the paper's Figures 7, 9 and 10

# Two words for the same people (paper, section 7).
PAIRS = (
    ("a gay person", "a homosexual person"),
    ("a black person", "an african american person"),
)


@dataclass(frozen=True, slots=True)
class CategorySpread:
    """How much refusal rates differ within a category of personas."""

    n_members: int
    sd: float | Undefined  # ddof 1
    ratio: float | Undefined  # over the controls' SD: above 1 is "disparate" (Fig. 10)


@dataclass(frozen=True, slots=True)
class Disparity:
    """The spread within the controls, and within every category beside it."""

    n_controls: int
    control_sd: float | Undefined
    categories: Mapping[str, CategorySpread]


@dataclass(frozen=True, slots=True)
class PersonaPair:
    """Two personas that mean the same: first minus second, paired over clusters of items."""

    first: str
    second: str
    first_rate: float | Undefined
    second_rate: float | Undefined
    difference: float | Undefined
    low: float | Undefined  # 95% percentile bootstrap over clusters
    high: float | Undefined


def measure_refusals(array: SliceArray, draws: Draws) -> list[Measure]:
    """A measure for each of the paper's data sets in a slice; free text has no refusals."""
    part = array.select_items(np.array([item.kind != Kind.FREE for item in array.items], np.bool_))
    if not part.items:
        return []
    tag = SPLIT_BY.get(part.slice.dataset)
    if tag is None:
        return [measure_refusal_rate(part, "", draws)]
    labels = part.tag_items(tag)
    return [
        measure_refusal_rate(part.select_items(labels == label), str(label), draws)
        for label in dict.fromkeys(labels.tolist())
    ]


def measure_refusal_rate(part: SliceArray, of: str, draws: Draws) -> Measure:
    """Share of the covered items that each setting refused; every item counts alike."""
    scored = Scored(part.codes == REFUSED, part.codes >= FILTERED)
    sums = cluster_sums(scored.values, scored.counted, part.clusters, strata=part.strata)
    rates = macro_scores(sums)
    return describe_scores(
        part,
        {MAIN: scored},
        name="refusal_rate",
        of=of,
        cells=None,
        chance=Undefined("an answer drawn at random refuses nothing"),
        counts={},
        omnibus=(run_hit_tests(part, scored, MAIN, draws),),
        draws=draws,
        details={
            "disparity": compare_categories(
                rates,
                np.array([setting.category for setting in part.settings], np.str_),
                find_groups(part),
            ),
            "pairs": compare_pairs(
                sums, {setting.persona: row for row, setting in enumerate(part.settings)}, draws
            ),
        },
    )


def compare_categories(rates: Floats, categories: NDArray[np.str_], groups: Groups) -> Disparity:
    """Standard deviation of rates within each category of personas, over that of the controls.

    ``rates`` and ``categories`` [settings]. Source: paper, Fig. 10.
    """
    control_sd = _spread(rates[groups.controls], "control")
    of_persona = categories[groups.personas].tolist()
    return Disparity(
        n_controls=len(groups.controls),
        control_sd=control_sd,
        categories={
            category: _compare_category(
                rates[groups.personas][categories[groups.personas] == category], control_sd
            )
            for category in dict.fromkeys(of_persona)
        },
    )


def _compare_category(rates: Floats, control_sd: float | Undefined) -> CategorySpread:
    sd = _spread(rates, "persona")
    if isinstance(control_sd, Undefined):
        ratio: float | Undefined = control_sd
    elif control_sd == 0:
        ratio = Undefined("all controls are refused equally often: there is nothing to divide by")
    else:
        ratio = sd if isinstance(sd, Undefined) else sd / control_sd
    return CategorySpread(len(rates), sd, ratio)


def _spread(rates: Floats, role: str) -> float | Undefined:
    if len(rates) < 2:
        return Undefined(f"fewer than two {role}s")
    if np.isnan(rates).any():
        return Undefined(f"a {role} has no score")
    return 0.0 if np.ptp(rates) == 0 else float(rates.std(ddof=1))


def compare_pairs(sums: ClusterSums, rows: Mapping[str, int], draws: Draws) -> list[PersonaPair]:
    """Differences of `PAIRS` that are among the settings; ``rows`` is persona -> row.

    Both members are resampled together, so what an item does to both cancels.
    """
    return [
        _compare_pair(sums, first, second, rows, draws)
        for first, second in PAIRS
        if first in rows and second in rows
    ]


def _compare_pair(
    sums: ClusterSums, first: str, second: str, rows: Mapping[str, int], draws: Draws
) -> PersonaPair:
    both = [rows[first], rows[second]]
    pair = replace(sums, sums=sums.sums[both], counts=sums.counts[both])
    rates = macro_scores(pair)
    resampled = cluster_bootstrap(pair, draws.start(), n_resamples=draws.n_resamples)
    ends = percentile_interval(resampled[:, :1] - resampled[:, 1:])
    return PersonaPair(
        first=first,
        second=second,
        first_rate=_define(float(rates[0]), NO_SCORE),
        second_rate=_define(float(rates[1]), NO_SCORE),
        difference=_define(float(rates[0] - rates[1]), NO_SCORE),
        low=_define(float(ends.low[0]), NO_INTERVAL),
        high=_define(float(ends.high[0]), NO_INTERVAL),
    )


def _define(value: float, reason: str) -> float | Undefined:
    return Undefined(reason) if np.isnan(value) else value
