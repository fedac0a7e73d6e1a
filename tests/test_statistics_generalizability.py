"""The coefficient G: against alpha, scores on other items, and what it was drawn from."""

import numpy as np
import pytest
from measured_components import SEED, measure

from analysis.statistics import Undefined
from analysis.statistics.agreement import cronbach_alpha
from analysis.statistics.components import Component, Components, measure_components
from analysis.statistics.facets import Facet


def test_g_of_a_two_way_table_is_cronbachs_alpha() -> None:
    rng = np.random.default_rng(SEED)
    values = rng.normal(size=(30, 1)) + rng.normal(size=12) + rng.normal(size=(30, 12))

    g = measure(values).g

    assert isinstance(g, Component)
    assert g.value == pytest.approx(cronbach_alpha(values))
    assert g.low is not None
    assert g.low < g.value


def test_g_foretells_how_scores_on_other_items_and_llms_correlate() -> None:
    rng = np.random.default_rng(SEED)
    n, n_items, n_llms = 4_000, 12, 2
    cluster = np.repeat(np.arange(4), 3)

    ability = rng.normal(0, 0.5, (n, 1, 1))

    def draw() -> np.ndarray:
        values = ability + rng.normal(0, 0.4, (n, 1, n_llms))
        values = values + rng.normal(0, 0.6, (n, 4, 1))[:, cluster]
        return values + rng.normal(0, 1, (n, n_items, n_llms))

    first, second = draw(), draw()

    g = measure(first, items=Facet.of("item", n_items, {"cluster": cluster})).g

    assert isinstance(g, Component)
    observed = np.corrcoef(first.mean(axis=(1, 2)), second.mean(axis=(1, 2)))[0, 1]
    assert g.value == pytest.approx(observed, abs=0.05)
    expected = 0.25 / (0.25 + 0.16 / 2 + 0.36 / 4 + 1 / 24)
    assert g.value == pytest.approx(expected, abs=0.05)


def test_g_of_a_draw_is_that_of_the_items_it_was_drawn_from() -> None:
    rng = np.random.default_rng(SEED)
    cluster = np.repeat(np.arange(300), np.tile([1, 2, 3], 100))
    values = rng.normal(0, 0.1, (40, 1)) + rng.normal(0, 0.5, (40, 300))[:, cluster]
    values += rng.normal(0, 1, values.shape)
    drawn = np.isin(cluster, rng.permutation(300)[:100])
    everything = Facet.of("item", len(cluster), {"cluster": cluster})
    chosen = Facet.of("item", int(drawn.sum()), {"cluster": cluster[drawn]})

    whole = measure(values, items=everything)
    found = measure_components(
        values[:, drawn], Facet.of("persona", 40), chosen, rng=rng, scored=everything
    )
    alone = measure(values[:, drawn], items=chosen)

    assert isinstance(found, Components)
    for name, part in found.parts.items():
        assert part.value == pytest.approx(alone.parts[name].value)
    assert isinstance(found.g, Component)
    assert isinstance(whole.g, Component)
    assert isinstance(alone.g, Component)
    own = found.parts["persona"].value
    sizes = np.unique(cluster, return_counts=True)[1]
    noise = found.parts["persona x cluster"].value * np.sum(np.square(sizes)) / len(cluster) ** 2
    noise += found.parts["persona x item"].value / len(cluster)
    assert found.g.value == pytest.approx(own / (own + noise))
    assert found.g.value == pytest.approx(whole.g.value, abs=0.1)
    assert alone.g.value < found.g.value - 0.1


def test_what_personas_do_in_a_fixed_stratum_is_no_noise() -> None:
    rng = np.random.default_rng(SEED)
    stratum = np.repeat([0, 1], 20)
    values = rng.normal(0, 1, (50, 2))[:, stratum] + rng.normal(0, 0.1, (50, 40))

    fixed = measure(values, items=Facet.of("item", 40, {"s": stratum}, fixed=("s",))).g
    drawn = measure(values, items=Facet.of("item", 40, {"s": stratum})).g

    assert isinstance(fixed, Component)
    assert fixed.value > 0.99
    assert isinstance(drawn, Undefined) or drawn.value < 0.9


def test_the_interval_of_g_stays_within_0_and_1() -> None:
    rng = np.random.default_rng(SEED)
    kept, held = [], []
    for sd in (0.1, 0.3, 2.0):
        for _ in range(60):
            ability = rng.normal(0, sd, (200, 1))
            g = measure(ability + rng.normal(size=(200, 12))).g
            if isinstance(g, Component) and g.low is not None and g.high is not None:
                kept.append(0 <= g.low <= g.value <= g.high <= 1)
                true = ability.var(ddof=1)  # of these personas: the interval is for them
                held.append(g.low <= true / (true + 1 / 12) <= g.high)

    assert len(kept) > 150
    assert all(kept)
    assert np.mean(held) > 0.88


def test_a_negative_component_does_not_make_up_for_another_in_the_noise_of_g() -> None:
    cluster = np.repeat(np.arange(7), [4, 4, 4, 1, 1, 1, 1])
    refused = np.zeros((4, 16))
    refused[0, 0] = refused[1, 1] = 1  # two of four personas, one item each

    found = measure(
        refused,
        Facet.of("persona", 4, {"category": np.array([0, 1, 0, 1])}),
        Facet.of("item", 16, {"cluster": cluster}),
    )

    parts = {name: part.value for name, part in found.parts.items()}
    assert parts["persona x cluster"] < 0 < parts["persona x item"]
    own = parts["category"] + parts["persona"]
    shares = {"cluster": np.sum(np.square(np.bincount(cluster))) / 16**2, "item": 1 / 16}
    noise = sum(
        max(parts[f"{who} x {what}"], 0) * share
        for who in ("category", "persona")
        for what, share in shares.items()
    )
    assert isinstance(found.g, Component)
    assert found.g.value == pytest.approx(own / (own + noise))
    assert found.g.value < 0.5
