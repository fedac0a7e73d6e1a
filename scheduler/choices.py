"""What an experiment's file chooses: settings of persona sets, and data sets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.errors import ConfigError, UnknownNameError
from models.personas import PersonaSetting, list_persona_sets

_ON_HUB = re.compile(r"[\w.-]+(/[\w.-]+)?")


class Table(BaseModel):
    """A table of the file: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonaChoice(Table):
    """Settings of one set: all of them, or those of some categories, by name, or the first few."""

    # a bundled set, or a .csv or .json file beside the experiment
    set: str = Field(examples=['set = "universal"'])
    categories: tuple[str, ...] | None = Field(default=None, min_length=1)
    only: tuple[str, ...] | None = Field(default=None, min_length=1)
    first: int | None = Field(default=None, ge=1)

    def pick(self, whole: Sequence[PersonaSetting], *, place: str) -> list[PersonaSetting]:
        """The settings taken of the whole set; ``place`` is where the choice stands, for messages.

        Raises:
            UnknownNameError, ConfigError: a category or persona that is not there to choose.
        """
        picked = list(whole)
        if self.categories is not None:
            known = {setting.category for setting in whole}
            for category in self.categories:
                if category not in known:
                    thing = f"category of set {self.set!r}:"
                    raise UnknownNameError(thing, category, known, where=place)
            picked = [setting for setting in picked if setting.category in self.categories]
        if self.only is not None:
            names = {setting.persona for setting in picked}
            left_out = {s.persona: s.category for s in whole if s.persona not in names}
            for name in self.only:
                if name in left_out:
                    raise ConfigError(
                        f"{place}, only: {name!r} is of category {left_out[name]!r}, which "
                        "categories leaves out; add it there"
                    )
                if name not in names:
                    thing = f"persona of set {self.set!r}:"
                    file = "models/data/personas.json" if self.set in list_persona_sets() else ""
                    way_out = f"({file or self.set} lists them)"
                    raise UnknownNameError(thing, name, names, where=place, way_out=way_out)
            picked = [setting for setting in picked if setting.persona in self.only]
        return picked[: self.first]


class DatasetChoice(Table):
    """A data set of the catalog, or a user's own items: a file beside the experiment (``path``:
    .jsonl, .csv or .parquet) or a data set of the hub (``hub``, ``config``, ``split``)."""

    name: str = Field(examples=['name = "fruit"'])
    path: str | None = None
    hub: str | None = None
    config: str | None = None
    split: str = "test"
    revision: str | None = None
    columns: dict[str, str | list[str]] = Field(default_factory=dict)  # ours -> the file's
    limit: int | None = Field(default=None, ge=1)  # the publisher's first items only

    @model_validator(mode="after")
    def _check_source(self) -> "DatasetChoice":
        if self.path is not None and self.hub is not None:
            raise ValueError("path and hub are both there; its items come from one of them")
        given = self.model_fields_set
        for key in ("columns", "config", "split", "revision"):
            needs = "path or hub" if key == "columns" else "hub"
            if key in given and self.hub is None and (needs == "hub" or self.path is None):
                raise ValueError(f"{key} goes with {needs}, for items of your own")
        if self.hub is not None and not _ON_HUB.fullmatch(self.hub):
            raise ValueError(f'hub must be as in hub = "owner/name", not {self.hub!r}')
        return self


@dataclass(frozen=True, slots=True)
class ChosenSet:
    """A persona set and what an experiment takes of it."""

    name: str
    whole: tuple[PersonaSetting, ...]
    picked: tuple[PersonaSetting, ...]
