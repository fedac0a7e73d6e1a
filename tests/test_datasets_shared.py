"""The real data sets, from the development mirror beside the repository."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from models.errors import DataError
from models.subsample import sample_bbq, sample_mmlu
from scheduler.datasets.catalog import DATASETS, DataSources, LoadedDataset, load_dataset
from scheduler.datasets.check import State, check_dataset

MIRROR = Path(__file__).resolve().parents[2] / "shared" / "data"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not MIRROR.is_dir(), reason="no ../shared/data beside the repository"),
]

# sha256 of what the comments say; texts of others do not stand in this repository
TRUTHFULQA_LETTERS = "5d98af09eeb2b3f61f7f38398f059212f62de660602812eb5ef0dca9ef33ab90"
MMLU_SUBSAMPLE = "c07ce65a32d71b3a938b45db092576d7816a1fab4f5d176daa688b14aea768f5"
BBQ_SUBSAMPLE_PER_FILE = {
    "Age": 240,
    "Disability_status": 596,
    "Nationality": 1040,
    "Physical_appearance": 576,
    "Religion": 960,
    "Sexual_orientation": 544,
}


def load(name: str, tmp_path: Path) -> LoadedDataset:
    sources = DataSources(mirror=MIRROR, cache=tmp_path)
    return load_dataset(name, sources, available=name == "bbq", download=False)


@pytest.mark.parametrize(
    ("name", "n_items"),
    [("truthfulqa", 817), ("mmlu", 14_042), ("bbq", 11_956), ("attitudes", 837), ("tweets", 1_252)],
)
def test_the_mirror_gives_every_item_once(name: str, n_items: int, tmp_path: Path) -> None:
    loaded = load(name, tmp_path)

    assert len(loaded.items) == n_items
    assert loaded.complete is (name != "bbq")
    if loaded.complete:
        assert [item.index for item in loaded.items] == list(range(n_items))


def test_bbq_items_have_the_publishers_index_where_files_are_missing(tmp_path: Path) -> None:
    firsts: dict[str, int] = {}
    for item in load("bbq", tmp_path).items:
        firsts.setdefault(item.tags["category"], item.index)

    assert firsts == {
        "Age": 0,
        "Disability_status": 3_680,
        "Nationality": 10_908,
        "Physical_appearance": 13_988,
        "Religion": 49_564,
        "Sexual_orientation": 57_628,
    }


@pytest.mark.parametrize("name", list(DATASETS))
def test_the_mirror_checks_out(name: str, tmp_path: Path) -> None:
    check = check_dataset(DATASETS[name], DataSources(mirror=MIRROR, cache=tmp_path))

    assert check.problems == ()
    assert check.state is (State.PARTIAL if name == "bbq" else State.COMPLETE)
    assert any("derived" in note for note in check.notes) is (name == "bbq")


def test_the_shuffled_truthfulqa_letters_are_the_published_ones(tmp_path: Path) -> None:
    items = load("truthfulqa", tmp_path).items

    letters = "".join("ABCDEFGHIJKLM"[item.answer] for item in items if item.answer is not None)

    assert "Vatican City" in items[0].fields["options"][0]
    assert items[3].fields["options"][1].startswith("Miami and New Orleans")
    assert hashlib.sha256(letters.encode()).hexdigest() == TRUTHFULQA_LETTERS


def test_the_files_that_bbq_lacks_are_named(tmp_path: Path) -> None:
    sources = DataSources(mirror=MIRROR, cache=tmp_path)
    lacking = "Gender_identity, Race_ethnicity, Race_x_gender, Race_x_SES, SES"

    with pytest.raises(DataError, match=f"BBQ: 5 of 11 files missing: {lacking}"):
        load_dataset("bbq", sources)


def test_bbq_comes_in_blocks_of_four_with_a_target_in_every_row(tmp_path: Path) -> None:
    items = load("bbq", tmp_path).items

    per_block = Counter(item.tags["block"] for item in items)
    assert set(per_block.values()) == {4}
    assert {item.tags["target_loc"] for item in items} == {0, 1, 2}
    assert len({item.tags["cluster"] for item in items if item.tags["category"] == "Age"}) == 25
    assert all(item.tags["groups"].count("unknown") == 1 for item in items)


def test_mmlu_has_201_passages_and_57_subjects(tmp_path: Path) -> None:
    items = load("mmlu", tmp_path).items

    histories = [
        item for item in items if item.fields["question"].startswith("This question refers to the")
    ]
    assert len(histories) == 606
    assert len({item.tags["cluster"] for item in histories}) == 201
    assert len({item.tags["subject"] for item in items}) == 57
    assert [item.tags["subject"] for item in items] == sorted(i.tags["subject"] for i in items)


def test_attitudes_are_27_statements_under_31_instructions(tmp_path: Path) -> None:
    items = load("attitudes", tmp_path).items

    asked = Counter((item.tags["statement"], item.tags["instruction"]) for item in items)
    assert len(asked) == 27 * 31
    assert {statement for statement, _ in asked} == set(range(27))
    flipped = {
        (item.tags["attitude"], item.tags["statement"]) for item in items if item.tags["reversed"]
    }
    assert flipped == {
        ("freedom of speech", 0),
        ("freedom of speech", 1),
        ("racist beliefs", 9),
        ("empathy", 22),
    }


def test_tweets_have_their_mean_human_ratings(tmp_path: Path) -> None:
    items = load("tweets", tmp_path).items

    assert [item.tags["question"] for item in items] == ["offensiveness"] * 626 + ["racism"] * 626
    assert sum(item.tags["n_annotators"] for item in items[:626]) == 3_463
    assert all(1 <= item.tags["human_offensiveness"] <= 5 for item in items)
    assert all(1 <= item.tags["human_racism"] <= 5 for item in items)


def test_every_annotation_of_a_tweet_names_one_of_184_annotators(tmp_path: Path) -> None:
    items = load("tweets", tmp_path).items

    for question in (items[:626], items[626:]):
        annotations = [each for item in question for each in item.tags["annotations"]]
        assert len(annotations) == 3_463
        assert {each["annotator"] for each in annotations} == set(range(184))
        people = {each["annotator"]: each["attitudes"] for each in annotations}
        assert all(1 <= points <= 5 for each in people.values() for points in each.values())
    by_attitudes = {item.tags["attitude"] for item in load("attitudes", tmp_path).items}
    assert set(annotations[0]["attitudes"]) == by_attitudes


def test_the_gpt4_subsample_of_mmlu_is_the_authors(tmp_path: Path) -> None:
    places = sample_mmlu(load("mmlu", tmp_path).items)

    # as in data/mmlu/sampled_ids.json of peluz/persona-behavior
    assert len(places) == 10_219
    assert hashlib.sha256(",".join(map(str, places)).encode()).hexdigest() == MMLU_SUBSAMPLE


def test_the_gpt4_subsample_of_bbq_is_the_authors_in_these_six_files(tmp_path: Path) -> None:
    items = load("bbq", tmp_path).items

    sampled = [items[place] for place in sample_bbq(items)]

    assert Counter(item.tags["category"] for item in sampled) == BBQ_SUBSAMPLE_PER_FILE
    ids = [item.tags["example_id"] for item in sampled if item.tags["category"] == "Age"]
    assert ids[:24:4] == [36, 120, 132, 228, 292, 296]
    assert ids[-4:] == [3620, 3621, 3622, 3623]
