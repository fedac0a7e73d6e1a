"""The trust page: how often the tests of the report reject what is true."""

from collections.abc import Mapping
from typing import Any

from analysis.calibration import hash_tests, load_calibration
from analysis.evidence import Evidence
from analysis.report.blocks import Block, DetailTable, Finding, make_table
from analysis.report.wording import write_count, write_score

RANGE = (0.04, 0.06)  # where the rate of a test that holds its level of .05 must lie
MAIN, BAND = "permutation", "band"
TITLES = {
    "permutation": "Cluster permutation, hits (main)",
    "permutation_points": "Cluster permutation, points (main)",
    "cochran_q": "Cochran’s Q (the paper’s)",
    "friedman_items": "Friedman’s chi-square, items as blocks",
    "iman_davenport_items": "Iman and Davenport’s F, items as blocks",
    "friedman_clusters": "Friedman’s chi-square, clusters as blocks",
    "iman_davenport_clusters": "Iman and Davenport’s F, clusters as blocks",
    "sign_flip": "Cluster sign-flip, one persona",
    "exchange": "Exchange with the controls, one persona",
    "holm": "The larger p of both, any persona after Holm",
    "band": "Simultaneous band, any persona outside",
}


def list_calibration_blocks(evidence: Evidence) -> list[Block]:
    """One block; the same for every experiment, since it is about the tests alone."""
    return [describe_calibration(load_calibration())]


def describe_calibration(found: Mapping[str, Any]) -> Block:
    """What was simulated, and every rate."""
    shape = found["shape"]
    lead = (
        f"{write_count(found['nulls'])} simulated experiments of each kind in which no setting "
        f"differs: {shape['personas']} personas, {shape['controls']} controls and the empty "
        f"setting, {shape['blocks']} blocks of {shape['items_in_a_block']} items; seed "
        f"{found['seed']}. A test that holds its level rejects 5% of them. With more settings than "
        "here, tests that take related items for independent ones err more often. All settings’ "
        "answers hang together alike here; where a persona’s do so more than the controls’ and "
        "hits are rare, both of its tests reject more."
    )
    return Block(
        slug="calibration",
        title="Calibration",
        lead=lead,
        findings=(_judge_main(found), _judge_bands(found), _name_code(found)),
        tables=(_list_rates(found),),
        numbers=found,
    )


def _judge_main(found: Mapping[str, Any]) -> Finding:
    rates = [design["tests"][MAIN]["rate"] for design in found["designs"]]
    low, high = RANGE
    holds = all(low <= rate <= high for rate in rates)
    return Finding(
        "Does the main test hold its level?",
        "Yes" if holds else "No",
        f"The cluster permutation rejects {_join_rates(rates)} of the true nulls; between "
        f"{low:.0%} and {high:.0%} is wanted.",
    )


def _judge_bands(found: Mapping[str, Any]) -> Finding:
    rates = [design["tests"][BAND]["rate"] for design in found["designs"]]
    is_wide = max(rates) <= RANGE[1]
    return Finding(
        "Do the simultaneous 95% bands hold?",
        _judge_width(max(rates)),
        f"In {_join_rates(rates)} of true nulls some persona’s band leaves 0 out, with "
        f"{found['shape']['blocks']} clusters.",
        "" if is_wide else "Go by p, adjusted, where a data set has few clusters.",
    )


def _judge_width(most: float) -> str:
    low, high = RANGE
    if most > high:
        return "Not in every kind"
    return "Yes" if most >= low else "Yes, and they are wider than need be"


def _join_rates(rates: list[float]) -> str:
    shown = [write_score(rate, "refusal_rate") for rate in rates]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _name_code(found: Mapping[str, Any]) -> Finding:
    is_current = found["code"] == hash_tests()
    return Finding(
        "Is this the calibration of the tests as they are now?",
        "Yes" if is_current else "No: the tests have been changed since",
        f"It is of the code {found['code']}, made with "
        + ", ".join(f"{name} {number}" for name, number in found["made_with"].items())
        + ".",
        "Repeat it: python -m analysis.calibration",
    )


def _list_rates(found: Mapping[str, Any]) -> DetailTable:
    records = [
        {
            "calibrated_test": title,
            **{
                f"null_{design['name']}": _write_rate(design["tests"][test])
                for design in found["designs"]
            },
            "holds_level": _judge(design["tests"][test]["rate"] for design in found["designs"]),
        }
        for test, title in TITLES.items()
    ]
    return make_table("calibration", "", records, writers={})


def _write_rate(rate: Mapping[str, float]) -> str:
    low, high = (write_score(rate[end], "refusal_rate", unit=False) for end in ("low", "high"))
    return f"{write_score(rate['rate'], 'refusal_rate')} ({low} to {high})"


def _judge(rates: Any) -> str:
    every = list(rates)
    low, high = RANGE
    if max(every) > high:
        return "rejects too often"
    return "rejects too seldom" if min(every) < low else "holds"
