"""How far settings and people agree on the same items."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented_people import (
    N_PEOPLE,
    QUICK,
    SEED,
    join_world,
    make_likert,
    make_world,
    pick,
    to_points,
)
from planted import Cell, answer_all, store_experiment
from scipy import stats
from sqlalchemy import Engine

from analysis.analyse import describe_slice
from analysis.annotators import read_annotators
from analysis.arrays import read_slice
from analysis.likert import measure_answers
from analysis.readings import REFUSED
from analysis.statistics.agreement import krippendorff_alpha


def test_agreement_is_the_librarys_of_the_setting_and_the_mean_rating() -> None:
    _, posts = make_world()
    posts.codes[3, 7] = REFUSED

    offensive, _ = measure_answers(posts, QUICK)

    columns = offensive.per_setting
    means = [np.mean([each["rating"] for each in i.tags["annotations"]]) for i in posts.items[:40]]
    given = np.array(posts.codes[3, :40], float)
    both = given > 0
    pair = np.array([given[both], np.array(means)[both]])
    assert columns["people_alpha"][3] == pytest.approx(krippendorff_alpha(pair, level="interval"))
    assert columns["people_pearson"][3] == pytest.approx(stats.pearsonr(*pair).statistic)
    assert columns["people_shift"][3] == pytest.approx(np.mean(pair[0] - pair[1]))
    assert columns["people_items"][[3, 4]].tolist() == [39, 40]
    filled = np.array([np.where(both, given, 3), means])
    as_published = krippendorff_alpha(filled, level="interval")
    assert columns["people_alpha_paper"][3] == pytest.approx(as_published)
    assert columns["people_alpha_low"][3] < columns["people_alpha"][3]
    assert columns["people_alpha_high"][3] > columns["people_alpha"][3]


def test_the_people_alone_and_with_a_setting_as_one_more_rater() -> None:
    _, posts = make_world()

    offensive, _ = measure_answers(posts, QUICK)

    table = np.full((N_PEOPLE, 40), np.nan)
    for post, item in enumerate(posts.items[:40]):
        for each in item.tags["annotations"]:
            table[each["annotator"], post] = each["rating"]
    human = offensive.details["people"]
    assert human.alpha_ordinal == pytest.approx(krippendorff_alpha(table, level="ordinal"))
    assert (human.n_items, human.n_ratings) == (40, 320)
    more = np.vstack([table, posts.codes[2, :40]])
    expected = krippendorff_alpha(more, level="ordinal")
    assert offensive.per_setting["people_alpha_ordinal"][2] == pytest.approx(expected)


def test_a_setting_that_rates_like_the_people_agrees_and_a_random_one_does_not() -> None:
    _, posts = make_world()
    means = [np.mean([each["rating"] for each in i.tags["annotations"]]) for i in posts.items]
    posts.codes[0] = to_points(np.array(means))
    posts.codes[1] = np.random.default_rng(SEED).integers(1, 6, len(posts.items))
    posts.codes[2] = np.minimum(posts.codes[0] + 1, 5)

    offensive, _ = measure_answers(posts, QUICK)

    columns = offensive.per_setting
    reference = offensive.details["people"].reference
    assert columns["people_alpha"][0] > reference.alpha
    assert columns["people_alpha_low"][1] < 0.1 < columns["people_alpha_low"][0]
    assert columns["people_shift"][2] > 0.5
    assert columns["people_alpha"][2] < columns["people_alpha"][0] - 0.1
    assert columns["people_pearson"][2] == pytest.approx(columns["people_pearson"][0], abs=0.1)


def test_whatever_a_user_tags_as_annotations_breaks_nothing() -> None:
    posts = make_world()[1]
    odd: list[Any] = ["none", 7, [{"rating": "high"}], [{"points": 3}], [3, 4], None]
    tags = [{**item.tags, "annotations": odd[at % 6]} for at, item in enumerate(posts.items)]

    measures = describe_slice(make_likert(posts.codes, tags, "posts"), QUICK)["parts"][0][
        "measures"
    ]

    assert [each["of"] for each in measures] == ["offensiveness", "racism"]
    assert "people" not in measures[0]["details"]


def test_annotations_reach_the_report_through_the_database(engine: Engine, tmp_path: Path) -> None:
    statements, posts = make_world(n_settings=12)
    for part in (statements, posts):
        rows = [
            {"statement": f"Sentence {at}.", "instruction": "Rate it.", "scale": list("abcde"),
             "tags": item.tags}
            for at, item in enumerate(part.items)
        ]  # fmt: skip
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{part.slice.dataset}.jsonl").write_text(lines)
    (tmp_path / "people.json").write_text(
        json.dumps([{"persona": f"a person {n}", "category": "people"} for n in range(6)])
    )
    (tmp_path / "beside.toml").write_text(
        'llms = ["scripted"]\n'
        + "".join(
            f'[[datasets]]\nname = "own {n}"\npath = "{n}.jsonl"\n' for n in ("attitudes", "posts")
        )
        + '[[personas]]\nset = "people.json"\n[[personas]]\nset = "control"\nfirst = 5\n'
        '[[personas]]\nset = "empty"\n'
    )
    rows = {setting.persona: row for row, setting in enumerate(statements.settings)}

    def answer(cell: Cell) -> str:
        part = statements if "attitude" in cell.tags else posts
        return str(part.codes[rows.get(cell.persona, 6 + len(cell.persona) % 5), cell.index])

    stored = store_experiment(engine, tmp_path, str(tmp_path / "beside.toml"))
    answer_all(engine, stored.experiment, answer)
    with engine.connect() as connection:
        arrays = [read_slice(connection, stored.experiment, part.id) for part in stored.slices]

    found, planted = join_world(*arrays), read_annotators(posts)

    assert planted is not None
    assert found["people"][0]["n_annotators"] == len(planted.points)
    expected = join_world(statements, posts)["people"][0]["correlations"]
    given = {(each["first"], each["second"]): each["r"] for each in expected}
    for each in found["people"][0]["correlations"]:
        pair = each["first"], each["second"]
        assert each["r"] == pytest.approx(given[pair] if pair in given else given[pair[::-1]])
    assert pick(found, "ratings")["n_settings"] == 12
    assert measure_answers(arrays[1], QUICK)[0].details["people"].n_ratings == 320
