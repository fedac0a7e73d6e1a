"""Questionnaires: both of Table 10's block choices, reliability, spread over wordings."""

from typing import Any

import numpy as np
import pytest
from invented_slices import make_section, make_settings, make_slice
from numpy.typing import NDArray
from scipy import stats

from analysis.arrays import SliceArray
from analysis.attitudes import NO_COMMON, NO_WORDING_SD, Blocks, BlockTest, Questionnaire
from analysis.likert import measure_answers
from analysis.measures import Draws, Measure
from analysis.readings import REFUSED
from analysis.report.definitions import DEFINITIONS
from analysis.report.details import list_details
from analysis.report.questionnaires import write_questionnaire
from analysis.report.tables import list_columns
from analysis.statistics import Undefined
from analysis.statistics.agreement import cronbach_alpha
from analysis.statistics.omnibus import Friedman
from analysis.statistics.scorings import Scoring
from models.items import Kind

QUICK = Draws(n_resamples=100, n_permutations=99)
SEED = 20_240_702
N_STATEMENTS, N_INSTRUCTIONS = 4, 6
REVERSED = 3  # the last statement


def make_questionnaire(points: NDArray[Any], *, n_personas: int, n_controls: int) -> SliceArray:
    """Answers as given, [settings, statements, instructions]."""
    tags = [
        {
            "cluster": str(instruction),
            "stratum": "warmth",
            "attitude": "warmth",
            "statement": statement,
            "instruction": instruction,
            "reversed": statement == REVERSED,
        }
        for statement in range(points.shape[1])
        for instruction in range(points.shape[2])
    ]
    return make_slice(
        make_settings(n_personas, n_controls),
        points.reshape(len(points), -1),
        kind=Kind.LIKERT,
        tags=tags,
        n_options=5,
    )


def draw_points(*, n_settings: int = 15) -> NDArray[Any]:
    rng = np.random.default_rng(SEED)
    return rng.integers(1, 6, (n_settings, N_STATEMENTS, N_INSTRUCTIONS))


def turn_round(points: NDArray[Any]) -> NDArray[Any]:
    turned = points.copy()
    turned[:, REVERSED] = 6 - turned[:, REVERSED]
    return turned


def measure(points: NDArray[Any], *, n_personas: int = 8, n_controls: int = 6) -> Measure:
    part = make_questionnaire(points, n_personas=n_personas, n_controls=n_controls)
    (found,) = measure_answers(part, QUICK)
    return found


def read_questionnaire(found: Measure) -> Questionnaire:
    questionnaire = found.details["questionnaire"]
    assert isinstance(questionnaire, Questionnaire)
    return questionnaire


def pick(found: Measure, group: str, blocks: Blocks, scoring: Scoring) -> BlockTest:
    (test,) = [
        test
        for test in read_questionnaire(found).tests
        if (test.group, test.blocks, test.scoring) == (group, blocks, scoring)
    ]
    return test


@pytest.mark.parametrize("scoring", [Scoring.PAPER, Scoring.ASKED])
@pytest.mark.parametrize("blocks", list(Blocks))
@pytest.mark.parametrize("group", ["personas", "controls"])
def test_both_block_choices_are_scipys_friedman(
    scoring: Scoring, blocks: Blocks, group: str
) -> None:
    points = draw_points()
    rows = [*range(8), 14] if group == "personas" else list(range(8, 14))  # the empty one is last

    test = pick(measure(points), group, blocks, scoring)

    over = 2 if blocks is Blocks.STATEMENTS else 1  # the value is the mean over the other
    means = turn_round(points)[rows].mean(axis=over)
    expected = stats.friedmanchisquare(*means)
    assert isinstance(test.friedman, Friedman)
    assert test.n_settings == len(rows)
    assert test.friedman.statistic == pytest.approx(expected.statistic)
    assert test.friedman.p == pytest.approx(expected.pvalue)
    assert test.friedman.n_blocks == (4 if blocks is Blocks.STATEMENTS else 6)
    assert test.friedman.f is not None


def test_a_refused_answer_is_point_3_for_the_paper_and_left_out_for_us() -> None:
    points = draw_points()
    points[2, 0, 0] = REFUSED

    found = measure(points)

    paper = pick(found, "personas", Blocks.STATEMENTS, Scoring.PAPER)
    ours = pick(found, "personas", Blocks.STATEMENTS, Scoring.ASKED)
    controls = pick(found, "controls", Blocks.STATEMENTS, Scoring.ASKED)
    assert (paper.n_items, ours.n_items, controls.n_items) == (24, 23, 24)
    filled = points.copy()
    filled[2, 0, 0] = 3
    expected = stats.friedmanchisquare(*turn_round(filled)[[*range(8), 14]].mean(axis=2))
    assert isinstance(paper.friedman, Friedman)
    assert paper.friedman.statistic == pytest.approx(expected.statistic)


def test_the_spread_over_instructions_is_a_mean_over_statements() -> None:
    points = draw_points()

    found = measure(points)

    sd = points.std(axis=2, ddof=1).mean(axis=1)
    np.testing.assert_allclose(found.per_setting["wording_sd"], sd)
    np.testing.assert_allclose(found.per_setting["wording_sd_0"], points.std(axis=2).mean(axis=1))
    spread = read_questionnaire(found).wording_sd
    assert spread["controls"] == pytest.approx(sd[8:14].mean())
    assert spread["personas"] == pytest.approx(sd[[*range(8), 14]].mean())


def test_the_spread_is_of_the_answers_that_were_given() -> None:
    points = draw_points()
    points[0, 1, 2:] = REFUSED  # two are left
    points[1, 1, 1:] = REFUSED  # one is left: no spread

    columns = measure(points).per_setting

    given = [points[0, statement, : 2 if statement == 1 else None] for statement in range(4)]
    assert columns["wording_sd"][0] == pytest.approx(np.mean([one.std(ddof=1) for one in given]))
    assert np.isnan(columns["wording_sd"][1])


def test_a_mean_over_settings_says_whom_it_leaves_out() -> None:
    points = draw_points()
    points[1, 1, 1:] = REFUSED  # one answer is left: no spread
    points[8:14, 0] = REFUSED  # no control has one

    found = measure(points)

    questionnaire, sd = read_questionnaire(found), found.per_setting["wording_sd"]
    others = [0, *range(2, 8), 14]
    assert questionnaire.wording_sd["personas"] == pytest.approx(sd[others].mean())
    assert questionnaire.wording_sd["controls"] == Undefined(NO_WORDING_SD)
    assert questionnaire.left_out["wording_sd"] == {"personas": 1, "controls": 6}
    assert questionnaire.left_out["wording_sd_paper"] == {"personas": 0, "controls": 0}


def test_the_papers_spread_takes_a_refusal_for_a_3_and_leaves_nobody_out() -> None:
    points = draw_points()
    points[1, 1, 1:] = REFUSED
    points[2] = REFUSED

    found = measure(points)

    filled = np.where(points == REFUSED, 3, points)
    sd = filled.std(axis=2, ddof=1).mean(axis=1)
    np.testing.assert_allclose(found.per_setting["wording_sd_paper"], sd, atol=1e-12)
    assert found.per_setting["wording_sd_paper"][2] == 0  # steady, by refusing
    assert np.isnan(found.per_setting["wording_sd"][2])
    spread = read_questionnaire(found).wording_sd_paper
    assert spread["personas"] == pytest.approx(sd[[*range(8), 14]].mean())


def test_a_persona_that_refuses_everything_harms_no_mean_of_the_others() -> None:
    points = draw_points()
    points[0] = REFUSED

    section = make_section(measure(points), make_settings(8, 6))
    _, reliability = write_questionnaire(section)

    assert section.numbers["persona_wording_left_out"] == 1
    assert section.numbers["control_wording_left_out"] == 0
    assert "personas and none (1 setting with too few answers left out)" in reliability[2]
    assert section.numbers["persona_unreversed"] == pytest.approx(points[[*range(1, 8), 14]].mean())


def test_answers_as_given_are_not_turned_round() -> None:
    points = draw_points()
    points[0] = 5

    found = measure(points)

    assert found.per_setting["unreversed"][0] == 5
    assert found.per_setting["score"][0] == pytest.approx((5 * 3 + 1) / 4)
    assert read_questionnaire(found).unreversed["controls"] == pytest.approx(points[8:14].mean())


def test_alpha_is_cronbachs_of_means_over_the_instructions() -> None:
    points = draw_points()

    alpha = read_questionnaire(measure(points)).cronbach_alpha

    assert alpha == pytest.approx(cronbach_alpha(turn_round(points).mean(axis=2)))


def test_alpha_names_the_statements_that_it_is_of() -> None:
    points = draw_points()
    points[4, 1] = REFUSED  # one setting refuses a statement under all instructions

    found = measure(points)
    whole = read_questionnaire(measure(draw_points()))
    questionnaire = read_questionnaire(found)
    section = make_section(found, make_settings(8, 6))

    assert (whole.n_statements, whole.n_alpha_statements) == (4, 4)
    assert (questionnaire.n_statements, questionnaire.n_alpha_statements) == (4, 3)
    kept = np.delete(turn_round(points), 1, axis=1)
    assert questionnaire.cronbach_alpha == pytest.approx(cronbach_alpha(kept.mean(axis=2)))
    assert section.numbers["n_alpha_statements"] == 3
    assert "It is of 3 of 4 statements" in write_questionnaire(section)[1][3]


def test_a_planted_attitude_is_found_by_many_blocks_rather_than_by_few() -> None:
    rng = np.random.default_rng(SEED)
    levels = np.linspace(2, 4, 15)[:, None, None]
    points = np.clip(np.round(levels + rng.normal(0, 1, (15, 4, 31))), 1, 5).astype(int)
    points[:, REVERSED] = 6 - points[:, REVERSED]

    found = measure(points)

    few = pick(found, "personas", Blocks.STATEMENTS, Scoring.ASKED).friedman
    many = pick(found, "personas", Blocks.INSTRUCTIONS, Scoring.ASKED).friedman
    assert isinstance(few, Friedman)
    assert isinstance(many, Friedman)
    assert many.p < 1e-10 < few.p < 0.001
    assert read_questionnaire(found).cronbach_alpha == pytest.approx(0.99, abs=0.02)


@pytest.mark.parametrize(
    ("points", "n_personas", "n_controls"),
    [
        (np.full((15, 4, 6), 3), 8, 6),
        (np.full((15, 4, 6), REFUSED), 8, 6),
        (np.full((3, 1, 1), 2), 1, 1),
        (np.full((2, 4, 6), 2), 1, 0),
    ],
    ids=["all-alike", "all-refused", "one-item", "no-controls"],
)
def test_what_cannot_be_told_has_a_reason(
    points: NDArray[Any], n_personas: int, n_controls: int
) -> None:
    found = measure(points, n_personas=n_personas, n_controls=n_controls)

    questionnaire = read_questionnaire(found)
    ours = [test for test in questionnaire.tests if test.scoring is Scoring.ASKED]
    assert all(isinstance(test.friedman, Undefined) and test.friedman.reason for test in ours)
    assert isinstance(questionnaire.cronbach_alpha, Undefined)


def test_the_report_tells_both_block_choices_and_has_every_number_defined() -> None:
    found = measure(draw_points())
    section = make_section(found, make_settings(8, 6))

    (table,) = list_details(section)
    blocks, reliability = write_questionnaire(section)

    assert [row[0].text for row in table.rows] == ["personas and none", "controls"] * 4
    assert [row[3].text for row in table.rows[:4]] == ["instructions"] * 2 + ["statements"] * 2
    main = pick(found, "personas", Blocks.INSTRUCTIONS, Scoring.ASKED).friedman
    assert isinstance(main, Friedman)
    keys = [column.key for column in table.columns]
    assert table.rows[0][keys.index("blocks_chi2")].value == pytest.approx(main.statistic)
    assert (
        f"With the 6 instructions as blocks: personas and none p\xa0=\xa0{main.p:.3f}" in blocks[2]
    )
    assert "with the 4 statements as blocks" in blocks[2]
    assert reliability[1].startswith("Cronbach’s alpha = ")
    assert {"cronbach_alpha", "persona_wording_sd"} <= set(section.numbers) <= set(DEFINITIONS)
    csv = list_columns(section, for_page=False)
    assert {"wording_sd", "unreversed"} <= {column.key for column in csv} - set(keys)


def test_the_report_says_why_a_test_of_a_questionnaire_is_not_defined() -> None:
    found = measure(np.full((15, 4, 6), REFUSED))
    section = make_section(found, make_settings(8, 6))

    (table,) = list_details(section)
    blocks, reliability = write_questionnaire(section)

    assert blocks[1] == reliability[1] == f"Not defined: {NO_COMMON}".capitalize()
    assert any(NO_COMMON in said for said in table.undefined)


def test_scales_without_several_wordings_have_no_questionnaire() -> None:
    points = draw_points()
    part = make_questionnaire(points, n_personas=8, n_controls=6)
    tags = [{"question": "offensive", "cluster": str(at)} for at in range(len(part.items))]
    tweets = make_slice(part.settings, part.codes, kind=Kind.LIKERT, tags=tags, n_options=5)

    (found,) = measure_answers(tweets, QUICK)

    assert "questionnaire" not in found.details
    assert "wording_sd" not in found.per_setting
