"""Is it the persona, or how the prompt is worded? Slices of one LLM under several templates.

Where an experiment asks the same items under at least five templates, persona x template is
measured directly: what a wording does to a persona beyond what it does to all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.arrays import SliceArray
from analysis.measured import list_measured
from analysis.measures import Draws, find_groups
from analysis.plain import to_plain
from analysis.slices import Slices
from analysis.statistics import Undefined
from analysis.statistics.scorings import Scored
from analysis.variance import VarianceParts, measure_crossed

MIN_TEMPLATES = 5  # with fewer a variance over templates says next to nothing


@dataclass(frozen=True, slots=True)
class Wordings:
    """Variance components of one measure of one LLM over personas, items and templates."""

    llm: str
    dataset: str
    measure: str
    of: str
    templates: tuple[str, ...]
    components: VarianceParts | Undefined


def describe_wordings(slices: Slices, draws: Draws) -> dict[str, Any]:
    """A record per LLM, data set and measure; none where there are fewer templates."""
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for part in slices.parts:
        groups.setdefault((part.llm, part.dataset), {}).setdefault(part.template, part.slice)
    found: list[Wordings] = []
    for (llm, dataset), by_template in groups.items():
        if len(by_template) >= MIN_TEMPLATES:
            arrays = match_arrays([slices.load(slice_id) for slice_id in by_template.values()])
            for name, of, parts in split_measures(arrays):
                components = measure_wordings(parts, draws)
                found.append(Wordings(llm, dataset, name, of, tuple(by_template), components))
    return {"wordings": to_plain(found)}


def match_arrays(arrays: Sequence[SliceArray]) -> list[SliceArray]:
    """The columns of items that all have, in one order; settings are those of the experiment."""
    shared = set.intersection(*({item.id for item in array.items} for array in arrays))
    chosen = [
        array.select_items(np.array([item.id in shared for item in array.items], np.bool_))
        for array in arrays
    ]
    same = [array for array in chosen if array.settings == chosen[0].settings]
    return [array for array in same if array.codes.shape == chosen[0].codes.shape]


def split_measures(
    arrays: Sequence[SliceArray],
) -> Iterator[tuple[str, str, list[tuple[SliceArray, Scored]]]]:
    """Every measure that is a mean of items' values: name, of, and scored in each of the arrays."""
    for alike in zip(*(list_measured(array) for array in arrays), strict=True):
        parts = [(each.part, each.values()) for each in alike if each.values is not None]
        if len(parts) == len(arrays):
            yield alike[0].name, alike[0].of, parts


def measure_wordings(
    parts: Sequence[tuple[SliceArray, Scored]], draws: Draws
) -> VarianceParts | Undefined:
    """Components of personas x items x templates, on the items that count in all of them.

    As `analysis.variance.measure_crossed` has them: statements of a questionnaire are fixed, so a
    persona's value is its mean under one instruction.
    """
    if len(parts) < MIN_TEMPLATES:
        return Undefined("the templates were not asked the same items by the same personas")
    part = parts[0][0]
    personas = find_groups(part).personas
    return measure_crossed(
        part,
        [Scored(each.values[personas], each.counted[personas]) for _, each in parts],
        np.array([part.settings[row].category for row in personas], np.str_),
        rng=draws.start(),
        third="template",
    )
