"""The axes of a crossed array: personas in categories, items in clusters in strata, LLMs."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.rates import Floats


@dataclass(frozen=True, slots=True)
class Facet:
    """One axis of the array: groups within groups, from coarse to the axis' own elements."""

    names: tuple[str, ...]  # of the levels: "stratum", "cluster", "item"
    labels: tuple[NDArray[np.intp], ...]  # [elements] each, group numbers from 0
    fixed: tuple[str, ...] = ()  # levels that are not a sample: part of what is measured

    @classmethod
    def of(
        cls,
        name: str,
        n: int,
        groups: Mapping[str, NDArray[Any]] | None = None,
        *,
        fixed: tuple[str, ...] = (),
    ) -> "Facet":
        """``n`` elements called ``name`` in ``groups``, coarse to fine, of labels [elements].

        A level that says nothing is left out: one group only, or the groups of the next finer
        level. Raises ValueError where groups are not nested.
        """
        finest = np.arange(n)
        levels = [
            (level, np.unique(labels, return_inverse=True)[1])
            for level, labels in (groups or {}).items()
        ]
        kept = [(name, finest)] if n > 1 else []
        for level, numbers in reversed(levels):
            n_groups = int(numbers.max(initial=-1)) + 1
            if 1 < n_groups < (kept[-1][1].max() + 1 if kept else 0):
                n_finer = int(kept[-1][1].max()) + 1
                if len(np.unique(numbers * n_finer + kept[-1][1])) > n_finer:
                    raise ValueError(f"{kept[-1][0]} is not nested in {level}")
                kept.append((level, numbers))
        names, labels = zip(*reversed(kept), strict=True) if kept else ((), ())
        return cls(tuple(names), tuple(labels), fixed)

    @property
    def size(self) -> int:
        """Number of elements."""
        return len(self.labels[-1]) if self.labels else 1

    def share(self) -> dict[str, float]:
        """sum n_group^2/n^2 of each level: what of its variance is left in a mean over all."""
        return {
            name: float(np.square(np.bincount(labels)).sum()) / self.size**2
            for name, labels in zip(self.names, self.labels, strict=True)
        }

    def weigh(self) -> Floats:
        """T[g, h] = sum over cells of n_gh^2/n_g, the level of everything first [levels, levels].

        tr(B_g K_h), B_g averaging within groups of g, K_h the covariance of effects of groups of h.
        """
        levels = [np.zeros(self.size, np.intp), *self.labels]
        weights = np.empty((len(levels), len(levels)))
        for (g, coarse), (h, fine) in itertools.product(enumerate(levels), repeat=2):
            n_fine = int(fine.max()) + 1
            cells, counts = np.unique(coarse * n_fine + fine, return_counts=True)
            weights[g, h] = np.sum(np.square(counts) / np.bincount(coarse)[cells // n_fine])
        return weights
