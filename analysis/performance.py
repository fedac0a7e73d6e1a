"""Accuracy per persona (RQ1): choices that have a right answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import TAG_JOINT, SliceArray
from analysis.measures import MAIN, Draws, Measure, OmnibusTests
from analysis.scores import describe_scores
from analysis.statistics import Undefined
from analysis.statistics.estimates import Estimate, estimate_rates
from analysis.statistics.omnibus import cluster_permutation, cochrans_q
from analysis.statistics.rates import cluster_sums, macro_scores
from analysis.statistics.scorings import Scored, Scoring, score_choice

# A data set's score is the unweighted mean over these cells (paper.md, "Scores").
CELL_TAGS = {"mmlu": ("subject",), "bbq": ("category", "context_condition")}
KEPT = (MAIN, Scoring.PAPER, Scoring.ANSWERED)  # scorings whose hits are kept cell by cell
TESTED = (MAIN, Scoring.PAPER)  # the second is what the paper tests

NO_COMMON_ITEM = "no item that counts in every setting"


def measure_accuracy(part: SliceArray, draws: Draws) -> Measure | None:
    """Accuracy of every setting on the items with a right answer; None where there are none."""
    found = select_answerable(part)
    if found is None:
        return None
    part, targets = found
    scored = {scoring: score_choice(part.codes, targets, scoring=scoring) for scoring in Scoring}
    tags = CELL_TAGS.get(part.slice.dataset)
    return describe_scores(
        part,
        scored,
        name="accuracy",
        of="",
        cells=label_cells(part),
        chance=float(np.mean([1 / item.n_options for item in part.items])),
        counts={},
        omnibus=run_both_tests(part, scored, draws),
        draws=draws,
        details={"cells": count_cells(part, scored, tags)} if tags else None,
    )


def select_answerable(part: SliceArray) -> tuple[SliceArray, NDArray[np.int16]] | None:
    """The items with a right answer, and its option [columns]; None where there are none."""
    has_answer = np.array([item.answer is not None for item in part.items], np.bool_)
    if not has_answer.any():
        return None
    part = part.select_items(has_answer)
    return part, np.array([item.answer for item in part.items], np.int16)


def label_cells(part: SliceArray) -> NDArray[np.str_] | None:
    """The cell that each item counts in [columns]; None where all count alike."""
    tags = CELL_TAGS.get(part.slice.dataset)
    return part.tag_items(*tags) if tags else None


def estimate_accuracy(part: SliceArray) -> Estimate:
    """The accuracies of `measure_accuracy` as an estimate; ``part`` has items with an answer."""
    found = select_answerable(part)
    if found is None:
        raise ValueError(f"{part.slice.dataset} has no item with a right answer")
    part, targets = found
    hits, counted = score_choice(part.codes, targets, scoring=MAIN)
    cells = label_cells(part)
    return estimate_rates(
        cluster_sums(hits, counted, part.clusters, cells=cells, strata=part.strata)
    )


def contrast_answered(part: SliceArray, one: int, other: int) -> float:
    """Accuracy of one setting minus another's on the items that both answered, cell by cell.

    NaN where they share no item of some cell; ``part`` has items with an answer.
    """
    found = select_answerable(part)
    if found is None:
        return float("nan")
    part, targets = found
    pair = part.codes[[one, other]]
    hits, counted = score_choice(pair, targets, scoring=Scoring.ANSWERED)
    both = np.broadcast_to(counted.all(axis=0), counted.shape)
    scores = macro_scores(cluster_sums(hits, both, part.clusters, cells=label_cells(part)))
    return float(scores[0] - scores[1])


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


def run_both_tests(
    part: SliceArray, scored: Mapping[Scoring, Scored], draws: Draws
) -> tuple[OmnibusTests, ...]:
    """The tests under the main scoring and the paper's; one run where the two score alike."""
    main, paper = scored[MAIN], scored[Scoring.PAPER]
    found = run_hit_tests(part, main, MAIN, draws)
    if all(np.array_equal(one, other) for one, other in zip(main, paper, strict=True)):
        return found, replace(found, scoring=Scoring.PAPER)
    return found, run_hit_tests(part, paper, Scoring.PAPER, draws)


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
