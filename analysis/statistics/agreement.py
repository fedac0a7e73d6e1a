"""How far settings agree with people, people with each other, and statements of a scale.

The paper's number is Krippendorff's alpha at interval level between a persona and the mean human
rating. A mean of several people is steadier than any one of them, so beside it stand the ordinal
alpha with the persona as one more rater, and one person against the mean of the others.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import krippendorff
import numpy as np
from numpy.typing import NDArray

from analysis.statistics import Undefined
from analysis.statistics.rates import Floats, Interval, percentile_interval
from analysis.statistics.resamples import resample_clusters

Level = Literal["ordinal", "interval"]

_CENTRE = 3.0  # of a five-point scale: sums of squares lose no digits around it
_ROUNDING = 1e-10


class Agreement(NamedTuple):
    """Of two raters, for each of several pairs; NaN: fewer than two items, or no variance."""

    alpha: Floats  # Krippendorff's, interval level
    pearson: Floats
    shift: Floats  # mean of the first minus mean of the second


@dataclass(frozen=True, slots=True)
class PeopleAgreement:
    """Settings against the mean human rating, with percentile intervals over clusters of items."""

    values: Agreement  # [settings]
    low: Agreement
    high: Agreement
    n_items: NDArray[np.intp]  # [settings], rated by both


@dataclass(frozen=True, slots=True)
class HumanReference:
    """One person, drawn anew for every item, against the mean of the item's others."""

    alpha: float  # means over draws
    pearson: float
    alpha_range: tuple[float, float]  # the central 95% of the draws
    n_items: int  # with two or more people


def krippendorff_alpha(ratings: Floats, *, level: Level) -> float | Undefined:
    """Krippendorff's alpha (1970) of ratings [raters, items], NaN where not rated, by krippendorff.

    Units with a single rating do not count.
    """
    paired = ratings[:, np.count_nonzero(~np.isnan(ratings), axis=0) > 1]
    values = np.unique(paired[~np.isnan(paired)])
    if not len(values):
        return Undefined("no item with two ratings")
    if len(values) == 1:
        return Undefined("all ratings are equal")
    return float(krippendorff.alpha(paired, level_of_measurement=level))


def agree_with_people(
    ratings: Floats,
    people: Floats,
    clusters: NDArray[Any],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    n_resamples: int = 2_000,
) -> PeopleAgreement:
    """Each setting against the mean human rating.

    ``ratings`` [settings, items] and ``people`` [items] are points 1 to 5, NaN where there is none;
    ``clusters`` [items] are labels (the tweets). Interval ends are NaN where `percentile_interval`
    has none.
    """
    _, cluster = np.unique(clusters, return_inverse=True)
    n_clusters = int(cluster.max(initial=-1)) + 1
    moments = _sum_moments(ratings, np.broadcast_to(people, ratings.shape), cluster, n_clusters)
    values = _agree(moments.sum(axis=2))
    if n_clusters < 2:
        nothing = Agreement(*(np.full(len(ratings), np.nan) for _ in values))
        low = high = nothing
    else:
        drawn = [
            _agree(moments @ times.T)
            for times in resample_clusters(
                np.zeros(n_clusters, np.intp), rng, n_resamples=n_resamples
            )
        ]
        intervals: list[Interval] = [
            percentile_interval(np.concatenate(parts, axis=1).T, level=level)
            for parts in zip(*drawn, strict=True)
        ]
        low = Agreement(*(interval.low for interval in intervals))
        high = Agreement(*(interval.high for interval in intervals))
    both = ~np.isnan(ratings) & ~np.isnan(people)
    return PeopleAgreement(values, low, high, both.sum(axis=1))


def measure_agreement(ratings: Floats, people: Floats) -> Agreement:
    """The values of `agree_with_people` alone, item by item [settings]."""
    items = np.arange(ratings.shape[1])
    others = np.broadcast_to(people, ratings.shape)
    return _agree(_sum_moments(ratings, others, items, len(items)).sum(axis=2))


def _sum_moments(
    first: Floats, second: Floats, cluster: NDArray[np.intp], n_clusters: int
) -> Floats:
    """n, x, y, x^2, y^2 and xy summed by cluster over items with both [6, pairs, clusters]."""
    both = ~np.isnan(first) & ~np.isnan(second)
    x = np.where(both, first - _CENTRE, 0)
    y = np.where(both, second - _CENTRE, 0)
    parts = (both.astype(np.float64), x, y, x * x, y * y, x * y)
    sums = [[np.bincount(cluster, row, n_clusters) for row in part] for part in parts]
    return np.array(sums).reshape(len(parts), len(first), n_clusters)


def _agree(moments: Floats) -> Agreement:
    """Agreement from moments [6, ...].

    Two raters, every unit rated by both: alpha = 1 - (sum d^2/n)/(2 s^2), s^2 the sample variance
    of all 2n ratings (Krippendorff 2011, Computing Krippendorff's alpha-reliability, D, interval).
    """
    n, x, y, xx, yy, xy = moments
    enough = n > 1.5
    n = np.where(enough, n, 2)
    observed = (xx + yy - 2 * xy) / n
    expected = 2 * (xx + yy - (x + y) ** 2 / (2 * n)) / (2 * n - 1)
    product = (xx - x * x / n) * (yy - y * y / n)
    varied = enough & (expected > _ROUNDING)
    both_vary = enough & (product > _ROUNDING)
    alpha, pearson = np.full((2, *n.shape), np.nan)
    np.divide(expected - observed, expected, out=alpha, where=varied)
    np.divide(
        xy - x * y / n, np.sqrt(np.where(both_vary, product, 1)), out=pearson, where=both_vary
    )
    return Agreement(alpha, pearson, np.where(enough, (x - y) / n, np.nan))


def alpha_with_people(ratings: Floats, annotations: Floats, *, level: Level = "ordinal") -> Floats:
    """Alpha of all people and one setting as one more rater, for each setting [settings].

    ``ratings`` [settings, items], ``annotations`` [people, items], NaN where not rated. NaN where
    no item has two ratings or all are equal. Compare with `krippendorff_alpha` of the people alone.
    """
    alphas = (krippendorff_alpha(np.vstack([row, annotations]), level=level) for row in ratings)
    return np.array([np.nan if isinstance(alpha, Undefined) else alpha for alpha in alphas])


def draw_human_reference(
    annotations: Floats, rng: np.random.Generator, *, n_draws: int = 500
) -> HumanReference | Undefined:
    """How far one person agrees with the mean of the others, on the scale of `agree_with_people`.

    ``annotations`` [people, items], NaN where not rated. In each draw one of an item's people is
    taken at random and compared with the mean of the rest.
    """
    annotations = annotations[:, np.count_nonzero(~np.isnan(annotations), axis=0) > 1]
    n_items = annotations.shape[1]
    if n_items < 2:
        return Undefined("fewer than two items with two people")
    rated = ~np.isnan(annotations)
    filled = np.where(rated, annotations, 0)
    items = np.arange(n_items)
    one, others = np.empty((2, n_draws, n_items))
    for draw in range(n_draws):
        chosen = np.where(rated, rng.random(rated.shape), -1).argmax(axis=0)
        one[draw] = annotations[chosen, items]
        others[draw] = (filled.sum(axis=0) - one[draw]) / (rated.sum(axis=0) - 1)
    drawn = measure_agreement(one, others)
    if np.isnan(drawn.alpha).any() or np.isnan(drawn.pearson).any():
        return Undefined("the people's ratings do not vary")
    low, high = np.quantile(drawn.alpha, (0.025, 0.975))
    return HumanReference(
        float(drawn.alpha.mean()), float(drawn.pearson.mean()), (float(low), float(high)), n_items
    )


def cronbach_alpha(values: Floats) -> float | Undefined:
    """Cronbach's alpha (1951) of values [settings, statements], reversed ones turned round.

    k/(k - 1) (1 - sum var_i/var of the sum): how far statements move together over settings. It is
    negative where they move against each other.
    """
    n_settings, n_statements = values.shape
    if n_statements < 2:
        return Undefined("fewer than two statements")
    if np.isnan(values).any():
        return Undefined("a setting has no answer to a statement")
    if n_settings < 2:
        return Undefined("fewer than two settings")
    total = float(values.sum(axis=1).var(ddof=1))
    if total <= _ROUNDING:
        return Undefined("all settings have the same sum")
    parts = float(values.var(axis=0, ddof=1).sum())
    return float(n_statements / (n_statements - 1) * (1 - parts / total))
