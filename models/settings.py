"""One typed object for everything that is configured, read once at the edge and passed down.

Values come from the environment (``PERSONA_...``) and from a ``.env`` file in the current folder;
``.env.example`` lists them all. Nothing connects and nothing is read when this module is imported.
"""

import os
import sys
from pathlib import Path

import platformdirs
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import ConfigError, UnknownNameError
from models.mistakes import describe_mistake

PREFIX = "PERSONA_"


def find_default_home() -> Path:
    """The platform's usual data folder of this user; for root a folder outside its home.

    Postgres refuses to run as root, so its own user must be able to enter the folder: /root is
    closed to it, and we do not open other people's folders.
    """
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/persona-farm")
    return platformdirs.user_data_path("persona-farm", appauthor=False)


class Settings(BaseSettings):
    """All settings. Durations are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: SecretStr | None = None  # postgresql://user:password@host/database
    broker_url: SecretStr | None = None  # redis://:password@host:6379/0
    home: Path = Field(default_factory=find_default_home)  # embedded servers, caches, reports
    data_dir: Path | None = None  # a mirror of the public data sets, asked before the network
    llms_file: Path | None = None  # the user's own LLMs, in the form of models/llms.toml
    log_level: str = "WARNING"

    lease_s: float = Field(default=120.0, gt=0)  # a worker that is silent for so long is dead
    sweep_s: float = Field(default=30.0, gt=0)  # how often a worker looks for what fell down
    stall_s: float = Field(default=300.0, gt=0)  # a worker idle for so long beside a queue ends
    save_s: float = Field(default=20.0, gt=0)  # answers of a running chunk are saved this often
    chunk_limit_s: float = Field(default=6 * 3600.0, gt=0)  # a chunk that takes longer hangs
    window: int = Field(default=2000, ge=1)  # chunk ids in Redis per LLM
    max_attempts: int = Field(default=3, ge=1)  # faults or dead workers until a chunk is failed
    retry_wait_s: float = Field(default=5.0, ge=0)  # before the first retry; doubles each time

    api_timeout_s: float = Field(default=120.0, gt=0)  # until one call's answer must be whole
    api_attempts: int = Field(default=6, ge=1)  # of one cell, while the provider answers others
    api_retry_wait_s: float = Field(default=1.0, ge=0)  # at most, before the second; doubles
    api_patience_s: float = Field(default=3600.0, gt=0)  # between the attempts at one cell, in all
    batch_poll_s: float = Field(default=30.0, gt=0)  # before the second look at a batch; grows
    batch_doubt_s: float = Field(default=60.0, gt=0)  # a batch that may exist is looked for so long

    @field_validator("home", "data_dir", "llms_file")
    @classmethod
    def _expand_user(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None


def read_key(variable: str) -> SecretStr | None:
    """A provider's API key, from the environment or ``.env``; None where there is none."""
    value = os.environ.get(variable) or dotenv_values(".env").get(variable)
    return SecretStr(value.strip()) if value and value.strip() else None


def load_settings() -> Settings:
    """Read the environment and ``.env``.

    Raises:
        UnknownNameError: a PERSONA_ variable that is not a setting.
        ConfigError: a value that does not fit; the value itself is not repeated.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    given = set(os.environ) | set(dotenv_values(".env"))
    for name in sorted(given):
        if name.startswith(PREFIX) and name.upper() not in known:
            raise UnknownNameError("setting", name, known)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        said = describe_mistake(first, Settings, shows_value=False)
        raise ConfigError(f"{name}: {said} (see .env.example)") from error
