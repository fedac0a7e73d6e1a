"""Experiments of several slices whose every reading is given, without a database."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from invented_slices import make_slice
from numpy.typing import NDArray

from analysis.analyse import describe_slice
from analysis.arrays import SliceArray
from analysis.evidence import Coverage, Evidence
from analysis.joint import Slices
from analysis.measures import Draws
from analysis.planned import Setting
from models.coverage import SliceProgress, StoredExperiment
from models.items import Kind
from models.personas import CONTROL, EMPTY

QUICK = Draws(n_resamples=50, n_permutations=199)


class Asked(NamedTuple):
    """One LLM's slice of a data set."""

    llm: str
    array: SliceArray


def make_people(personas: Sequence[str], *, n_controls: int = 3) -> list[Setting]:
    """These personas, all of one category, with controls and the setting without a persona."""
    people = [Setting(persona, "people", f"You are {persona}.") for persona in personas]
    controls = [Setting(f"aide {n}", CONTROL, f"You are aide {n}.") for n in range(n_controls)]
    return [*people, *controls, Setting("", EMPTY, "")]


def ask(
    llm: str,
    dataset: str,
    settings: Sequence[Setting],
    codes: NDArray[Any],
    *,
    tags: Sequence[dict[str, Any]] | None = None,
    kind: Kind = Kind.CHOICE,
    n_options: int = 3,
) -> Asked:
    """A slice with these readings; the right option is the first."""
    tags = [{} for _ in range(codes.shape[1])] if tags is None else tags
    array = make_slice(settings, codes, kind=kind, tags=tags, n_options=n_options, dataset=dataset)
    return Asked(llm, array)


def describe_settings(array: SliceArray) -> list[dict[str, str]]:
    """The settings of a slice as a result has them."""
    roles = {EMPTY: "empty", CONTROL: "control"}
    return [
        {
            "label": each.label,
            "category": each.category,
            "role": roles.get(each.category, "persona"),
        }
        for each in array.settings
    ]


def join_asked(
    asked: Sequence[Asked],
    *,
    draws: Draws = QUICK,
    template: str = "paper",
    describe: Callable[[SliceArray], dict[str, Any]] | None = None,
) -> Slices:
    """An experiment of these slices, with results as they come back from the database.

    ``describe`` makes a part of a result where a test needs no more.
    """
    parts = tuple(
        SliceProgress(
            slice=at,
            llm=each.llm,
            dataset=each.array.slice.dataset,
            template=template,
            planned=each.array.codes.size,
            covered=each.array.codes.size,
            failed=0,
            cut_off=0,
            rate_per_s=0,
            is_imported=False,
        )
        for at, each in enumerate(asked)
    )
    results = {
        at: describe(each.array) if describe else describe_slice(each.array, draws)
        for at, each in enumerate(asked)
    }
    stored = {
        at: json.loads(json.dumps(result, sort_keys=True, allow_nan=False))
        for at, result in results.items()
    }
    families = {each.llm: each.llm for each in asked}
    return Slices(parts, stored, lambda at: asked[at].array, families)


def make_evidence(slices: Slices, joint: dict[str, Any]) -> Evidence:
    """What a report is written from, with these joint numbers as JSON would hold them."""
    return Evidence(
        experiment=StoredExperiment(1, "invented", {"title": "", "settings": []}, "0" * 64, None),
        coverage=Coverage(slices.parts, {part.slice: "" for part in slices.parts}),
        results=slices.results,
        llms=(),
        failures=(),
        joint=json.loads(json.dumps(joint, allow_nan=False)),
    )


def mark_right(is_right: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Readings: the right option (the first), or the second."""
    return np.where(is_right, 0, 1).astype(np.int8)
