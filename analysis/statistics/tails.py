"""P-values smaller than a double can say: their logarithm, and a p that is never 0."""

import math
import sys
from typing import NamedTuple

from scipy import special, stats

LEAST_P = sys.float_info.min  # the smallest positive normal double, 2.2e-308


class Tail(NamedTuple):
    """Probability of a statistic as large or larger."""

    p: float  # at least `LEAST_P`
    log10_p: float


def measure_chi2_tail(statistic: float, df: int) -> Tail:
    """P(chi-square with ``df`` degrees of freedom >= statistic).

    scipy's chi2.logsf; it is -inf where the probability underflows, and from there on log Q(a, x)
    is -x + a log x - log Gamma(a) + log c with a = df/2, x = statistic/2 and Legendre's continued
    fraction c (DLMF 8.9.2), which converges fast so far out.
    """
    log_p = float(stats.chi2.logsf(statistic, df))
    if log_p < math.log(LEAST_P):
        a, x = df / 2, statistic / 2
        log_p = -x + a * math.log(x) - float(special.gammaln(a)) + math.log(_continue(a, x))
    return Tail(bound_p(math.exp(log_p)), log_p / math.log(10))


def bound_p(p: float) -> float:
    """A p that is no smaller than `LEAST_P`: no test shows a probability of 0."""
    return max(p, LEAST_P)


def _continue(a: float, x: float) -> float:
    """1/(x + 1 - a - 1 (1 - a)/(x + 3 - a - 2 (2 - a)/(x + 5 - a - ...))), from the far end."""
    n_terms = 200
    value = x + 2 * n_terms + 1 - a
    for k in range(n_terms, 0, -1):
        value = x + 2 * k - 1 - a - k * (k - a) / value
    return 1 / value
