"""Which attitudes hang together, in people and in settings."""

import numpy as np
import pandas as pd
import pytest
from invented_people import (
    ATTITUDES,
    QUICK,
    SEED,
    frame_people,
    join,
    join_world,
    make_likert,
    make_world,
    pick,
)

from analysis.annotators import Rating, read_annotators
from analysis.arrays import SliceArray
from analysis.joint import TOPICS
from analysis.likert import measure_answers
from analysis.people import NO_ATTITUDES, NO_PEOPLE, NO_RATINGS, SCORINGS, join_people
from analysis.plain import UNDEFINED, to_plain
from analysis.readings import REFUSED


def test_annotators_are_those_of_pandas() -> None:
    _, posts = make_world()
    table, first = frame_people(posts)

    found = read_annotators(posts)

    assert found is not None
    assert found.attitudes == ATTITUDES
    assert found.ratings == tuple(
        Rating(question, subset)
        for question in ("offensiveness", "racism")
        for subset in ("is_aae", "is_vulgar")
    )
    np.testing.assert_array_equal(found.points, first)
    for rating, means in zip(found.ratings, found.means.T, strict=True):
        chosen = table[(table["question"] == rating.question) & table[rating.subset]]
        expected = chosen.groupby("who")["rating"].mean().reindex(first.index)
        np.testing.assert_allclose(means, expected)


def test_the_peoples_correlations_are_those_of_pandas() -> None:
    statements, posts = make_world()
    table, first = frame_people(posts)

    (people,) = join_world(statements, posts)["people"]

    seen = table[(table["question"] == "racism") & table["is_aae"]].groupby("who")["rating"].mean()
    wanted = {
        ("thrift", "haste"): first["thrift"].corr(first["haste"]),
        ("mirth", "racism, AAE"): first["mirth"].corr(seen),
    }
    found = {(each["first"], each["second"]): each for each in people["correlations"]}
    assert len(found) == 6 + 16
    for pair, expected in wanted.items():
        assert found[pair]["r"] == pytest.approx(expected)
        assert found[pair]["low"] < expected < found[pair]["high"]
    assert found["thrift", "haste"]["n"] == people["n_annotators"] == len(first)
    assert found["mirth", "racism, AAE"]["n"] == len(seen)


def test_the_cosine_is_worked_out_anew_from_rounded_correlations() -> None:
    statements, posts = make_world()
    table, first = frame_people(posts)
    turned = statements.codes.astype(float).reshape(80, 4, 2, 5)
    turned[:, :, 1] = 6 - turned[:, :, 1]
    settings = pd.DataFrame(turned.mean(axis=(2, 3)), columns=list(ATTITUDES))

    found = join_world(statements, posts)

    upper = np.triu_indices(4, k=1)
    ours, theirs = (each.corr().round(2).to_numpy()[upper] for each in (settings, first))
    left = pick(found, "attitudes")
    assert left["cosine"] == pytest.approx(
        ours @ theirs / np.sqrt((ours @ ours) * (theirs @ theirs))
    )
    assert (left["n_cells"], left["n_settings"]) == (6, 80)
    cells = []
    for question, first_column in (("offensiveness", 0), ("racism", 40)):
        for subset in ("is_aae", "is_vulgar"):
            on = [p for p in range(40) if posts.items[p].tags[subset]]
            rated = pd.Series(posts.codes[:, [first_column + p for p in on]].mean(axis=1))
            chosen = table[(table["question"] == question) & table[subset]]
            by_who = chosen.groupby("who")["rating"].mean()
            cells += [
                (round(settings[a].corr(rated), 2), round(first[a].corr(by_who), 2))
                for a in ATTITUDES
            ]
    ours, theirs = np.array(cells).T
    right = pick(found, "ratings")
    assert right["n_cells"] == 16
    assert right["cosine"] == pytest.approx(
        ours @ theirs / np.sqrt((ours @ ours) * (theirs @ theirs))
    )


def test_settings_made_like_people_are_beyond_chance_and_random_ones_are_not() -> None:
    alike = join_world(*make_world())
    random = [join_world(*make_world(are_alike=False, seed=seed)) for seed in range(12)]

    for side in ("attitudes", "ratings"):
        comparison = pick(alike, side)
        assert comparison["cosine"] > 0.8
        assert comparison["uniform"]["p"] < 0.05
        assert comparison["cosine"] > comparison["uniform"]["point_95"]
        assert comparison["low"] < comparison["cosine"] + 0.02
    assert pick(alike, "attitudes")["relabelled"]["p"] < 0.1
    values = [pick(each, "attitudes") for each in random]
    assert sum(each["uniform"]["p"] < 0.05 for each in values) <= 3
    assert abs(np.mean([each["cosine"] for each in values])) < 0.35
    assert 0.7 < alike["people"][0]["ceilings"]["attitudes"]["mean"] <= 1


def test_settings_that_refuse_often_are_left_out_and_named() -> None:
    statements, posts = make_world()
    # By the paper's rule a refusal is point 3: many of them fake a correlation of all attitudes.
    statements.codes[:4] = np.where(np.arange(40) % 4 == 0, REFUSED, statements.codes[:4])
    posts.codes[5, :30] = REFUSED

    found = join_world(statements, posts)

    left, right = (pick(found, side, all_in=False) for side in ("attitudes", "ratings"))
    assert left["left_out"] == [f"a person {n}" for n in range(4)]
    assert right["left_out"] == [f"a person {n}" for n in (0, 1, 2, 3, 5)]
    assert (left["n_settings"], right["n_settings"]) == (76, 75)
    rest = [row for row in range(80) if row > 3]
    alone = join_world(
        *(make_likert(part.codes[rest], [i.tags for i in part.items], part.slice.dataset)
          for part in (statements, posts))
    )  # fmt: skip
    assert left["cosine"] == pytest.approx(pick(alone, "attitudes")["cosine"])
    assert pick(found, "attitudes")["cosine"] != left["cosine"]


def test_nobody_left_out_gives_the_same_comparison() -> None:
    found = join_world(*make_world())

    every, few = (pick(found, "attitudes", all_in=all_in) for all_in in (True, False))

    assert few == {**every, "left_out": []}


def test_slices_are_matched_by_the_settings_that_both_have() -> None:
    statements, posts = make_world()
    order = np.random.default_rng(SEED).permutation(80)[:70]
    shuffled = SliceArray(
        posts.slice, tuple(posts.settings[row] for row in order), posts.items,
        posts.codes[order], posts.cut_off[order],
    )  # fmt: skip

    found = join_world(statements, shuffled)
    kept = np.sort(order)
    parts = (SliceArray(p.slice, tuple(p.settings[row] for row in kept), p.items, p.codes[kept],
                        p.cut_off[kept]) for p in (statements, posts))  # fmt: skip

    assert pick(found, "ratings")["cosine"] == pytest.approx(
        pick(join_world(*parts), "ratings")["cosine"]
    )


def test_a_resample_draws_whole_wordings_and_tweets() -> None:
    statements, posts = make_world()
    twice = [i for i in range(len(statements.items)) for _ in range(2)]
    doubled = SliceArray(
        statements.slice, statements.settings, tuple(statements.items[i] for i in twice),
        statements.codes[:, twice], statements.cut_off[:, twice],
    )  # fmt: skip

    once, copied = (pick(join_world(each, posts), "attitudes") for each in (statements, doubled))

    assert {key: once[key] for key in ("cosine", "low", "high")} == pytest.approx(
        {key: copied[key] for key in ("cosine", "low", "high")}
    )


def test_what_is_not_there_is_said() -> None:
    statements, posts = make_world()
    nobody = make_likert(posts.codes, [{"question": "mood"}] * len(posts.items), "posts")
    unnamed = [
        {**i.tags, "annotations": [{"rating": e["rating"]} for e in i.tags["annotations"]]}
        for i in posts.items
    ]

    alone = join_world(statements)
    only_posts = join_world(posts)
    without_names = join_world(statements, make_likert(posts.codes, unnamed, "posts"))

    assert pick(alone, "attitudes")["cosine"] == {UNDEFINED: NO_PEOPLE}
    assert pick(alone, "ratings")["cosine"] == {UNDEFINED: NO_RATINGS}
    assert len(alone["llms"][0]["correlations"]) == 6 * len(SCORINGS)
    assert alone["people"] == []
    assert pick(only_posts, "attitudes")["cosine"] == {UNDEFINED: NO_ATTITUDES}
    assert len(only_posts["people"]) == 1
    assert pick(without_names, "ratings")["cosine"] == {UNDEFINED: NO_PEOPLE}
    assert join_world(nobody) == {"people": [], "llms": []}
    assert join({}) == {"people": [], "llms": []}


@pytest.mark.parametrize("case", ["all refused", "all alike", "one setting", "one attitude"])
def test_degenerate_answers_have_a_reason_and_raise_nothing(case: str) -> None:
    statements, posts = make_world(n_settings=20)
    match case:
        case "all refused":
            statements.codes[:], posts.codes[:] = REFUSED, REFUSED
        case "all alike":
            statements.codes[:], posts.codes[:] = 3, 3
        case "one setting":
            statements, posts = (
                SliceArray(p.slice, p.settings[:1], p.items, p.codes[:1], p.cut_off[:1])
                for p in (statements, posts)
            )
        case "one attitude":
            statements = statements.select_items(statements.tag_items("attitude") == "thrift")

    found = join_world(statements, posts)
    measures = to_plain(measure_answers(posts, QUICK))

    assert isinstance(pick(found, "attitudes")["cosine"], dict)
    if case != "one attitude":
        assert isinstance(pick(found, "ratings")["cosine"], dict)
        assert measures[0]["details"]["people"]["alpha_ordinal"] > 0.2
    if case in ("all refused", "all alike"):
        assert measures[0]["per_setting"]["people_pearson"] == [None] * 20
        assert measures[0]["reasons"]["people_pearson"]


def test_the_topic_is_joined() -> None:
    assert TOPICS["people"] is join_people
