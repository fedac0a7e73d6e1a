"""Consistency across LLMs: against scipy, enumeration and nulls, and the authors' own scores."""

import csv
import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import Undefined
from analysis.statistics.consistency import (
    Consistency,
    MeanTau,
    Range,
    Support,
    correlate_ranks,
    count_support,
    measure_consistency,
)
from analysis.statistics.ranks import rank_settings
from analysis.statistics.specifications import average_taus
from analysis.statistics.spread import Gap, score_gap

SEED = 20_240_702
ALONE = np.arange(7)


def test_a_tau_of_0_or_1_is_no_rounding_residue() -> None:
    rng = np.random.default_rng(SEED)
    for n in (3, 6, 7, 25):
        scores = rng.random((1, n))
        same = correlate_ranks(np.concatenate([scores, scores, -scores]))
        assert same.tolist() == [[1, 1, -1], [1, 1, -1], [-1, -1, 1]]
    four = np.array([[0, 1, 2], [1, 2, 0], [1, 2, 0], [2, 1, 0.0]])
    taus = correlate_ranks(four)[np.triu_indices(4, k=1)]

    found = measure_consistency(four, np.arange(4), rng=rng, n_permutations=9)

    assert 0 < abs(taus.mean()) < 1e-12  # thirds that add up to nothing
    assert isinstance(found, Consistency)
    assert found.tau.value == 0
    assert average_taus(four).value == 0


def measure(
    scores: np.ndarray, families: np.ndarray | None = None, *, n_permutations: int = 999
) -> Consistency:
    result = measure_consistency(
        scores,
        np.arange(len(scores)) if families is None else families,
        rng=np.random.default_rng(SEED),
        n_permutations=n_permutations,
    )
    assert isinstance(result, Consistency)
    return result


def test_tau_is_that_of_scipy_with_ties() -> None:
    scores = np.random.default_rng(SEED).integers(0, 6, (4, 20)) / 3

    taus = correlate_ranks(scores)

    for first, second in itertools.combinations(range(4), 2):
        expected = stats.kendalltau(scores[first], scores[second]).statistic
        assert taus[first, second] == pytest.approx(expected)
        assert taus[second, first] == taus[first, second]


def test_tau_is_never_beyond_1() -> None:
    rng = np.random.default_rng(SEED)

    for n in range(2, 40):
        row = rng.integers(0, 5, n).astype(np.float64)
        taus = correlate_ranks(np.array([row, row * 2, -row]))

        if np.ptp(row) > 0:
            assert np.abs(taus).max() <= 1
            np.testing.assert_allclose(np.abs(taus), 1)


def test_rounding_in_a_mean_does_not_break_a_tie() -> None:
    scores = np.array([[0.1 + 0.2, 0.3, 0.5], [1, 1, 2]])

    taus = correlate_ranks(scores)

    assert taus[0, 1] == pytest.approx(1)


def test_an_llm_that_scores_all_alike_is_in_no_mean_and_its_pairs_are_counted() -> None:
    scores = np.array([[1.0, 2, 3], [3, 2, 1], [5, 5, 5], [1, 3, 2]])

    result = measure(scores)

    assert result.tau == MeanTau(pytest.approx((-1 + 1 / 3 - 1 / 3) / 3), 3, 3)
    assert np.isnan(correlate_ranks(scores)[2]).all()


def test_the_p_is_that_of_all_permutations() -> None:
    scores = np.array([[1.0, 2, 3, 4], [1, 3, 2, 4], [2, 1, 3, 3]])
    orders = list(itertools.permutations(range(4)))
    means = [
        np.mean(
            [
                stats.kendalltau(scores[0], scores[1][list(a)]).statistic,
                stats.kendalltau(scores[0], scores[2][list(b)]).statistic,
                stats.kendalltau(scores[1][list(a)], scores[2][list(b)]).statistic,
            ]
        )
        for a, b in itertools.product(orders, orders)
    ]

    result = measure(scores, n_permutations=9_999)

    assert result.tau.value == pytest.approx(means[0])
    assert result.p == pytest.approx(np.mean(np.array(means) >= means[0] - 1e-9), abs=0.015)


@pytest.mark.parametrize(("n_personas", "chance"), [(3, 0.3), (17, 0.07)])
def test_chance_agreement_depends_on_the_number_of_personas(n_personas: int, chance: float) -> None:
    scores = np.random.default_rng(SEED).normal(size=(7, n_personas))

    result = measure(scores, n_permutations=4_000)

    assert result.chance == pytest.approx(chance, abs=0.05)


def test_a_mean_of_exactly_one_half_is_not_above_it() -> None:
    signs = np.array([[1.0, 2, 3, 4, 5], [2, 1, 3, 5, 4]])  # 8 pairs of 10 agree: .6
    half = np.array([[1.0, 2, 2], [1, 1, 2]])  # 1 pair of 2 x 2 untied ones: .5

    assert measure(signs).is_consistent
    assert measure(half).tau.value == pytest.approx(0.5)
    assert not measure(half).is_consistent


def test_a_null_keeps_its_level_and_a_planted_ranking_is_found() -> None:
    rng = np.random.default_rng(SEED)
    ps = []
    for _ in range(1_000):
        null = measure_consistency(rng.normal(size=(7, 6)), ALONE, rng=rng, n_permutations=199)
        assert isinstance(null, Consistency)
        ps.append(null.p)

    planted = measure(np.arange(6) + rng.normal(size=(7, 6)))

    assert 0.035 < np.mean(np.array(ps) <= 0.05) < 0.065
    assert planted.p <= 0.002
    assert planted.is_consistent


def test_leaving_out_llms_and_families_and_crossing_families() -> None:
    agree, against = np.array([1.0, 2, 3]), np.array([3.0, 2, 1])
    scores = np.array([agree, agree, agree, against])
    families = np.array(["a", "a", "b", "c"])

    result = measure(scores, families)

    assert result.tau.value == pytest.approx(0)
    assert result.without_one_llm == Range(pytest.approx(-1 / 3), pytest.approx(1))
    assert result.without_one_family == Range(pytest.approx(-1), pytest.approx(1))
    assert result.across_families == MeanTau(pytest.approx(-1 / 5), 5, 0)


def test_one_family_has_no_pairs_across() -> None:
    result = measure(np.array([[1.0, 2, 3], [1, 3, 2]]), np.array(["a", "a"]))

    assert result.across_families == Undefined("no pair of LLMs")
    assert result.without_one_llm is None
    assert result.without_one_family is None


def test_a_persona_without_a_score_somewhere_is_left_out_everywhere() -> None:
    scores = np.array([[1.0, 2, np.nan, 3], [1, 2, 9, 3]])

    result = measure(scores)

    assert (result.n_personas, result.tau.value) == (3, pytest.approx(1))


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (np.ones((1, 4)), "fewer than two LLMs"),
        (np.ones((3, 1)), "fewer than two personas with a score in every LLM"),
        (np.full((2, 3), np.nan), "fewer than two personas with a score in every LLM"),
        (np.array([[1.0, 1, 1], [1, 2, 3]]), "in every pair an LLM scores all personas alike"),
    ],
)
def test_what_has_no_ranking_is_undefined(scores: np.ndarray, reason: str) -> None:
    result = measure_consistency(
        scores, np.arange(len(scores)), rng=np.random.default_rng(SEED), n_permutations=9
    )

    assert result == Undefined(reason)


def test_support_counts_a_family_only_where_all_of_it_agrees() -> None:
    holds = np.array([True, True, True, False, True])
    families = np.array(["g", "g", "m", "m", "o"])

    assert count_support(holds, families) == Support(4, 5, 2, 3)


class Published(NamedTuple):
    """The authors' accuracies."""

    llms: list[str]
    personas: list[str]
    categories: np.ndarray
    scores: dict[str, np.ndarray]  # data set -> [llms, personas]


@pytest.fixture(scope="module")
def published(shared: Path) -> Published:
    with (shared / "published" / "all_scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    llms = list(dict.fromkeys(row["model"] for row in rows))
    category = {r["persona"]: r["category"] for r in rows if r["category"] != "empty"}
    cells = {(row["model"], row["persona"]): row for row in rows}
    return Published(
        llms,
        list(category),
        np.array(list(category.values())),
        {
            name: np.array([[float(cells[llm, p][name]) for p in category] for llm in llms])
            for name in ("truthfulqa", "mmlu", "bbq", "avg")
        },
    )


@pytest.mark.shared
def test_the_papers_consistent_categories_are_found_and_no_others(published: Published) -> None:
    found = {}
    for dataset in ("truthfulqa", "mmlu", "bbq"):
        results = {
            category: measure(
                published.scores[dataset][:, published.categories == category], n_permutations=9
            )
            for category in np.unique(published.categories)
        }
        found[dataset] = {category for category, r in results.items() if r.is_consistent}

    assert len(published.personas) == 162
    assert found == {
        "truthfulqa": {"ideology", "religious", "social_class"},
        "mmlu": {"education", "gender", "ideology"},
        "bbq": set(),
    }


@pytest.mark.shared
def test_the_papers_gaps_are_those_of_its_scores(published: Published) -> None:
    def find_gap(llm: str, dataset: str) -> float:
        gap = score_gap(published.scores[dataset][published.llms.index(llm)])
        assert isinstance(gap, Gap)
        return round(100 * gap.value, 2)

    assert find_gap("gpt-3.5-turbo-0125", "truthfulqa") == 38.56
    assert find_gap("gpt-3.5-turbo-0125", "avg") == 20.77
    assert find_gap("gpt-4-0125-preview", "avg") == 4.58


@pytest.mark.shared
def test_atheism_is_among_the_ten_best_on_truthfulqa_in_every_llm(published: Published) -> None:
    atheism = [i for i, p in enumerate(published.personas) if "atheism" in p]

    ranks = [
        rank_settings(row, is_best_highest=True)[atheism] for row in published.scores["truthfulqa"]
    ]

    assert len(ranks) == 7
    assert np.max(ranks) <= 10
