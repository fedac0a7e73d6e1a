"""The paper's five data sets in small: an experiment that has each of its figures and tables."""

from functools import cache
from typing import Any

import numpy as np
from invented_experiments import QUICK, Asked, ask, join_asked, make_evidence, make_people

from analysis.evidence import Evidence
from analysis.groups import EXPERTS, FIELDS, OWN_GROUPS, SOCIAL_CATEGORIES
from analysis.joint import TOPICS
from analysis.planned import Setting
from models.items import Kind

JOINT = ("people", "overall_accuracy", "group_ranks", "self_effect", "refusals")
ATTITUDES = ("thrift", "haste", "mirth")
PERSONAS = tuple(
    dict.fromkeys(
        [*(p for personas in EXPERTS.values() for p in personas), *(g.persona for g in OWN_GROUPS)]
    )
)

Tags = list[dict[str, Any]]


@cache
def invent_paper() -> Evidence:
    """Evidence of two LLMs that answered at random, with all that the paper's pages are made of."""
    slices = join_asked(
        [each for seed, llm in enumerate(("one", "two")) for each in _ask(llm, seed)]
    )
    return make_evidence(slices, {name: TOPICS[name](slices, QUICK) for name in JOINT})


def _ask(llm: str, seed: int) -> list[Asked]:
    rng = np.random.default_rng(seed)
    settings = make_people(PERSONAS, n_controls=4)

    def choose(dataset: str, tags: Tags) -> Asked:
        codes = rng.integers(-1, 3, (len(settings), len(tags)))  # -1: refused
        return ask(llm, dataset, settings, codes, tags=tags)

    return [
        choose("truthfulqa", [{} for _ in range(20)]),
        choose("mmlu", _list_subjects()),
        choose("bbq", _list_people()),
        _rate(llm, "attitudes", settings, _list_statements(), rng),
        _rate(llm, "tweets", settings, _list_tweets(), rng),
    ]


def _rate(
    llm: str, dataset: str, settings: list[Setting], tags: Tags, rng: np.random.Generator
) -> Asked:
    level = 3 + rng.normal(0, 0.6, (len(settings), 1))
    points = np.clip(np.round(level + rng.normal(0, 0.8, (len(settings), len(tags)))), 1, 5)
    points[rng.random(points.shape) < 0.01] = -1  # refused
    return ask(llm, dataset, settings, points, tags=tags, kind=Kind.LIKERT, n_options=5)


def _list_subjects() -> Tags:
    return [
        {"subject": subject, "stratum": subject}
        for subjects in FIELDS.values()
        for subject in subjects
        for _ in range(2)
    ]


def _list_people() -> Tags:
    return [
        {
            "category": SOCIAL_CATEGORIES[own.kind],
            "stratum": SOCIAL_CATEGORIES[own.kind],
            "cluster": f"{SOCIAL_CATEGORIES[own.kind]}/{own.title}/{at}",
            "stereotyped_groups": [sorted(own.labels)[0]],
            "groups": [sorted(own.labels)[0], "others", "unknown"],
            "names": ["one", "the other", "nobody"],
            "target_loc": 0,
            "context_condition": context,
            "polarity": polarity,
        }
        for own in OWN_GROUPS
        for at in range(3)
        for context in ("ambig", "disambig")
        for polarity in ("neg", "nonneg")
    ]


def _list_statements() -> Tags:
    return [
        {"cluster": str(wording), "stratum": attitude, "attitude": attitude,
         "statement": 2 * at + part, "instruction": wording}
        for at, attitude in enumerate(ATTITUDES) for part in range(2) for wording in range(4)
    ]  # fmt: skip


def _list_tweets() -> Tags:
    rng = np.random.default_rng(7)
    people = [
        dict(zip(ATTITUDES, row, strict=True)) for row in rng.integers(1, 6, (12, 3)).tolist()
    ]
    return [
        {"cluster": str(tweet), "question": question, "is_aae": tweet % 2 == 0,
         "annotations": [
             {"rating": int(rng.integers(1, 6)), "annotator": who, "attitudes": people[who]}
             for who in range(tweet % 3, 12, 3)
         ]}
        for question in ("offensiveness", "racism") for tweet in range(15)
    ]  # fmt: skip
