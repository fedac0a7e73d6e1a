"""The calibration that the report shows is of this code, and its tests hold their level."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from analysis import calibration
from analysis.calibration import (
    FIRST,
    NULLS,
    hash_tests,
    list_outcomes,
    load_calibration,
    simulate_design,
)
from analysis.report.calibration_blocks import RANGE, TITLES
from analysis.simulated_nulls import (
    BLOCK_SIZE,
    BLOCKS,
    CONTROLS,
    DESIGNS,
    PERSONAS,
    TESTS,
    draw_null,
)

AGAIN = "the tests have changed; run python -m analysis.calibration --json " + str(
    Path("analysis") / "report" / "calibration.json"
)


def test_the_stored_calibration_is_of_the_tests_as_they_are() -> None:
    stored = load_calibration()

    assert stored["code"] == hash_tests(), AGAIN
    assert stored["nulls"] == NULLS >= 2_000
    assert [design["name"] for design in stored["designs"]] == [each.name for each in DESIGNS]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_the_stored_calibration_is_met_again_null_by_null(design: calibration.Design) -> None:
    stored = load_calibration()
    first = next(each for each in stored["designs"] if each["name"] == design.name)["first"]

    found = simulate_design(design, range(FIRST), seed=stored["seed"])

    assert list_outcomes(found) == first, AGAIN


def test_the_main_test_rejects_four_to_six_per_cent_of_true_nulls() -> None:
    low, high = RANGE

    for design in load_calibration()["designs"]:
        assert low <= design["tests"]["permutation"]["rate"] <= high, design["name"]
        assert low <= design["tests"]["permutation_points"]["rate"] <= high, design["name"]


def test_the_papers_tests_reject_true_nulls_of_clustered_items_too_often() -> None:
    tests = {each["name"]: each["tests"] for each in load_calibration()["designs"]}

    for name in ("cochran_q", "friedman_items"):
        assert RANGE[0] <= tests["independent"][name]["rate"] <= RANGE[1]
        assert tests["clustered_1"][name]["low"] > 0.1
        assert tests["clustered_3"][name]["low"] > 0.4


def test_what_personas_are_judged_by_holds_where_hits_are_rare_and_signs_alone_do_not() -> None:
    for design in load_calibration()["designs"]:
        for name in ("exchange", "holm", "band"):
            assert design["tests"][name]["rate"] <= RANGE[1], (design["name"], name)

    (rare,) = (each["tests"] for each in load_calibration()["designs"] if each["name"] == "rare")
    assert rare["sign_flip"]["low"] > RANGE[1]


def test_every_test_that_is_simulated_is_shown() -> None:
    assert set(TITLES) == set(TESTS)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_a_null_s_blocks_correlate_as_its_design_says(design: calibration.Design) -> None:
    rng = np.random.default_rng(5)

    drawn = [draw_null(design, rng) for _ in range(40)]

    n_settings = PERSONAS + CONTROLS + 1
    points = np.array([each.points for each in drawn], np.float64)
    points -= points.mean(axis=1, keepdims=True)  # what an item does to all
    points /= points.std(axis=1, keepdims=True)
    blocks = points.reshape(40, n_settings, BLOCKS, BLOCK_SIZE)
    sums = np.square(blocks.sum(axis=3)).mean() / BLOCK_SIZE - 1
    # Rounding to points, by thresholds that differ from item to item, loses a little of it.
    assert sums / (BLOCK_SIZE - 1) == pytest.approx(0.93 * design.correlation, abs=0.02)
    means = np.array([each.hits.mean(axis=1) for each in drawn]).mean(axis=0)
    assert np.ptp(means) < 0.03  # no setting is better


def test_another_seed_gives_other_nulls_and_comments_no_other_code() -> None:
    design = DESIGNS[1]

    one, other = (list_outcomes(simulate_design(design, range(12), seed=s)) for s in (1, 2))

    assert one != other
    noted = '"""Sums."""\n\ndef add(a: int) -> int:\n    """One more."""\n    return a + 1  # why\n'
    bare = "def add(a: int) -> int:\n    return a + 1\n"
    changed = "def add(a: int) -> int:\n    return a + 2\n"
    strip = calibration._strip_words
    assert strip(noted) == strip(bare) != strip(changed)


def test_the_command_prints_and_writes_what_it_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(calibration, "NULLS", 60)
    monkeypatch.setattr(calibration, "PROCESSES", 1)
    file = tmp_path / "made.json"

    result = CliRunner().invoke(
        calibration.app, ["--quick", "--seed", "3", "--json", str(file)], catch_exceptions=False
    )

    made = json.loads(file.read_text())
    assert result.exit_code == 0
    assert (made["nulls"], made["seed"]) == (6, 3)
    alone = list_outcomes(simulate_design(DESIGNS[2], range(6), seed=3))
    assert made["designs"][2]["first"] == alone  # however many processes shared the work
    rejected = sum(outcome[TESTS.index("cochran_q")] == "1" for outcome in alone)
    assert made["designs"][2]["tests"]["cochran_q"]["rejected"] == rejected


def test_a_calibration_of_other_code_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.report import calibration_blocks

    monkeypatch.setattr(calibration_blocks, "hash_tests", lambda: "other")

    *_, code = calibration_blocks.describe_calibration(load_calibration()).findings

    assert code.verdict.startswith("No")
