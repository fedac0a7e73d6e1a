"""A score per setting, and what can be said about all of them, for every kind of item.

`analysis.performance`, `analysis.likert`, `analysis.bias` and `analysis.refusals` say what is
scored. Nothing here knows about Postgres or reports.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.comparisons import Comparisons, Rows, compare_personas
from analysis.item_checks import check_blocks, compare_common, compare_unclustered
from analysis.measures import MAIN, RANGES, Draws, Groups, Measure, OmnibusTests, find_groups
from analysis.outcomes import count_cells
from analysis.readings import FILTERED
from analysis.selection import Selected, select_personas
from analysis.statistics import Undefined
from analysis.statistics.estimates import (
    Estimate,
    bootstrap_scores,
    estimate_rates,
    standard_errors,
)
from analysis.statistics.normality import measure_normality
from analysis.statistics.rates import (
    ClusterSums,
    Floats,
    Rates,
    cluster_sums,
    macro_scores,
    percentile_interval,
)
from analysis.statistics.scorings import MISSING_SHARE, Scored, Scoring
from analysis.statistics.spread import (
    BrownForsythe,
    Gap,
    brown_forsythe,
    compare_spread,
    place_among_controls,
    score_gap,
)
from analysis.variance import measure_variance

NO_SCORE = "no cell that counts was answered"
NO_INTERVAL = (
    "its items all score alike, or are a single cluster, or too few count: resampling them says "
    "nothing of its uncertainty"
)
NO_ERROR = "a single cluster of items, or no cell that counts was answered"


def describe_scores(
    part: SliceArray,
    scored: Mapping[Scoring, Scored],
    *,
    name: str,
    of: str,
    cells: NDArray[Any] | None,
    chance: float | Undefined,
    counts: Mapping[str, NDArray[Any]],
    omnibus: tuple[OmnibusTests, ...],
    draws: Draws,
    details: Mapping[str, Any] | None = None,
) -> Measure:
    """Scores under every scoring, and gap and spread under the main one.

    ``cells`` [columns]: a score is the unweighted mean of its cells' rates (subjects of MMLU);
    None: all items count alike. ``counts``: further columns per setting.
    """
    sums = {
        scoring: cluster_sums(
            each.values, each.counted, part.clusters, cells=cells, strata=part.strata
        )
        for scoring, each in scored.items()
    }
    main, estimate = sums[MAIN], estimate_rates(sums[MAIN])
    resampled = bootstrap_scores(estimate, draws.start(), n_resamples=draws.n_resamples)
    measure = describe_rates(
        part,
        Rates(
            scores=estimate.scores,
            standard_errors=standard_errors(estimate.influences, estimate.strata),
            interval=percentile_interval(resampled),
            counts=main.counts.sum(axis=1),
        ),
        main,
        estimate=estimate,
        others={
            scoring: macro_scores(each) for scoring, each in sums.items() if scoring is not MAIN
        },
        name=name,
        of=of,
        chance=chance,
        counts=counts,
        omnibus=omnibus,
        draws=draws,
        details=details,
    )
    return check_items(measure, part, scored, cells=cells, draws=draws)


def check_items(
    measure: Measure,
    part: SliceArray,
    scored: Mapping[Scoring, Scored],
    *,
    cells: NDArray[Any] | None,
    draws: Draws,
) -> Measure:
    """Add what needs the items themselves: variance components, and checks beside the scores."""
    groups, main = find_groups(part), scored[MAIN]
    details: dict[str, Any] = {
        "components": measure_variance(part, main, groups.personas, draws.start()),
        "unclustered": compare_unclustered(part, main, groups.personas),
    }
    columns: dict[str, Floats] = {}
    reasons: dict[str, str] = {}
    if len(scored) > 1:  # a refusal is an answer where refusals are measured
        columns, reasons, details["common_items"] = compare_common(
            part,
            scored,
            measure.per_setting["difference"],
            personas=groups.personas,
            controls=groups.controls,
            cells=cells,
        )
        blocks = check_blocks(
            part, main, measure.per_setting["standard_error"], cells=cells, rng=draws.start()
        )
        if blocks is not None:
            details["blocks"] = blocks
    return replace(
        measure,
        per_setting={**measure.per_setting, **columns},
        reasons={**measure.reasons, **reasons},
        details={**measure.details, **details},
    )


def describe_rates(
    part: SliceArray,
    rates: Rates,
    main: ClusterSums,
    *,
    others: Mapping[Scoring, Floats],
    name: str,
    of: str,
    chance: float | Undefined,
    counts: Mapping[str, NDArray[Any]],
    omnibus: tuple[OmnibusTests, ...],
    draws: Draws,
    estimate: Estimate,
    details: Mapping[str, Any] | None = None,
) -> Measure:
    """What `describe_scores` says, of scores that have been computed already.

    ``main`` are the sums that the scores come from, or the scores' linearisation; ``others`` the
    scores under other scorings.
    """
    groups = find_groups(part)
    controls = rates.scores[groups.controls]
    control_mean = mean_defined(controls, "control")
    placed = rates.scores.copy()
    placed[groups.controls] = np.nan
    places = place_among_controls(placed, controls)
    compared = _compare(part, estimate, groups, name=name, draws=draws)
    gap = score_gap(rates.scores[groups.personas])
    is_flagged = flag_missing(part, name)
    selected = _select(part, estimate, groups, is_flagged, name=name, draws=draws)
    nothing = np.full(len(rates.scores), np.nan)
    return Measure(
        name=name,
        of=of,
        scoring=MAIN,
        n_items=len({item.id for item in part.items}),
        n_columns=len(part.items),
        n_clusters=len(np.unique(part.clusters)),
        n_strata=len(np.unique(part.strata)) if part.strata is not None else 1,
        chance=chance,
        per_setting={
            "score": rates.scores,
            "low": rates.interval.low,
            "high": rates.interval.high,
            "standard_error": rates.standard_errors,
            "difference": nothing
            if isinstance(control_mean, Undefined)
            else rates.scores - control_mean,
            "place_t": nothing if isinstance(places, Undefined) else places.t,
            "place_p": nothing if isinstance(places, Undefined) else places.p,
            **{f"score_{scoring}": scores for scoring, scores in others.items()},
            **compared.columns,
            **selected.columns,
            "is_flagged": is_flagged,
            **counts,
            **count_cells(part),
        },
        reasons={
            **dict.fromkeys(["score", *(f"score_{scoring}" for scoring in others)], NO_SCORE),
            **dict.fromkeys(["low", "high"], NO_INTERVAL),
            "standard_error": NO_ERROR,
            "difference": control_mean.reason if isinstance(control_mean, Undefined) else NO_SCORE,
            **dict.fromkeys(
                ["place_t", "place_p"],
                places.reason if isinstance(places, Undefined) else NO_SCORE,
            ),
            **compared.reasons,
            **selected.reasons,
        },
        control_mean=control_mean,
        persona_mean=mean_defined(rates.scores[groups.personas], "persona"),
        gap=_place_gap(gap, groups.personas),
        omnibus=omnibus,
        spread=compare_spread(
            main, groups.personas, groups.controls, rng=draws.start(), n_resamples=draws.n_resamples
        ),
        brown_forsythe=_test_spread(rates.scores, groups, draws),
        details={
            **(details or {}),
            "selection": selected.selection,
            "normality": measure_normality(controls),
        },
        contrasts={"controls": compared.controls, "empty": compared.empty},
    )


def flag_missing(part: SliceArray, name: str) -> NDArray[np.bool_]:
    """Settings [settings] with more than `MISSING_SHARE` of their answers missing.

    A refusal is no missing answer where refusals are what is measured.
    """
    there = part.codes >= (FILTERED if name == "refusal_rate" else 0)
    return np.asarray((~there).sum(axis=1) > MISSING_SHARE * part.codes.shape[1])


def _select(
    part: SliceArray,
    estimate: Estimate,
    groups: Groups,
    is_flagged: NDArray[np.bool_],
    *,
    name: str,
    draws: Draws,
) -> Selected:
    return select_personas(
        estimate,
        groups.personas,
        np.array([part.settings[row].category for row in groups.personas], np.str_),
        is_flagged=is_flagged,
        within=RANGES[name],
        seed=draws.seed,
        n_resamples=draws.n_resamples,
        n_permutations=draws.n_permutations,
    )


def _compare(
    part: SliceArray,
    estimate: Estimate,
    groups: Groups,
    *,
    name: str,
    draws: Draws,
) -> Comparisons:
    is_empty = np.array([setting.is_empty for setting in part.settings])
    return compare_personas(
        estimate,
        Rows(groups.personas, groups.controls, np.flatnonzero(is_empty)),
        margin=part.aims.margins.find(name),
        seed=draws.seed,
        n_resamples=draws.n_resamples,
        n_flips=draws.n_permutations,
    )


def mean_defined(scores: Floats, role: str) -> float | Undefined:
    """Mean score of a group, where every member has one."""
    if not len(scores):
        return Undefined(f"no {role} among the settings")
    if np.isnan(scores).any():
        return Undefined(f"a {role} has no score")
    return float(scores.mean())


def _place_gap(gap: Gap | Undefined, members: NDArray[np.intp]) -> Gap | Undefined:
    """The gap with its indices among all settings rather than among the members."""
    if isinstance(gap, Undefined):
        return gap
    return Gap(gap.value, int(members[gap.best]), int(members[gap.worst]))


def _test_spread(scores: Floats, groups: Groups, draws: Draws) -> BrownForsythe | Undefined:
    both = np.concatenate([groups.personas, groups.controls])
    return brown_forsythe(
        scores[both],
        np.isin(both, groups.controls),
        rng=draws.start(),
        n_permutations=draws.n_permutations,
    )
