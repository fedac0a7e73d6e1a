"""Is it the persona, or how the prompt is worded? Slices of one LLM under several templates.

Where an experiment asks the same items under at least five templates, persona x template is
measured directly: what a wording does to a persona beyond what it does to all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.likert import SCALE_TAGS
from analysis.measures import Draws, find_groups
from analysis.plain import to_plain
from analysis.slices import Slices
from analysis.statistics import Undefined
from analysis.statistics.components import measure_components
from analysis.statistics.facets import Facet
from analysis.statistics.scorings import Scored, Scoring, score_choice, score_scale
from analysis.variance import FEW, VarianceParts, describe_parts, list_item_levels
from models.items import Kind

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
    """Accuracy, and the mean answer to everything that statements are about: name, of, scored."""
    for kind, part in arrays[0].split_by_kind().items():
        parts = [array.split_by_kind()[kind] for array in arrays]
        if kind is Kind.CHOICE:
            has_answer = np.array([item.answer is not None for item in part.items], np.bool_)
            if has_answer.any():
                yield "accuracy", "", [_score_hits(each.select_items(has_answer)) for each in parts]
        elif kind is Kind.LIKERT:
            tag = next((tag for tag in SCALE_TAGS if any(tag in i.tags for i in part.items)), None)
            labels = part.tag_items(tag) if tag else np.zeros(len(part.items), np.str_)
            for label in dict.fromkeys(labels.tolist()):
                chosen = labels == label
                yield "mean_answer", label, [_score_points(e.select_items(chosen)) for e in parts]


def _score_hits(part: SliceArray) -> tuple[SliceArray, Scored]:
    targets = np.array([item.answer for item in part.items], np.int16)
    return part, score_choice(part.codes, targets, scoring=Scoring.ASKED)


def _score_points(part: SliceArray) -> tuple[SliceArray, Scored]:
    is_reversed = np.array([bool(item.tags.get("reversed")) for item in part.items], np.bool_)
    return part, score_scale(part.codes, is_reversed, scoring=Scoring.ASKED)


def measure_wordings(
    parts: Sequence[tuple[SliceArray, Scored]], draws: Draws
) -> VarianceParts | Undefined:
    """Components of personas x items x templates, on the items that count in all of them."""
    if len(parts) < MIN_TEMPLATES:
        return Undefined("the templates were not asked the same items by the same personas")
    part = parts[0][0]
    personas = find_groups(part).personas
    complete = np.logical_and.reduce([s.counted[personas].all(axis=0) for _, s in parts])
    if len(personas) < 2 or np.count_nonzero(complete) < 2:
        return Undefined(FEW)
    values: NDArray[Any] = np.stack(
        [scored.values[np.ix_(personas, complete)] for _, scored in parts], axis=2
    )
    categories = np.array([part.settings[row].category for row in personas], np.str_)
    found = measure_components(
        values,
        Facet.of("persona", len(personas), {"category": categories}),
        list_item_levels(part, complete),
        rng=draws.start(),
        third="template",
    )
    if isinstance(found, Undefined):
        return found
    return VarianceParts(
        parts=describe_parts(found),
        g=found.g,
        n_personas=found.n_personas,
        n_units=found.n_items,
        n_personas_left_out=0,
        n_items_left_out=int(np.count_nonzero(~complete)),
        unit="item" if part.slice.repeats == 1 else "prompt",
    )
