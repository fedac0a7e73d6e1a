"""The numerical floor: the same LLM asked again under another name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from invented_slices import make_settings, make_slice
from planted import Cell, answer_all, plan_questions
from report_folder import Report
from sqlalchemy import Engine, text

from analysis.arrays import SliceArray
from analysis.asked_again import list_asked_again
from analysis.noise import compare_scores, match_cells
from analysis.publish import publish_report
from analysis.readings import FAILED, MISSING, REFUSED
from analysis.statistics import Undefined
from models.coverage import find_experiment
from models.items import Kind
from models.llms import LlmSpec, load_registry
from models.settings import Settings
from scheduler.datasets.catalog import DataSources
from scheduler.experiments import load_experiment
from scheduler.grid import resolve_grid
from scheduler.store import store_grid

AGAIN = "scripted-again"


def make_choices(codes: np.ndarray) -> SliceArray:
    tags = [{}] * codes.shape[1]
    return make_slice(make_settings(codes.shape[0] - 2, 1), codes, kind=Kind.CHOICE, tags=tags)


def plan_again(engine: Engine, folder: Path, *, decoding: str = "", **changes: object) -> int:
    """Ask five settings the first ten sums again, by another name; the experiment's id."""
    file = folder / "again.toml"
    file.write_text(
        f'llms = ["{AGAIN}"]\n{decoding}\n[[datasets]]\nname = "sums"\npath = "items.jsonl"\n'
        'limit = 10\n[[personas]]\nset = "people.json"\nfirst = 5\n'
    )
    first = load_registry()["scripted"]
    twin: LlmSpec = first.model_copy(update={"name": AGAIN, "chunk_cells": 3, **changes})
    grid = resolve_grid(
        load_experiment(str(file)),
        registry={AGAIN: twin},
        sources=DataSources(mirror=None, cache=folder / "cache"),
    )
    return store_grid(engine, grid).experiment


def publish(engine: Engine, folder: Path) -> Report:
    with engine.connect() as connection:
        experiment = find_experiment(connection, "planted")
    home = Settings(_env_file=None, home=folder / "home")
    return Report(publish_report(engine, home, experiment).page.parent)


def test_scores_of_both_askings_are_compared_setting_by_setting() -> None:
    first = make_choices(np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1]]))
    second = make_choices(np.array([[0, 0, 0, 1], [0, 0, 0, 1], [0, 1, 1, 1]]))

    accuracy, refusals = compare_scores(match_cells(first, second))

    assert (accuracy.name, accuracy.n_settings) == ("accuracy", 3)
    assert accuracy.sd == pytest.approx(np.std([-0.25, 0.25, 0], ddof=1))
    assert accuracy.largest == pytest.approx(0.25)
    assert (refusals.name, refusals.sd) == ("refusal_rate", 0)


def test_only_cells_with_a_text_both_times_are_compared() -> None:
    first = make_choices(np.array([[0, FAILED, 0, REFUSED], [0, 0, 0, 0], [0, 0, 0, 0]]))
    second = make_choices(np.array([[0, 0, MISSING, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))

    pair = match_cells(first, second)

    assert pair.first.codes[0].tolist() == [0, MISSING, MISSING, REFUSED]
    assert pair.second.codes[0].tolist() == [0, MISSING, MISSING, 0]


def test_settings_and_items_are_matched_whatever_their_order() -> None:
    first = make_choices(np.arange(12).reshape(3, 4) % 4)
    turned = first.codes[::-1, ::-1]
    second = replace(
        first,
        slice=replace(first.slice, persona_ids=first.slice.persona_ids[::-1]),
        items=first.items[::-1],
        codes=turned,
        cut_off=first.cut_off[::-1, ::-1],
    )

    pair = match_cells(second, first)

    np.testing.assert_array_equal(pair.first.codes, pair.second.codes)


def test_one_setting_alone_has_no_floor() -> None:
    array = make_choices(np.zeros((2, 4)))
    one = replace(array, settings=array.settings[:1], codes=array.codes[:1])
    one = replace(one, cut_off=array.cut_off[:1], slice=replace(array.slice, persona_ids=(0,)))

    accuracy, _ = compare_scores(match_cells(one, one))

    assert isinstance(accuracy.sd, Undefined)
    assert accuracy.largest == 0


def test_a_second_asking_shows_up_in_the_first_one_s_report(engine: Engine, tmp_path: Path) -> None:
    stored = plan_questions(engine, tmp_path, n_items=20)
    answer_all(engine, stored.experiment, lambda cell: cell.right)
    before = publish(engine, tmp_path).pages["trust.html"]

    def change_a_little(cell: Cell) -> str:
        if cell.index == 0 and cell.persona == "a person of town 2":
            return cell.wrong
        return f"{cell.right}." if cell.index == 1 else cell.right

    again = plan_again(engine, tmp_path)
    answer_all(engine, again, change_a_little)
    after = publish(engine, tmp_path)

    assert "Not measured" in before
    assert "chunk_cells" in before  # how it is measured
    (floor,) = after.numbers["blocks"]["numerical-floor"]["numbers"]["floors"]
    assert (floor["again"], floor["n_settings"], floor["n_cells"]) == (AGAIN, 5, 50)
    assert floor["texts"] == pytest.approx(6 / 50)
    assert floor["readings"] == pytest.approx(1 / 50)
    accuracy = next(each for each in floor["measures"] if each["name"] == "accuracy")
    assert accuracy["sd"] == pytest.approx(np.std([0, 0, -0.1, 0, 0], ddof=1))
    heading, *rows = after.tables["table-numerical-floor"]
    assert dict(zip(heading, rows[0], strict=True))["SD of scores"] == "4.5 percentage points"
    (stored_row,) = (
        r for r in after.read_csv("numerical-floor.csv") if r["noise_measure"] == "Accuracy"
    )
    assert float(stored_row["noise_sd"]) == accuracy["sd"]  # all digits, for those who compute
    assert "12.0% of the texts, 2.0% of the readings changed" in after.pages["performance.html"]


@pytest.mark.parametrize("change", [{"placement": "prefix"}, {"revision": "other"}])
def test_another_way_of_running_an_llm_is_no_second_asking(
    engine: Engine, tmp_path: Path, change: dict[str, object]
) -> None:
    stored = plan_questions(engine, tmp_path, n_items=20)

    plan_again(engine, tmp_path, **change)

    with engine.connect() as connection:
        assert list_asked_again(connection, stored.experiment) == ()


def test_other_weights_and_drawn_answers_are_no_second_asking(
    engine: Engine, tmp_path: Path
) -> None:
    drawn = "[decoding]\ntemperature = 0.7\n"
    stored = plan_questions(engine, tmp_path, n_items=20)
    plan_again(engine, tmp_path)
    with engine.begin() as connection:
        assert len(list_asked_again(connection, stored.experiment)) == 1
        connection.execute(text("UPDATE llm SET revision = 'b' WHERE name = :n"), {"n": AGAIN})
        assert list_asked_again(connection, stored.experiment) == ()

    hot = plan_questions(engine, tmp_path, n_items=20, name="hot", settings=drawn)
    plan_again(engine, tmp_path, decoding=drawn)

    with engine.connect() as connection:
        assert list_asked_again(connection, hot.experiment) == ()
