"""Categories of personas compared: against statsmodels, without an effect, degenerate."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from analysis.statistics import Undefined
from analysis.statistics.categories import CategoryEffect, permute_categories

SEED = 20_240_702


def test_categories_are_compared_by_the_f_of_statsmodels() -> None:
    rng = np.random.default_rng(SEED)
    categories = np.repeat(["a", "b", "c"], [5, 8, 12])
    scores = rng.normal(size=25) + np.repeat([0, 0.6, 0], [5, 8, 12])

    result = permute_categories(scores, categories, rng)

    fit = sm.OLS(scores, pd.get_dummies(categories).to_numpy(float)).fit()
    expected = stats.f_oneway(scores[:5], scores[5:13], scores[13:])
    assert isinstance(result, CategoryEffect)
    assert result.eta_squared == pytest.approx(fit.rsquared)
    assert result.f == pytest.approx(expected.statistic)
    assert result.p == pytest.approx(expected.pvalue, abs=0.02)


def test_random_categories_keep_the_level() -> None:
    rng = np.random.default_rng(SEED)
    categories = np.repeat(np.arange(6), [3, 5, 2, 10, 4, 6])
    results = [
        permute_categories(rng.exponential(size=30), categories, rng, n_permutations=199)
        for _ in range(1_000)
    ]

    kept = [result for result in results if isinstance(result, CategoryEffect)]
    assert 0.035 < np.mean([result.p <= 0.05 for result in kept]) < 0.065
    assert np.mean([r.eta_squared for r in kept]) == pytest.approx(kept[0].expected, abs=0.01)


@pytest.mark.parametrize(
    ("scores", "categories", "reason"),
    [
        ([1.0, 2, 3], [0, 0, 0], "fewer than two categories"),
        ([1.0, 2, 3], [0, 1, 2], "one persona per category"),
        ([1.0, 1, 1], [0, 0, 1], "all personas have the same score"),
        ([1.0, np.nan, 1], [0, 0, 1], "a persona has no score"),
    ],
)
def test_categories_that_cannot_be_compared_are_undefined(
    scores: list[float], categories: list[int], reason: str
) -> None:
    result = permute_categories(
        np.array(scores), np.array(categories), np.random.default_rng(SEED), n_permutations=9
    )

    assert result == Undefined(reason)


def test_one_persona_that_differs_is_no_test_of_equal_categories() -> None:
    rng = np.random.default_rng(SEED)
    scores = np.array([0.3, 0.3, 0.3, 0.7, 0.3, 0.3])

    alike = permute_categories(scores, np.repeat([0, 1, 2], 2), rng)
    unequal = permute_categories(scores, np.array([0, 0, 1, 1, 1, 1]), rng)
    smaller = permute_categories(scores, np.array([1, 1, 0, 0, 1, 1]), rng)

    assert isinstance(alike, Undefined)
    assert "whichever personas" in alike.reason
    assert isinstance(unequal, CategoryEffect)
    assert isinstance(smaller, CategoryEffect)
    assert unequal.p == 1  # by chance: it is in the larger category, where it does least
    assert smaller.p == pytest.approx(1 / 3, abs=0.02)


def test_categories_without_any_spread_within_have_no_f() -> None:
    result = permute_categories(
        np.array([1.0, 1, 2, 2]), np.array([0, 0, 1, 1]), np.random.default_rng(SEED)
    )

    assert isinstance(result, CategoryEffect)
    assert result.f is None
    assert result.p == pytest.approx(1 / 3, abs=0.02)
