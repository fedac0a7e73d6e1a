"""The grid of the paper in numbers, its seven LLMs, and grids of a user's own beside it."""

import json
from datetime import date
from pathlib import Path

import pytest
from factories import count, make_grid, resolve_experiment, write_experiment
from sqlalchemy import Engine, text

from models.errors import ConfigError
from models.llms import load_registry
from scheduler.datasets.catalog import DataSources
from scheduler.estimate import describe_grid, estimate_grid
from scheduler.experiments import load_experiment
from scheduler.grid import Grid, resolve_grid
from scheduler.store import store_grid

REGISTRY = load_registry()
SEVEN = load_experiment("all").llms


@pytest.fixture
def declared(tmp_path: Path) -> Grid:
    """The whole grid on a machine that has none of the data."""
    return resolve_grid(
        load_experiment("all"),
        registry=REGISTRY,
        sources=DataSources(mirror=None, cache=tmp_path),
        declared=True,
    )


def test_the_whole_grid_has_91_million_cells(declared: Grid) -> None:
    described = describe_grid(declared, estimate_grid(declared))

    assert described["totals"]["cells"] == 6 * 193 * 75_440 + 193 * 18_913
    assert len(described["slices"]) == 35
    assert {part["personas"] for part in described["slices"]} == {193}
    assert described["totals"]["prompt_tokens"] is None  # unknown is not 0


def test_gpt_4_is_asked_its_subsample_and_the_others_everything(declared: Grid) -> None:
    items = {(part.llm.name, part.data.name): part.data.n_items for part in declared.slices}

    assert items["gpt-4-0125-preview", "mmlu"] == 10_219
    assert items["gpt-4-0125-preview", "bbq"] == 5_788
    assert items["gpt-4-0125-preview", "truthfulqa"] == 817
    assert {items[llm, "bbq"] for llm in SEVEN[1:]} == {58_492}
    assert {items[llm, "mmlu"] for llm in SEVEN[1:]} == {14_042}


def test_placements_dtypes_and_quantization_are_the_papers() -> None:
    seven = [REGISTRY[name] for name in SEVEN]

    assert [llm.placement for llm in seven] == [
        *("system", "system", "prefix", "system", "prefix", "prefix", "prefix")
    ]
    mixtral, *others = seven[2:]
    assert (mixtral.quantization, mixtral.dtype) == ("nf4", "float16")
    assert {(llm.quantization, llm.dtype) for llm in others} == {(None, "bfloat16")}
    assert all(llm.revision and len(llm.revision) == 40 for llm in seven[2:])
    assert {dict(llm.request)["seed"] for llm in seven[:2]} == {42}
    assert [llm.retired for llm in seven[:2]] == [date(2026, 3, 26), date(2026, 10, 23)]


def test_an_estimate_prices_what_is_paid_for(tmp_path: Path) -> None:
    paid = REGISTRY["gpt-6-luna"]

    [estimate] = estimate_grid(make_grid(tmp_path, llms=["gpt-6-luna"], declared=True))

    assert estimate.prompt_tokens is not None
    assert paid.price is not None
    prompt_tokens = estimate.prompt_tokens + 24 * 11  # what the chat format adds
    usd = (prompt_tokens * paid.price.input_usd + 24 * 100 * paid.price.output_usd) / 1_000_000
    assert estimate.usd == pytest.approx(float(usd))
    assert estimate.usd_batch == pytest.approx(float(usd) / 2)
    assert estimate.usd_expected is None  # it has answered nothing yet


@pytest.mark.parametrize("listed", ['["scripted", "scripted"]', '["tiny", "scripted", "tiny"]'])
def test_a_name_that_stands_twice_is_the_users_mistake(tmp_path: Path, listed: str) -> None:
    path = write_experiment(tmp_path)
    path.write_text(path.read_text().replace('["scripted"]', listed))

    with pytest.raises(ConfigError, match="stands there twice"):
        load_experiment(str(path))


def test_own_items_under_a_bundled_name_are_refused(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    path.write_text(path.read_text().replace('name = "numbers"', 'name = "mmlu"'))

    with pytest.raises(ConfigError, match="give your own items another name"):
        resolve_experiment(path)


def test_a_part_of_the_data_is_taken_only_when_asked_for(tmp_path: Path, shared: Path) -> None:
    sources = DataSources(mirror=shared / "data", cache=tmp_path)
    spec = load_experiment("bbq").narrow(llms=["scripted"])

    with pytest.raises(Exception, match="BBQ: 5 of 11 files missing: Gender_identity"):
        resolve_grid(spec, registry=REGISTRY, sources=sources)
    part = resolve_grid(spec, registry=REGISTRY, sources=sources, available=True)

    assert part.cells == 193 * 11_956
    assert "Gender_identity" in json.dumps(part.effective["datasets"][0]["missing"])


def test_tokens_of_missing_files_are_scaled_up_and_said(tmp_path: Path, shared: Path) -> None:
    grid = resolve_grid(
        load_experiment("bbq").narrow(llms=["scripted"]),
        registry=REGISTRY,
        sources=DataSources(mirror=shared / "data", cache=tmp_path),
        declared=True,
    )

    [estimate] = estimate_grid(grid)

    assert estimate.cells == 193 * 58_492
    assert "scaled up from the 11,956 items that are here" in estimate.counted_by
    assert estimate.prompt_tokens is not None
    assert estimate.new_prompt_tokens is not None
    assert 0.4 < estimate.new_prompt_tokens / estimate.prompt_tokens < 0.6


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A user's own study: own items, personas and template; repeats with recorded seeds."""
    extra = """
templates = ["paper", "short"]
repeats = 3
[decoding]
temperature = 0.7
seed = 7
[template.short]
base = "clean"
statement = "Answer as {article} typical {noun} would."
"""
    return write_experiment(tmp_path, extra=extra)


def test_templates_and_repeats_are_axes_of_the_grid(engine: Engine, study: Path) -> None:
    grid = resolve_grid(
        load_experiment(str(study)),
        registry=REGISTRY,
        sources=DataSources(mirror=None, cache=study.parent),
    )

    store_grid(engine, grid)

    assert grid.cells == 4 * 6 * 3 * 2
    assert count(engine, "ask") == 2
    assert count(engine, "chunk") == 4 * 3 * 2
    with engine.connect() as connection:
        decoding = connection.execute(text("SELECT decoding FROM llm")).scalar_one()
    assert (decoding["seed"], decoding["temperature"]) == (7, 0.7)


def test_repeats_of_greedy_answers_are_refused(study: Path) -> None:
    study.write_text(study.read_text().replace("temperature = 0.7", "temperature = 0"))

    with pytest.raises(ConfigError, match="greedy answers are all the same"):
        load_experiment(str(study))
