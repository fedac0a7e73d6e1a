"""Accuracy per persona (RQ1): choices that have a right answer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import TAG_JOINT, SliceArray
from analysis.measures import MAIN, Draws, Measure, OmnibusTests, describe_scores
from analysis.statistics import Undefined
from analysis.statistics.omnibus import cluster_permutation, cochrans_q
from analysis.statistics.scorings import Scored, Scoring, score_choice

# A data set's score is the unweighted mean over these cells (paper.md, "Scores").
CELL_TAGS = {"mmlu": ("subject",), "bbq": ("category", "context_condition")}
KEPT = (MAIN, Scoring.PAPER, Scoring.ANSWERED)  # scorings whose hits are kept cell by cell
TESTED = (MAIN, Scoring.PAPER)  # the second is what the paper tests

NO_COMMON_ITEM = "no item that counts in every setting"


def measure_accuracy(part: SliceArray, draws: Draws) -> Measure | None:
    """Accuracy of every setting on the items with a right answer; None where there are none."""
    has_answer = np.array([item.answer is not None for item in part.items], np.bool_)
    if not has_answer.any():
        return None
    part = part.select_items(has_answer)
    targets = np.array([item.answer for item in part.items], np.int16)
    scored = {scoring: score_choice(part.codes, targets, scoring=scoring) for scoring in Scoring}
    hits = scored[MAIN].values
    tags = CELL_TAGS.get(part.slice.dataset)
    return describe_scores(
        part,
        scored,
        name="accuracy",
        of="",
        cells=part.tag_items(*tags) if tags else None,
        chance=float(np.mean([1 / item.n_options for item in part.items])),
        counts={
            "correct": hits.sum(axis=1),
            "wrong": ((part.codes >= 0) & ~hits).sum(axis=1),
        },
        omnibus=tuple(run_hit_tests(part, scored[each], each, draws) for each in TESTED),
        draws=draws,
        details={"cells": count_cells(part, scored, tags)} if tags else None,
    )


def count_cells(
    part: SliceArray, scored: Mapping[Scoring, Scored], tags: tuple[str, ...]
) -> dict[str, Any]:
    """Hits and counted answers of every setting in every cell, under the scorings of `KEPT`.

    ``labels`` has each cell's tags; ``hits`` and ``counted`` are [settings, cells] by scoring.
    Ranks on some subjects (Tables 1 and 6) and categories (Table 7) are made of them.
    """
    cells, numbers = np.unique(part.tag_items(*tags), return_inverse=True)
    inside = (numbers[:, None] == np.arange(len(cells))).astype(np.float32)  # counts to 16 million
    hits = {scoring: scored[scoring].values.astype(np.float32) @ inside for scoring in KEPT}
    counted = {scoring: scored[scoring].counted.astype(np.float32) @ inside for scoring in KEPT}
    return {
        "labels": [str(cell).split(TAG_JOINT) for cell in cells],
        "hits": {scoring: each.astype(np.intp) for scoring, each in hits.items()},
        "counted": {scoring: each.astype(np.intp) for scoring, each in counted.items()},
    }


def find_common(scored: Scored) -> NDArray[np.bool_]:
    """The columns that count in every setting: a test over all settings sees these alone."""
    return np.asarray(scored.counted.all(axis=0))


def run_hit_tests(part: SliceArray, scored: Scored, scoring: Scoring, draws: Draws) -> OmnibusTests:
    """Cochran's Q and the cluster permutation over all settings.

    Repeats of an item are no independent blocks: Cochran's Q is not defined with them, and the
    permutation moves them together, as one cluster.
    """
    common = find_common(scored)
    hits: NDArray[np.bool_] = scored.values[:, common]
    no_items = Undefined(NO_COMMON_ITEM)
    repeats = part.slice.repeats
    no_blocks = Undefined(
        f"each item was asked {repeats} times, and the test takes every answer for another item"
    )
    return OmnibusTests(
        scoring=scoring,
        n_items=int(common.sum()),
        n_items_asked=len(common),
        cochran=no_items if not common.any() else no_blocks if repeats > 1 else cochrans_q(hits),
        friedman=None,
        permutation=cluster_permutation(
            hits, part.clusters[common], draws.start(), n_permutations=draws.n_permutations
        )
        if common.any()
        else no_items,
    )
