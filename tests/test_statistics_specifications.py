"""Tallies, specification curves, and leaving LLMs out: by hand, by simulation, planted."""

import numpy as np
import pytest
from scipy import stats

from analysis.readings import FAILED, FILTERED, MISSING, REFUSED, UNREADABLE
from analysis.statistics import Undefined
from analysis.statistics.bias import BbqItems, choose_options, combine_parts, estimate_bias
from analysis.statistics.leave_out import count_families, leave_out
from analysis.statistics.rates import cluster_sums, influence, macro_scores
from analysis.statistics.scorings import Scoring, score_choice, score_scale
from analysis.statistics.specifications import (
    CurveSummary,
    Ends,
    Linear,
    average_taus,
    correlate_with_main,
    estimate_contrast,
    estimate_excess,
    estimate_gap,
    summarise_curve,
)
from analysis.statistics.tallies import (
    keep_units,
    make_units,
    score_bias_tally,
    score_tally,
    tally_bias,
    tally_choices,
    tally_outcome,
    tally_points,
)

N_ITEMS = 120
CLUSTERS = np.arange(N_ITEMS) // 3
CELLS = np.arange(N_ITEMS) // 3 % 4
STRATA = CELLS // 2
INSIDE = np.arange(N_ITEMS) % 5 < 3
GAPS = [REFUSED, UNREADABLE, FILTERED, FAILED, MISSING]


def draw_codes(rng: np.random.Generator, *, first: int = 0, last: int = 2) -> np.ndarray:
    """Six settings; about a tenth of the cells is without an answer, of every kind."""
    codes = rng.integers(first, last + 1, (6, N_ITEMS))
    gaps = rng.random(codes.shape) < 0.1
    codes[gaps] = rng.choice(GAPS, int(gaps.sum()))
    return codes.astype(np.int8)


def linearise(values: np.ndarray, clusters: np.ndarray | None = None) -> Linear:
    """Scores of values [settings, items], every item its own cluster by default."""
    clusters = np.arange(values.shape[1]) if clusters is None else clusters
    sums = cluster_sums(values, np.ones(values.shape, np.bool_), clusters)
    return Linear(macro_scores(sums), influence(sums), sums.strata)


@pytest.mark.parametrize("scoring", Scoring)
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
def test_a_tally_of_choices_scores_as_the_items_themselves_do(
    scoring: Scoring, inside: bool, pooled: bool
) -> None:
    rng = np.random.default_rng(1)
    codes, targets = draw_codes(rng), rng.integers(0, 3, N_ITEMS)
    units = make_units(CLUSTERS, cells=CELLS, strata=STRATA, parts=[INSIDE])

    sums = score_tally(tally_choices(codes, targets, units), scoring)
    kept = keep_units(sums, units, part=0 if inside else None, pooled=pooled)

    chosen = INSIDE if inside else np.ones(N_ITEMS, np.bool_)
    scored = score_choice(codes[:, chosen], targets[chosen], scoring=scoring)
    expected = cluster_sums(
        *scored,
        CLUSTERS[chosen],
        cells=None if pooled else CELLS[chosen],
        strata=STRATA[chosen],
    )
    np.testing.assert_allclose(macro_scores(kept), macro_scores(expected))
    np.testing.assert_allclose(influence(kept), influence(expected), atol=1e-15)
    assert kept.strata.tolist() == expected.strata.tolist()


@pytest.mark.parametrize("scoring", Scoring)
def test_a_tally_of_points_scores_as_the_items_themselves_do(scoring: Scoring) -> None:
    rng = np.random.default_rng(2)
    codes, is_reversed = draw_codes(rng, first=1, last=5), rng.random(N_ITEMS) < 0.3
    units = make_units(CLUSTERS)

    sums = score_tally(tally_points(codes, is_reversed, units), scoring)

    scored = score_scale(codes, is_reversed, scoring=scoring)
    expected = cluster_sums(*scored, CLUSTERS)
    np.testing.assert_allclose(macro_scores(sums), macro_scores(expected))


def test_a_tally_of_refusals_counts_covered_cells() -> None:
    codes = np.array([[REFUSED, 0, MISSING, UNREADABLE]], np.int8)
    units = make_units(np.arange(4))

    sums = score_tally(tally_outcome(codes, REFUSED, units), Scoring.ASKED)

    assert macro_scores(sums).tolist() == [pytest.approx(1 / 3)]


@pytest.mark.parametrize("scoring", [Scoring.PAPER, Scoring.ASKED, Scoring.ANSWERED])
@pytest.mark.parametrize("inside", [False, True])
def test_a_tally_of_bias_scores_as_the_items_themselves_do(scoring: Scoring, inside: bool) -> None:
    rng = np.random.default_rng(3)
    codes = draw_codes(rng)
    options = rng.permuted(np.tile(np.arange(3), (N_ITEMS, 1)), axis=1)
    is_ambiguous = rng.random(N_ITEMS) < 0.5
    answers = np.where(is_ambiguous, options[:, 1], options[:, 2])
    named = {"target": options[:, 0], "unknown": options[:, 1], "answer": answers}
    units = make_units(CLUSTERS, cells=CELLS, strata=STRATA, parts=[INSIDE])

    parts = [
        score_bias_tally(
            tally_bias(
                codes[:, context],
                {name: each[context] for name, each in named.items()},
                units.restrict(context),
            ),
            scoring,
            units,
        )
        for context in (~is_ambiguous, is_ambiguous)
    ]
    kept = [
        keep_units(sums, units, part=0 if inside else None, pooled=False)
        for sums in (parts[0].ratio, parts[1].ratio, parts[1].error)
    ]
    scores, influences = combine_parts(*kept)

    chosen = INSIDE if inside else np.ones(N_ITEMS, np.bool_)
    items = BbqItems(
        targets=named["target"][chosen],
        unknowns=named["unknown"][chosen],
        answers=answers[chosen],
        is_ambiguous=is_ambiguous[chosen],
        clusters=CLUSTERS[chosen],
        categories=CELLS[chosen],
        strata=STRATA[chosen],
    )
    expected = estimate_bias(choose_options(codes[:, chosen], scoring=scoring), items)
    np.testing.assert_allclose(scores.mean(axis=1), expected.scores)
    np.testing.assert_allclose(influences, expected.influences, atol=1e-15)


def test_bias_has_no_bounds() -> None:
    units = make_units(np.arange(2))
    options = {name: np.zeros(2, np.intp) for name in ("target", "unknown", "answer")}
    tally = tally_bias(np.zeros((1, 2), np.int8), options, units)

    with pytest.raises(ValueError, match="no scoring lowest"):
        score_bias_tally(tally, Scoring.LOWEST, units)


def test_a_contrast_is_a_paired_difference_of_means() -> None:
    values = np.array([[1, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]])

    found = estimate_contrast(linearise(values), np.array([0]), np.array([1, 2]))

    differences = values[0] - values[1:].mean(axis=0)
    half = 1.959964 * differences.std(ddof=1) / 2
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half))


def test_a_contrast_of_settings_that_never_differ_has_no_interval() -> None:
    found = estimate_contrast(linearise(np.ones((2, 4))), np.array([0]), np.array([1]))

    assert found.value == 0
    assert np.isnan([found.low, found.high]).all()


def test_nothing_to_compare_is_not_zero() -> None:
    linear = linearise(np.eye(3))
    nobody = np.array([], np.intp)

    assert np.isnan(estimate_contrast(linear, np.array([0]), nobody).value)
    assert np.isnan(estimate_gap(linear, np.array([0])).value)
    assert np.isnan(estimate_excess(linear, np.array([0, 1]), nobody).value)


def test_intervals_of_contrasts_hold_their_level_with_clustered_items() -> None:
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(400):  # persona x cluster interaction, no main effect
        values = rng.normal(size=(2, 60)).repeat(4, axis=1) + rng.normal(size=(2, 240))
        found = estimate_contrast(
            linearise(values, np.arange(240) // 4), np.array([0]), np.array([1])
        )
        covered.append(found.low <= 0 <= found.high)

    assert 0.92 <= np.mean(covered) <= 0.975


def test_personas_that_vary_as_controls_do_have_no_excess() -> None:
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(300):
        values = rng.normal(size=(60, 1)) + rng.normal(size=(60, 80))
        found = estimate_excess(linearise(values), np.arange(40), np.arange(40, 60))
        covered.append(found.low <= 0 <= found.high)

    assert 0.9 <= np.mean(covered) <= 0.98


def test_a_planted_excess_is_found_in_its_size() -> None:
    rng = np.random.default_rng(7)
    own = np.concatenate([rng.normal(0, 2, 150), rng.normal(0, 1, 50)])[:, None]
    found = estimate_excess(
        linearise(own + rng.normal(size=(200, 100))), np.arange(150), np.arange(150, 200)
    )

    assert 0 < found.low < np.sqrt(3) < found.high
    assert found.value == pytest.approx(np.sqrt(3), abs=0.5)


def test_controls_that_vary_more_give_a_negative_excess() -> None:
    values = np.array([[0.5, 0.4], [0.5, 0.6], [0.1, 0.0], [0.9, 1.0]]).repeat(20, axis=1)

    found = estimate_excess(linearise(values), np.arange(2), np.arange(2, 4))

    assert found.value < 0


def test_rank_correlations_are_kendalls_tau_b() -> None:
    rng = np.random.default_rng(8)
    scores = np.round(rng.random((3, 15)), 1)
    scores[2, 4] = np.nan

    found = correlate_with_main(scores)

    there = ~np.isnan(scores[2])
    assert found[0] == pytest.approx(1)
    assert found[1] == pytest.approx(stats.kendalltau(scores[0], scores[1]).statistic)
    assert found[2] == pytest.approx(stats.kendalltau(scores[0, there], scores[2, there]).statistic)


def test_a_mean_tau_and_its_range_without_one_llm() -> None:
    scores = np.array([[1, 2, 3], [1, 2, 3], [3, 2, 1.0]])

    found = average_taus(scores)

    assert found == (pytest.approx(-1 / 3), pytest.approx(-1), pytest.approx(1))
    assert np.isnan(average_taus(scores[:1]).value)


def make_ends(*values: float) -> list[Ends]:
    return [Ends(value, value - 1, value + 1) for value in values]


def test_a_curve_is_summed_up() -> None:
    ends = make_ends(2, 3, 0.5, -1, np.nan, 0.5)

    found = summarise_curve(ends, rank_correlations=np.array([1, 0.9, 0.7, 0.8, np.nan, 0.8]))

    assert not isinstance(found, Undefined)
    assert (found.main, found.median, found.smallest, found.largest) == (2, 0.5, -1, 3)
    assert (found.n, found.n_defined, found.n_distinct) == (6, 5, 4)
    assert (found.n_agree, found.share_agree, found.n_beyond) == (4, 0.8, 2)
    assert (found.rank_correlation, found.lowest_rank_correlation) == (pytest.approx(0.8), 0.7)


def test_a_curve_is_judged_by_its_threshold() -> None:
    found = summarise_curve(make_ends(0.4, 0.6, 0.3), threshold=0.5)

    assert not isinstance(found, Undefined)
    assert found.main == pytest.approx(0.4)
    assert found.n_agree == 2
    assert isinstance(found.rank_correlation, Undefined)


def test_a_curve_without_its_main_estimate_is_not_defined() -> None:
    assert isinstance(summarise_curve(make_ends(np.nan, 1)), Undefined)


def test_leaving_out_one_llm_and_one_family() -> None:
    values = np.array([[1, 5], [2, np.nan], [6, 7.0]])

    found = leave_out(values, np.array(["a", "a", "b"]))

    assert found.mean[0] == 3
    assert (found.low[0], found.high[0]) == (1.5, 4)
    assert (found.family_low[0], found.family_high[0]) == (1.5, 6)
    assert np.isnan(found.mean[1])


def test_leaving_out_the_only_family_leaves_nothing() -> None:
    found = leave_out(np.array([[1.0], [2.0]]), np.array(["a", "a"]))

    assert found.low.tolist() == [1]
    assert np.isnan(found.family_low).all()


def test_a_family_counts_where_it_holds_in_every_llm() -> None:
    holds = np.array([[True, True], [False, True], [True, False]])

    assert count_families(holds, np.array(["a", "a", "b"])).tolist() == [1, 1]


def test_a_claim_whose_estimate_is_0_has_no_side_to_agree_with() -> None:
    ends = [Ends(0, -1, 1), Ends(0, -1, 1), Ends(0.2, 0.1, 0.3)]

    found = summarise_curve(ends)

    assert isinstance(found, CurveSummary)
    assert (found.main, found.largest) == (0, pytest.approx(0.2))
    for each in (found.n_agree, found.share_agree, found.n_beyond):
        assert each == Undefined("the main estimate is on neither side")
