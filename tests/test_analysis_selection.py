"""Selection and uncertainty of a measure: planted effects, nulls, gaps in the answers, words."""

from typing import Any

import numpy as np
import pytest
from invented_slices import make_section, make_settings, make_slice
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.item_checks import BlockCheck, CommonItems, Unclustered
from analysis.likert import measure_answers
from analysis.measures import Draws, Measure
from analysis.performance import measure_accuracy
from analysis.planned import Setting
from analysis.report.selection_blocks import list_selection_blocks
from analysis.report.tables import list_columns, list_rows, write_csv
from analysis.selection import FEW_PERSONAS, Selection, WithoutFlagged
from analysis.statistics import Undefined
from analysis.statistics.categories import CategoryEffect
from analysis.statistics.components import Component, Components
from analysis.statistics.contrasts import McNemar
from analysis.statistics.ranks import SplitGap
from analysis.statistics.shrinkage import ShrunkenGap
from analysis.statistics.spread import Gap
from analysis.variance import Generalizability, Spread, VarianceParts, describe_parts
from models.items import Kind

QUICK = Draws(n_resamples=400, n_permutations=999)
SEED = 2_407
N_PERSONAS, N_CONTROLS, N_ITEMS = 24, 6, 400


def make_people(n_personas: int = N_PERSONAS) -> list[Setting]:
    """Personas in two categories, controls and the empty setting."""
    people = [
        Setting(f"a person {n}", "towns" if n % 2 else "readers", f"You are a person {n}.")
        for n in range(n_personas)
    ]
    return [*people, *make_settings(0, N_CONTROLS)]


def draw_array(
    skills: NDArray[Any], *, missing: float = 0, tags: list[dict[str, Any]] | None = None
) -> SliceArray:
    """Hits and misses on items that all find equally hard, some without an answer (-2)."""
    rng = np.random.default_rng(SEED)
    codes = np.where(rng.random((len(skills), N_ITEMS)) < skills[:, None], 0, 1)
    codes[rng.random(codes.shape) < missing] = -2
    people = make_people(len(skills) - N_CONTROLS - 1)
    each = tags or [{"cluster": f"c{n // 4}"} for n in range(N_ITEMS)]
    return make_slice(people, codes, kind=Kind.CHOICE, tags=each)


def measure(part: SliceArray) -> Measure:
    found = measure_accuracy(part, QUICK)
    assert found is not None
    return found


def make_skills(n_personas: int = N_PERSONAS, **changes: float) -> NDArray[Any]:
    skills = np.full(n_personas + N_CONTROLS + 1, 0.6)
    for name, skill in changes.items():
        skills[int(name[1:])] = skill
    return skills


def select(found: Measure) -> Selection:
    selection = found.details["selection"]
    assert isinstance(selection, Selection)
    return selection


def test_personas_that_are_all_alike_have_a_gap_only_before_selection_is_taken_out() -> None:
    found = measure(draw_array(make_skills()))

    selection, gap = select(found), found.gap
    assert isinstance(gap, Gap)
    assert isinstance(selection.gap_split, SplitGap)
    assert selection.tau == 0  # so all of a category are shrunken to one score, without an error
    assert isinstance(selection.gap_shrunken, Undefined)
    assert "item noise" in selection.gap_shrunken.reason
    assert gap.value > 0.05
    assert abs(selection.gap_split.value) < 0.04 < 0.1 < selection.gap_split.chosen
    assert np.nanmax(found.per_setting["chance_top"]) < 0.9
    assert np.nanmin(found.per_setting["rank_high"]) == N_PERSONAS  # anyone may be the last


def test_a_planted_best_and_worst_keep_their_ranks_and_their_gap() -> None:
    found = measure(draw_array(make_skills(p3=0.9, p10=0.2)))

    columns, selection = found.per_setting, select(found)
    assert (columns["rank"][3], columns["rank"][10]) == (1, N_PERSONAS)
    assert (columns["rank_low"][3], columns["rank_high"][3]) == (1, 1)
    assert columns["rank_low"][10] == columns["rank_high"][10] == N_PERSONAS
    assert columns["chance_top"][3] == columns["chance_bottom"][10] == 1
    assert isinstance(selection.gap_split, SplitGap)
    assert selection.gap_split.value == pytest.approx(0.7, abs=0.06)
    assert columns["shrunken_low"][3] < 0.9 < columns["shrunken_high"][3]
    assert isinstance(selection.gap_shrunken, ShrunkenGap)
    assert 0 < selection.gap_shrunken.low < selection.gap_shrunken.value < 0.7


def test_controls_and_the_empty_setting_are_not_ranked() -> None:
    columns = measure(draw_array(make_skills())).per_setting

    for key in ("rank", "rank_low", "shrunken", "chance_top", "common_difference"):
        assert np.isnan(columns[key][N_PERSONAS:]).all()
    assert np.nansum(columns["chance_top"]) == pytest.approx(10)


def test_categories_that_differ_are_told_from_categories_that_do_not() -> None:
    readers = {f"p{n}": 0.75 for n in range(0, N_PERSONAS, 2)}

    planted = select(measure(draw_array(make_skills(**readers)))).category_effect
    null = select(measure(draw_array(make_skills()))).category_effect

    assert isinstance(planted, CategoryEffect)
    assert isinstance(null, CategoryEffect)
    assert planted.p == pytest.approx(0.001)
    assert planted.eta_squared > 0.8 > 0.3 > null.eta_squared


def test_ten_personas_have_no_chance_of_the_top_ten() -> None:
    found = measure(draw_array(make_skills(10)))

    assert np.isnan(found.per_setting["chance_top"]).all()
    assert found.reasons["chance_top"] == FEW_PERSONAS
    assert found.per_setting["rank"][:10].min() == 1


def test_one_persona_and_none_have_no_selection_and_raise_nothing() -> None:
    one, none = measure(draw_array(make_skills(1))), measure(draw_array(make_skills(0)))

    for found in (one, none):
        selection = select(found)
        assert isinstance(selection.gap_split, Undefined)
        assert isinstance(selection.tau, Undefined)
        assert isinstance(found.details["components"], Undefined)


def test_planted_components_come_back_as_standard_deviations() -> None:
    rng = np.random.default_rng(SEED)
    found = measure(draw_array(np.r_[rng.normal(0.6, 0.1, N_PERSONAS), np.full(7, 0.6)]))

    parts = found.details["components"]
    assert isinstance(parts, VarianceParts)
    assert isinstance(parts.g, Generalizability)
    assert parts.parts["persona"].sd == pytest.approx(0.1, abs=0.03)
    residual = parts.parts["persona x item"].sd
    assert residual == pytest.approx(np.sqrt(0.6 * 0.4), abs=0.03)
    # reliability of a mean of 400 answers: 0.01/(0.01 + 0.24/400)
    assert parts.g.value == pytest.approx(0.94, abs=0.04)
    assert (parts.n_personas, parts.n_units, parts.unit) == (N_PERSONAS, N_ITEMS, "item")


def test_a_variance_whose_whole_interval_lies_below_0_has_no_interval_as_a_deviation() -> None:
    parts = {
        "below": Component(-0.03, -0.05, -0.01),
        "around": Component(-0.01, -0.05, 0.04),
        "above": Component(0.04, 0.01, 0.09),
        "alone": Component(0.04, None, None),
    }

    found = describe_parts(Components(parts, Undefined("none"), 5, 6, 1))

    below = Undefined("the whole interval lies below 0")
    negative = found["below"].sd
    assert isinstance(negative, Undefined)
    assert found["below"] == Spread(negative, below, below, -0.03)
    assert found["around"] == Spread(negative, 0, pytest.approx(0.2), -0.01)
    assert found["above"] == Spread(
        pytest.approx(0.2), pytest.approx(0.1), pytest.approx(0.3), 0.04
    )
    assert isinstance(found["alone"].low, Undefined)
    assert "clusters" in found["alone"].low.reason


def test_what_is_left_out_of_the_components_is_counted() -> None:
    part = draw_array(make_skills())
    codes = part.codes.copy()
    codes[2, :200] = -6  # missing, half of its cells
    codes[5, :30] = -6
    found = measure(make_slice(part.settings, codes, kind=Kind.CHOICE,
                               tags=[item.tags for item in part.items]))  # fmt: skip

    parts = found.details["components"]
    assert isinstance(parts, VarianceParts)
    assert (parts.n_personas_left_out, parts.n_items_left_out) == (1, 30)
    assert (parts.n_personas, parts.n_units) == (N_PERSONAS - 1, N_ITEMS - 30)


def test_a_persona_that_refuses_is_flagged_and_the_gap_given_again_without_it() -> None:
    part = draw_array(make_skills(p3=0.75))
    codes = part.codes.copy()
    codes[7, :120] = -2  # 30% of its answers
    found = measure(make_slice(part.settings, codes, kind=Kind.CHOICE,
                               tags=[item.tags for item in part.items]))  # fmt: skip

    selection = select(found)
    assert np.flatnonzero(found.per_setting["is_flagged"]).tolist() == [7]
    assert isinstance(found.gap, Gap)
    assert found.gap.worst == 7
    assert isinstance(selection.without_flagged, WithoutFlagged)
    again = selection.without_flagged.gap
    assert isinstance(again, Gap)
    assert selection.without_flagged.n_flagged == 1
    assert again.worst != 7
    assert again.value < found.gap.value
    assert np.isnan(found.per_setting["rank_unflagged"][7])
    assert found.per_setting["rank"][7] == N_PERSONAS
    assert np.nanmax(found.per_setting["rank_unflagged"]) < N_PERSONAS


def test_intervals_of_shrunken_scores_are_cut_where_no_score_can_be() -> None:
    skills = make_skills()
    skills[:N_PERSONAS] = 0.99
    skills[:4] = 0.95
    found = measure(draw_array(skills))

    columns = found.per_setting
    score, low, high = (
        columns[key][:N_PERSONAS] for key in ("shrunken", "shrunken_low", "shrunken_high")
    )
    assert (score + (score - low) > 1).any()  # else there is nothing to cut
    assert high.max() == 1
    assert ((low <= score) & (score <= high)).all()


def test_where_nobody_is_flagged_the_gap_without_the_flagged_says_so() -> None:
    selection = select(measure(draw_array(make_skills())))

    assert selection.without_flagged == Undefined("no persona lacks more than 20% of its answers")


def test_refusing_costs_points_but_not_on_the_items_that_both_answered() -> None:
    part = draw_array(make_skills())
    codes = part.codes.copy()
    codes[7, ::3] = -2
    found = measure(make_slice(part.settings, codes, kind=Kind.CHOICE,
                               tags=[item.tags for item in part.items]))  # fmt: skip

    columns, common = found.per_setting, found.details["common_items"]
    assert columns["difference"][7] < -0.15
    assert abs(columns["common_difference"][7]) < 3 * columns["common_error"][7]
    assert columns["common_items"][7] == pytest.approx(N_ITEMS * 2 / 3, abs=1)
    assert isinstance(common, CommonItems)
    assert common.largest_change_of == 7
    assert common.n_compared == N_PERSONAS


def test_the_appendix_compares_with_no_persona_item_by_item() -> None:
    found = measure(draw_array(make_skills(p3=0.9)))

    tests = found.details["unclustered"]
    assert isinstance(tests, Unclustered)
    assert tests.test == "McNemar"
    assert isinstance(tests.results[3], McNemar)
    assert tests.results[3].p < 1e-6
    assert tests.n_items.tolist() == [N_ITEMS] * N_PERSONAS


def test_blocks_inside_clusters_give_smaller_errors_where_whole_clusters_move() -> None:
    rng = np.random.default_rng(SEED)
    n_clusters, skills = 25, make_skills()
    shift = rng.normal(0, 0.25, (len(skills), n_clusters)).repeat(N_ITEMS // n_clusters, axis=1)
    codes = np.where(rng.random(shift.shape) < skills[:, None] + shift, 0, 1)
    tags = [{"cluster": f"c{n // 16}", "block": f"b{n // 4}"} for n in range(N_ITEMS)]

    found = measure(make_slice(make_people(), codes, kind=Kind.CHOICE, tags=tags))

    blocks = found.details["blocks"]
    assert isinstance(blocks, BlockCheck)
    assert (blocks.n_blocks, blocks.n_clusters) == (100, 25)
    assert isinstance(blocks.se_ratio, float)
    assert blocks.se_ratio < 0.9
    assert "blocks" not in measure(draw_array(skills)).details


def test_a_questionnaires_unit_is_the_instruction_and_points_get_wilcoxons_test() -> None:
    rng = np.random.default_rng(SEED)
    tags = [
        {"attitude": "tidiness", "statement": f"s{n % 4}", "instruction": f"i{n // 4}",
         "cluster": f"i{n // 4}"}
        for n in range(40)
    ]  # fmt: skip
    people = make_people()
    centre = rng.normal(3, 0.7, (len(people), 1))
    codes = np.clip(np.round(centre + rng.normal(0, 1, (len(people), 40))), 1, 5)
    codes[0, 0] = -2

    (found,) = measure_answers(make_slice(people, codes, kind=Kind.LIKERT, tags=tags), QUICK)

    parts, tests = found.details["components"], found.details["unclustered"]
    assert isinstance(parts, VarianceParts)
    assert (parts.unit, parts.n_units, parts.n_items_left_out) == ("instruction", 10, 1)
    assert isinstance(tests, Unclustered)
    assert tests.test == "Wilcoxon"
    assert tests.n_items.tolist() == [39] + [40] * (N_PERSONAS - 1)


def test_the_block_says_it_in_words_and_its_tables_have_the_numbers() -> None:
    part = draw_array(make_skills(p3=0.9, p10=0.2), missing=0.02)
    section = make_section(measure(part), part.settings)

    (block,) = list_selection_blocks(section)

    verdicts = {finding.question: finding.verdict for finding in block.findings}
    assert verdicts["Is the highest persona truly among the highest?"] == (
        "“a person 3”: a chance of 100% to be in the top 10"
    )
    assert verdicts["How much is too little to matter?"] == "1.0 percentage points"
    extremes, components, unclustered = block.tables
    assert extremes.rows[0][0].value == "a person 3"
    assert len(extremes.rows) == 20
    assert [row[0].value for row in components.rows][-1] == "persona × item"
    assert len(unclustered.rows) == N_PERSONAS
    assert [table.on_page for table in block.tables] == [True, True, False]


def test_personas_that_are_left_and_score_alike_are_said_to_be_equal() -> None:
    part = draw_array(make_skills())
    codes = part.codes.copy()
    codes[1:N_PERSONAS] = codes[0]
    codes[7, :120] = -2  # 30% of its answers
    part = make_slice(part.settings, codes, kind=Kind.CHOICE,
                      tags=[item.tags for item in part.items])  # fmt: skip

    (block,) = list_selection_blocks(make_section(measure(part), part.settings))

    question = "What is left without personas that have many answers missing?"
    (finding,) = [each for each in block.findings if each.question == question]
    assert finding.verdict == "They are equal"
    assert finding.sentence == (
        "Without 1 persona that lacks more than 20% of its answers all personas score alike."
    )


def test_the_settings_csv_has_ranks_of_personas_and_nothing_for_controls() -> None:
    part = draw_array(make_skills(p3=0.9))
    section = make_section(measure(part), part.settings)

    header, *lines = write_csv(section).splitlines()
    keys = header.split(",")
    cells = [dict(zip(keys, line.split(","), strict=False)) for line in lines]

    assert float(cells[3]["rank"]) == 1
    assert cells[N_PERSONAS]["rank"] == cells[N_PERSONAS]["chance_top"] == ""
    assert cells[N_PERSONAS]["is_flagged"] == "False"
    shown = list_rows(section, list_columns(section, for_page=False))
    texts = {column.key: cell.text for column, cell in
             zip(list_columns(section, for_page=False), shown[0], strict=True)}  # fmt: skip
    assert (texts["rank"], texts["chance_top"], texts["is_flagged"]) == ("1", "100.0%", "no")
