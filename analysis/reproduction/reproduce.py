"""Every claim of the paper judged by the files that there are."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from analysis.measures import Draws
from analysis.paper_names import LLMS, NO_PERSONA
from analysis.plain import to_plain
from analysis.reproduction.attitude_claims import list_attitude_claims, list_rating_claims
from analysis.reproduction.bias_claims import list_bias_claims
from analysis.reproduction.items import list_bbq_files, read_bbq, read_mmlu
from analysis.reproduction.judging import Claim, Evidence, Judged, Taus, Verdict, judge_claim
from analysis.reproduction.performance_claims import list_performance_claims
from analysis.reproduction.refusal_claims import list_refusal_claims
from analysis.reproduction.tweets import describe_people
from analysis.score_table import METRICS, ScoreTable, read_score_table
from analysis.statistics.consistency import measure_consistency
from models.llms import load_registry
from models.personas import load_persona_set

DATASETS = METRICS[:3]  # consistency is a matter of each data set, not of their average
PARTS = {
    "Accuracy (section 4)": list_performance_claims,
    "Bias (section 5)": list_bias_claims,
    "Attitudes (section 6.2)": list_attitude_claims,
    "Ratings of tweets (section 6.3)": list_rating_claims,
    "Refusals (section 7)": list_refusal_claims,
}


class Files(NamedTuple):
    """Where the public files are; None: not given."""

    scores: Path
    tweets: Path | None = None
    bbq: Path | None = None  # a folder
    mmlu: Path | None = None


class Input(NamedTuple):
    """A file that was read."""

    option: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Every claim with its verdict, and the statistics behind them."""

    inputs: tuple[Input, ...]
    evidence: Evidence
    parts: Mapping[str, tuple[Judged, ...]]

    @property
    def judged(self) -> tuple[Judged, ...]:
        """All claims in the paper's order."""
        return tuple(each for part in self.parts.values() for each in part)


def list_claims() -> dict[str, list[Claim]]:
    """All claims, by part of the paper."""
    return {part: list_part() for part, list_part in PARTS.items()}


def reproduce(files: Files, draws: Draws | None = None) -> Reproduction:
    """Judge every claim by the authors' scores, and by the files of data sets that are given.

    Raises:
        DataError: a file is not there or not in its publisher's layout.
    """
    draws = draws or Draws()
    known = {setting.persona for setting in load_persona_set("universal")} | {NO_PERSONA}
    table = read_score_table(files.scores).select(LLMS, known)
    evidence = Evidence(
        table,
        measure_taus(table, draws),
        people=None if files.tweets is None else describe_people(files.tweets, draws),
        bbq=None if files.bbq is None else read_bbq(files.bbq),
        mmlu=None if files.mmlu is None else read_mmlu(files.mmlu),
    )
    return Reproduction(
        _list_inputs(files),
        evidence,
        {
            part: tuple(judge_claim(claim, evidence) for claim in claims)
            for part, claims in list_claims().items()
        },
    )


def measure_taus(table: ScoreTable, draws: Draws) -> Taus:
    """Kendall's tau over pairs of LLMs, for each data set and category of personas."""
    registry = load_registry()
    families = np.array([registry[llm].family for llm in table.llms])
    return {
        (metric, category): measure_consistency(
            table.scores[metric][:, table.list_members(category)],
            families,
            rng=draws.start(),
            n_permutations=draws.n_permutations,
        )
        for metric in DATASETS
        for category in sorted({table.categories[at] for at in table.assigned})
    }


def _list_inputs(files: Files) -> tuple[Input, ...]:
    given = [("--scores", files.scores), ("--tweets", files.tweets)]
    given += [("--bbq", path) for path in list_bbq_files(files.bbq)] if files.bbq else []
    given += [("--mmlu", files.mmlu)]
    return tuple(
        Input(option, path.name, hashlib.sha256(path.read_bytes()).hexdigest())
        for option, path in given
        if path is not None
    )


def count_verdicts(judged: tuple[Judged, ...]) -> dict[Verdict, int]:
    """How many claims have each verdict."""
    counts = Counter(each.verdict for each in judged)
    return {verdict: counts[verdict] for verdict in Verdict}


def describe_reproduction(found: Reproduction) -> dict[str, Any]:
    """Everything as JSON can hold it."""
    evidence = found.evidence
    people, bbq, mmlu = evidence.people, evidence.bbq, evidence.mmlu
    described: dict[str, Any] = to_plain(
        {
            "inputs": found.inputs,
            "llms": evidence.table.llms,
            "settings": len(evidence.table.personas),
            "counts": count_verdicts(found.judged),
            "claims": [
                {"part": part, **judged._asdict()}
                for part, every in found.parts.items()
                for judged in every
            ],
            "consistency": [
                {"dataset": metric, "category": category, "found": tau}
                for (metric, category), tau in evidence.taus.items()
            ],
            "people": people
            and {
                "tweets": people.n_tweets,
                "people": people.n_people,
                "correlations": list(people.correlations.values()),
                "ceilings": people.ceilings,
            },
            "bbq": bbq,
            "mmlu": mmlu,
        }
    )
    return described
