"""Experiments as data: scheduler/experiments/*.toml, or a user's own file.

A file says which personas, data sets, templates and LLMs make the grid. What a user asks for on
the command line (``--llm``, ``--limit``) is merged in before anything is planned, so that the
stored spec is the effective one.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from models.aims import Aims, Margins, NamedClaim
from models.decoding import Decoding
from models.errors import ConfigError, UnknownNameError
from models.files import require_file
from models.personas import CONTROL, PersonaSetting, load_persona_set
from models.prompts import PAPER, Template, list_templates, load_template
from models.toml_files import read_toml
from scheduler.choices import ChosenSet, DatasetChoice, PersonaChoice, Table
from scheduler.datasets.source import HubSplit
from scheduler.mistakes import explain_mistake, name_place

EXPERIMENTS = Path(__file__).parent / "experiments"
MAX_REPEATS = 32_767  # a repeat is an int2


class ExperimentSpec(Table):
    """An experiment file, validated."""

    name: str
    title: str = ""
    personas: tuple[PersonaChoice, ...] = Field(
        min_length=1, examples=['personas = [{ set = "universal" }]']
    )
    datasets: tuple[DatasetChoice, ...] = Field(min_length=1, examples=['datasets = ["demo"]'])
    templates: tuple[str, ...] = Field(default=(PAPER,), min_length=1)
    own_templates: dict[str, dict[str, str]] = Field(default_factory=dict, alias="template")
    llms: tuple[str, ...] = Field(min_length=1, examples=['llms = ["tiny"]'])
    subsample: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # LLM -> data sets
    repeats: int = Field(default=1, ge=1, le=MAX_REPEATS)
    decoding: Decoding = Decoding()
    margins: Margins = Margins()
    claims: tuple[NamedClaim, ...] = ()
    _file: Path = PrivateAttr(default=EXPERIMENTS / "experiment.toml")
    _llms_place: str = PrivateAttr(default="")  # "": the file's own list

    @classmethod
    def of_file(cls, path: Path, fields: dict[str, Any]) -> "ExperimentSpec":
        """The experiment of a file; its name is the file's, unless it says otherwise.

        Raises:
            FarmError: whatever in it cannot be known or does not fit.
        """
        # as JSON, where a list may become a tuple and yet "2" is no number and true is no 1
        written = json.dumps({"name": path.stem, **fields}, default=str)
        try:
            spec = cls.model_validate_json(written, strict=True)
        except ValidationError as error:
            raise explain_mistake(path.name, error, cls) from error
        spec._file = path
        spec._check_claims()
        return spec

    @property
    def folder(self) -> Path:
        """Where its own files are looked up."""
        return self._file.parent

    @property
    def file_name(self) -> str:
        """Its file, as messages name it."""
        return self._file.name

    def locate(self, *loc: int | str) -> str:
        """The place of a key as a message names it: "study.toml, claim 2, measure"."""
        if loc == ("llms",) and self._llms_place:
            return self._llms_place
        return name_place(self.file_name, loc)

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not name.strip() or name.startswith(".") or re.search(r"[/\\]", name):
            raise ValueError(
                f"must be a name for folders, without / \\ or a dot in front, not {name!r}"
            )
        return name

    @field_validator("datasets", mode="before")
    @classmethod
    def _name_datasets(cls, datasets: Any) -> Any:
        if not isinstance(datasets, list | tuple):
            return datasets
        return tuple({"name": entry} if isinstance(entry, str) else entry for entry in datasets)

    @field_validator("datasets", "templates", "llms")
    @classmethod
    def _check_unique(cls, listed: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [getattr(entry, "name", entry) for entry in listed]
        for name in names:
            if names.count(name) > 1:
                way_out = "once is enough" if listed == tuple(names) else "each needs its own name"
                raise ValueError(f"{name!r} stands there twice; {way_out}")
        return listed

    @model_validator(mode="after")
    def _check_repeats(self) -> "ExperimentSpec":
        if self.repeats > 1 and self.decoding.temperature == 0:
            raise ValueError(
                f"repeats = {self.repeats} needs a temperature above 0 in [decoding]: greedy "
                "answers are all the same"
            )
        return self

    def _check_claims(self) -> None:
        names = [data.name for data in self.datasets]
        for number, claim in enumerate(self.claims):
            place = self.locate("claims", number)
            if claim.dataset is not None and claim.dataset not in names:
                raise UnknownNameError("data set", claim.dataset, names, where=place)
            if claim in self.claims[:number]:
                first = self.claims.index(claim) + 1
                raise ConfigError(
                    f"{place}: says what claim {first} says; each counts, leave it out"
                )

    @property
    def aims(self) -> Aims:
        """What the experiment sets out to show; part of its spec, and of no cell."""
        return Aims(margins=self.margins, claims=self.claims)

    def narrow(self, *, llms: Sequence[str] = (), limit: int | None = None) -> "ExperimentSpec":
        """The spec with a user's ``--llm`` and ``--limit`` merged in."""
        changes: dict[str, Any] = {}
        place = "--llm" if llms else self._llms_place
        if llms:
            changes["llms"] = tuple(dict.fromkeys(llms))
        if limit is not None:
            changes["datasets"] = tuple(
                data.model_copy(update={"limit": min(limit, data.limit or limit)})
                for data in self.datasets
            )
        narrowed = self.model_copy(update=changes)
        narrowed._llms_place = place
        return narrowed

    def find_source(self, choice: DatasetChoice) -> Path | HubSplit | None:
        """Where a user's own items are; None: in the catalog.

        Raises:
            DataError: no such file.
        """
        if choice.hub is not None:
            return HubSplit(choice.hub, choice.config, choice.split, choice.revision)
        if choice.path is None:
            return None
        where = self.locate("datasets", self._count(choice), "path")
        return require_file(self.folder / choice.path, thing="file", where=where)

    def _count(self, choice: DatasetChoice) -> int:
        return [data.name for data in self.datasets].index(choice.name)

    def load_templates(self) -> tuple[Template, ...]:
        """The experiment's templates, bundled and its own.

        Raises:
            UnknownNameError: no such template, or a field that templates do not have.
            ConfigError: one of its own that cannot work, is not used, or has a bundled one's name.
        """
        known = list_templates()
        for name in self.templates:
            if name not in (*known, *self.own_templates):
                names = [*known, *self.own_templates]
                raise UnknownNameError("template", name, names, where=self.locate("templates"))
        for name in self.own_templates:
            place = self.locate("template", name)
            if name in known:
                raise ConfigError(f"{place}: {name!r} is a bundled template; give it another name")
            if name not in self.templates:
                raise ConfigError(f"{place}: {name!r} is not used; add it to templates at the top")
        return tuple(self.load_template(name) for name in self.templates)

    def load_template(self, name: str) -> Template:
        """A template by its name, the experiment's own first."""
        return load_template(name, self.own_templates, file=self.file_name)

    def choose_personas(self) -> tuple[ChosenSet, ...]:
        """The sets of the experiment with the settings taken from each; no setting twice.

        Raises:
            UnknownNameError: a category or persona that the set does not have; a claim about a
            persona that the experiment does not have.
        """
        chosen: list[ChosenSet] = []
        taken: set[str] = set()
        for number, choice in enumerate(self.personas):
            place = self.locate("personas", number)
            whole = load_persona_set(choice.set, folder=self.folder, where=place)
            picked = [s for s in choice.pick(whole, place=place) if s.statement not in taken]
            taken |= {setting.statement for setting in picked}
            chosen.append(ChosenSet(Path(choice.set).stem, whole, tuple(picked)))
        self._check_claimed([setting for each in chosen for setting in each.picked])
        return tuple(chosen)

    def _check_claimed(self, settings: Sequence[PersonaSetting]) -> None:
        controls = {s.persona for s in settings if s.category == CONTROL}
        personas = {s.persona for s in settings} - controls - {""}
        for number, claim in enumerate(self.claims):
            place = self.locate("claims", number)
            if claim.persona in controls:
                raise ConfigError(
                    f"{place}, persona: {claim.persona!r} is one of the controls, which personas "
                    "are compared with; name a persona"
                )
            if claim.persona not in personas:
                raise UnknownNameError("persona", claim.persona, personas, where=place)


def list_experiments() -> dict[str, Path]:
    """The bundled experiments: name -> file."""
    return {path.stem: path for path in sorted(EXPERIMENTS.glob("*.toml"))}


def load_experiment(name: str) -> ExperimentSpec:
    """A bundled experiment by name, or any file that ends in .toml.

    Raises:
        UnknownNameError: no such experiment, or an unknown key in the file.
        ConfigError, DataError: no such file, not TOML, or a value that does not fit.
    """
    if name.endswith(".toml"):
        path = Path(name).expanduser().absolute()
        require_file(path, thing="experiment file", shown=name)
    else:
        bundled = list_experiments()
        if name not in bundled:
            is_near = Path(name).name and Path(f"{name}.toml").is_file()
            hint = f"did you mean {name + '.toml'!r}?" if is_near else ""
            way_out = "" if is_near else "(or a .toml file)"
            raise UnknownNameError("experiment", name, bundled, way_out=way_out, hint=hint)
        path = bundled[name]
    return ExperimentSpec.of_file(path, read_toml(path))
