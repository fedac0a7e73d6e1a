"""Does a setting stand out among references that it could be exchanged with, cluster by cluster?

Random signs take a difference for symmetric about 0. Where hits are rare it is not: a persona
without a hit differs from the references' mean one way in every cluster, by chance alone, and no
random signs reach as far. Exchanging it with one of the references asks nothing of the kind.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.rates import Floats
from analysis.statistics.sign_flips import join_clusters

# Clusters x draws at a time: 2 million places in float64 are 16 MiB.
_PLACES_AT_ONCE = 2_000_000


class Exchanged(NamedTuple):
    """p of each member; NaN where a contribution is undefined."""

    two_sided: Floats  # [members]
    own_side: Floats  # [members], of a difference at least as far on the side where it lies


def exchange_settings(
    members: Floats,
    references: Floats,
    strata: NDArray[np.intp],
    *,
    rng: np.random.Generator,
    n_draws: int = 9_999,
) -> Exchanged:
    """p of each member's sum over clusters among exchanges with the references.

    ``members`` [members, clusters] and ``references`` [references, clusters] are contributions to
    scores. In every cluster one of the member and its references, all equally likely, takes the
    member's place; the statistic W is the sum in that place less the mean of all, which is Delta_p
    but for a factor. p = (1 + #{|W*| >= |W|})/(1 + draws), or on W's side alone, which for rare
    hits is not half of it: they reach further up than down. Exact where a member and its references
    are exchangeable within clusters (Hemerik and Goeman 2018, TEST 27). One draw of places serves
    all members. More than 1,000 clusters are put together
    (`analysis.statistics.sign_flips.join_clusters`).
    """
    together, strata = join_clusters(np.concatenate([members, references]), strata, rng)
    members, references = together[: len(members)], together[len(members) :]
    n_references, n_clusters = references.shape
    means = (members.sum(axis=1) + references.sum()) / (n_references + 1)
    # The last place is the member's own: there its references contribute nothing.
    places = np.append(references, np.zeros((1, n_clusters)), axis=0).T.ravel()
    firsts = np.arange(n_clusters) * (n_references + 1)
    apart = members.sum(axis=1) - means
    side, least = np.where(apart < 0, -1.0, 1.0), np.abs(apart) * (1 - 1e-9)  # ties count
    beyond, on_side = np.zeros((2, len(members)), np.intp)
    block = max(1, _PLACES_AT_ONCE // max(n_clusters, 1))
    for first in range(0, n_draws, block):
        shape = (min(block, n_draws - first), n_clusters)
        drawn = rng.integers(n_references + 1, size=shape)
        own = (drawn == n_references).astype(np.float64)
        moved = places[drawn + firsts].sum(axis=1)[:, None] + own @ members.T
        moved = (moved - means) * side
        on_side += np.count_nonzero(moved >= least, axis=0)
        beyond += np.count_nonzero(np.abs(moved) >= least, axis=0)
    p = np.where(np.isnan(apart), np.nan, (1 + np.stack([beyond, on_side])) / (1 + n_draws))
    return Exchanged(p[0], p[1])
