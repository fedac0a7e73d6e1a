"""The paper's claims about accuracies against a file of scores: invented ones, and its own."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from analysis.claims import Verdict, judge_claim
from analysis.paper_claims import list_claims
from analysis.paper_names import LLMS
from analysis.reproduction import (
    app,
    describe_reproduction,
    measure_taus,
    reproduce,
    write_markdown,
)
from analysis.score_table import COLUMNS, read_score_table
from analysis.statistics.consistency import Consistency
from models.errors import DataError
from models.personas import load_persona_set

ROOT = Path(__file__).parents[1]
SCORES = ROOT.parent / "shared" / "published" / "all_scores.csv"
HEADING = ",".join(COLUMNS) + "\n"

Score = Callable[[str, str, str], float]  # LLM, persona, metric -> score


def write_scores(folder: Path, score: Score) -> Path:
    """All settings of the paper in all its LLMs."""
    path = folder / "all_scores.csv"
    people = [(setting.persona, setting.category) for setting in load_persona_set("universal")]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for llm in LLMS:
            for persona, category in [*people, ("empty", "empty")]:
                scores = [score(llm, persona, metric) for metric in COLUMNS[3:]]
                writer.writerow([llm, persona, category, *scores])
    return path


def judge(path: Path, start: str) -> list[tuple[Verdict, str]]:
    """Verdict and words of the claims that start so."""
    found = reproduce(path, n_permutations=99)
    return [(each.verdict, each.words) for each in found.judged if each.statement.startswith(start)]


def test_a_small_table_is_read_with_gaps_where_it_has_no_row(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(
        HEADING + "one,a cook,work,.5,.25,.75,.5\none,empty,empty,1,1,1,1\ntwo,a cook,work,0,0,0,0"
    )

    table = read_score_table(path)

    assert (table.llms, table.personas) == (("one", "two"), ("a cook", "empty"))
    np.testing.assert_array_equal(table.scores["mmlu"], [[0.25, 1], [0, np.nan]])
    np.testing.assert_array_equal(table.assigned, [0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,persona\none,a cook\n", "no column 'category'"),
        (HEADING, "no rows"),
        (HEADING + "one,a cook,work,.5,.5,.5,.5\none,a cook,work,.5,.5,.5,.5\n", "stands twice"),
        (HEADING + "one,a cook,work,50,.5,.5,.5\n", "line 2: truthfulqa of 'a cook' is '50'"),
        (HEADING + "one,a cook,work,.5,,.5,.5\n", "mmlu of 'a cook' is ''"),
        (HEADING + "one,a cook,work,.5,.5,.5,.5\ntwo,a cook,art,.5,.5,.5,.5\n", "is 'art' here"),
    ],
    ids=["columns", "empty", "twice", "percent", "blank", "category"],
)
def test_a_broken_table_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=said):
        read_score_table(path)


def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no scores file"):
        reproduce(tmp_path / "nowhere.csv")


def test_without_the_papers_llms_and_personas_nothing_is_checkable(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(HEADING + "one,a cook,work,.5,.25,.75,.5\ntwo,a cook,work,0,0,0,0")

    found = reproduce(path)

    assert {each.verdict for each in found.judged} == {Verdict.NOT_CHECKABLE}
    assert "lack gpt-3.5-turbo-0125" in found.judged[0].words
    assert "**0 claims reproduced, 0 not reproduced" in write_markdown(found)


def test_one_missing_row_makes_the_claims_about_it_uncheckable(tmp_path: Path) -> None:
    path = write_scores(tmp_path, lambda llm, persona, metric: 0.5)
    kept = [
        line
        for line in path.read_text().splitlines()
        if not line.startswith("gemma-2b-it,a middle-class person")
    ]
    path.write_text("\n".join(kept))

    ((verdict, words),) = judge(path, "TruthfulQA: middle class")
    ((other, _),) = judge(path, "TruthfulQA: atheism scores above")

    assert verdict is Verdict.NOT_CHECKABLE
    assert words == "the table has no scores of a middle-class person for gemma-2b-it"
    assert other is Verdict.NOT_REPRODUCED  # all scores alike


def test_equal_scores_bear_out_no_ranking(tmp_path: Path) -> None:
    path = write_scores(tmp_path, lambda llm, persona, metric: 0.5)

    found = reproduce(path, n_permutations=99)

    for each in found.judged:
        if " score" in each.statement or "percentage points" in each.statement:
            assert each.verdict is Verdict.NOT_REPRODUCED, each.statement
    assert "every pair an LLM scores all personas alike" in write_markdown(found)


def test_an_order_that_one_llm_breaks_holds_in_the_mean_alone(tmp_path: Path) -> None:
    def favour_women(llm: str, persona: str, metric: str) -> float:
        falls = persona == "a woman" and llm == "gemma-7b-it"
        return 0.3 if falls else {"a woman": 0.9, "a man": 0.8}.get(persona, 0.4)

    path = write_scores(tmp_path, favour_women)

    mean, every = judge(path, "MMLU: woman and man")

    assert (mean[0], every[0]) == (Verdict.REPRODUCED, Verdict.NOT_REPRODUCED)
    assert "in 6 of 7 LLMs (not in gemma-2b-it)" not in every[1]
    assert "in 6 of 7 LLMs (not in gemma-7b-it)" in every[1]


def test_a_gap_is_compared_to_two_digits_and_by_its_ends(tmp_path: Path) -> None:
    ends = {"a person of atheism belief": 0.9, "Jorg Haider": 0.8542}
    path = write_scores(tmp_path, lambda llm, persona, metric: ends.get(persona, 0.87))

    ((right, words),) = judge(path, "GPT-4 over the data sets")
    ((wrong, _),) = judge(path, "GPT-3.5 over the data sets")

    assert right is Verdict.REPRODUCED
    assert words == "4.580 percentage points, from a person of atheism belief to Jorg Haider"
    assert wrong is Verdict.NOT_REPRODUCED


def test_a_rank_that_controls_could_not_explain_is_contradicted(tmp_path: Path) -> None:
    def favour(persona: str) -> Path:
        return write_scores(tmp_path, lambda llm, name, metric: 0.6 if name == persona else 0.5)

    ((open_, words),) = judge(favour("empty"), "Rank on all of MMLU, mean over LLMs: no persona")
    ((wrong, _),) = judge(favour("a chef"), "Rank on all of MMLU, mean over LLMs: no persona")

    assert open_ is Verdict.NOT_CHECKABLE
    assert "1.0 among the 163 settings of the table, which lacks 30" in words
    assert wrong is Verdict.NOT_REPRODUCED  # second of 163 cannot be first of 193


def test_a_ranking_all_llms_share_is_found_consistent(tmp_path: Path) -> None:
    order = {"a man": 0.1, "a nonbinary person": 0.2, "a transgender person": 0.3}
    path = write_scores(tmp_path, lambda llm, name, metric: order.get(name, 0.5))
    table = read_score_table(path)

    taus = measure_taus(table, n_permutations=99)

    gender = taus["bbq", "gender"]
    assert isinstance(gender, Consistency)
    assert [gender.tau.value, gender.p] == pytest.approx([1, 0.01])
    claim = next(claim for claim in list_claims() if claim.statement.startswith("BBQ"))
    assert judge_claim(claim, table, taus).verdict is Verdict.NOT_REPRODUCED


@pytest.mark.shared
@pytest.mark.skipif(not SCORES.exists(), reason="no shared/published beside the repository")
def test_the_papers_own_scores_bear_out_what_they_should() -> None:
    found = reproduce(SCORES)

    numbers = {each.statement: each.numbers for each in found.judged}
    gaps = [each["gap_pp"] for each in numbers.values() if "gap_pp" in each]
    assert gaps == pytest.approx([38.56, 20.77, 4.58], abs=0.006)
    flagged = {
        metric: {
            category
            for (name, category), tau in found.taus.items()
            if name == metric and isinstance(tau, Consistency) and tau.is_consistent
        }
        for metric in ("truthfulqa", "mmlu", "bbq")
    }
    assert flagged == {
        "truthfulqa": {"ideology", "religious", "social_class"},
        "mmlu": {"education", "gender", "ideology"},
        "bbq": set(),
    }
    wrong = [each.statement for each in found.judged if each.verdict is Verdict.NOT_REPRODUCED]
    assert wrong == [
        "TruthfulQA: asexual person is among the top ten in all LLMs",
        "MMLU: woman and man score above nonbinary and transgender, in every LLM",
    ]
    atheism = numbers["TruthfulQA: atheism is among the top ten in all LLMs"]["ranks"]
    assert max(atheism.values()) == 8
    asexual = numbers["TruthfulQA: asexual person is among the top ten in all LLMs"]["ranks"]
    assert asexual["gpt-4-0125-preview"] == 34


@pytest.mark.shared
@pytest.mark.skipif(not SCORES.exists(), reason="no shared/published beside the repository")
def test_the_document_is_what_the_command_prints() -> None:
    done = CliRunner().invoke(app, ["--scores", str(SCORES)])

    assert done.exit_code == 0
    assert done.output == (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")


def test_the_json_has_every_claim_and_statistic(tmp_path: Path) -> None:
    path = write_scores(tmp_path, lambda llm, persona, metric: len(persona) / 100)

    described = json.loads(json.dumps(describe_reproduction(reproduce(path, n_permutations=99))))

    assert len(described["claims"]) == len(list_claims())
    assert len(described["consistency"]) == 36
    assert {claim["verdict"] for claim in described["claims"]} <= set(Verdict)
    assert described["not_checkable"][0]["section"] == "4.1"
