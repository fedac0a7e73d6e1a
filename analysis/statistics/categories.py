"""Do categories of personas differ in their mean score, beyond what any grouping of them would?"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import Undefined
from analysis.statistics.rates import Floats


class CategoryEffect(NamedTuple):
    """Do categories of personas differ in their mean score?"""

    eta_squared: float  # share of the scores' variance that lies between categories
    expected: float  # the same with categories at random
    f: float | None  # None where personas of a category all score alike
    p: float


def permute_categories(
    scores: Floats,
    categories: NDArray[Any],
    rng: np.random.Generator,
    *,
    n_permutations: int = 9_999,
) -> CategoryEffect | Undefined:
    """One-way F of scores [personas] over categories [personas], labels permuted.

    p = (1 + #{F* >= F})/(1 + permutations); eta^2 = SS_between/SS_total, (k - 1)/(n - 1) by chance.
    Undefined where every grouping has one eta^2, so that p would be 1 whatever the data: a single
    persona differs, and categories are equal in size.
    """
    kinds, labels = np.unique(categories, return_inverse=True)
    n, k = len(scores), len(kinds)
    if np.isnan(scores).any():
        return Undefined("a persona has no score")
    if k < 2 or n <= k:
        return Undefined("fewer than two categories" if k < 2 else "one persona per category")
    centred = scores - scores.mean()
    total = float(np.square(centred).sum())
    if total <= 1e-15:
        return Undefined("all personas have the same score")
    roots = np.sqrt(np.bincount(labels))
    weights = np.eye(k)[labels] / roots  # sums of categories over the roots of their sizes
    shuffled = rng.permuted(np.broadcast_to(centred, (n_permutations, n)), axis=1)
    eta = float(np.square(centred @ weights).sum()) / total
    drawn = np.square(shuffled @ weights).sum(axis=1) / total
    if np.ptp(np.append(drawn, eta)) <= 1e-9:
        return Undefined("whichever personas make a category, they differ as much")
    within = (1 - eta) / (n - k)
    return CategoryEffect(
        eta_squared=eta,
        expected=(k - 1) / (n - 1),
        f=eta / (k - 1) / within if within > 1e-15 else None,
        p=(1 + int(np.count_nonzero(drawn >= eta * (1 - 1e-9)))) / (1 + n_permutations),
    )
