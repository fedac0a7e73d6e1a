"""Reading generations in runs of items, and what an array knows of its items."""

from pathlib import Path

import numpy as np
import pytest
from invented_slices import make_settings, make_slice
from planted import Cell, Reply, answer_all, plan_questions
from sqlalchemy import Engine, text

from analysis import answers
from analysis.arrays import SliceArray, compare_extractions, read_slice
from analysis.readings import FAILED, FILTERED, MISSING, REFUSED, UNREADABLE
from models.items import Kind
from models.tables import Finish
from scheduler.store import StoredGrid


def read_first(engine: Engine, stored: StoredGrid) -> SliceArray:
    with engine.connect() as connection:
        return read_slice(connection, stored.experiment, stored.slices[0].id)


def answer_variously(cell: Cell) -> Reply | str:
    """Long and short, in and beyond ASCII, failed and filtered; now and then what differs."""
    replies = [
        "A",
        "",
        "Ä → B. Ünlike 文字",
        Reply("The answer is C.", Finish.LENGTH),
        Reply("A", Finish.FILTERED),
        Reply(failed="no room"),
        "x" * 5_000 + " D.",
    ]
    return replies[(cell.index * 3 + cell.repeat + len(cell.persona)) % len(replies)]


@pytest.mark.parametrize("cells", [1, 19 * 4, 10**6])
def test_runs_of_any_length_give_the_same_array(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: int
) -> None:
    stored = plan_questions(
        engine, tmp_path, n_items=11, settings="repeats = 2\ndecoding = {temperature = 1.0}"
    )
    answer_all(engine, stored.experiment, answer_variously)
    monkeypatch.setattr(answers, "CELLS_AT_ONCE", cells)

    array = read_first(engine, stored)

    codes = [0, UNREADABLE, 1, 2, FILTERED, FAILED, 3]
    strict = [0, UNREADABLE, UNREADABLE, UNREADABLE, FILTERED, FAILED, UNREADABLE]
    place = [
        [(n // 2 * 3 + n % 2 + len(setting.persona)) % 7 for n in range(22)]
        for setting in array.settings
    ]
    np.testing.assert_array_equal(array.codes, np.array(codes)[place])
    np.testing.assert_array_equal(array.strict_codes, np.array(strict)[place])
    np.testing.assert_array_equal(array.cut_off, np.array(place) == 3)


def test_answers_to_items_of_another_slice_are_left_out(engine: Engine, tmp_path: Path) -> None:
    whole = plan_questions(engine, tmp_path / "whole", n_items=9)
    answer_all(engine, whole.experiment, lambda cell: "ABC"[cell.index % 3])
    with engine.begin() as connection:  # the same LLM and ask, every second item
        part = connection.execute(
            text("""
                INSERT INTO slice (llm, dataset, data_hash, ask, selection_hash, persona_ids,
                    item_ids, repeats)
                SELECT llm, dataset, data_hash, ask, 'some', persona_ids,
                    ARRAY[item_ids[1], item_ids[3], item_ids[9]], repeats
                FROM slice WHERE id = :slice RETURNING id
            """),
            {"slice": whole.slices[0].id},
        ).scalar_one()

    with engine.connect() as connection:
        array = read_slice(connection, whole.experiment, part)

    np.testing.assert_array_equal(
        array.codes, [[item.index % 3 for item in array.items]] * len(array.settings)
    )


def test_nothing_answered_is_missing_throughout(engine: Engine, tmp_path: Path) -> None:
    stored = plan_questions(engine, tmp_path, n_items=4)

    array = read_first(engine, stored)

    assert (array.codes == MISSING).all()
    assert (array.strict_codes == MISSING).all()
    assert np.isnan(compare_extractions(array).differ).all()


def test_disagreement_of_the_readings_is_a_share_of_the_texts() -> None:
    codes = np.array([[0, 1, 2, REFUSED, FILTERED, MISSING], [0, 0, 0, 0, 0, 0]], np.int8)
    strict = np.array([[0, 2, UNREADABLE, REFUSED, FILTERED, MISSING], [0, 0, 0, 0, 0, 0]], np.int8)
    settings = make_settings(1, 0)
    array = make_slice(settings, codes, kind=Kind.CHOICE, tags=[{}] * 6)
    array = SliceArray(array.slice, array.settings, array.items, codes, array.cut_off, strict)

    noise = compare_extractions(array)

    assert noise.n_texts.tolist() == [4, 6]
    assert noise.differ.tolist() == [2 / 4, 0]
    assert noise.contradict.tolist() == [1 / 4, 0]


def test_clusters_and_strata_are_numbered_in_the_order_of_their_labels() -> None:
    tags = [{"cluster": label, "stratum": label[0]} for label in ("b2", "a1", "b1", "a1", "b2")]

    array = make_slice(make_settings(1, 0), np.zeros((2, 5), np.int8), kind=Kind.CHOICE, tags=tags)

    assert array.clusters.tolist() == [2, 0, 1, 0, 2]
    assert array.strata is not None
    assert array.strata.tolist() == [1, 0, 1, 0, 1]


def test_strata_that_clusters_reach_over_are_none() -> None:
    tags = [{"cluster": "one", "stratum": "a"}, {"cluster": "one", "stratum": "b"}]

    array = make_slice(make_settings(1, 0), np.zeros((2, 2), np.int8), kind=Kind.CHOICE, tags=tags)

    assert array.strata is None
    assert array.select_items(np.array([True, False])).strata is not None
