"""What ``--dry-run`` says of money, and that it leaves everything as it is."""

import json
from pathlib import Path

import pytest
from factories import claim, make_grid, plan
from money_options import LUNA, UNPRICED, parse_options
from sqlalchemy import Engine, text

from models.llms import LlmSpec, load_registry
from models.settings import Settings
from scheduler.dry_run import print_dry_run
from scheduler.grid import Grid
from scheduler.money import MoneyOptions
from workers.saving import GenerationRow, save_generations


def answer_first_chunk(engine: Engine, folder: Path) -> Grid:
    """Six answers of a fifth of the limit, with prompts of 50 tokens."""
    planned = plan(engine, folder, llms=[LUNA])
    mine = claim(engine, planned, planned.chunks[0])
    rows = [
        GenerationRow(
            **{field: None for field in GenerationRow._fields}
            | {
                "llm": mine.llm,
                "ask": mine.ask,
                "persona": mine.persona,
                "repeat": 0,
                "item": item,
                "chunk": mine.chunk,
                "prompt_tokens": 50,
                "new_tokens": 20,
                "finish": 0,
                "text": "A",
            }
        )
        for item in mine.item_ids
    ]
    with engine.begin() as connection:
        save_generations(connection, rows)
    return planned.grid


def test_a_dry_run_expects_what_was_answered_so_far(
    engine: Engine,
    database_url: str,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    grid = answer_first_chunk(engine, tmp_path)
    here = Settings(_env_file=None, home=settings.home, database_url=database_url)

    print_dry_run(here, grid, parse_options(price="10,100"), as_json=True)

    described = json.loads(capsys.readouterr().out)
    [part] = described["slices"]
    per_million = {"usd": 50 * 10 + 100 * 100, "usd_expected": 50 * 10 + 20 * 100}
    for name, usd in per_million.items():
        assert part[name] == described["totals"][name] == pytest.approx(24 * usd / 1e6)
    assert part["usd_batch"] == pytest.approx(part["usd"] / 2)
    assert part["usd_batch_expected"] == pytest.approx(part["usd_expected"] / 2)
    assert part["priced_by"] == (
        "prompts of 50 tokens, the mean of 6 so far; at most: every answer at its limit of 100 "
        "tokens; expected: answers of 20.0 tokens, as they have been so far"
    )


@pytest.mark.parametrize(
    ("llm", "said"),
    [
        (load_registry()[LUNA], "gpt-6-luna $0.0013 ? $0.00065 ?"),
        (UNPRICED, "Cost of gpt-6-luna on numbers: no price is known"),
    ],
)
def test_a_dry_run_says_what_its_cost_rests_on(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    llm: LlmSpec,
    said: str,
) -> None:
    grid = make_grid(tmp_path, llms=[LUNA], registry={LUNA: llm}, declared=True)
    nowhere = Settings(_env_file=None, home=tmp_path / "home")

    print_dry_run(nowhere, grid, MoneyOptions(), as_json=False)

    shown = capsys.readouterr().out
    assert said in " ".join(shown.split())
    assert "Tokens of numbers: 4 characters per token" in shown
    assert not (tmp_path / "home").exists()


def test_a_dry_run_leaves_an_unmigrated_database_as_it_is(
    engine: Engine, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        tables = "batch, api_trouble, call_hour, reservation, spend"
        connection.execute(text(f"DROP TABLE {tables} CASCADE"))
    here = Settings(_env_file=None, home=settings.home, database_url=database_url)

    print_dry_run(here, make_grid(tmp_path, llms=[LUNA]), MoneyOptions(), as_json=True)

    with engine.connect() as connection:
        assert connection.execute(text("SELECT to_regclass('spend')")).scalar() is None


def test_an_llm_that_was_shut_down_costs_nothing(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = load_registry(None)
    retired = registry["gpt-3.5-turbo-0125"]
    grid = make_grid(tmp_path, registry=registry, llms=[LUNA, retired.name])

    print_dry_run(settings, grid, parse_options(), as_json=True)

    described = json.loads(capsys.readouterr().out)
    of = {part["llm"]: part["usd"] for part in described["slices"]}
    assert retired.retired is not None
    assert of[retired.name] is None
    assert described["totals"]["usd"] == of[LUNA] > 0
