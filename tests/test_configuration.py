"""Personas, LLMs, experiments and settings as data: what is there, and what a mistake says."""

import collections
import json
from pathlib import Path

import pytest

from models.decoding import Decoding
from models.errors import ConfigError, DataError, FarmError, LlmLoadError, UnknownNameError
from models.llms import find_llm, load_registry
from models.personas import list_persona_sets, load_persona_set
from models.settings import load_settings
from scheduler.experiments import list_experiments, load_experiment


def test_the_persona_sets_are_the_papers() -> None:
    sets = list_persona_sets()

    assert {name: len(members) for name, members in sets.items()} == {
        "universal": 162,
        "control": 30,
        "empty": 1,
    }
    sizes = collections.Counter(setting.category for setting in sets["universal"])
    assert len(sizes) == 12
    assert (sizes["gender"], sizes["political_figure"], sizes["profession_specific"]) == (4, 27, 50)
    everyone = [setting.persona for members in sets.values() for setting in members]
    assert len(set(everyone)) == 193
    assert {"a asexual person", "a anesthesiologist", "a sewer", "a useful helper"} <= set(everyone)


def test_the_personas_are_spelled_as_in_the_mirror(shared: Path) -> None:
    mirror = json.loads((shared / "data/personas/personas.json").read_text())
    ours = list_persona_sets()

    assert [(s.persona, s.category) for s in ours["universal"]] == [
        (row["persona"], row["category"]) for row in mirror["universal"]
    ]
    assert [s.persona for s in ours["control"]] == mirror["control"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("persona,category\na baker,trade\na baker,trade\n", "line 3: .*line 2 already"),
        ("name,category\na baker,trade\n", "line 1: needs persona and category"),
        ("persona,category\n", "has no personas"),
    ],
)
def test_a_broken_persona_file_names_its_line(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "people.csv").write_text(content)

    with pytest.raises(DataError, match=words):
        load_persona_set("people.csv", folder=tmp_path)


def test_further_columns_of_personas_become_tags(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("persona,category,age\na baker,trade,old\n")

    assert load_persona_set("people.csv", folder=tmp_path)[0].tags == {"age": "old"}


def write_llm(folder: Path, entry: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(f"[mine]\n{entry}\n")
    return path


@pytest.mark.parametrize(
    ("entry", "error", "words"),
    [
        ('kid = "gpu"', UnknownNameError, "'kid': did you mean 'kind'"),
        ('kind = "cpu"', ConfigError, "LLM 'mine' in mine.toml, kind: must be 'gpu' or 'api'"),
        ('kind = "gpu"\npath = 3', ConfigError, "path"),
        ('kind = "gpu"', ConfigError, "placement: is missing"),
        ("price = {input = 1}", ConfigError, "price.input: is no key here; known: input_usd, outp"),
        ('retired = "soon"', ConfigError, "retired: must be a date, as in 2026-10-23, not 'soon'"),
        ('kind = "gpu"\nplacement = "system"\nfamily = "x"', ConfigError, "either hub or path"),
        ("kind = ", ConfigError, "not valid TOML"),
    ],
)
def test_an_llm_entry_that_does_not_fit_is_one_clear_line(
    tmp_path: Path, entry: str, error: type[FarmError], words: str
) -> None:
    with pytest.raises(error, match=words):
        load_registry(write_llm(tmp_path, entry))


def test_a_folder_of_weights_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    file = tmp_path / "weights" / "model.safetensors"
    file.write_bytes(b"one")
    entry = 'kind = "gpu"\npath = "weights"\nplacement = "system"\nfamily = "x"'
    spec = find_llm(load_registry(write_llm(tmp_path, entry)), "mine")

    before = spec.hash_identity(Decoding())
    file.write_bytes(b"two")

    assert spec.hash_identity(Decoding()) != before


def test_another_decoding_is_another_row_and_another_title_is_not() -> None:
    spec = load_registry()["scripted"]

    plain = spec.hash_identity(Decoding())

    assert spec.hash_identity(Decoding(temperature=0.7)) != plain
    assert spec.model_copy(update={"placement": "prefix"}).hash_identity(Decoding()) != plain
    assert (
        spec.model_copy(update={"title": "new", "chunk_cells": 7}).hash_identity(Decoding())
        == plain
    )


def test_weights_that_are_not_there_are_one_clear_line(tmp_path: Path) -> None:
    entry = 'kind = "gpu"\npath = "nowhere"\nplacement = "system"\nfamily = "x"'
    spec = find_llm(load_registry(write_llm(tmp_path, entry)), "mine")

    with pytest.raises(LlmLoadError, match="LLM 'mine': no folder"):
        spec.hash_identity(Decoding())


EXPERIMENT = """
llms = ["scripted"]
datasets = ["demo"]
[[personas]]
set = "empty"
"""


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("llms", "lllms"), UnknownNameError, "did you mean 'llms'"),
        (("set =", "sett ="), UnknownNameError, "'sett': did you mean 'set'"),
        (('"empty"', '"emty"'), UnknownNameError, "persona set 'emty': did you mean 'empty'"),
        (('["scripted"]', '"scripted"'), ConfigError, "mine.toml, llms"),
        (('["demo"]', "[]"), ConfigError, "mine.toml, datasets"),
        (("datasets =", "repeats = 0\ndatasets ="), ConfigError, "repeats: .* not 0"),
        (("llms =", "llms"), ConfigError, "mine.toml: not valid TOML"),
        (
            ('set = "empty"', 'set = "universal"\ncategories = ["gendr"]'),
            UnknownNameError,
            "'gender'",
        ),
        (
            ('set = "empty"', 'set = "universal"\nonly = ["a babker"]'),
            UnknownNameError,
            "'a babker'",
        ),
    ],
)
def test_a_mistake_in_an_experiment_is_one_clear_line(
    tmp_path: Path, change: tuple[str, str], error: type[FarmError], words: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EXPERIMENT.replace(*change))

    with pytest.raises(error, match=words) as caught:
        load_experiment(str(path)).choose_personas()

    assert "\n" not in str(caught.value)


def test_an_unknown_experiment_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'demo'"):
        load_experiment("dmo")


def test_every_bundled_experiment_has_personas_and_known_llms() -> None:
    registry = load_registry()

    for name in list_experiments():
        spec = load_experiment(name)
        assert sum(len(chosen.picked) for chosen in spec.choose_personas()) > 1
        assert set(spec.llms) <= set(registry)


def test_a_setting_is_taken_once_even_if_two_choices_name_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EXPERIMENT + '[[personas]]\nset = "empty"\n')

    chosen = load_experiment(str(path)).choose_personas()

    assert [len(part.picked) for part in chosen] == [1, 0]


def test_options_of_the_command_line_narrow_the_experiment(tmp_path: Path) -> None:
    spec = load_experiment("demo").narrow(llms=["a", "b", "a"], limit=5)

    assert spec.llms == ("a", "b")
    assert [data.limit for data in spec.datasets] == [5]


def test_an_unknown_setting_is_told_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONA_DATABSE_URL", "postgresql://x")

    with pytest.raises(UnknownNameError, match="did you mean 'PERSONA_DATABASE_URL'"):
        load_settings()


def test_a_setting_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONA_WINDOW", "many")

    with pytest.raises(ConfigError, match="PERSONA_WINDOW: must be a whole number of at least 1 "):
        load_settings()


def test_secrets_do_not_show_in_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONA_DATABASE_URL", "postgresql://me:hunter2@host/farm")

    assert "hunter2" not in repr(load_settings())
