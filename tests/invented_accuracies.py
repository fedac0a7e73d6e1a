"""Accuracies of four people and four references on the three data sets of choices."""

from collections.abc import Mapping, Sequence

import numpy as np
from invented_experiments import (
    Asked,
    ask,
    make_people,
    mark_right,
)

PEOPLE = ["a cook", "a poet", "a gay person", "a homosexual person"]
N_SETTINGS = len(PEOPLE) + 4
THREE = ("truthfulqa", "mmlu", "bbq")


def ask_three(llm: str, shares: Mapping[str, Sequence[float]], *, n: int = 20) -> list[Asked]:
    """Every setting knows a share of each data set's items."""
    settings = make_people(PEOPLE)
    return [
        ask(
            llm, name, settings,
            mark_right(np.arange(n) < np.round(n * np.array(shares[name]))[:, None]),
            tags=[{"subject": "s", "category": "c", "context_condition": "ambig"}] * n,
        )
        for name in shares
    ]  # fmt: skip


def spread_shares(first: float) -> list[float]:
    return [first, 0.5, 0.4, 0.4, 0.45, 0.5, 0.55, 0.6]
