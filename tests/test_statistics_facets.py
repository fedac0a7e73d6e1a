"""Facets: the levels that items, personas and LLMs are grouped by."""

import numpy as np
import pytest

from analysis.statistics.facets import Facet


def test_levels_that_say_nothing_are_left_out() -> None:
    single = Facet.of("item", 4, {"stratum": np.zeros(4), "cluster": np.arange(4)})
    nested = Facet.of("item", 4, {"stratum": np.array(list("aabb")), "cluster": np.arange(4) // 2})

    assert single.names == ("item",)
    assert nested.names == ("cluster", "item")
    assert Facet.of("llm", 1).names == ()
    with pytest.raises(ValueError, match="cluster is not nested in stratum"):
        Facet.of("item", 6, {"stratum": np.arange(6) % 2, "cluster": np.arange(6) // 2})
