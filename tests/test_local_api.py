"""``--local`` with an LLM of an API: a worker of its own, the key by the environment, the cap."""

import sys
from pathlib import Path

import pytest
from factories import make_grid, write_experiment
from simulated_provider import RunningProvider
from sqlalchemy import text

from models.console import out
from models.coverage import find_experiment, measure_progress
from models.db import open_engine
from models.llms import load_registry
from models.settings import Settings
from scheduler import cli
from scheduler.local import run_locally
from scheduler.money import parse_money
from scheduler.status import describe_status, read_llms, tabulate_status

ENTRY = """
[sold]
kind = "api"
engine = "openai"
model = "gpt-simulated"
base_url = "{base_url}"
api_key_env = "SOLD_API_KEY"
placement = "system"
family = "simulated"
price = {{ input_usd = 100, output_usd = 300 }}
chunk_cells = 3
"""


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "SOLD_API_KEY"])
def test_a_missing_key_is_noticed_before_anything_is_started(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
) -> None:
    llm = "sold" if variable == "SOLD_API_KEY" else "gpt-6-luna"
    registry = tmp_path / "llms.toml"
    registry.write_text(ENTRY.format(base_url="http://127.0.0.1:1/v1"))
    monkeypatch.setenv("PERSONA_LLMS_FILE", str(registry))
    monkeypatch.setenv("PERSONA_HOME", str(tmp_path / "home"))
    path = write_experiment(tmp_path / "study", llms=["tiny", llm])
    arguments = ["--experiment", str(path), "--local", "--max-usd", "5"]
    monkeypatch.setattr(sys, "argv", ["persona-schedule", *arguments])

    with pytest.raises(SystemExit) as left:
        cli.main()

    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n")) == (2, 1)
    assert said.startswith(f"LLM {llm!r} is asked at http")
    assert said.endswith(f"there is no key: set {variable} in the environment or in .env\n")
    assert not (tmp_path / "home").exists()


def test_a_local_run_asks_an_api_until_the_cap(
    provider: RunningProvider,
    home: Path,
    broker_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry = tmp_path / "llms.toml"
    registry.write_text(ENTRY.format(base_url=provider.base_url))
    monkeypatch.setenv("PERSONA_LLMS_FILE", str(registry))
    monkeypatch.setenv("SOLD_API_KEY", provider.api_key)
    settings = Settings(_env_file=None, home=home)
    grid = make_grid(tmp_path, llms=["sold"], registry=load_registry(registry))
    money = parse_money(max_usd=["0.12"], price=[], api_mode=None)

    with run_locally(settings, grid, retry_failed=False, money=money) as done:
        engine = open_engine(done.database_url)
        with engine.connect() as connection:
            stored = find_experiment(connection, "numbers")
            parts = measure_progress(connection, stored.id)
            llms = read_llms(connection, stored.id, parts, broker=None)
            n_saved = connection.execute(
                text(
                    "SELECT count(*) FROM generation g JOIN llm l ON l.id = g.llm"
                    " WHERE l.name = 'sold'"
                )
            ).scalar_one()
        engine.dispose()

    seen = provider.read_state()
    [part], [llm], [pause] = parts, llms, done.pauses
    account = llm.account
    assert 0 < seen.n_paid == account.n_calls == n_saved < 24
    assert account.spent_usd <= account.max_usd
    assert (account.reserved_usd, account.written_off_usd) == (0, 0)
    assert pause.reason == (
        "LLM 'sold' is paused, another call could pass its cap of $0.12; go on with a higher "
        "--max-usd"
    )
    assert describe_status(stored, parts, {}, llms)["slices"][0]["eta_s"] is None
    out.print(tabulate_status(stored, [part], {}, llms))
    assert " paused" in capsys.readouterr().out
    logs = "".join(path.read_text() for path in (home / "logs").iterdir())
    assert provider.api_key not in logs
