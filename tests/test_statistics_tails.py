"""Tails beyond a double: against scipy where it can, and a finite sum where it cannot."""

import math

import numpy as np
import pytest
from scipy import special, stats

from analysis.statistics.tails import LEAST_P, bound_p, measure_chi2_tail


@pytest.mark.parametrize("df", [1, 2, 7, 192, 961])
def test_a_tail_within_reach_is_scipys(df: int) -> None:
    for statistic in (0.0, df / 2, df, 2 * df + 10, 3 * df + 100):
        tail = measure_chi2_tail(statistic, df)

        assert tail.p == pytest.approx(stats.chi2.sf(statistic, df))
        assert tail.log10_p == pytest.approx(math.log10(tail.p))


@pytest.mark.parametrize("df", [2, 8, 192])
@pytest.mark.parametrize("statistic", [2_500.0, 20_000.0, 3e6])
def test_a_tail_beyond_a_double_is_the_finite_sum_of_even_degrees(
    df: int, statistic: float
) -> None:
    k, x = np.arange(df // 2), statistic / 2
    log_p = special.logsumexp(k * np.log(x) - special.gammaln(k + 1)) - x  # exp(-x) sum x^k/k!

    tail = measure_chi2_tail(statistic, df)

    assert tail.p == LEAST_P
    assert tail.log10_p == pytest.approx(log_p / np.log(10), rel=1e-10)


def test_odd_degrees_lie_between_even_ones_and_nothing_jumps_where_doubles_end() -> None:
    beyond = [measure_chi2_tail(5_000, df).log10_p for df in (190, 191, 192)]
    around = [measure_chi2_tail(x, 191).log10_p for x in np.linspace(2_000, 2_200, 400)]

    assert beyond[0] < beyond[1] < beyond[2]
    steps = np.diff(around)
    assert np.all(steps < 0)
    assert np.ptp(steps) < 0.01 * abs(steps.mean())


def test_p_is_never_0() -> None:
    assert bound_p(0.0) == LEAST_P == 2.2250738585072014e-308
    assert bound_p(0.3) == 0.3
