"""The real people who rated the tweets, against pandas and the paper."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from invented_people import SEED, join_world, make_likert

from analysis.arrays import SliceArray
from scheduler.datasets import tweets


def read_shared(shared: Path) -> SliceArray:
    """The real tweets, rated at random by eight settings."""
    items = tweets.read_items(shared / "data")
    codes = np.random.default_rng(SEED).integers(1, 6, (8, len(items)))
    return make_likert(codes, [item.tags for item in items], "tweets")


def test_real_people_hang_together_as_the_paper_says(shared: Path) -> None:
    (people,) = join_world(read_shared(shared))["people"]

    found = {(each["first"], each["second"]): each["r"] for each in people["correlations"]}
    offensive = "offensiveness, Black targets"
    assert (people["n_annotators"], people["n_items"], len(found)) == (184, 1_252, 63)
    # Section 6.2: a moderate negative correlation; 6.3: signs by kind of tweets.
    assert -0.6 < found["racist beliefs", "altruism"] < -0.3
    assert found["racist beliefs", offensive] < 0 < found["racist beliefs", "offensiveness, AAE"]
    assert found["harm of hate speech", offensive] > 0.1
    assert found["harm of hate speech", "racism, Black targets"] > 0.1


def test_real_people_are_pandas_people(shared: Path) -> None:
    table = pd.read_csv(shared / "data/toxicity/largeScale.csv")
    names = list(tweets.ATTITUDES.values())
    first = table.drop_duplicates("annId").set_index("annId")[names]

    (people,) = join_world(read_shared(shared))["people"]

    found = {(each["first"], each["second"]): each for each in people["correlations"]}
    matrix = first.corr()
    for one, column in tweets.ATTITUDES.items():
        for two, other in tweets.ATTITUDES.items():
            if (one, two) in found:
                assert found[one, two]["r"] == pytest.approx(matrix.loc[column, other])
        for question, rating in (("offensiveness", "off_avg"), ("racism", "racist")):
            for flag, label in (
                ("targetsBlackPeople", "Black targets"), ("isAAE", "AAE"), ("vulgar", "vulgar")
            ):  # fmt: skip
                means = table[table[flag]].groupby("annId")[rating].mean()
                cell = found[one, f"{question}, {label}"]
                assert cell["r"] == pytest.approx(first[column].corr(means))
                assert cell["n"] == len(means)
