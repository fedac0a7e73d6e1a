"""Distributions over settings: the lanes that they lie in, and the points that they have."""

from analysis.report.distributions import Row, draw_distributions
from analysis.report.lanes import place_lanes


def test_bands_have_headings_only_where_their_rows_do_not_name_them() -> None:
    several = place_lanes([("thrift", ["one", "two"]), ("haste", ["one"])])
    single = place_lanes([("thrift", ["thrift"]), ("haste", ["haste"])])

    assert [name for name, _ in several.headings] == ["thrift", "haste"]
    order = [several.y[key] for key in (("thrift", "one"), ("thrift", "two"), ("haste", "one"))]
    assert order == sorted(order)
    assert single.headings == ()
    assert single.y == {("thrift", "thrift"): 0.5, ("haste", "haste"): 1.5}


def test_a_setting_without_a_number_has_no_point() -> None:
    settings = [
        {"label": label, "category": "people", "role": "persona"} for label in ("a cook", "a clerk")
    ]

    spec = draw_distributions(
        [Row("thrift", "one", settings, [2.5, None])], title="Mean answer", digits=2
    )

    assert [point["s"] for point in spec["datasets"]["distribution"]] == [0]
