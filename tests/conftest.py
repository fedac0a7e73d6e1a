"""Fixtures: real Postgres and Redis from their wheels, on loopback, never a developer's own.

The environment is stripped of everything that the farm would read, so a test sees only what it
sets itself.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import openai
import pytest
import redis
from api_farm import ApiFarm, OpenLiveFarm, make_api_spec, open_api_farm
from batch_farm import AT_ONCE, BatchFarm, OpenFarm, open_batch_farm
from factories import Planned, plan
from paid_accounts import give_money
from simulated_provider import Configuration, RunningProvider, start_in_thread
from sqlalchemy import Engine, text
from study_folder import Study

from models.db import migrate, open_engine
from models.embedded import Services, open_services
from models.settings import Settings

SHARED = Path(__file__).resolve().parents[2] / "shared"

for name in list(os.environ):
    if name.startswith(("PERSONA_", "OPENAI_", "HF_")):
        del os.environ[name]
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["PYTHONSAFEPATH"] = "1"
# A busy machine makes an example slow, not wrong; a test as a whole has its timeout.
hypothesis.settings.register_profile("farm", deadline=None)
hypothesis.settings.load_profile("farm")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development mirror beside the repository; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A PERSONA_HOME that Postgres' own user can enter when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="persona-farm-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def services(home: Path) -> Iterator[Services]:
    """Embedded Postgres and Redis for the whole session."""
    with open_services(home) as running:
        yield running


@pytest.fixture(scope="session")
def _template_database(services: Services) -> str:
    """A migrated database that the tests' own ones are copied from."""
    name = "farm_template"
    _run_on_server(services, f"CREATE DATABASE {name}")
    engine = open_engine(_name_database(services, name))
    migrate(engine)
    engine.dispose()
    return name


@pytest.fixture
def database_url(services: Services, _template_database: str) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _run_on_server(services, f"CREATE DATABASE {name} TEMPLATE {_template_database}")
    yield _name_database(services, name)
    _run_on_server(services, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh, migrated database."""
    opened = open_engine(database_url, pool_size=5)
    yield opened
    opened.dispose()


@pytest.fixture
def broker_url(services: Services) -> Iterator[str]:
    """An empty Redis."""
    client = redis.Redis.from_url(services.broker_url)
    client.flushdb()
    yield services.broker_url
    client.flushdb()
    client.close()


@pytest.fixture
def broker(broker_url: str) -> Iterator[redis.Redis]:
    """A client of the empty Redis."""
    client = redis.Redis.from_url(broker_url)
    yield client
    client.close()


@pytest.fixture
def provider() -> Iterator[RunningProvider]:
    """A simulated provider of LLMs, without limits; a "minute" of its limits lasts two seconds."""
    with start_in_thread(Configuration(window_s=2.0)) as running:
        yield running


@pytest.fixture(scope="session")
def _bare_openai_client() -> Iterator[openai.OpenAI]:
    """One for all tests: to make one takes longer than to use it."""
    with openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def openai_client(_bare_openai_client: openai.OpenAI, provider: RunningProvider) -> openai.OpenAI:
    """OpenAI's own client of the simulated provider; it does not retry by itself."""
    return _bare_openai_client.with_options(
        base_url=provider.base_url, api_key=provider.api_key, timeout=10
    )


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings as a user without any configuration has them, in the tests' own folder."""
    return Settings(_env_file=None, home=home)


def _name_database(services: Services, name: str) -> str:
    return services.database_url.rsplit("/", 1)[0] + f"/{name}"


def _run_on_server(services: Services, statement: str) -> None:
    engine = open_engine(services.database_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def open_live_farm(
    engine: Engine, broker_url: str, tmp_path: Path, provider: RunningProvider
) -> Iterator[OpenLiveFarm]:
    """Opens a farm of 4 settings x 6 items at the simulated provider."""
    with ExitStack() as stack:

        def open_it(**options: Any) -> ApiFarm:
            spec = make_api_spec(provider, **options.pop("entry", {}))
            key = provider.api_key
            farm = open_api_farm(engine, broker_url, tmp_path, spec, api_key=key, **options)
            return stack.enter_context(farm)

        yield open_it


@pytest.fixture
def open_farm(
    engine: Engine, broker_url: str, tmp_path: Path, provider: RunningProvider
) -> Iterator[OpenFarm]:
    """Opens a farm of 4 settings x 6 items whose LLM is asked by batches."""
    provider.configure(batches=AT_ONCE)
    with ExitStack() as stack:

        def open_it(**options: Any) -> BatchFarm:
            return open_batch_farm(stack, engine, broker_url, tmp_path, provider, **options)

        yield open_it


@pytest.fixture
def study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Study:
    """A study without a mistake, in the current folder and with an empty home."""
    monkeypatch.setenv("PERSONA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Study(tmp_path, monkeypatch, capsys)


@pytest.fixture
def paid_plan(engine: Engine, tmp_path: Path) -> Planned:
    """An experiment of four chunks of an API LLM."""
    return plan(engine, tmp_path, llms=["gpt-6-luna"])


@pytest.fixture
def account(engine: Engine, paid_plan: Planned) -> int:
    """What it may spend: one dollar."""
    return give_money(engine, paid_plan, "1")
