"""Variance components of a table, as tests of them and of G measure them."""

import numpy as np

from analysis.statistics.components import Components, measure_components
from analysis.statistics.facets import Facet

SEED = 20_240_702


def measure(
    values: np.ndarray, personas: Facet | None = None, items: Facet | None = None
) -> Components:
    """Components that are defined; personas and items without groups unless they are given."""
    result = measure_components(
        values,
        personas or Facet.of("persona", len(values)),
        items or Facet.of("item", values.shape[1]),
        rng=np.random.default_rng(SEED),
    )
    assert isinstance(result, Components)
    return result
