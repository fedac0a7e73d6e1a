"""Ranks of groups of personas: the groups themselves, hand-worked grids, a planted expertise."""

from pathlib import Path

import numpy as np
import pytest
from invented_experiments import (
    QUICK,
    Asked,
    ask,
    join_asked,
    make_evidence,
    make_people,
    mark_right,
)

from analysis.group_ranks import describe_group_ranks, place_group
from analysis.groups import (
    EXPERTISE,
    EXPERTS,
    FIELDS,
    OWN_GROUPS,
    SOCIAL_CATEGORIES,
    SUBJECT_GROUPS,
    list_social_groups,
)
from analysis.paper_names import LLMS
from analysis.planned import NO_PERSONA
from analysis.printed_tables import EXPERT_RANKS, SELF_RANKS, SOCIAL_RANKS, is_papers_grid
from analysis.readings import REFUSED
from analysis.report.bias_blocks import list_bias_blocks
from analysis.report.latex import write_latex
from analysis.report.performance_blocks import list_performance_blocks
from analysis.score_table import read_score_table
from analysis.slices import Roster, Slices
from analysis.statistics import Undefined
from analysis.statistics.ranks import rank_settings
from models.personas import load_persona_set
from scheduler.datasets import bbq, mmlu

SUBJECTS = sorted(subject for subjects in FIELDS.values() for subject in subjects)
EXPERT_PERSONAS = [persona for personas in EXPERTS.values() for persona in personas]


def make_roster(n_personas: int) -> Roster:
    labels = (*(f"p{n}" for n in range(n_personas)), NO_PERSONA)
    roles = (*["persona"] * n_personas, "empty")
    return Roster(labels, ("people",) * len(labels), roles, ())


def ask_mmlu(llm: str, *, better: dict[str, tuple[str, ...]] | None = None, per: int = 4) -> Asked:
    """Everyone knows half of every subject; ``better``: persona -> subjects that it knows whole."""
    settings = make_people([*EXPERT_PERSONAS, "a cook", "a poet", "a dancer"])
    subjects = np.repeat(SUBJECTS, per)
    right = np.tile(np.arange(len(subjects)) % per < per // 2, (len(settings), 1))
    for row, setting in enumerate(settings):
        for subject in (better or {}).get(setting.persona, ()):
            right[row, subjects == subject] = True
    tags = [{"subject": subject, "stratum": subject, "cluster": str(n)}
            for n, subject in enumerate(subjects.tolist())]  # fmt: skip
    return ask(llm, "mmlu", settings, mark_right(right), tags=tags)


def ask_bbq(llm: str, *, per: int = 4) -> Asked:
    """Everyone knows half of every category."""
    settings = make_people([own.persona for own in OWN_GROUPS])
    tags = [
        {"category": category, "context_condition": context}
        for category in SOCIAL_CATEGORIES.values()
        for context in ("ambig", "disambig")
        for _ in range(per)
    ]
    right = np.tile(np.arange(len(tags)) % per < per // 2, (len(settings), 1))
    return ask(llm, "bbq", settings, mark_right(right), tags=tags)


def find_places(slices: Slices, domain: str, *, scoring: str = "asked") -> dict[str, dict]:
    ranked = describe_group_ranks(slices, QUICK)["ranked"]
    table = next(each for each in ranked if each["scoring"] == scoring)
    (found,) = [each for each in table["domains"] if each["domain"] == domain]
    return {"": found, **{place["group"]: place for place in found["groups"]}}


def test_the_fields_hold_every_subject_once_and_the_subject_groups() -> None:
    assert len(SUBJECTS) == len(set(SUBJECTS)) == 57
    for own in EXPERTISE.values():
        assert set(SUBJECT_GROUPS[own.subjects]) <= set(FIELDS[own.field])


def test_the_groups_are_personas_of_the_paper() -> None:
    universal = {setting.persona for setting in load_persona_set("universal")}

    assert set(EXPERT_PERSONAS) <= universal
    assert {own.persona for own in OWN_GROUPS} <= universal
    assert [len(each) for each in list_social_groups().values()] == [5, 4, 6, 3]
    assert set(SOCIAL_CATEGORIES.values()) <= set(bbq.CATEGORIES)


def test_the_printed_tables_are_of_these_groups() -> None:
    domains = {*SUBJECT_GROUPS, *FIELDS, "overall"}

    assert {group for group, _ in EXPERT_RANKS} == {*EXPERTS, "empty"}
    assert {domain for _, domain in EXPERT_RANKS} == domains
    assert {group for group, _ in SOCIAL_RANKS} == {*list_social_groups(), "empty"}
    assert list(SELF_RANKS) == [own.title for own in OWN_GROUPS]


@pytest.mark.shared
def test_the_subjects_are_mmlus(shared: Path) -> None:
    items = mmlu.read_items(shared / "data")

    assert sorted({item.tags["subject"] for item in items}) == SUBJECTS


def test_a_groups_ranks_worked_by_hand() -> None:
    # p0 to p3 and no persona; in the mean .5, .7, .7, .3, .6: ranks 4, 1, 1, 5, 3
    scores = np.array([[0.4, 0.8, 0.6, 0.2, 0.5], [0.6, 0.6, 0.8, 0.4, 0.7]])
    ranks = rank_settings(scores.mean(axis=0), is_best_highest=True)

    found = place_group("pair", ["p0", "p2"], make_roster(4), scores, ranks)

    assert (found.mean_rank, found.best_rank, found.best) == (2.5, 1, "p2")
    assert found.lead == pytest.approx(0)  # (0 + 0)/2: .5 - .5 and .7 - .7
    assert found.n_llms_ahead == 0
    # two of four personas at random: one of the first two is among them in 5 of 6 draws
    assert found.random_best is not None
    assert not isinstance(found.random_best, Undefined)
    assert found.random_best.p == pytest.approx(5 / 6)
    assert found.random_best.expected == pytest.approx((5 * 1 + 1 * 4) / 6)


def test_a_group_with_a_setting_that_was_not_asked_has_no_rank() -> None:
    scores = np.array([[0.4, 0.8, 0.6]])

    found = place_group("pair", ["p0", "p7"], make_roster(2), scores, np.array([3.0, 1, 2]))

    assert found.mean_rank == Undefined("1 of the group’s 2 settings was not asked")


def test_without_the_empty_setting_there_is_nothing_to_lead() -> None:
    roster = Roster(("p0", "p1"), ("people",) * 2, ("persona",) * 2, ())

    found = place_group("one", ["p0"], roster, np.array([[0.1, 0.2]]), np.array([2.0, 1.0]))

    assert found.mean_rank == 2
    assert isinstance(found.lead, Undefined)


def test_planted_experts_are_first_where_they_are_experts_and_nowhere_else() -> None:
    law = SUBJECT_GROUPS["law"]
    better = dict.fromkeys(EXPERTS["law"], law)

    slices = join_asked([ask_mmlu("one", better=better), ask_mmlu("two", better=better)])

    own, field, health = (find_places(slices, d) for d in ("law", "humanities", "health"))
    assert (own["law"]["mean_rank"], own["law"]["best_rank"]) == (1, 1)
    assert own["empty"]["mean_rank"] == 3
    assert own["law"]["lead"] == pytest.approx(0.5)
    assert own["law"]["n_llms_ahead"] == 2
    assert own[""]["top"] == list(EXPERTS["law"])
    assert field["law"]["mean_rank"] == 1
    assert field["law"]["lead"] == pytest.approx(0.5 * 3 / 13)
    assert health["law"]["mean_rank"] == health["empty"]["mean_rank"] == 1  # all are tied


def test_llms_count_alike_and_ranks_are_of_their_mean() -> None:
    psychology = SUBJECT_GROUPS["psychology"]
    plants = [{"a psychologist": psychology}, {"a lawyer": (*psychology, "sociology")}, {}]

    slices = join_asked([ask_mmlu(f"llm {n}", better=each) for n, each in enumerate(plants)])

    places = find_places(slices, "psychology")
    assert places["psychologist"]["mean_rank"] == places["law"]["best_rank"] == 1
    assert places["psychologist"]["lead"] == pytest.approx(0.5 / 3)
    assert places["psychologist"]["n_llms_ahead"] == 1
    assert find_places(slices, "social sciences")["psychologist"]["mean_rank"] == 2


def test_a_field_without_one_of_its_subjects_has_no_ranks() -> None:
    asked = ask_mmlu("one")
    keep = asked.array.tag_items("subject") != "jurisprudence"

    slices = join_asked([Asked("one", asked.array.select_items(keep))])

    assert find_places(slices, "law")["law"]["mean_rank"] == {
        "undefined": "an LLM was not asked about jurisprudence"
    }
    assert find_places(slices, "health")["health"]["mean_rank"] == 1
    assert find_places(slices, "overall")[""]["n_parts"] == 56


def test_refused_answers_are_no_hits_unless_left_out() -> None:
    asked = ask_mmlu("one")
    asked.array.codes[EXPERT_PERSONAS.index("a lawyer"), ::2] = -1  # every second answer

    slices = join_asked([asked])

    assert find_places(slices, "overall")["law"]["mean_rank"] > 1
    assert find_places(slices, "overall", scoring="answered")["law"]["mean_rank"] == 1


def test_other_data_sets_have_no_groups_to_rank() -> None:
    settings = make_people(["a cook"])
    codes = mark_right(np.ones((len(settings), 6), np.bool_))

    assert describe_group_ranks(join_asked([ask("one", "own", settings, codes)]), QUICK) == {
        "ranked": []
    }


def test_the_papers_numbers_stand_beside_its_own_grid_alone() -> None:
    sets = [load_persona_set(name) for name in ("universal", "control", "empty")]
    labels = [setting.persona or NO_PERSONA for each in sets for setting in each]

    assert is_papers_grid(LLMS, labels, template="paper")
    assert not is_papers_grid(LLMS[1:], labels, template="paper")
    assert not is_papers_grid(LLMS, labels[1:], template="paper")
    assert not is_papers_grid(LLMS, labels, template="clean")


def test_the_report_says_who_leads_and_by_how_much() -> None:
    better = {"a psychologist": SUBJECT_GROUPS["psychology"]}
    slices = join_asked([ask_mmlu("one", better=better)])
    evidence = make_evidence(slices, {"group_ranks": describe_group_ranks(slices, QUICK)})

    (block,) = list_performance_blocks(evidence)

    finding = next(each for each in block.findings if "psychologist" in each.question)
    assert finding.verdict == "Mean rank 1 against 2 of no persona"
    assert "50.0 percentage points above that without a persona" in finding.sentence
    own, fields, _ = block.tables
    assert len(own.rows) == 4 * 3 * 2
    assert len(fields.rows) == 5 * 5 * 2
    assert "printed_rank" not in [column.key for column in own.columns]


def test_tables_of_ranks_say_which_of_the_papers_they_are() -> None:
    slices = join_asked([ask_mmlu("one"), ask_bbq("one")])
    evidence = make_evidence(slices, {"group_ranks": describe_group_ranks(slices, QUICK)})

    (experts,), (people,) = list_performance_blocks(evidence), list_bias_blocks(evidence)

    assert experts.title.endswith("(Tables 1 and 6)")
    own, fields, _ = experts.tables
    assert own.title.endswith("(Table 1)")
    assert fields.title.endswith("(Table 6)")
    (categories,) = people.tables
    assert people.title.endswith("(Table 7)")
    latex = write_latex(categories.slug, categories.title, categories.columns, categories.rows)
    assert r"\caption{Groups of personas in categories of BBQ (Table 7)}" in latex


@pytest.mark.shared
def test_overall_ranks_on_bbq_can_be_those_of_table_7(shared: Path) -> None:
    """The authors' scores lack the 30 controls, so a rank can only grow by up to 30."""
    table = read_score_table(shared / "published" / "all_scores.csv")
    labels = tuple(NO_PERSONA if name == "empty" else name for name in table.personas)
    roles = tuple("empty" if label == NO_PERSONA else "persona" for label in labels)
    roster = Roster(labels, table.categories, roles, ())
    scores = table.scores["bbq"]
    ranks = rank_settings(scores.mean(axis=0), is_best_highest=True)

    for group, personas in {"empty": (NO_PERSONA,), **list_social_groups()}.items():
        found = place_group(group, personas, roster, scores, ranks)
        printed = SOCIAL_RANKS[group, "overall"]
        assert isinstance(found.mean_rank, float)
        assert -0.06 <= printed.mean - found.mean_rank <= 30.06
        assert printed.best is None or 0 <= printed.best - found.best_rank <= 30


def test_ranks_are_given_again_without_settings_that_refuse_much() -> None:
    expert, other = EXPERTS["law"]
    asked = ask_mmlu("one", better={expert: SUBJECT_GROUPS["law"], other: SUBJECT_GROUPS["law"]})
    row = [setting.persona for setting in asked.array.settings].index(other)
    asked.array.codes[row, ::3] = REFUSED
    slices = join_asked([asked])

    without = find_places(slices, "law", scoring="asked, without flagged")

    assert find_places(slices, "law")["law"]["n_members"] == 2
    assert (without["law"]["n_members"], without["law"]["mean_rank"]) == (1, 1)
    assert without["law"]["best"] == expert
    assert without[""]["n_ranked"] == find_places(slices, "law")[""]["n_ranked"] - 1
    scorings = [each["scoring"] for each in describe_group_ranks(slices, QUICK)["ranked"]]
    assert scorings == ["asked", "paper", "answered", "asked, without flagged"]


def test_a_group_of_which_every_member_is_flagged_has_no_rank_without_them() -> None:
    asked = ask_mmlu("one")
    personas = [setting.persona for setting in asked.array.settings]
    for persona in EXPERTS["psychologist"]:
        asked.array.codes[personas.index(persona), ::2] = REFUSED

    without = find_places(join_asked([asked]), "law", scoring="asked, without flagged")

    assert without["psychologist"]["mean_rank"] == {"undefined": "no setting in the group"}
