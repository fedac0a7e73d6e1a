"""The paper's claims about accuracies against a file of scores: invented ones, and its own."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analysis.measures import Draws
from analysis.paper_names import LLMS
from analysis.printed_tables import FRIEDMAN_P, SELF_RANKS
from analysis.reproduction.__main__ import app
from analysis.reproduction.document import write_markdown
from analysis.reproduction.judging import Claim, Evidence, Verdict, judge_claim, need
from analysis.reproduction.printed_checks import count_nonsignificant, count_self_ranks
from analysis.reproduction.reproduce import (
    Files,
    count_verdicts,
    describe_reproduction,
    list_claims,
    measure_taus,
    reproduce,
)
from analysis.score_table import COLUMNS, read_score_table
from analysis.statistics.consistency import Consistency
from models.errors import DataError
from models.personas import load_persona_set

ROOT = Path(__file__).parents[1]
HEADING = ",".join(COLUMNS) + "\n"
QUICK = Draws(n_resamples=20, n_permutations=99)

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
    found = reproduce(Files(path), QUICK)
    return [(each.verdict, each.words) for each in found.judged if each.statement.startswith(start)]


def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no scores file"):
        reproduce(Files(tmp_path / "nowhere.csv"))


def test_without_the_papers_llms_and_personas_nothing_is_checkable(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(HEADING + "one,a cook,work,.5,.25,.75,.5\ntwo,a cook,work,0,0,0,0")

    found = reproduce(Files(path), QUICK)

    of_scores = [each for each in found.judged if "of the table lack" in each.words]
    assert {each.verdict for each in of_scores} == {Verdict.NOT_CHECKABLE}
    assert len(of_scores) == 28
    assert "lack gpt-3.5-turbo-0125" in of_scores[0].words
    assert "claims: 0 reproduced, 1 not reproduced" in write_markdown(found)  # the paper's Table 6


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

    found = reproduce(Files(path), QUICK)

    for each in found.judged:
        is_score = each.statement.startswith(("TruthfulQA: ", "MMLU: ", "GPT-"))
        if is_score and ("score" in each.statement or "percentage" in each.statement):
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

    taus = measure_taus(table, QUICK)

    gender = taus["bbq", "gender"]
    assert isinstance(gender, Consistency)
    assert [gender.tau.value, gender.p] == pytest.approx([1, 0.01])
    every = [claim for part in list_claims().values() for claim in part]
    claim = next(claim for claim in every if claim.statement.startswith("BBQ: rankings"))
    assert judge_claim(claim, Evidence(table, taus)).verdict is Verdict.NOT_REPRODUCED


def test_every_claim_stands_once_and_says_what_it_needs() -> None:
    every = [claim for part in list_claims().values() for claim in part]

    assert len({claim.statement for claim in every}) == len(every)
    for claim in every:
        assert "|" not in claim.statement, claim.statement
        assert claim.section, claim.statement


def test_the_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    found = reproduce(Files(write_scores(tmp_path, lambda llm, name, metric: 0.5)), QUICK)

    rows = [line.split(" | ") for line in write_markdown(found).splitlines()]

    verdicts = [row[2].strip("*") for row in rows if len(row) == 4]
    verdicts = [each for each in verdicts if each in set(Verdict)]
    assert {each: verdicts.count(each) for each in Verdict} == count_verdicts(found.judged)
    assert len(verdicts) == len(found.judged) > 140


def test_what_needs_generations_says_which() -> None:
    finding = need("one thing", "another", "a third", note="beware")(None)  # type: ignore[arg-type]

    assert finding.holds is None
    assert finding.words == "needs one thing, another and a third; beware"


def test_a_printed_table_can_contradict_the_text_and_not_confirm_it(tmp_path: Path) -> None:
    path = write_scores(tmp_path, lambda llm, name, metric: 0.5)
    evidence = Evidence(read_score_table(path), {})

    def judge_printed(stated: int) -> tuple[Verdict, str]:
        check = count_self_ranks(lambda row: row.own_bias == 1, stated=stated, needs="all of it")
        judged = judge_claim(Claim("5", "so many", check), evidence)
        return judged.verdict, judged.words

    assert judge_printed(12) == (
        Verdict.NOT_CHECKABLE,
        "agrees with the printed Table 2: 12 of 18 personas; needs all of it",
    )
    assert judge_printed(13) == (
        Verdict.NOT_REPRODUCED,
        "the printed Table 2 contradicts it: 12 of 18 personas",
    )


def test_the_printed_tables_bear_out_the_counts_of_the_text(tmp_path: Path) -> None:
    found = reproduce(Files(write_scores(tmp_path, lambda llm, name, metric: 0.5)), QUICK)

    agrees = {
        each.statement: each.numbers["agrees_with_print"]
        for each in found.judged
        if "agrees_with_print" in each.numbers
    }

    assert [statement for statement, agreed in agrees.items() if not agreed] == [
        "In each of the four fields its experts rank above the other experts"
    ]
    assert len(agrees) == 20
    assert sum(row.own_bias < row.bias for row in SELF_RANKS.values()) == 18
    assert sum(row.own_accuracy == 193 for row in SELF_RANKS.values()) == 5
    for group, stated in (("personas", 5), ("controls", 14)):
        assert count_nonsignificant(group, stated=stated, needs="")(None).holds is None  # type: ignore[arg-type]
    assert len(FRIEDMAN_P) == 98


def test_without_its_file_a_claim_names_the_option(tmp_path: Path) -> None:
    path = write_scores(tmp_path, lambda llm, name, metric: 0.5)

    ((people, said),) = judge(path, "People: altruism")
    ((truth, of_bbq),) = judge(path, "Right answers have a bias of 0 in each category")
    ((places, of_mmlu),) = judge(path, "MMLU: right answers")

    assert {people, truth, places} == {Verdict.NOT_CHECKABLE}
    assert said == "not checkable without largeScale.csv (--tweets FILE)"
    assert of_bbq == "not checkable without BBQ’s files (--bbq DIR)"
    assert of_mmlu == "not checkable without MMLU’s test split (--mmlu FILE)"


def list_options(shared: Path) -> list[str]:
    """All files that the mirror has, as options."""
    data = shared / "data"
    return [
        *("--scores", str(shared / "published" / "all_scores.csv")),
        *("--tweets", str(data / "toxicity" / "largeScale.csv")),
        *("--bbq", str(data / "bbq")),
        *("--mmlu", str(data / "mmlu" / "test.jsonl")),
    ]


@pytest.mark.shared
def test_the_papers_own_scores_bear_out_what_they_should(shared: Path) -> None:
    found = reproduce(Files(shared / "published" / "all_scores.csv"))

    numbers = {each.statement: each.numbers for each in found.judged}
    gaps = [each["gap_pp"] for each in numbers.values() if "gap_pp" in each]
    assert gaps == pytest.approx([38.56, 20.77, 4.58], abs=0.006)
    flagged = {
        metric: {
            category
            for (name, category), tau in found.evidence.taus.items()
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
        "In each of the four fields its experts rank above the other experts",
    ]
    atheism = numbers["TruthfulQA: atheism is among the top ten in all LLMs"]["ranks"]
    assert max(atheism.values()) == 8
    asexual = numbers["TruthfulQA: asexual person is among the top ten in all LLMs"]["ranks"]
    assert asexual["gpt-4-0125-preview"] == 34
    ranks = [each for each in found.judged if each.statement.startswith("Rank on all of")]
    assert len(ranks) == 10
    assert all(each.words.endswith("so the stated rank is possible") for each in ranks)


@pytest.mark.shared
def test_the_document_is_what_the_command_prints(shared: Path) -> None:
    done = CliRunner().invoke(app, list_options(shared))

    assert done.exit_code == 0
    assert done.output == (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")


def test_the_json_has_every_claim_and_statistic(tmp_path: Path) -> None:
    path = write_scores(tmp_path, lambda llm, persona, metric: len(persona) / 100)

    described = json.loads(json.dumps(describe_reproduction(reproduce(Files(path), QUICK))))

    assert len(described["claims"]) == sum(map(len, list_claims().values()))
    assert len(described["consistency"]) == 36
    assert {claim["verdict"] for claim in described["claims"]} <= set(Verdict)
    assert sum(described["counts"].values()) == len(described["claims"])
    assert described["people"] is described["bbq"] is described["mmlu"] is None
