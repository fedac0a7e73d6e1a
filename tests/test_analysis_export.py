"""Generations and readings as Parquet."""

import json
from pathlib import Path

import polars as pl
import pytest
from planted import Cell, Reply, answer_all, plan_questions, store_experiment
from sqlalchemy import Engine

from analysis.export import SCHEMA, export_parquet
from models.errors import ConfigError
from models.tables import Finish


def test_every_generation_is_exported_with_its_keys_and_reading(
    engine: Engine, tmp_path: Path
) -> None:
    replies = {
        0: "The answer is B.",
        1: "I am sorry, but I cannot answer that.",
        2: Reply("B", Finish.FILTERED),
        3: Reply(failed="too long"),
        4: Reply("Hm, well", Finish.LENGTH),
    }
    stored = plan_questions(engine, tmp_path, n_items=5)
    answer_all(engine, stored.experiment, lambda cell: replies[cell.index])
    seen: list[int] = []

    done = export_parquet(engine, "planted", tmp_path / "out", on_rows=seen.append)

    frame = pl.read_parquet(done.files[0])
    assert dict(frame.schema) == SCHEMA
    assert (done.generations, done.failures, sum(seen)) == (19 * 4, 19, 19 * 4)
    one = frame.filter(pl.col("persona") == "a reader of book 2").sort("item_index")
    assert one["value"].to_list() == [1, None, None, None]
    assert one["outcome"].to_list() == ["answered", "refused", "filtered", "unreadable"]
    assert one["hedge"].to_list() == [False, True, False, False]
    assert one["finish"].to_list() == ["stop", "stop", "filtered", "length"]
    assert set(one["category"]) == {"reader"}
    failed = pl.read_parquet(done.files[1])
    assert set(failed["item_index"]) == {3}
    assert set(failed["reason"]) == {"too long"}


def test_each_repeat_is_exported_with_its_seed_and_greedy_answers_with_none(
    engine: Engine, tmp_path: Path
) -> None:
    drawn = "repeats = 2\ndecoding = {temperature = 0.7, seed = 7}"
    folders = [tmp_path / name for name in ("greedy", "drawn")]
    for folder, settings in zip(folders, ("", drawn), strict=True):
        folder.mkdir()
        stored = plan_questions(engine, folder, n_items=2, settings=settings)
        answer_all(engine, stored.experiment, lambda cell: cell.right)
        export_parquet(engine, "planted", folder)

    greedy, sampled = (
        pl.read_parquet(next(each for each in folder.glob("*.parquet") if "fail" not in each.name))
        for folder in folders
    )

    assert set(greedy["seed"]) == {None}
    assert json.loads(greedy["decoding"][0]) == {"max_new_tokens": 100, "temperature": 0.0}
    assert set(sampled["repeat"]) == {0, 1}
    assert set(sampled["seed"]) == {7}
    assert json.loads(sampled["decoding"][0])["top_p"] == 1.0


def test_kinds_are_read_by_their_own_rules(engine: Engine, tmp_path: Path) -> None:
    def answer(cell: Cell) -> str:
        return "4" if cell.kind == "likert" else "C"

    stored = store_experiment(engine, tmp_path, "demo")
    answer_all(engine, stored.experiment, answer)

    done = export_parquet(engine, "demo", tmp_path / "out")

    read = pl.read_parquet(done.files[0]).group_by("kind").agg(pl.col("value").unique())
    assert dict(read.iter_rows()) == {"likert": [4], "choice": [2]}


def test_data_sets_that_differ_in_punctuation_alone_have_files_of_their_own(
    engine: Engine, tmp_path: Path
) -> None:
    names = ("sums.", "sums!", "sums-", "sums-paper")  # beside "sums"
    more = [f'[[datasets]]\nname = "{name}"\npath = "items.jsonl"\n' for name in names]
    stored = plan_questions(engine, tmp_path, n_items=2, settings="".join(more))
    answer_all(engine, stored.experiment, lambda _: "B")

    done = export_parquet(engine, "planted", tmp_path / "out")

    assert len(set(done.files)) == 5 + 1
    frames = [pl.read_parquet(path) for path in done.files[:-1]]
    assert {name for frame in frames for name in frame["dataset"]} == {"sums", *names}
    assert sum(map(len, frames)) == done.generations


def test_a_folder_that_cannot_be_made_is_named(engine: Engine, tmp_path: Path) -> None:
    plan_questions(engine, tmp_path, n_items=2)
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"--parquet .*file"):
        export_parquet(engine, "planted", tmp_path / "file")
