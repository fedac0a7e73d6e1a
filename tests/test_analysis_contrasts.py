"""Every persona against the controls: from readings to counts, columns and a sentence."""

from typing import Any

import numpy as np
import pytest
from invented_slices import make_section, make_settings, make_slice
from numpy.typing import NDArray

from analysis.comparisons import (
    NO_BANDS,
    NO_ERRORS,
    NO_P,
    NO_POWER,
    ONE_REFERENCE,
    Comparison,
)
from analysis.likert import measure_answers
from analysis.measures import Draws, Measure
from analysis.performance import measure_accuracy
from analysis.readings import REFUSED, UNREADABLE
from analysis.report.findings import describe_contrasts
from analysis.report.sections import Section
from analysis.report.tables import list_columns, list_rows, list_undefined, write_csv
from analysis.statistics import Undefined
from analysis.statistics.contrasts import adjust_p, find_smallest_effect
from analysis.statistics.omnibus import cochrans_q
from models.items import Kind

QUICK = Draws(n_resamples=400, n_permutations=999)
SEED = 2_407
N_PERSONAS, N_CONTROLS, N_ITEMS = 10, 6, 400


def draw_codes(skills: NDArray[Any]) -> NDArray[Any]:
    """Hits (0) and misses (1): all find the same items hard, each with noise of its own."""
    rng = np.random.default_rng(SEED)
    difficulty = rng.random(N_ITEMS)
    noise = rng.normal(0, 0.05, (len(skills), N_ITEMS))
    return np.where(difficulty + noise < skills[:, None], 0, 1)


def make_skills(**changes: float) -> NDArray[Any]:
    """Skill .6 of everybody but those named: p0 to p9."""
    skills = np.full(N_PERSONAS + N_CONTROLS + 1, 0.6)
    for name, skill in changes.items():
        skills[int(name[1:])] = skill
    return skills


def measure(
    codes: NDArray[Any], *, n_personas: int = N_PERSONAS, n_controls: int = N_CONTROLS
) -> Measure:
    settings = make_settings(n_personas, n_controls, empty=len(codes) > n_personas + n_controls)
    tags: list[dict[str, Any]] = [{} for _ in range(codes.shape[1])]
    found = measure_accuracy(make_slice(settings, codes, kind=Kind.CHOICE, tags=tags), QUICK)
    assert found is not None
    return found


def show(skills: NDArray[Any]) -> Section:
    return make_section(measure(draw_codes(skills)), make_settings(N_PERSONAS, N_CONTROLS))


def test_of_those_that_differ_the_flagged_are_counted() -> None:
    codes = draw_codes(make_skills(p3=0.4, p7=0.75))
    codes[5, : N_ITEMS // 2] = REFUSED
    settings = make_settings(N_PERSONAS, N_CONTROLS)

    silent = describe_contrasts(make_section(measure(codes), settings)).sentence
    outspoken = describe_contrasts(show(make_skills(p3=0.4, p7=0.75))).sentence

    assert "1 of the 3 lacks more than 20% of the answers" in silent
    assert "lack" not in outspoken


def test_a_planted_difference_is_found_with_its_size_and_band() -> None:
    found = measure(draw_codes(make_skills(p3=0.4, p7=0.75)))

    columns = found.per_setting
    assert np.flatnonzero(columns["p_adjusted"] < 0.05).tolist() == [3, 7]
    assert columns["verdict"][3] == columns["verdict"][7] == "different"
    assert columns["band_low"][3] < columns["difference"][3] < columns["band_high"][3] < -0.1
    assert columns["difference"][7] == pytest.approx(0.15, abs=0.04)
    against = found.contrasts["controls"]
    assert isinstance(against, Comparison)
    assert (against.n_personas, against.n_compared, against.n_significant) == (10, 10, 2)
    assert against.main.different == 2


def test_verdicts_are_counted_as_they_stand_in_the_column() -> None:
    found = measure(draw_codes(make_skills(p0=0.5)))

    against = found.contrasts["controls"]
    assert isinstance(against, Comparison)
    verdicts = found.per_setting["verdict"]
    for verdict in ("equivalent", "different", "undecided"):
        assert verdicts.count(verdict) == getattr(against.main, verdict)
    assert sum(against.main[1:]) == against.n_compared


def test_each_persona_is_judged_by_the_controls_own_spread_too() -> None:
    found = measure(draw_codes(make_skills(p0=0.3)))

    against = found.contrasts["controls"]
    assert isinstance(against, Comparison)
    second = against.by_controls
    assert not isinstance(second, Undefined)
    control_scores = found.per_setting["score"][N_PERSONAS:][:N_CONTROLS]
    assert second.delta == pytest.approx(2 * control_scores.std(ddof=1))
    verdicts = found.per_setting["verdict_by_controls"]
    assert verdicts[0] == "different"
    assert verdicts.count("different") == second.different
    assert verdicts.count("undecided") == second.undecided


def test_without_two_controls_their_spread_is_no_margin() -> None:
    codes = draw_codes(np.full(11, 0.6))
    found = measure(codes, n_controls=1)

    assert found.per_setting["verdict_by_controls"] == [None] * 11
    assert found.reasons["verdict_by_controls"] == "fewer than two controls"
    assert found.per_setting["verdict"][0] is not None


def test_controls_that_score_alike_are_no_margin() -> None:
    codes = draw_codes(make_skills(p0=0.3))
    codes[N_PERSONAS : N_PERSONAS + N_CONTROLS] = codes[N_PERSONAS]

    against = measure(codes).contrasts["controls"]

    assert isinstance(against, Comparison)
    assert against.by_controls == Undefined("all controls score the same")


def test_of_five_clusters_nothing_is_said_to_be_found_with_power() -> None:
    section = make_section(
        measure(draw_codes(make_skills(p0=0.3))[:, :5]), make_settings(N_PERSONAS, N_CONTROLS)
    )

    assert section.numbers["median_smallest_effect"] == {"undefined": NO_POWER}
    assert section.measure["reasons"]["smallest_effect"] == NO_POWER
    assert f"with a power of 80% is not defined: {NO_POWER}" in describe_contrasts(section).sentence


def test_where_nobody_has_a_band_nobody_is_counted_as_outside() -> None:
    codes = draw_codes(make_skills())[:, :8]
    codes[:N_PERSONAS] = 0
    codes[:N_PERSONAS, 0] = 1  # one miss each: some resample has none
    codes[N_PERSONAS:] = 0
    section = make_section(measure(codes), make_settings(N_PERSONAS, N_CONTROLS))

    against = section.measure["contrasts"]["controls"]
    assert against["critical"] == against["main"]["different"] == {"undefined": NO_BANDS}
    assert NO_BANDS in describe_contrasts(section).sentence


def test_p_is_the_larger_of_two_tests_and_with_a_single_control_the_signs() -> None:
    codes = draw_codes(make_skills(p3=0.4))

    several, single = measure(codes), measure(codes[: N_PERSONAS + 1], n_controls=1)

    both = several.per_setting
    larger = np.maximum(both["p_flip"], both["p_exchange"])[:N_PERSONAS]
    np.testing.assert_allclose(both["p_adjusted"][:N_PERSONAS], adjust_p(larger, method="fdr_bh"))
    assert both["p_exchange_side"][3] <= both["p_exchange"][3] < 0.01
    assert "empty_p_exchange" not in both
    assert not any(key.startswith("empty_p_exchange") for key in several.reasons)
    assert several.reasons["p_exchange"] == NO_P
    alone = single.per_setting
    assert np.isnan(alone["p_exchange"]).all()
    assert single.reasons["p_exchange"] == single.reasons["p_exchange_side"] == ONE_REFERENCE
    np.testing.assert_allclose(
        alone["p_adjusted"][:N_PERSONAS],
        adjust_p(alone["p_flip"][:N_PERSONAS], method="fdr_bh"),
    )


def test_controls_are_not_placed_among_themselves() -> None:
    found = measure(draw_codes(make_skills(p0=0.3)))

    place = found.per_setting["place_t"]
    assert place[0] < -3
    assert np.isnan(place[N_PERSONAS : N_PERSONAS + N_CONTROLS]).all()
    assert not np.isnan(np.delete(place, np.arange(N_PERSONAS, N_PERSONAS + N_CONTROLS))).any()


def test_the_papers_test_is_of_answers_scored_as_the_paper_does() -> None:
    codes = draw_codes(make_skills())
    codes[0, :100] = UNREADABLE  # option A to the authors, which is right

    section = make_section(measure(codes), make_settings(N_PERSONAS, N_CONTROLS))

    asked, paper = section.measure["omnibus"]
    assert (asked["scoring"], paper["scoring"]) == ("asked", "paper")
    expected = cochrans_q(np.where(codes == UNREADABLE, 0, codes) == 0)
    assert not isinstance(expected, Undefined)
    assert section.numbers["paper_p"] == paper["cochran"]["p"] == pytest.approx(expected.p)
    assert section.numbers["cochran_p"] == asked["cochran"]["p"] != section.numbers["paper_p"]


def test_the_margin_is_a_percentage_point_or_a_tenth_of_a_scale_point() -> None:
    codes = draw_codes(make_skills())
    tags = [{"question": "calm"} for _ in range(N_ITEMS)]
    settings = make_settings(N_PERSONAS, N_CONTROLS)
    part = make_slice(settings, codes * 3 + 1, kind=Kind.LIKERT, tags=tags, n_options=5)

    (scale,) = measure_answers(part, QUICK)
    share = measure(codes)

    deltas = [found.contrasts["controls"] for found in (share, scale)]
    assert [each.main.delta for each in deltas if isinstance(each, Comparison)] == [0.01, 0.1]
    control_sd = share.per_setting["score"][N_PERSONAS : N_PERSONAS + N_CONTROLS].std(ddof=1)
    assert isinstance(deltas[0], Comparison)
    assert not isinstance(deltas[0].by_controls, Undefined)
    assert deltas[0].by_controls.delta == pytest.approx(2 * control_sd)


def test_the_smallest_effect_comes_from_the_errors_alone() -> None:
    found = measure(draw_codes(make_skills(p3=0.4)))

    smallest = find_smallest_effect(found.per_setting["difference_error"], n_tests=N_PERSONAS)
    np.testing.assert_allclose(found.per_setting["smallest_effect"], smallest)
    against = found.contrasts["controls"]
    assert isinstance(against, Comparison)
    assert against.smallest.median == pytest.approx(np.median(smallest[:N_PERSONAS]))


def test_controls_and_no_persona_are_compared_with_and_not_compared() -> None:
    found = measure(draw_codes(make_skills()))

    for key in ("p_adjusted", "band_low", "smallest_effect", "empty_difference"):
        assert np.isnan(found.per_setting[key][N_PERSONAS:]).all()
        assert not np.isnan(found.per_setting[key][:N_PERSONAS]).any()
    assert set(found.per_setting["verdict"][N_PERSONAS:]) == {None}


def test_no_persona_is_the_second_reference() -> None:
    skills = make_skills()
    skills[-1] = 0.3

    found = measure(draw_codes(skills))

    scores = found.per_setting["score"]
    np.testing.assert_allclose(
        found.per_setting["empty_difference"][:N_PERSONAS], scores[:N_PERSONAS] - scores[-1]
    )
    controls, empty = found.contrasts["controls"], found.contrasts["empty"]
    assert isinstance(controls, Comparison)
    assert isinstance(empty, Comparison)
    assert (controls.n_significant, empty.n_significant) == (0, N_PERSONAS)


def test_a_persona_that_answers_as_the_controls_do_has_no_error() -> None:
    codes = np.tile(draw_codes(make_skills())[0], (N_PERSONAS + N_CONTROLS + 1, 1))
    codes[4] = draw_codes(make_skills())[4]

    one = measure(codes)
    codes[4] = codes[0]
    none = measure(codes)

    against = one.contrasts["controls"]
    assert isinstance(against, Comparison)
    assert (against.n_personas, against.n_compared) == (10, 1)
    assert one.per_setting["verdict"][0] is None
    assert none.contrasts["controls"] == Undefined(NO_ERRORS)


@pytest.mark.parametrize(
    ("n_personas", "n_controls", "said"),
    [(3, 0, "no reference to compare with"), (0, 3, "no persona")],
    ids=["no-controls", "no-personas"],
)
def test_without_a_side_there_is_no_contrast(n_personas: int, n_controls: int, said: str) -> None:
    codes = draw_codes(np.full(n_personas + n_controls, 0.6))

    found = measure(codes, n_personas=n_personas, n_controls=n_controls)

    against = found.contrasts["controls"]
    assert against == Undefined(said)
    assert np.isnan(found.per_setting["p_adjusted"]).all()
    settings = make_settings(n_personas, n_controls, empty=False)
    assert said in describe_contrasts(make_section(found, settings)).verdict


def test_the_finding_says_how_many_differ_and_what_could_be_found() -> None:
    section = show(make_skills(p3=0.4, p7=0.75))

    finding = describe_contrasts(section)

    assert finding.verdict == "2 of 10"
    assert "2 of 10 personas differ from the controls’ mean after adjustment" in finding.sentence
    assert "most of all “a person 3” (−2" in finding.sentence
    assert "up to 1.0 percentage points for none, 2 lie beyond doubt outside" in finding.sentence
    assert "with a power of 80% is" in finding.sentence


def test_the_tables_leave_the_references_cells_blank() -> None:
    section = show(make_skills(p3=0.4))

    columns = list_columns(section, for_page=True)
    keys = [column.key for column in columns]
    rows = {row[0].text: row for row in list_rows(section, columns)}

    verdict, p = keys.index("verdict"), keys.index("p_adjusted")
    assert rows["a person 3"][verdict].text == "different"
    assert float(rows["a person 3"][p].text) < 0.05
    assert rows["an aide 0"][verdict].text == rows["(no persona)"][p].text == ""
    assert not any("Verdict" in said for said in list_undefined(section, columns))
    csv = write_csv(section).splitlines()
    assert "empty_p_adjusted" in csv[0]
    assert csv[N_PERSONAS + 1].endswith(",")  # nothing is "not defined" for a control
