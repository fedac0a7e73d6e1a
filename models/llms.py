"""The registry of LLMs: models/llms.toml and a user's own file in the same form."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from models.decoding import Decoding, derive_repeat_seed
from models.errors import ConfigError, LlmLoadError, UnknownNameError
from models.identity import hash_content
from models.mistakes import describe_mistake, pick_mistake
from models.prompts import Placement
from models.toml_files import read_toml

REGISTRY_FILE = Path(__file__).parent / "llms.toml"
# What a change of cannot change an answer; all else identifies a way of running an LLM.
_NOT_IDENTITY = {
    *("name", "title", "family", "licence", "params_b", "price", "quota", "retired"),
    *("chunk_cells", "token_budget", "api_key_env"),
}
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
LIMIT_NAMES = ("max_completion_tokens", "max_tokens")  # of new tokens, in a request
# What a call is made of already, and what would make of one answer several, or a stream of pieces.
NOT_IN_REQUEST = {"model", "messages", "n", "stream"}
BYTES_PER_PARAMETER = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "nf4": 0.6}


class Price(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_usd: Decimal = Field(ge=0, allow_inf_nan=False)
    output_usd: Decimal = Field(ge=0, allow_inf_nan=False)


class Quota(BaseModel):
    """What a provider allows an account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    requests_per_day: int | None = Field(default=None, ge=1)
    batch_enqueued_tokens: int | None = Field(default=None, ge=1)  # input of open batches


class LlmSpec(BaseModel):
    """One entry of the registry; models/llms.toml says what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str = ""
    kind: Literal["gpu", "api"]
    engine: Literal["static", "openai", "scripted"] = "static"
    hub: str | None = None
    path: Path | None = None
    revision: str | None = None
    dtype: Literal["float32", "float16", "bfloat16"] = "bfloat16"
    quantization: Literal["nf4"] | None = None
    placement: Placement
    family: str
    params_b: float | None = Field(default=None, gt=0)
    licence: str = ""
    model: str | None = None  # what the API calls it
    base_url: str | None = None  # None: OpenAI's own
    api_key_env: str | None = None  # the variable that holds the key, never the key
    request: tuple[tuple[str, Any], ...] = ()
    price: Price | None = None
    quota: Quota | None = None
    retired: date | None = None
    chunk_cells: int = Field(default=256, ge=1)
    token_budget: int = Field(default=16_384, ge=1)  # padded tokens in one forward pass

    @field_validator("request", mode="before")
    @classmethod
    def _freeze_request(cls, request: Any) -> Any:
        return tuple(sorted(request.items())) if isinstance(request, dict) else request

    @model_validator(mode="after")
    def _check_source(self) -> "LlmSpec":
        if (self.kind == "api") != (self.engine == "openai"):
            raise ValueError("kind 'api' and engine 'openai' go together")
        if self.kind == "api" and self.model is None:
            raise ValueError("an api LLM needs model, its name at the provider")
        if self.engine == "static" and (self.hub is None) == (self.path is None):
            raise ValueError("needs either hub or path")
        if all(name in dict(self.request) for name in LIMIT_NAMES):
            raise ValueError(f"request names {' and '.join(LIMIT_NAMES)}; one is enough")
        self._check_request()
        if self.base_url is not None:
            _check_base_url(self.base_url)
        if not (self.api_key_env or "A").isidentifier():
            raise ValueError("api_key_env is the name of a variable, not the key itself")
        return self

    def _check_request(self) -> None:
        named = dict(self.request)
        for name in sorted(NOT_IN_REQUEST & named.keys()):
            raise ValueError(f"request: {name} cannot stand there, the farm sees to it")
        for name in LIMIT_NAMES:
            limit = named.get(name, 1)
            if limit is False:
                raise ValueError("request: the limit of new tokens cannot be left out")
            if not isinstance(limit, int) or limit < 1:
                raise ValueError(f"request: {name} is a whole number above 0, not {limit!r}")

    def __hash__(self) -> int:
        """By its names: a table within ``request`` has no hash. Equal is only what is all equal."""
        return hash((self.name, self.hub, self.path, self.model, self.base_url))

    @property
    def weights_gib(self) -> float | None:
        """Memory that the weights take, where their number is known."""
        if self.params_b is None:
            return None
        return self.params_b * 1e9 * BYTES_PER_PARAMETER[self.quantization or self.dtype] / 2**30

    @property
    def queue(self) -> str:
        """The Celery queue of this LLM alone."""
        return f"llm.{self.name}"

    @property
    def endpoint(self) -> str:
        """Where an API LLM is asked."""
        return self.base_url or OPENAI_URL

    @property
    def key_variable(self) -> str | None:
        """The environment variable with the API key; None: the server wants none.

        A key is for one provider: OPENAI_API_KEY goes nowhere else unless ``api_key_env`` says so.
        """
        return self.api_key_env or (None if self.base_url else OPENAI_KEY)

    def make_request(self, decoding: Decoding, *, repeat: int = 0) -> dict[str, Any]:
        """Parameters of a call beside model and messages; models/llms.toml says what wins.

        Raises:
            ConfigError: the experiment asks for a parameter that this LLM does not take.
        """
        request = dict(self.request)
        usual = Decoding().model_dump()
        for key, value in decoding.model_dump().items():
            name = self._limit_name if key == "max_new_tokens" else key
            named = request.pop(name, None)
            if value != usual[key]:
                if named is False:
                    raise ConfigError(
                        f"LLM {self.name!r} takes no {name}, and the experiment sets {key} to "
                        f"{value} in [decoding]; leave it out there, or ask another LLM"
                    )
                request[name] = value
            elif named is None:
                if key in ("max_new_tokens", "temperature") or decoding.temperature > 0:
                    request[name] = value
            elif named is not False:
                request[name] = named
        if decoding.temperature > 0 and "seed" in request:
            request["seed"] = derive_repeat_seed(request["seed"], repeat)
        return dict(sorted(request.items()))

    def find_answer_limit(self, decoding: Decoding) -> int:
        """The most tokens that a call may generate."""
        return int(self.make_request(decoding)[self._limit_name])

    @property
    def _limit_name(self) -> str:
        named = dict(self.request)
        return next((name for name in LIMIT_NAMES if name in named), LIMIT_NAMES[-1])

    def as_identity(self) -> dict[str, Any]:
        """What identifies this way of running the LLM, the weights of a folder by their hash."""
        unused = {"dtype"} if self.kind == "api" else set()
        left_out = _NOT_IDENTITY | unused
        identity = self.model_dump(mode="json", exclude=left_out, exclude_none=True)
        if self.path is not None:
            identity["path"] = self.path.name
            identity["revision"] = self.find_revision()
        return identity

    def find_revision(self) -> str | None:
        """What is known of the revision before loading: a folder's content hash, or as written.

        Raises:
            LlmLoadError: the folder does not exist.
        """
        if self.path is None:
            return self.revision
        if not self.path.is_dir():
            raise LlmLoadError(f"LLM {self.name!r}: no folder {self.path} (path in its entry)")
        digest = hashlib.sha256()
        for file in sorted(self.path.iterdir()):
            if file.suffix in {".safetensors", ".json", ".jinja", ".txt", ".model"}:
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.name} {content}\n".encode())
        return f"sha256:{digest.hexdigest()}"

    def hash_identity(self, decoding: Decoding) -> str:
        """The hash under which the table ``llm`` knows this LLM with this decoding."""
        return hash_content({"llm": self.as_identity(), "decoding": decoding.model_dump()})


def _check_base_url(base_url: str) -> None:
    """Raise ValueError, which repeats no password, unless this is where a server can be asked."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("base_url begins with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise ValueError("base_url holds no user or password: a key goes by api_key_env")
    if parts.query or parts.fragment:
        raise ValueError("base_url ends with its path, /v1 mostly: nothing goes after a ? or #")


@cache
def dump_identity(spec: LlmSpec) -> str:
    """``as_identity`` as canonical JSON: what the column ``llm.spec`` holds."""
    return json.dumps(spec.as_identity(), sort_keys=True)


def load_registry(own_file: Path | None = None) -> dict[str, LlmSpec]:
    """All LLMs by name; an entry of the user's file replaces a bundled one of the same name.

    Raises:
        ConfigError: a file that is missing or not TOML, or an entry that does not fit.
        UnknownNameError: an entry with an unknown key.
    """
    registry = _read_file(REGISTRY_FILE)
    if own_file is not None:
        registry |= _read_file(own_file)
    return registry


def find_llm(registry: Mapping[str, LlmSpec], name: str, *, where: str = "") -> LlmSpec:
    """One LLM by name, or UnknownNameError with "did you mean"."""
    if name not in registry:
        way_out = "(models/llms.toml lists them)"
        raise UnknownNameError("LLM", name, registry, way_out=way_out, where=where)
    return registry[name]


def _read_file(path: Path) -> dict[str, LlmSpec]:
    if not path.is_file():
        raise ConfigError(f"PERSONA_LLMS_FILE: no file {path}")
    specs = {}
    for name, fields in read_toml(path).items():
        if not isinstance(fields, dict):
            raise ConfigError(f"{path}: {name!r} stands outside a [table] of an LLM")
        for field in fields:
            if field not in LlmSpec.model_fields or field == "name":
                raise UnknownNameError(f"key of LLM {name!r} in {path.name}:", field, _known())
        specs[name] = _make_spec(path, name, fields)
    return specs


def _known() -> list[str]:
    return [field for field in LlmSpec.model_fields if field != "name"]


def _make_spec(path: Path, name: str, fields: dict[str, Any]) -> LlmSpec:
    if isinstance(fields.get("path"), str):  # relative to the file that names it
        fields = {**fields, "path": (path.parent / fields["path"]).resolve()}
    try:
        return LlmSpec(name=name, **fields)
    except ValidationError as error:
        first = pick_mistake(error)
        where = ".".join(map(str, first["loc"])) or "entry"
        raise ConfigError(
            f"LLM {name!r} in {path.name}, {where}: {describe_mistake(first, LlmSpec)}"
        ) from error
