"""Contrasts on common items: against loops, the plain contrast, a simulated null, a planted one."""

import numpy as np
import pytest

from analysis.statistics import Undefined
from analysis.statistics.common_items import contrast_common
from analysis.statistics.contrasts import contrast_settings
from analysis.statistics.estimates import estimate_rates
from analysis.statistics.normality import Normality, measure_normality
from analysis.statistics.rates import cluster_sums

SEED = 20_240_702
MEMBERS, REFERENCES = np.arange(4), np.arange(4, 9)


def draw(rng: np.random.Generator, *, missing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits of 9 settings on 120 items in 24 clusters, which of them count, and the clusters."""
    clusters = np.repeat(np.arange(24), 5)
    easy = rng.random(24)[clusters] * 0.4 + 0.3
    return rng.random((9, 120)) < easy, rng.random((9, 120)) >= missing, clusters


def test_differences_are_those_of_a_loop_over_pairs_and_cells() -> None:
    values, counted, clusters = draw(np.random.default_rng(SEED), missing=0.3)
    cells = np.arange(120) % 3

    found = contrast_common(values, counted, clusters, MEMBERS, references=REFERENCES, cells=cells)

    for at, member in enumerate(MEMBERS):
        pairs, sizes = [], []
        for reference in REFERENCES:
            both = counted[member] & counted[reference]
            sizes.append(both.sum())
            pairs += [
                values[member][both & (cells == cell)].mean()
                - values[reference][both & (cells == cell)].mean()
                for cell in range(3)
            ]
        assert found.differences[at] == pytest.approx(np.mean(pairs), abs=1e-6)
        assert found.n_common[at] == pytest.approx(np.mean(sizes))


def test_without_a_gap_they_are_the_plain_contrasts_with_their_errors() -> None:
    values, counted, clusters = draw(np.random.default_rng(SEED), missing=0)
    cells, strata = np.arange(120) % 2, clusters // 6
    estimate = estimate_rates(cluster_sums(values, counted, clusters, cells=cells, strata=strata))
    rng = np.random.default_rng(SEED)

    found = contrast_common(
        values, counted, clusters, MEMBERS, references=REFERENCES, cells=cells, strata=strata
    )
    plain = contrast_settings(
        estimate,
        MEMBERS,
        references=REFERENCES,
        controls=np.arange(0),  # nobody lends an error
        n_resamples=50,
        rng=rng,
        n_flips=9,
    )

    assert not isinstance(plain, Undefined)
    assert found.differences == pytest.approx(plain.differences, abs=1e-6)
    assert found.standard_errors == pytest.approx(plain.standard_errors, rel=1e-4)


def test_errors_are_those_that_repeated_draws_show_and_a_null_is_kept() -> None:
    rng = np.random.default_rng(SEED)
    t = []
    for _ in range(400):
        found = contrast_common(*draw(rng, missing=0.2), MEMBERS, references=REFERENCES)
        t.append(found.differences / found.standard_errors)

    assert np.std(t) == pytest.approx(1, abs=0.1)
    assert 0.03 < np.mean(np.abs(t) > 2.07) < 0.08  # t with 23 degrees of freedom


def test_leaving_out_hard_items_makes_no_difference_on_common_ones() -> None:
    rng = np.random.default_rng(SEED)
    values, counted, clusters = draw(rng, missing=0)
    values = np.broadcast_to(values[:1], values.shape)
    counted = counted.copy()
    counted[0] = values[0]  # answers only what it gets right: on its own items it has 1

    found = contrast_common(values, counted, clusters, MEMBERS, references=REFERENCES)

    assert values[0][counted[0]].mean() - values[5].mean() > 0.3
    assert found.differences == pytest.approx(np.zeros(4), abs=1e-6)
    assert np.isnan(found.standard_errors).all()


def test_a_pair_without_a_common_item_has_no_difference() -> None:
    values, counted, clusters = draw(np.random.default_rng(SEED), missing=0)
    counted = counted.copy()
    counted[1, :60], counted[4, 60:] = False, False

    found = contrast_common(values, counted, clusters, MEMBERS, references=REFERENCES)

    assert np.isnan(found.differences).tolist() == [False, True, False, False]
    assert np.isnan(found.standard_errors).tolist() == [False, True, False, False]


def test_normal_scores_lie_on_a_line_and_outliers_do_not() -> None:
    rng = np.random.default_rng(SEED)
    normal = measure_normality(rng.normal(0.6, 0.02, 30))
    skewed = measure_normality(np.r_[rng.normal(0.6, 0.01, 29), 0.9])

    assert isinstance(normal, Normality)
    assert isinstance(skewed, Normality)
    assert np.corrcoef(normal.z, normal.quantiles)[0, 1] ** 2 == pytest.approx(normal.w, abs=0.01)
    assert normal.p > 0.05 > 0.001 > skewed.p
    assert skewed.z.argmax() == skewed.quantiles.argmax() == 29


def test_normality_keeps_its_level() -> None:
    rng = np.random.default_rng(SEED)
    found = [measure_normality(rng.normal(size=30)) for _ in range(600)]

    assert 0.03 < np.mean([f.p < 0.05 for f in found if isinstance(f, Normality)]) < 0.075


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([0.1, 0.2], "fewer than three controls"),
        ([0.1, 0.1, 0.1], "all controls have the same score"),
        ([0.1, 0.2, np.nan], "a control has no score"),
    ],
)
def test_controls_without_a_spread_have_no_normality(scores: list[float], reason: str) -> None:
    assert measure_normality(np.array(scores)) == Undefined(reason)
