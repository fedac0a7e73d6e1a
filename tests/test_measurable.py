"""What can be measured on items, and claims about what cannot."""

import pytest
from study_folder import Study

from analysis import bias, likert, refusals
from models.items import Item, Kind
from scheduler import measurable
from scheduler.measurable import find_measures


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            '"mean_answer"',
            '"bias_score"',
            "claim 2, measure: 'bias_score' cannot be measured: 'fruit' has accuracy, "
            "mean_answer, refusal_rate",
        ),
        (
            '"higher"',
            '"higher"\nof = "taste"',
            "claim 2, of: mean_answer has no parts here; leave it out",
        ),
    ],
)
def test_a_claim_that_nothing_can_test_is_refused_before_anything_runs(
    study: Study, old: str, new: str, line: str
) -> None:
    assert study.plan(old, new) == (2, f"study.toml, {line}\n")


def test_what_can_be_measured_is_by_the_rules_of_the_analysis() -> None:
    asked = Item("mine", 0, Kind.CHOICE, {}, n_options=3, answer=None)
    tags = {"target_loc": 0, "groups": ["a", "b", "unknown"], "context_condition": "ambig"}
    biased = Item("mine", 1, Kind.CHOICE, {}, 3, answer=2, tags={**tags, "category": "Age"})
    felt = Item("mine", 2, Kind.LIKERT, {}, n_options=5, tags={"attitude": "trust"})

    assert find_measures("mine", [asked]) == {"refusal_rate": ("",)}
    assert find_measures("mine", [biased]).keys() == {
        *("accuracy", "bias_score", "unknown_frequency", "refusal_rate")
    }
    assert find_measures("mine", [felt])["mean_answer"] == ("trust",)
    assert (measurable.SCALE_TAGS, measurable.SPLIT_BY, measurable.BIAS_TAGS) == (
        likert.SCALE_TAGS,
        refusals.SPLIT_BY,
        bias.TAGS,
    )
