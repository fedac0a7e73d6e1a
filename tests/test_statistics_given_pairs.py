"""Pairs of settings on the items that both answered, against a second way of computing them."""

from functools import partial

import numpy as np
import pytest

from analysis.readings import MISSING, REFUSED, UNREADABLE
from analysis.statistics.bias import BbqItems, Choices, choose_options, combine_parts, estimate_bias
from analysis.statistics.common_items import GivenPairs, contrast_common
from analysis.statistics.estimates import standard_errors
from analysis.statistics.rates import influence, macro_scores
from analysis.statistics.scorings import Scoring, score_choice
from analysis.statistics.specifications import Linear, estimate_contrast, estimate_gap
from analysis.statistics.tallies import (
    Tally,
    make_units,
    score_bias_tally,
    score_tally,
    tally_bias,
    tally_choices,
)

N_ITEMS = 120
CLUSTERS = np.arange(N_ITEMS) // 3
CELLS = np.arange(N_ITEMS) // 30
MEMBERS, REFERENCES = np.array([0, 1]), np.array([2, 3, 4])


def draw_codes(rng: np.random.Generator, n_settings: int = 5) -> np.ndarray:
    codes = rng.integers(0, 3, (n_settings, N_ITEMS))
    codes[rng.random(codes.shape) < 0.3] = REFUSED
    codes[rng.random(codes.shape) < 0.1] = UNREADABLE
    codes[rng.random(codes.shape) < 0.05] = MISSING
    return codes.astype(np.int8)


def test_pairs_are_compared_as_the_contrast_on_common_items_is() -> None:
    rng = np.random.default_rng(1)
    codes, targets = draw_codes(rng), rng.integers(0, 3, N_ITEMS)
    units = make_units(CLUSTERS, cells=CELLS)

    def score(tally: Tally) -> Linear:
        sums = score_tally(tally, Scoring.ANSWERED)
        return Linear(macro_scores(sums), influence(sums), sums.strata)

    pairs = GivenPairs(codes, lambda some: tally_choices(some, targets, units))
    found = pairs.compare(score, MEMBERS, REFERENCES)
    one = pairs.compare(score, MEMBERS[:1], REFERENCES)

    values, counted = score_choice(codes, targets, scoring=Scoring.ANSWERED)
    expected = contrast_common(
        values, counted, CLUSTERS, MEMBERS, references=REFERENCES, cells=CELLS
    )
    assert found.value == pytest.approx(expected.differences.mean())
    assert one.value == pytest.approx(expected.differences[0])
    strata = np.zeros(len(one.influences), np.intp)
    assert standard_errors(one.influences, strata) == pytest.approx(
        expected.standard_errors[0], rel=1e-5
    )


def test_bias_of_a_pair_is_that_of_the_items_that_both_answered() -> None:
    rng = np.random.default_rng(2)
    codes = draw_codes(rng)
    options = rng.permuted(np.tile(np.arange(3), (N_ITEMS, 1)), axis=1)
    is_ambiguous = rng.random(N_ITEMS) < 0.5
    answers = np.where(is_ambiguous, options[:, 1], options[:, 2])
    named = {"target": options[:, 0], "unknown": options[:, 1], "answer": answers}
    units = make_units(CLUSTERS, cells=CELLS)

    def tally(some: np.ndarray) -> list:
        return [
            tally_bias(
                some[:, context],
                {name: each[context] for name, each in named.items()},
                units.restrict(context),
            )
            for context in (~is_ambiguous, is_ambiguous)
        ]

    def score(tallies: list) -> Linear:
        plain, ambiguous = (score_bias_tally(each, Scoring.ANSWERED, units) for each in tallies)
        scores, influences = combine_parts(plain.ratio, ambiguous.ratio, ambiguous.error)
        return Linear(scores.mean(axis=1), influences, plain.ratio.strata)

    found = GivenPairs(codes, tally).compare(score, np.array([0]), np.array([1]))

    both = np.flatnonzero((codes[:2] >= 0).all(axis=0))
    items = BbqItems(
        targets=named["target"][both],
        unknowns=named["unknown"][both],
        answers=answers[both],
        is_ambiguous=is_ambiguous[both],
        clusters=CLUSTERS[both],
        categories=CELLS[both],
        strata=np.zeros(len(both), np.intp),
    )
    chosen: Choices = choose_options(codes[:2, both], scoring=Scoring.ANSWERED)
    expected = estimate_bias(chosen, items).scores
    assert found.value == pytest.approx(expected[0] - expected[1])


def test_a_setting_that_answers_only_what_is_easy_is_not_the_best_of_a_pair() -> None:
    codes = np.zeros((2, N_ITEMS), np.int8)
    codes[0, 60:] = REFUSED  # the second is wrong there
    codes[1, 60:] = 1
    units = make_units(np.arange(N_ITEMS))
    targets = np.zeros(N_ITEMS, np.intp)
    tally = partial(tally_choices, targets=targets, units=units)

    def score(tallied: Tally) -> Linear:
        sums = score_tally(tallied, Scoring.ANSWERED)
        return Linear(macro_scores(sums), influence(sums), sums.strata)

    own = score(tally(codes))
    paired = own._replace(compare=partial(GivenPairs(codes, tally).compare, score))

    rows = np.array([0]), np.array([1])
    assert estimate_contrast(own, *rows).value == pytest.approx(0.5)
    assert estimate_contrast(paired, *rows).value == 0
    assert estimate_gap(paired, np.array([0, 1])).value == 0


def test_a_pair_without_a_common_item_has_no_difference() -> None:
    codes = np.array([[0, REFUSED], [REFUSED, 0]], np.int8)
    units = make_units(np.arange(2))
    tally = partial(tally_choices, targets=np.zeros(2, np.intp), units=units)

    def score(tallied: Tally) -> Linear:
        sums = score_tally(tallied, Scoring.ANSWERED)
        return Linear(macro_scores(sums), influence(sums), sums.strata)

    found = GivenPairs(codes, tally).compare(score, np.array([0]), np.array([1]))

    assert np.isnan(found.value)


def test_more_pairs_than_are_kept_are_compared_alike() -> None:
    codes = draw_codes(np.random.default_rng(3), n_settings=24)
    units = make_units(CLUSTERS)
    tally = partial(tally_choices, targets=np.zeros(N_ITEMS, np.intp), units=units)

    def score(tallied: Tally) -> Linear:
        sums = score_tally(tallied, Scoring.ANSWERED)
        return Linear(macro_scores(sums), influence(sums), sums.strata)

    many = GivenPairs(codes, tally)
    found = [many.compare(score, np.array([row]), np.array([23])).value for row in range(23)]

    for row in (0, 22):
        alone = GivenPairs(codes, tally).compare(score, np.array([row]), np.array([23]))
        again = many.compare(score, np.array([row]), np.array([23]))
        assert found[row] == alone.value == again.value
