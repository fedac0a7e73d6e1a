"""From persona, item and template to the text an LLM reads. Pure: no files, no database.

A template gives the persona's statement, a form per kind of item, and what the empty persona
sends. ``paper`` is what the authors of arXiv 2407.02099 ran; ``clean`` drops their empty system
message and the two leading newlines, as a second template and not as a silent repair.
"""

import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypedDict

from models.errors import ConfigError, UnknownNameError
from models.items import Kind

LETTERS = string.ascii_uppercase
PAPER = "paper"  # the template of the paper's own prompts
Placement = Literal["system", "prefix"]
TEMPLATES_FILE = Path(__file__).parent / "templates.toml"


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatTokenizer(Protocol):
    """The one method of a tokenizer that rendering needs."""

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Template:
    """The words around persona and item.

    ``statement`` and the forms may use ``{persona}`` (with its article), ``{article}`` and
    ``{noun}`` (without); forms also the item's own fields, with ``{options}`` and ``{scale}`` as
    lines. ``empty`` says what the empty persona sends: ``send`` an empty statement as if it were
    one, or ``omit`` it with its message or its blank line.
    """

    name: str
    statement: str
    empty: Literal["send", "omit"]
    choice: str
    choice_with_context: str
    likert: str
    free: str

    def as_dict(self) -> dict[str, str]:
        """What identifies the template: all but its name."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


class PromptError(Exception):
    """A prompt that must not be sent; becomes the failure's reason."""


@cache
def _bundled() -> dict[str, Template]:
    stored = tomllib.loads(TEMPLATES_FILE.read_text(encoding="utf-8"))
    templates = {PAPER: Template(name=PAPER, **stored.pop(PAPER))}
    for name, fields in stored.items():
        templates[name] = _derive_template(name, fields, templates, name)
    return templates


def list_templates() -> tuple[str, ...]:
    """The names of the bundled templates."""
    return tuple(_bundled())


def load_template(
    name: str, own: Mapping[str, Mapping[str, str]] | None = None, *, file: str = ""
) -> Template:
    """A bundled template, or one of an experiment's own, which starts from ``base``.

    ``file`` is where its own stand, for messages.

    Raises:
        UnknownNameError: no such template, or a field that templates do not have.
        ConfigError: a field in braces that cannot be filled.
    """
    if own and name in own:
        place = f"{file}, [template.{name}]" if file else f"template {name!r}"
        return _derive_template(name, own[name], _bundled(), place)
    if name not in _bundled():
        raise UnknownNameError("template", name, [*_bundled(), *(own or {})])
    return _bundled()[name]


def _derive_template(
    name: str, fields: Mapping[str, str], known: Mapping[str, Template], place: str
) -> Template:
    own = dict(fields)
    base_name = own.pop("base", PAPER)
    if base_name not in known:
        raise UnknownNameError("base", base_name, known, where=place)
    merged: dict[str, Any] = known[base_name].as_dict()
    for field, value in own.items():
        if field not in merged:
            raise UnknownNameError("key", field, [*merged, "base"], where=place)
        merged[field] = value
    template = Template(name=name, **merged)
    _check_template(template, place)
    return template


def _check_template(template: Template, place: str) -> None:
    if template.empty not in ("send", "omit"):
        raise ConfigError(f"{place}, empty: must be 'send' or 'omit', not {template.empty!r}")
    persona = {"persona", "article", "noun"}
    allowed = {
        "statement": persona,
        "choice": persona | {"question", "options"},
        "choice_with_context": persona | {"question", "options", "context"},
        "likert": persona | {"instruction", "statement", "scale"},
        "free": persona | {"text"},
    }
    names_persona = False
    for field, names in allowed.items():
        used = _list_fields(getattr(template, field), names, f"{place}, {field}")
        names_persona |= bool(used & {"persona", "noun"})
    if not names_persona:
        raise ConfigError(
            f"{place}, statement: needs {{persona}} or {{noun}}; without them every persona reads "
            "the same"
        )


def _list_fields(form: str, known: set[str], place: str) -> set[str]:
    """The fields in braces of a form."""
    try:
        parsed = list(string.Formatter().parse(form))
    except ValueError as error:
        raise ConfigError(
            f"{place}: {error}; a brace of the text itself is written twice"
        ) from error
    used = set()
    for _, name, spec, conversion in parsed:
        if name is None:
            continue
        if name not in known:
            hint = "" if name else "a brace of the text itself is written twice"
            raise UnknownNameError("field in braces", name, known, where=place, hint=hint)
        if spec or conversion:
            raise ConfigError(f"{place}: between the braces stands {name} alone, no : or !")
        used.add(name)
    return used


def state_persona(template: Template, *, persona: str, article: str) -> str:
    """The sentence that assigns the persona; "" for the empty one."""
    return template.statement.format(**_persona_fields(persona, article)) if persona else ""


def _persona_fields(persona: str, article: str) -> dict[str, str]:
    noun = persona.removeprefix(article).strip() if article else persona
    return {"persona": persona, "article": article, "noun": noun}


def ask_item(
    template: Template,
    *,
    kind: str,
    fields: Mapping[str, Any],
    persona: str = "",
    article: str = "",
) -> str:
    """What is asked, without the persona's statement (paper.md, "Prompts")."""
    values = {**fields, **_persona_fields(persona, article)}
    match Kind(kind):
        case Kind.CHOICE:
            options = zip(LETTERS, fields["options"], strict=False)
            values["options"] = "\n".join(f"{letter}. {option}" for letter, option in options)
            form = template.choice_with_context if fields.get("context") else template.choice
        case Kind.LIKERT:
            values["scale"] = "\n".join(fields["scale"])
            form = template.likert
        case Kind.FREE:
            form = template.free
    return form.format(**values)


@dataclass(frozen=True, slots=True)
class Chat:
    """What one cell sends: its messages, and the two texts that must stand in what is rendered."""

    messages: list[Message]
    statement: str
    prompt: str


def compose_chat(
    template: Template,
    *,
    persona: str,
    article: str,
    kind: str,
    fields: Mapping[str, Any],
    placement: Placement,
) -> Chat:
    """Put a persona and an item into a template's words."""
    statement = state_persona(template, persona=persona, article=article)
    prompt = ask_item(template, kind=kind, fields=fields, persona=persona, article=article)
    messages = build_messages(template, statement=statement, prompt=prompt, placement=placement)
    return Chat(messages, statement, prompt)


def render_chat(tokenizer: ChatTokenizer, chat: Chat) -> str:
    """The text that the LLM reads; the persona and the item are certain to stand in it.

    Raises:
        PromptError: the chat template refuses the messages, or drops the persona.
    """
    rendered = render(tokenizer, chat.messages)
    check_persona_stands(rendered, statement=chat.statement, prompt=chat.prompt)
    return rendered


def build_messages(
    template: Template, *, statement: str, prompt: str, placement: Placement
) -> list[Message]:
    """The chat of one cell: the statement as system message, or before the prompt.

    The empty persona keeps its empty system message, or its blank line, where the template says
    ``send``.
    """
    if not statement and template.empty == "omit":
        return [{"role": "user", "content": prompt}]
    if placement == "system":
        return [{"role": "system", "content": statement}, {"role": "user", "content": prompt}]
    return [{"role": "user", "content": f"{statement}\n\n{prompt}"}]


def render(tokenizer: ChatTokenizer, messages: Sequence[Message]) -> str:
    """The chat as this LLM's own template writes it, ready for its answer.

    The result holds the special tokens already: tokenize it without adding them again.

    Raises:
        PromptError: the chat template refuses the messages (a system message, say).
    """
    try:
        text = tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=True
        )
    except (
        Exception
    ) as error:  # a chat template is a program of its publisher: it may raise anything
        raise PromptError(f"the chat template refuses the prompt: {error}") from error
    return str(text)


def check_persona_stands(rendered: str, *, statement: str, prompt: str) -> None:
    """Raise PromptError unless the whole statement stands before the whole prompt.

    A chat template may trim the ends of a message, so the prompt's own ends are not compared.
    """
    place = rendered.rfind(prompt.strip())
    if place < 0:
        raise PromptError("the item does not stand whole in the rendered prompt")
    if statement and not 0 <= rendered.find(statement) < place:
        raise PromptError(
            f"the persona's statement {statement!r} does not stand in the rendered prompt; "
            "does the chat template drop system messages? (placement = 'prefix' sends it in the "
            "user turn)"
        )
