"""What one cell sends: the messages, and the text that the LLM reads where that can be known."""

from dataclasses import asdict, dataclass
from typing import Any

from models.decoding import Decoding
from models.errors import DataError, LlmLoadError, UnknownNameError
from models.items import Item
from models.llms import LlmSpec
from models.personas import PersonaSetting, list_persona_sets
from models.prompts import (
    PAPER,
    Message,
    PromptError,
    Template,
    compose_chat,
    load_template,
    render_chat,
)
from scheduler.datasets.catalog import (
    DATASETS,
    DataSources,
    LoadedDataset,
    find_file,
    load_dataset,
)
from scheduler.datasets.own import load_own
from scheduler.experiments import ExperimentSpec
from workers.loading import load_tokenizer


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """``rendered`` is None where it cannot be known here, and ``reason`` then says why.

    ``request`` holds the parameters of an API call beside its messages; None for other LLMs.
    """

    messages: list[Message]
    rendered: str | None
    reason: str | None
    request: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The prompt as JSON."""
        return asdict(self)


def load_items(
    name: str, sources: DataSources, *, experiment: ExperimentSpec | None = None
) -> LoadedDataset:
    """A data set of the experiment's own, else one of the catalog, or what is here of it.

    Raises:
        UnknownNameError: neither the experiment nor the catalog has it.
        DataError: it is not here, or broken.
    """
    choices = {choice.name: choice for choice in experiment.datasets} if experiment else {}
    if experiment is not None and name in choices:
        source = experiment.find_source(choices[name])
        if source is not None:
            return load_own(source, name=name, columns=choices[name].columns or None)
    if name not in DATASETS:
        raise UnknownNameError("data set", name, {*DATASETS, *choices})
    return load_dataset(name, sources, available=True)


def find_item(loaded: LoadedDataset, index: int) -> Item:
    """The item at the publisher's ``index``, from 0.

    Raises:
        DataError: there is none, or it stands in a file that is not here.
    """
    for item in loaded.items:
        if item.index == index:
            return item
    n_items = len(loaded.items) if loaded.complete else DATASETS[loaded.name].n_items
    if index >= n_items:
        raise DataError(
            f"{loaded.name} has no item {index}; its items are numbered 0 to {n_items - 1}"
        )
    file = find_file(DATASETS[loaded.name], index)
    if file is not None and file.label in loaded.missing:
        where = f"is in {file.label}, which is not here"
        way_out = f"`persona-data fetch {loaded.name}` downloads all of the data set"
    else:
        rows = f"{file.label} is cut short" if file is not None else "; ".join(loaded.missing)
        where = f"is not here ({rows})"
        way_out = f"`persona-data check {loaded.name}` says what is broken"
    raise DataError(f"{loaded.name} item {index} {where}; {way_out}")


def find_persona(name: str, *, experiment: ExperimentSpec | None = None) -> PersonaSetting:
    """A persona of the experiment's sets or a bundled one, by its string; "" is the empty one.

    Its article may be left out.
    """
    chosen = experiment.choose_personas() if experiment else ()
    sets = [*(each.whole for each in chosen), *list_persona_sets().values()]
    known = [setting for members in sets for setting in members]
    for setting in known:
        if name in (setting.persona, setting.persona.removeprefix(setting.article).strip()):
            return setting
    raise UnknownNameError("persona", name, {setting.persona for setting in known})


def find_template(name: str | None, *, experiment: ExperimentSpec | None = None) -> Template:
    """A template of the experiment's own or a bundled one; by default the experiment's first."""
    if experiment is None:
        return load_template(name or PAPER)
    return experiment.load_template(name or experiment.templates[0])


def show_prompt(
    item: Item,
    *,
    persona: PersonaSetting,
    llm: LlmSpec,
    template: Template,
    decoding: Decoding | None = None,
) -> ShownPrompt:
    """Exactly what a worker would send for this cell; ``decoding`` None: the default.

    Raises:
        ConfigError: ``decoding`` has a parameter that the API LLM does not take.
    """
    chat = compose_chat(
        template,
        persona=persona.persona,
        article=persona.article,
        kind=item.kind,
        fields=item.fields,
        placement=llm.placement,
    )
    if llm.kind == "api":
        reason = "the provider renders the messages itself"
        return ShownPrompt(chat.messages, None, reason, llm.make_request(decoding or Decoding()))
    try:
        rendered = render_chat(load_tokenizer(llm, local_only=True), chat)
    except (LlmLoadError, PromptError) as error:
        return ShownPrompt(chat.messages, None, str(error))
    return ShownPrompt(chat.messages, rendered, None)
