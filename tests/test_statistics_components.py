"""Variance components: against hand-made ANOVA, statsmodels and alpha; simulated; degenerate."""

import numpy as np
import pandas as pd
import pytest
from measured_components import SEED, measure
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM

from analysis.statistics import Undefined
from analysis.statistics.components import Components, measure_components
from analysis.statistics.facets import Facet


def draw_nested(rng: np.random.Generator, sds: dict[str, float]) -> tuple[np.ndarray, Facet, Facet]:
    """Personas in unequal categories x items in unequal clusters and strata x three LLMs."""
    category = np.repeat(np.arange(8), [3, 5, 2, 4, 3, 6, 3, 4])
    cluster = np.repeat(np.arange(20), np.tile([1, 2, 3, 2], 5))
    stratum = np.repeat(np.arange(5), 8)
    shape = (len(category), len(cluster), 3)
    groups = {
        "category": (category, 0),
        "persona": (np.arange(shape[0]), 0),
        "stratum": (stratum, 1),
        "cluster": (cluster, 1),
        "item": (np.arange(shape[1]), 1),
        "llm": (np.arange(3), 2),
    }
    values = np.full(shape, 0.5)
    for name, sd in sds.items():
        index = [np.zeros(n, np.intp) for n in shape]
        for level in name.split(" x "):
            labels, axis = groups[level]
            index[axis] = labels
        effects = rng.normal(0, sd, [int(labels.max()) + 1 for labels in index])
        values += effects[np.ix_(*index)]
    return (
        values,
        Facet.of("persona", shape[0], {"category": category}),
        Facet.of("item", shape[1], {"stratum": stratum, "cluster": cluster}, fixed=("stratum",)),
    )


def test_a_two_way_table_gives_the_mean_squares_of_textbooks() -> None:
    values = np.random.default_rng(SEED).normal(size=(6, 9)) + np.arange(6)[:, None]
    centred = values - values.mean()
    rows, columns = centred.mean(axis=1), centred.mean(axis=0)
    ms_residual = np.square(centred - rows[:, None] - columns).sum() / (5 * 8)
    ms_rows, ms_columns = 9 * np.square(rows).sum() / 5, 6 * np.square(columns).sum() / 8

    parts = measure(values).parts

    assert list(parts) == ["item", "persona", "persona x item"]
    assert parts["persona x item"].value == pytest.approx(ms_residual)
    assert parts["persona"].value == pytest.approx((ms_rows - ms_residual) / 9)
    assert parts["item"].value == pytest.approx((ms_columns - ms_residual) / 6)


def test_components_of_balanced_nesting_are_those_of_a_mixed_model() -> None:
    rng = np.random.default_rng(SEED)
    cluster = np.repeat(np.arange(5), 3)
    values = (
        rng.normal(0, 0.7, (10, 1))
        + rng.normal(0, 1, 5)[cluster]
        + rng.normal(0, 0.8, 15)
        + rng.normal(0, 0.6, (10, 5))[:, cluster]
        + rng.normal(0, 0.5, (10, 15))
    )
    frame = pd.DataFrame(
        {
            "y": values.ravel(),
            "persona": np.arange(10).repeat(15),
            "cluster": np.tile(cluster, 10),
            "item": np.tile(np.arange(15), 10),
        }
    )
    frame["both"] = frame["persona"] * 5 + frame["cluster"]
    model = MixedLM.from_formula(
        "y ~ 1",
        frame,
        groups=np.ones(len(frame)),
        vc_formula={n: f"0 + C({n})" for n in ("persona", "cluster", "item", "both")},
        re_formula="0",
    )
    fit = model.fit(reml=True, method="bfgs")
    fitted = dict(zip(model.exog_vc.names, fit.vcomp, strict=True))

    parts = measure(values, items=Facet.of("item", 15, {"cluster": cluster})).parts

    # On balanced data restricted likelihood and moments agree where none is negative.
    assert parts["persona x item"].value == pytest.approx(fit.scale, rel=0.01)
    assert parts["persona x cluster"].value == pytest.approx(fitted["both"], rel=0.01)
    for name in ("persona", "cluster", "item"):
        assert parts[name].value == pytest.approx(fitted[name], rel=0.01)


def test_planted_components_are_found_without_bias_in_unequal_groups() -> None:
    rng = np.random.default_rng(SEED)
    sds = {
        "category": 0.10,
        "persona": 0.15,
        "stratum": 0.2,
        "cluster": 0.3,
        "item": 0.4,
        "llm": 0.2,
        "persona x llm": 0.12,
        "persona x cluster": 0.2,
        "persona x item x llm": 0.3,
    }
    values: dict[str, list[float]] = {name: [] for name in sds}
    absent: list[float] = []
    for _ in range(150):
        array, personas, items = draw_nested(rng, sds)
        result = measure_components(array, personas, items, rng=rng, n_groups=0)
        assert isinstance(result, Components)
        for name in sds:
            values[name].append(result.parts[name].value)
        absent.append(result.parts["category x item"].value)

    for name, drawn in values.items():
        error = np.std(drawn) / np.sqrt(150)
        assert np.mean(drawn) == pytest.approx(sds[name] ** 2, abs=3.5 * error), name
    assert abs(np.mean(absent)) < 3.5 * np.std(absent) / np.sqrt(150)
    assert list(result.parts)[-1] == "persona x item x llm"
    assert (result.n_personas, result.n_items, result.n_llms) == (30, 40, 3)


def test_jackknife_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(SEED)
    cluster = np.repeat(np.arange(30), 2)
    facets = Facet.of("persona", 20), Facet.of("item", 60, {"cluster": cluster})
    covered = []
    for _ in range(120):
        values = rng.normal(0, 0.3, (20, 1)) + rng.normal(0, 0.3, 60)
        values = values + rng.normal(0, 0.3, (20, 30))[:, cluster] + rng.normal(0, 0.5, (20, 60))
        # personas are those of this study: leaving clusters out says nothing of other personas
        truth = {"persona x cluster": 0.09, "persona x item": 0.25, "item": 0.09}
        result = measure_components(values, *facets, rng=rng)
        assert isinstance(result, Components)
        parts = [result.parts[name] for name in truth]
        covered.append(
            [
                part.low is not None and part.high is not None and part.low <= t <= part.high
                for part, t in zip(parts, truth.values(), strict=True)
            ]
        )

    assert np.all(np.mean(covered, axis=0) > 0.85)
    assert 0.9 < np.mean(covered) < 0.99


def test_an_array_of_other_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        measure(np.ones((3, 4)), Facet.of("persona", 4))


def test_what_has_no_components_is_undefined_and_what_has_no_noise_has_no_g() -> None:
    one = Facet.of("persona", 1)
    rng = np.random.default_rng(SEED)

    alone = measure_components(np.ones((1, 5)), one, Facet.of("item", 5), rng=rng)
    gap = measure_components(
        np.array([[1, np.nan], [1, 2]]), Facet.of("persona", 2), Facet.of("item", 2), rng=rng
    )
    alike = measure(np.repeat(rng.normal(size=(1, 6)), 4, axis=0))

    assert alone == Undefined("fewer than two personas or items")
    assert gap == Undefined("a cell of the array has no value")
    assert alike.g == Undefined("personas do not vary, neither in their means nor on single items")
    assert alike.parts["persona"].value == 0
    assert alike.parts["item"].value > 0


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -3e9])
def test_cells_that_are_all_equal_have_no_components(value: float) -> None:
    values = np.full((4, 6, 3), value)
    values[1] += values[1] * 1e-15  # rounding

    found = measure_components(
        values,
        Facet.of("persona", 4),
        Facet.of("item", 6, {"cluster": np.arange(6) // 2}),
        rng=np.random.default_rng(SEED),
    )

    assert found == Undefined("all cells are equal")


def test_an_array_without_items_is_undefined() -> None:
    found = measure_components(
        np.zeros((4, 0)),
        Facet.of("persona", 4),
        Facet.of("item", 0, {"cluster": np.zeros(0)}),
        rng=np.random.default_rng(SEED),
    )

    assert found == Undefined("no cell in the array")


def test_a_component_that_no_cluster_changes_has_no_interval() -> None:
    rng = np.random.default_rng(SEED)
    same_for_all = np.repeat(rng.normal(size=(1, 12)), 5, axis=0)
    same_everywhere = np.repeat(rng.normal(size=(5, 1)), 12, axis=1)

    items, personas = measure(same_for_all).parts, measure(same_everywhere).parts

    for part in (items["persona"], items["persona x item"], personas["item"], personas["persona"]):
        assert (part.low, part.high) == (None, None)
    assert items["item"].low is not None


def test_a_negative_component_is_shown_without_a_root() -> None:
    values = np.array([[0.0, 1], [1, 0]])  # rows alike, all of it interaction

    parts = measure(values).parts

    assert parts["persona"].value < 0
    assert parts["persona"].sd is None
    assert parts["persona x item"].sd == pytest.approx(1)
    assert parts["persona"].low is None  # two items give no jackknife


def test_the_jackknife_is_that_of_arrays_without_one_cluster_after_another() -> None:
    rng = np.random.default_rng(SEED)
    array, personas, items = draw_nested(rng, {"persona": 0.2, "cluster": 0.3, "item": 0.4})
    stratum, cluster, _ = items.labels
    shuffled = rng.permutation(len(cluster))
    stratum, cluster, array = stratum[shuffled], cluster[shuffled], array[:, shuffled]

    def estimate(keep: np.ndarray, n_groups: int) -> Components:
        left = Facet.of(
            "item",
            int(keep.sum()),
            {"stratum": stratum[keep], "cluster": cluster[keep]},
            fixed=("stratum",),
        )
        found = measure_components(array[:, keep], personas, left, rng=rng, n_groups=n_groups)
        assert isinstance(found, Components)
        return found

    found = estimate(np.ones(len(cluster), np.bool_), 20)  # as many groups as clusters
    without = [estimate(cluster != each, 0) for each in range(20)]

    for name, part in found.parts.items():
        left = np.array([each.parts[name].value for each in without])
        error = np.sqrt(19 / 20 * np.square(left - left.mean()).sum())
        if np.ptp(left) < 1e-15:  # items change nothing here, whichever are left out
            assert (part.value, part.low, part.high) == (pytest.approx(left[0]), None, None)
            continue
        assert part.high is not None
        assert part.high - part.value == pytest.approx(stats.t.isf(0.025, 19) * error)


def test_the_third_axis_has_the_name_that_it_is_given() -> None:
    values = np.random.default_rng(SEED).normal(size=(5, 6, 3))

    found = measure_components(
        values,
        Facet.of("persona", 5),
        Facet.of("item", 6),
        rng=np.random.default_rng(SEED),
        third="template",
    )

    assert isinstance(found, Components)
    assert list(found.parts)[-1] == "persona x item x template"
