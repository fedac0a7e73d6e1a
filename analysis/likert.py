"""Mean answers on five-point scales: one measure per attitude or question.

Answers to different questions are never averaged. Reversed items are turned round (6 - x).
"""

from dataclasses import replace

import numpy as np

from analysis.annotations import has_annotations, measure_people
from analysis.arrays import SliceArray
from analysis.attitudes import (
    NO_ANSWER,
    NO_WORDING_SD,
    describe_questionnaire,
    has_wordings,
    measure_wordings,
)
from analysis.measures import MAIN, Draws, Measure, OmnibusTests, find_groups
from analysis.performance import NO_COMMON_ITEM, find_common
from analysis.scores import describe_scores
from analysis.statistics import Undefined
from analysis.statistics.omnibus import cluster_permutation, friedman
from analysis.statistics.rates import cluster_sums
from analysis.statistics.scorings import Scored, Scoring, score_scale

SCALE_TAGS = ("attitude", "question")  # the first that the items have says what they measure

# On a scale `answered` is the same as `asked`: there is no value for an answer that is not given.
SCALE_SCORINGS: tuple[Scoring, ...] = (MAIN, Scoring.PAPER, Scoring.LOWEST, Scoring.HIGHEST)


def measure_answers(part: SliceArray, draws: Draws) -> list[Measure]:
    """A measure for each thing that the statements ask about, in the items' order."""
    tag = next((tag for tag in SCALE_TAGS if any(tag in item.tags for item in part.items)), None)
    if tag is None:
        return [measure_scale(part, "", draws)]
    labels = part.tag_items(tag)
    return [
        measure_scale(part.select_items(labels == label), str(label), draws)
        for label in dict.fromkeys(labels.tolist())
    ]


def measure_scale(part: SliceArray, of: str, draws: Draws) -> Measure:
    """The mean answer of every setting over these statements, 1 to 5."""
    is_reversed = np.array([bool(item.tags.get("reversed")) for item in part.items], np.bool_)
    scored = {
        scoring: score_scale(part.codes, is_reversed, scoring=scoring) for scoring in SCALE_SCORINGS
    }
    measure = describe_scores(
        part,
        scored,
        name="mean_answer",
        of=of,
        cells=None,
        chance=Undefined("a scale has no right answer"),
        counts={},
        omnibus=tuple(
            run_point_tests(part, scored[scoring], scoring, draws)
            for scoring in (MAIN, Scoring.PAPER)
        ),
        draws=draws,
    )
    if has_annotations(part):
        measure = add_people(measure, part, scored, draws)
    return add_wordings(measure, part, scored) if has_wordings(part) else measure


def add_people(
    measure: Measure, part: SliceArray, scored: dict[Scoring, Scored], draws: Draws
) -> Measure:
    """Add how far every setting agrees with people who rated the same items (Fig. 5)."""
    found = measure_people(part, scored, draws)
    return replace(
        measure,
        per_setting={**measure.per_setting, **found.per_setting},
        reasons={**measure.reasons, **found.reasons},
        details={**measure.details, "people": found.human},
    )


def add_wordings(measure: Measure, part: SliceArray, scored: dict[Scoring, Scored]) -> Measure:
    """Add what statements under several instructions allow: Table 10, reliability, Figure 8."""
    groups = find_groups(part)
    others = np.setdiff1d(np.arange(len(part.settings)), groups.controls)  # with the empty one
    columns = measure_wordings(part, scored)
    questionnaire = describe_questionnaire(
        part, scored, columns, groups={"personas": others, "controls": groups.controls}
    )
    return replace(
        measure,
        per_setting={
            **measure.per_setting,
            "wording_sd": columns.sd,
            "wording_sd_0": columns.sd_0,
            "wording_sd_paper": columns.sd_paper,
            "unreversed": columns.unreversed,
        },
        reasons={
            **measure.reasons,
            **dict.fromkeys(["wording_sd", "wording_sd_0", "wording_sd_paper"], NO_WORDING_SD),
            "unreversed": NO_ANSWER,
        },
        details={**measure.details, "questionnaire": questionnaire},
    )


def run_point_tests(
    part: SliceArray, scored: Scored, scoring: Scoring, draws: Draws
) -> OmnibusTests:
    """Friedman's test with clusters as blocks, and the cluster permutation, over all settings."""
    common = find_common(scored)
    if not common.any():
        missing = Undefined(NO_COMMON_ITEM)
        return OmnibusTests(scoring, 0, len(common), None, missing, missing)
    points, clusters = scored.values[:, common], part.clusters[common]
    sums = cluster_sums(points, np.ones_like(points, np.bool_), clusters)
    return OmnibusTests(
        scoring=scoring,
        n_items=int(common.sum()),
        n_items_asked=len(common),
        cochran=None,
        friedman=friedman((sums.sums / sums.counts).T),
        permutation=cluster_permutation(
            points, clusters, draws.start(), n_permutations=draws.n_permutations
        ),
    )
