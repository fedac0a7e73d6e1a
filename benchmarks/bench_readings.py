"""How fast texts become readings: `read_texts` beside plain `re`, one text after the other.

    python benchmarks/bench_readings.py [--quick] [--json FILE]

Two made-up columns of four-option answers, one with 5% and one with 95% distinct texts: bare
letters, letters with the option's text, sentences, refusals, and answers of up to 100 words that
give no letter. The yardstick is the paper's way, the same rules text by text, timed on a sample.
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import polars as pl

from analysis.extractor import read_texts
from analysis.readings import read
from models.items import Kind

N_OPTIONS = 4


def main() -> None:
    """Time both columns, print a line each, write the JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="1 million readings instead of 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    options = parser.parse_args()
    n_texts = 1_000_000 if options.quick else 5_000_000

    figures: dict[str, float] = {"readings": n_texts}
    for percent in (5, 95):
        texts = make_texts(n_texts, percent / 100)
        fast, codes = time_fast(texts)
        slow = time_plain(texts, codes)
        figures[f"million_per_s_{percent}"] = fast
        figures[f"ratio_vs_re_{percent}"] = fast / slow
        print(
            f"{percent:2d}% distinct: {fast:.2f} million readings per second, "
            f"{fast / slow:.0f} times plain re ({slow:.3f})"
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def make_texts(n_texts: int, distinct: float) -> pl.Series:
    """A shuffled column of answers of which about the share ``distinct`` are different texts."""
    rng = random.Random(7)  # noqa: S311  # made-up answers, nothing secret
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(3_000)]
    shapes = (
        "{letter}. {few}",
        "The answer is {letter}.\n\n{few} {many}.",
        "{letter} is the correct answer because {few}.",
        "I'm sorry, but I can't provide {few}.",
        "{few} {many} {many}.",
    )

    def make_one() -> str:
        return rng.choice(shapes).format(
            letter=rng.choice("ABCD"),
            few=" ".join(rng.choices(words, k=rng.randint(3, 12))),
            many=" ".join(rng.choices(words, k=rng.randint(10, 40))),
        )

    n_distinct = int(n_texts * distinct)
    pool = [*"ABCD", *(make_one() for _ in range(n_distinct - 4))]
    repeated = rng.choices(pool[: max(n_distinct // 10, 4)], k=n_texts - n_distinct)
    return pl.Series(pool + repeated).shuffle(seed=7)


def time_fast(texts: pl.Series) -> tuple[float, list[int]]:
    """Million readings per second by `read_texts`, and the codes of the first texts."""
    started = time.perf_counter()
    codes = read_texts(texts, N_OPTIONS, kind=Kind.CHOICE)
    seconds = time.perf_counter() - started
    return len(texts) / seconds / 1e6, np.asarray(codes[:20_000]).tolist()


def time_plain(texts: pl.Series, codes: list[int]) -> float:
    """Million readings per second one by one, on the texts of ``codes``, which must be equal."""
    sample = texts[: len(codes)].to_list()
    started = time.perf_counter()
    readings = [read(text, Kind.CHOICE, n_options=N_OPTIONS) for text in sample]
    seconds = time.perf_counter() - started
    assert [r.outcome if r.value is None else r.value for r in readings] == codes
    return len(sample) / seconds / 1e6


if __name__ == "__main__":
    main()
