"""Keys and values in an experiment's file that do not fit: one line with the way out, exit 2."""

import pytest
from study_folder import Study


def test_the_study_without_a_mistake_is_planned(study: Study) -> None:
    assert study.plan() == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("repeats = 2", "repeat = 2", "study.toml: unknown key 'repeat': did you mean 'repeats'?"),
        (
            "temperature = 0.7",
            "temperature = 0.7\nllms = []",
            "study.toml, [decoding]: unknown key 'llms': it belongs at the top, before the first "
            "[table]",
        ),
        (
            "repeats = 2",
            "top_p = 0.9",
            "study.toml: unknown key 'top_p': it belongs under [decoding]",
        ),
        (
            "repeats = 2",
            "limits = {fruit = 3}",
            "study.toml: unknown key 'limits': did you mean 'limit', under [[datasets]]?",
        ),
        (
            "accuracy = 0.02",
            "acuracy = 0.02",
            "study.toml, [margins]: unknown key 'acuracy': did you mean 'accuracy'?",
        ),
        (
            "direction",
            "directon",
            "study.toml, claim 2: unknown key 'directon': did you mean 'direction'?",
        ),
        (
            "first = 3",
            "fist = 3",
            "study.toml, persona set 2: unknown key 'fist': did you mean 'first'?",
        ),
        (
            'path = "fruit.jsonl"',
            'pth = "fruit.jsonl"',
            "study.toml, data set 1: unknown key 'pth': did you mean 'path'?",
        ),
        (
            "base =",
            "bse =",
            "study.toml, [template.as-one-would]: unknown key 'bse': did you mean 'base'?",
        ),
        ("repeats = 2", 'folder = "x"', "study.toml: unknown key 'folder': known: claims, "),
        (
            '["tiny"]',
            '"tiny"',
            "study.toml, llms: must be a list, as in llms = [\"tiny\"], not 'tiny'",
        ),
        ('["tiny"]', "[]", 'study.toml, llms: must not be empty, as in llms = ["tiny"]'),
        ('["tiny"]', '["tiny", 3]', "study.toml, llms, entry 2: must be a text in quotes, not 3"),
        (
            "repeats = 2",
            "repeats = 0",
            "study.toml, repeats: must be a whole number from 1 to 32767, not 0",
        ),
        (
            "repeats = 2",
            'repeats = "2"',
            "study.toml, repeats: must be a whole number from 1 to 32767, not '2'",
        ),
        (
            "repeats = 2",
            "repeats = true",
            "study.toml, repeats: must be a whole number from 1 to 32767, not true",
        ),
        (
            "repeats = 2",
            "repeats = 2\ntitle = 3",
            "study.toml, title: must be a text in quotes, not 3",
        ),
        (
            "repeats = 2",
            'repeats = 2\nname = "a/b"',
            "study.toml, name: must be a name for folders, without / \\ or a dot in front, not "
            "'a/b'",
        ),
        (
            "0.7",
            '"warm"',
            "study.toml, [decoding], temperature: must be a number of at least 0, not 'warm'",
        ),
        (
            "0.7",
            "inf",
            "study.toml, [decoding], temperature: must be a number of at least 0, not Infinity",
        ),
        (
            "temperature = 0.7",
            "temperature = 0.7\ntop_p = 2",
            "study.toml, [decoding], top_p: must be a number above 0 and at most 1, not 2",
        ),
        (
            "[decoding]",
            "[[decoding]]",
            "study.toml, decoding: must be one table, under [decoding], not under [[decoding]]",
        ),
        (
            "0.02",
            "2",
            "study.toml, [margins], accuracy: must be a number above 0 and below 1, not 2",
        ),
        (
            '"mean_answer"',
            '"mean_anser"',
            "study.toml, claim 2, measure: must be 'accuracy', 'unknown_frequency', "
            "'refusal_rate', 'bias_score' or 'mean_answer', not 'mean_anser': did you mean "
            "'mean_answer'?",
        ),
        (
            '"higher"',
            '"up"',
            "study.toml, claim 2, direction: must be 'higher', 'lower' or 'different', not 'up'",
        ),
        (
            'measure = "mean_answer"\n',
            "",
            "study.toml, claim 2: measure is missing, as in measure = ",
        ),
        (
            'path = "fruit.jsonl"',
            "path = 3",
            "study.toml, data set 1, path: must be a text in quotes, not 3",
        ),
        (
            '"prompt"',
            "3",
            "study.toml, data set 1, columns, question: must be a text in quotes, not 3",
        ),
        ('name = "fruit"\n', "", 'study.toml, data set 1: name is missing, as in name = "fruit"'),
        (
            "[[datasets]]",
            "[datasets]",
            "study.toml, datasets: must be a list of tables, each under [[datas",
        ),
        (
            'path = "fruit.jsonl"',
            'path = "fruit.jsonl"\nhub = "a/b"',
            "study.toml, data set 1: path and hub are both there; its items come from one of them",
        ),
        (
            'path = "fruit.jsonl"\n',
            "",
            "study.toml, data set 1: columns goes with path or hub, for items of your own",
        ),
        (
            "first = 3",
            "first = 0",
            "study.toml, persona set 2, first: must be a whole number of at least 1",
        ),
        (
            '{noun} would."',
            '{noun} would."\nfree = 3',
            "study.toml, [template.as-one-would], free: must be a text in quotes, not 3",
        ),
        (
            "[template.as-one-would]",
            "[template]",
            "study.toml, [template], base: must be a table, as in [template.NAME], not 'clean'",
        ),
        (
            "0.7",
            "0",
            "study.toml: repeats = 2 needs a temperature above 0 in [decoding]: greedy answers are",
        ),
    ],
)
def test_a_mistake_is_told_its_place_and_the_way_out(
    study: Study, old: str, new: str, line: str
) -> None:
    code, said = study.plan(old, new)

    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(line)
    assert "Input should" not in said
