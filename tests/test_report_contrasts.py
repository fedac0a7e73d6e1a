"""What the report says where a persona's p and its band do not agree."""

from typing import Any

import numpy as np
import pytest
from invented_slices import make_section, make_settings, make_slice

from analysis.measures import Draws
from analysis.performance import measure_accuracy
from analysis.report.contrasts import ALPHA, explain_clash, explain_wide_bands
from analysis.report.findings import describe_contrasts
from analysis.report.sections import Section
from models.items import Kind

QUICK = Draws(n_resamples=100, n_permutations=99)


@pytest.fixture
def section() -> Section:
    settings = make_settings(4, 3)
    hits = np.random.default_rng(2_407).random((len(settings), 60)) < 0.6
    tags: list[dict[str, Any]] = [{} for _ in range(60)]
    part = make_slice(settings, np.where(hits, 0, 1), kind=Kind.CHOICE, tags=tags)
    found = measure_accuracy(part, QUICK)
    assert found is not None
    return make_section(found, settings)


def put(section: Section, *, p: float, low: float, high: float, verdict: str) -> None:
    """Numbers of the first persona."""
    for key, value in {
        "p_adjusted": p, "band_low": low, "band_high": high, "verdict": verdict
    }.items():  # fmt: skip
        section.measure["per_setting"][key][0] = value


def test_a_persona_that_differs_by_p_with_a_band_over_0_is_explained(section: Section) -> None:
    critical = section.measure["contrasts"]["controls"]["critical"]
    assert explain_wide_bands(section) == ""

    put(section, p=0.001, low=-0.6, high=0.02, verdict="undecided")

    said = explain_wide_bands(section)
    assert "The bands of 1 of those that differ hold 0 all the same" in said
    assert f"{critical:.1f} standard errors" in said
    assert said in describe_contrasts(section).notes
    assert explain_clash(section) == ""


def test_a_band_beyond_the_margin_without_a_small_p_is_explained(section: Section) -> None:
    put(section, p=2 * ALPHA, low=0.1, high=0.3, verdict="different")

    assert "p is the larger of two tests" in explain_clash(section)
    assert explain_wide_bands(section) == ""
