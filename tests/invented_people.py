"""People and settings with planted attitudes, rating the same posts; without a database."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from invented_slices import make_settings, make_slice
from numpy.typing import NDArray

from analysis.arrays import SliceArray
from analysis.measures import Draws
from analysis.people import join_people
from analysis.slices import Slices
from models.coverage import SliceProgress
from models.items import Kind

QUICK = Draws(n_resamples=200, n_permutations=99)
SEED = 20_240_702
ATTITUDES = ("thrift", "haste", "mirth", "pride")
N_STATEMENTS, N_WORDINGS, N_POSTS, N_PEOPLE = 2, 5, 40, 60
# How attitudes hang together in the simulated people, and in settings that are like them.
LOADINGS = np.array([[1.0, 0.0], [0.9, 0.3], [-0.9, 0.1], [0.1, 1.0]])


def draw_traits(rng: np.random.Generator, n: int) -> NDArray[Any]:
    """Attitudes of people or settings around 3 [n, attitudes]."""
    return 3 + 0.7 * rng.normal(size=(n, 2)) @ LOADINGS.T


def to_points(values: NDArray[Any]) -> NDArray[Any]:
    """The nearest points from 1 to 5."""
    return np.clip(np.round(values), 1, 5).astype(np.int8)


def make_statements(traits: NDArray[Any], rng: np.random.Generator) -> SliceArray:
    """Every attitude's statements under every wording, the second statement reversed."""
    tags = [
        {
            "cluster": str(wording),
            "stratum": attitude,
            "attitude": attitude,
            "statement": 10 * at + statement,
            "instruction": wording,
            "reversed": statement == 1,
        }
        for at, attitude in enumerate(ATTITUDES)
        for statement in range(N_STATEMENTS)
        for wording in range(N_WORDINGS)
    ]
    mean = traits[:, [ATTITUDES.index(str(tag["attitude"])) for tag in tags]]
    points = to_points(mean + rng.normal(0, 0.5, mean.shape))
    is_reversed = np.array([tag["reversed"] for tag in tags])
    return make_likert(np.where(is_reversed, 6 - points, points), tags, "attitudes")


def make_posts(
    ratings: NDArray[Any],
    people: NDArray[Any],
    traits: NDArray[Any],
    *,
    per_post: int = 8,
    seed: int = 1,
) -> SliceArray:
    """Posts under two questions; ``ratings`` [settings, posts], ``people`` [people, posts]."""
    rng = np.random.default_rng(seed)
    raters = [rng.choice(len(people), per_post, replace=False) for _ in range(N_POSTS)]
    tags = [
        {
            "cluster": str(post),
            "question": question,
            "is_aae": post % 2 == 0,
            "is_vulgar": post % 3 == 0,
            "annotations": [
                {
                    "rating": float(people[who, post]),
                    "annotator": int(who),
                    "attitudes": dict(zip(ATTITUDES, to_points(traits[who]).tolist(), strict=True)),
                }
                for who in raters[post]
            ],
        }
        for question in ("offensiveness", "racism")
        for post in range(N_POSTS)
    ]
    return make_likert(np.hstack([ratings, ratings]), tags, "posts")


def make_likert(codes: NDArray[Any], tags: Sequence[dict[str, Any]], dataset: str) -> SliceArray:
    """A slice of five-point items with these readings and tags."""
    settings = make_settings(len(codes) - 6, 5)
    return make_slice(settings, codes, kind=Kind.LIKERT, tags=tags, n_options=5, dataset=dataset)


def make_world(
    *, are_alike: bool = True, n_settings: int = 80, seed: int = SEED
) -> tuple[SliceArray, SliceArray]:
    """Settings and people whose thrift makes them rate high; settings are alike or random."""
    rng = np.random.default_rng(seed)
    people, settings = draw_traits(rng, N_PEOPLE), draw_traits(rng, n_settings)
    if not are_alike:
        settings = 3 + rng.normal(0, 0.7, settings.shape)
    truth = rng.normal(0, 1, N_POSTS)

    def rate(traits: NDArray[Any], weight: float) -> NDArray[Any]:
        noise = rng.normal(0, 0.5, (len(traits), N_POSTS))
        return to_points(3 + truth + weight * (traits[:, :1] - 3) + noise)

    posts = make_posts(rate(settings, 0.8 * are_alike), rate(people, 0.8), people)
    return make_statements(settings, rng), posts


def join(parts: Mapping[int, SliceArray], *, draws: Draws = QUICK) -> dict[str, Any]:
    """The topic of people over slices by their ids."""
    progress = tuple(
        SliceProgress(
            slice=at, llm="scripted", dataset=part.slice.dataset, template="paper", planned=1,
            covered=1, failed=0, cut_off=0, rate_per_s=0, is_imported=False,
        )
        for at, part in parts.items()
    )  # fmt: skip
    kinds = {
        at: {"parts": [{"kind": kind.value} for kind in part.split_by_kind()]}
        for at, part in parts.items()
    }
    return join_people(Slices(progress, kinds, parts.__getitem__, {}), draws)


def join_world(*arrays: SliceArray) -> dict[str, Any]:
    """The topic of people over these slices."""
    return join(dict(enumerate(arrays)))


def pick(found: dict[str, Any], side: str, *, scoring: str = "asked", all_in: bool = True) -> Any:
    """The one comparison of the only LLM; ``all_in`` leaves nobody out."""
    (llm,) = found["llms"]
    (comparison,) = [
        each
        for each in llm["comparisons"]
        if (each["side"], each["scoring"], each["left_out"] is None) == (side, scoring, all_in)
    ]
    return comparison


def frame_people(part: SliceArray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The annotations as a table, and the first row of every annotator."""
    rows = [
        {"question": item.tags["question"], "is_aae": item.tags["is_aae"],
         "is_vulgar": item.tags["is_vulgar"], "who": each["annotator"], "rating": each["rating"],
         **each["attitudes"]}
        for item in part.items for each in item.tags["annotations"]
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    return table, table.drop_duplicates("who").set_index("who")[list(ATTITUDES)]
