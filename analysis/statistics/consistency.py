"""Do LLMs agree on how personas rank?

Kendall's tau-b between every two LLMs over the personas of one category. The LLMs are fixed, not a
sample, so there is no interval for "LLMs in general": what stands beside the mean over pairs is a
permutation p, the range over leaving one LLM or one family out, and the pairs across families.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import Undefined
from analysis.statistics.rates import Floats

CONSISTENT_ABOVE = 0.5  # the paper's flag, arXiv 2407.02099, section 4
_DIGITS = 12  # scores that differ by less are tied: means of the same answers in another order
# Permutations x pairs of personas held at a time: 2 million are 16 MiB.
_PAIRS_AT_ONCE = 2_000_000


class Range(NamedTuple):
    """Smallest and largest."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MeanTau:
    """Mean tau-b over pairs of LLMs."""

    value: float
    n_pairs: int  # pairs that have a tau
    n_pairs_undefined: int  # pairs with an LLM that scores all personas alike


@dataclass(frozen=True, slots=True)
class Consistency:
    """How far LLMs agree on the ranking of one category's personas."""

    tau: MeanTau
    is_consistent: bool  # the paper's flag: the mean is above .5
    p: float  # one-sided: such a mean or a larger one
    chance: float  # the 95% point of the mean under permutation
    n_personas: int  # those with a score in every LLM
    without_one_llm: Range | None  # None with fewer than three LLMs that have a tau
    without_one_family: Range | None  # None with fewer than two families left to compare
    across_families: MeanTau | Undefined


class Support(NamedTuple):
    """ "k of 7 LLMs, f of 3 families"."""

    llms: int
    of_llms: int
    families: int  # those in which it holds for every LLM
    of_families: int


def correlate_ranks(scores: Floats) -> Floats:
    """Kendall's tau-b between rows of scores [llms, personas]: [llms, llms].

    tau-b is the cosine of the signs of all differences between personas (Kendall 1945, Biometrika
    33). NaN with an LLM that scores all personas alike, its own diagonal included.
    """
    signs = _normalise(_sign_pairs(scores))
    defined = ~np.isnan(signs).any(axis=1)
    tau = drop_rounding(np.clip(signs @ signs.T, -1, 1))  # beyond is rounding; NaN stays
    tau[~defined] = tau[:, ~defined] = np.nan
    return tau


def drop_rounding(taus: Floats | float) -> Floats:
    """Correlations, or means of some, with what is -1, 0 or 1 but for rounding as just that."""
    whole = np.round(taus) + 0.0  # no -0
    return np.where(np.abs(taus - whole) < 10.0**-_DIGITS, whole, taus)


def _sign_pairs(scores: Floats) -> Floats:
    """Signs of the differences between every two personas [llms, pairs]."""
    scores = np.round(scores, _DIGITS)
    first, second = np.triu_indices(scores.shape[1], k=1)
    signs: Floats = np.sign(scores[:, first] - scores[:, second])
    return signs


def _normalise(signs: Floats) -> Floats:
    """Each row of length 1; NaN where all personas are tied."""
    lengths = np.sqrt(np.square(signs).sum(axis=1, keepdims=True))
    unit = np.full(signs.shape, np.nan)
    np.divide(signs, lengths, out=unit, where=lengths > 0)
    return unit


def average_tau(scores: Floats) -> MeanTau | Undefined:
    """Mean tau-b over pairs of LLMs, of scores [llms, personas] that all LLMs have (no NaN)."""
    complete = scores[:, ~np.isnan(scores).any(axis=0)]
    if len(complete) < 2:
        return Undefined("fewer than two LLMs")
    if complete.shape[1] < 2:
        return Undefined("fewer than two personas with a score in every LLM")
    return _average_pairs(correlate_ranks(complete), np.ones(len(complete), np.bool_))


def measure_consistency(
    scores: Floats,
    families: NDArray[Any],
    *,
    rng: np.random.Generator,
    n_permutations: int = 9_999,
) -> Consistency | Undefined:
    """Mean tau-b over pairs of LLMs, for scores [llms, personas] of one category, unrounded.

    ``families`` [llms] are labels. p = (1 + #{mean* >= mean})/(1 + permutations), personas permuted
    within each LLM. Personas without a score (NaN) in some LLM are left out of all. With 3 personas
    chance alone reaches about .3, with 17 about .07: compare with ``chance``, not with .5.
    """
    scores = scores[:, ~np.isnan(scores).any(axis=0)]
    if len(scores) < 2:
        return Undefined("fewer than two LLMs")
    if scores.shape[1] < 2:
        return Undefined("fewer than two personas with a score in every LLM")
    taus = correlate_ranks(scores)
    everyone = np.ones(len(scores), np.bool_)
    mean = _average_pairs(taus, everyone)
    if isinstance(mean, Undefined):
        return mean
    permuted = _permute_means(scores[~np.isnan(np.diag(taus))], rng, n_permutations)
    reached = np.count_nonzero(permuted >= mean.value - 1e-9)
    return Consistency(
        tau=mean,
        is_consistent=mean.value > CONSISTENT_ABOVE + 1e-9,  # .5 itself, rounded, is not above
        p=(1 + reached) / (1 + n_permutations),
        chance=float(drop_rounding(np.quantile(permuted, 0.95))),
        n_personas=scores.shape[1],
        without_one_llm=_range_without(taus, np.arange(len(scores))),
        without_one_family=_range_without(taus, families),
        across_families=_average_pairs(taus, everyone, between=families),
    )


def _average_pairs(
    taus: Floats, chosen: NDArray[np.bool_], *, between: NDArray[Any] | None = None
) -> MeanTau | Undefined:
    """Mean over pairs of chosen LLMs, those of different ``between`` alone if given."""
    is_pair = np.triu(np.outer(chosen, chosen), k=1)
    if between is not None:
        is_pair &= between[:, None] != between[None, :]
    values = taus[is_pair]
    defined = values[~np.isnan(values)]
    if not len(values):
        return Undefined("no pair of LLMs")
    if not len(defined):
        return Undefined("in every pair an LLM scores all personas alike")
    mean = float(drop_rounding(defined.mean()))
    return MeanTau(mean, len(defined), len(values) - len(defined))


def _range_without(taus: Floats, labels: NDArray[Any]) -> Range | None:
    """Range of the mean over leaving out the LLMs of one label at a time."""
    kinds = np.unique(labels[~np.isnan(np.diag(taus))])
    means = [_average_pairs(taus, labels != kind) for kind in kinds]
    values = [mean.value for mean in means if isinstance(mean, MeanTau)]
    return Range(min(values), max(values)) if len(values) == len(means) else None


def _permute_means(scores: Floats, rng: np.random.Generator, n_permutations: int) -> Floats:
    """Mean tau-b over pairs under permutation of each row's personas [permutations].

    With z the normalised signs of an LLM the mean is (|sum z|^2 - L)/(L (L - 1)). The first LLM
    stands still: only how the others lie to it matters.
    """
    n_llms, n_personas = scores.shape
    lengths = np.linalg.norm(_sign_pairs(scores), axis=1)
    still, *moving = _rank(scores)
    means = []
    block = max(1, _PAIRS_AT_ONCE // math.comb(n_personas, 2))
    for start in range(0, n_permutations, block):
        shape = (min(block, n_permutations - start), n_personas)
        rows = np.broadcast_to(np.arange(n_personas), shape)
        permuted = [ranks[rng.permuted(rows, axis=1)].T.copy() for ranks in moving]
        fixed = np.broadcast_to(still[:, None], shape[::-1])
        squares = _sum_squares([fixed, *permuted], lengths)
        means.append((squares - n_llms) / (n_llms * (n_llms - 1)))
    return np.concatenate(means)


def _rank(scores: Floats) -> NDArray[np.int16]:
    """Each row's scores as dense ranks, ties alike: small integers compare fast."""
    rounded = np.round(scores, _DIGITS)
    return np.array([np.unique(row, return_inverse=True)[1] for row in rounded], np.int16)


def _sum_squares(ranks: Sequence[NDArray[np.int16]], lengths: Floats) -> Floats:
    """|sum over LLMs of their normalised signs|^2, of ranks [personas, permutations] per LLM.

    A persona against all after it at a time: rows that lie together in memory.
    """
    n_personas, n_permutations = ranks[0].shape
    squares = np.zeros(n_permutations)
    for one in range(n_personas - 1):
        total = np.zeros((n_personas - one - 1, n_permutations))
        for each, length in zip(ranks, lengths, strict=True):
            above, below = each[one] > each[one + 1 :], each[one] < each[one + 1 :]
            total += (above.view(np.int8) - below.view(np.int8)) / length
        squares += np.einsum("ij,ij->j", total, total)
    return squares


def count_support(holds: NDArray[np.bool_], families: NDArray[Any]) -> Support:
    """In how many LLMs ``holds`` [llms] something, and in how many families for every LLM."""
    kinds = np.unique(families)
    return Support(
        llms=int(np.count_nonzero(holds)),
        of_llms=len(holds),
        families=sum(bool(holds[families == kind].all()) for kind in kinds),
        of_families=len(kinds),
    )
