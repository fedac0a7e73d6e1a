"""An experiment resolved: its settings, items, templates and LLMs, before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from models.decoding import Decoding
from models.errors import ConfigError, DataError, UnknownNameError
from models.identity import hash_content
from models.items import Item
from models.llms import LlmSpec, find_llm
from models.personas import PersonaSetting
from models.prompts import Template, ask_item
from models.subsample import subsample_items
from scheduler.choices import ChosenSet, DatasetChoice
from scheduler.datasets.catalog import (
    DATASETS,
    DataSources,
    LoadedDataset,
    find_dataset,
    load_dataset,
)
from scheduler.datasets.fetch import is_fetched
from scheduler.datasets.own import load_own
from scheduler.datasets.source import HubSplit
from scheduler.experiments import ExperimentSpec
from scheduler.measurable import check_claims
from scheduler.plan import count_chunks, order_items

# Rows of GPT-4's share in the paper (paper.md, "GPT-4 subsample").
SUBSAMPLE_SIZES = {"mmlu": 10_219, "bbq": 5_788}


@dataclass(frozen=True, slots=True)
class ChosenData:
    """A data set and the items taken of it, in the publisher's order.

    For a dry run the items may not be here, or only some: then ``n_items`` is what the whole data
    set declares and ``items`` what there is of it.
    """

    name: str
    data_hash: str
    items: tuple[Item, ...]
    n_items: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GridSlice:
    """One LLM x data set x template of the grid."""

    llm: LlmSpec
    data: ChosenData
    template: Template
    n_settings: int
    repeats: int

    @property
    def cells(self) -> int:
        """Prompts to be answered."""
        return self.n_settings * self.data.n_items * self.repeats

    @property
    def chunks(self) -> int:
        """Pieces that the cells are cut into."""
        return count_chunks(
            n_personas=self.n_settings,
            n_items=self.data.n_items,
            repeats=self.repeats,
            chunk_cells=self.llm.chunk_cells,
        )

    def order(self) -> list[int]:
        """Positions of the items in prompt order: sorted by the text that follows the persona."""
        return order_items(
            [
                ask_item(self.template, kind=item.kind, fields=item.fields)
                for item in self.data.items
            ]
        )


@dataclass(frozen=True)
class Grid:
    """Everything that an experiment asks for."""

    spec: ExperimentSpec
    sets: tuple[ChosenSet, ...]
    slices: tuple[GridSlice, ...]

    @property
    def settings(self) -> tuple[PersonaSetting, ...]:
        """All persona settings, in order."""
        return tuple(setting for chosen in self.sets for setting in chosen.picked)

    @property
    def decoding(self) -> Decoding:
        """How every LLM of the experiment chooses its tokens."""
        return self.spec.decoding

    @property
    def api_llms(self) -> dict[str, LlmSpec]:
        """The LLMs that are asked over an API, by name; those that were shut down are not."""
        asked = (part.llm for part in self.slices)
        return {llm.name: llm for llm in asked if llm.kind == "api" and not llm.retired}

    @property
    def cells(self) -> int:
        """Prompts of the whole grid."""
        return sum(part.cells for part in self.slices)

    @cached_property
    def effective(self) -> dict[str, Any]:
        """What was asked for, by content: what the spec hash is a hash of."""
        return {
            "name": self.spec.name,
            "title": self.spec.title,
            "settings": [[s.statement, s.category] for s in self.settings],
            "datasets": [
                {
                    "llm": part.llm.name,
                    "name": part.data.name,
                    "data_hash": part.data.data_hash,
                    "n_items": part.data.n_items,
                    "missing": list(part.data.missing),
                }
                for part in self.slices
            ],
            "templates": {p.template.name: p.template.as_dict() for p in self.slices},
            "llms": {p.llm.name: p.llm.hash_identity(self.decoding) for p in self.slices},
            "repeats": self.spec.repeats,
            "decoding": self.decoding.model_dump(),
            **self.spec.aims.describe(),
        }

    @property
    def spec_hash(self) -> str:
        """Identity of the effective spec."""
        return hash_content(self.effective)


def resolve_grid(
    spec: ExperimentSpec,
    *,
    registry: Mapping[str, LlmSpec],
    sources: DataSources,
    available: bool = False,
    declared: bool = False,
) -> Grid:
    """Look up every name of an experiment and load its items.

    ``available`` goes on with what is here of a data set; ``declared`` (for a dry run) counts what
    is not here by the size that the data set declares, and downloads nothing.

    Raises:
        UnknownNameError, DataError, LlmLoadError: whatever does not exist, before anything runs.
        ConfigError: a parameter of [decoding] that an API LLM does not take.
    """
    llms = [find_llm(registry, name, where=spec.locate("llms")) for name in spec.llms]
    templates = spec.load_templates()
    sets = spec.choose_personas()
    n_settings = sum(len(chosen.picked) for chosen in sets)
    if n_settings == 0:
        raise DataError(f"experiment {spec.name!r} has no persona settings")
    _check_subsample(spec, registry)
    for llm in llms:
        if llm.kind == "api" and not llm.retired:
            llm.make_request(spec.decoding)  # refuses here what the LLM does not take
    whole = [  # in the order of the file
        _load_data(choice, spec, sources, available=available, declared=declared)
        for choice in spec.datasets
    ]
    check_claims(spec, {data.name: data.items for data in whole if data.items and not data.missing})
    taken = {  # LLMs that are asked the same items share them
        (choice.name, is_subsample): _take_items(data, choice, is_subsample=is_subsample)
        for choice, data in zip(spec.datasets, whole, strict=True)
        for is_subsample in {choice.name in names for names in spec.subsample.values()} | {False}
    }
    slices = tuple(
        GridSlice(llm, data, template, n_settings, spec.repeats)
        for llm in llms
        for choice in spec.datasets
        for data in [taken[choice.name, choice.name in spec.subsample.get(llm.name, ())]]
        for template in templates
    )
    return Grid(spec, sets, slices)


def _check_subsample(spec: ExperimentSpec, registry: Mapping[str, LlmSpec]) -> None:
    for llm, datasets in spec.subsample.items():
        place = spec.locate("subsample", llm)
        find_llm(registry, llm, where=place)
        for name in datasets:
            if name not in SUBSAMPLE_SIZES:
                thing = "data set with a subsample"
                raise UnknownNameError(thing, name, SUBSAMPLE_SIZES, where=place)


def _load_data(
    choice: DatasetChoice,
    spec: ExperimentSpec,
    sources: DataSources,
    *,
    available: bool,
    declared: bool,
) -> ChosenData:
    place = spec.locate("datasets", spec.datasets.index(choice))
    source = spec.find_source(choice)
    if source is not None:
        if choice.name in DATASETS:
            raise ConfigError(
                f"{place}, name: {choice.name!r} is a bundled data set; give your own items "
                "another name"
            )
        if declared and isinstance(source, HubSplit) and not is_fetched(source):
            raise DataError(
                f"{place}: the size of {choice.name!r} is unknown until it is fetched from"
                f" {source.url}, and a dry run downloads nothing; `persona-data show"
                f" {choice.name} 0 --experiment {spec.file_name} --llm {spec.llms[0]}` fetches it"
            )
        own = load_own(
            source,
            name=choice.name,
            columns=choice.columns or None,
            columns_place=f"{place}, columns",
            download=not declared,
        )
        return _hold(own)
    if choice.name not in DATASETS:
        way_out = "(for items of your own: path or hub)"
        raise UnknownNameError("data set", choice.name, DATASETS, way_out=way_out, where=place)
    if not declared:
        return _hold(load_dataset(choice.name, sources, available=available))
    n_items = find_dataset(choice.name).n_items
    try:
        held = _hold(load_dataset(choice.name, sources, available=True, download=False))
    except DataError:
        return ChosenData(choice.name, "", (), n_items, missing=("the data are not here",))
    return held if available else replace(held, n_items=n_items)


def _hold(loaded: LoadedDataset) -> ChosenData:
    n_items = len(loaded.items)
    return ChosenData(loaded.name, loaded.data_hash, loaded.items, n_items, loaded.missing)


def _take_items(data: ChosenData, choice: DatasetChoice, *, is_subsample: bool) -> ChosenData:
    """The subsample of a data set where the experiment wants it, then its first items."""
    if is_subsample:
        is_whole = data.n_items == len(data.items)
        items = subsample_items(data.items) if data.items else ()
        n_items = len(items) if is_whole else SUBSAMPLE_SIZES[data.name]
        data = replace(data, items=items, n_items=n_items)
    if choice.limit is not None:
        items = data.items[: choice.limit]
        data = replace(data, items=items, n_items=min(data.n_items, choice.limit))
    return data
