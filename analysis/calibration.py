"""How often the tests of the report reject what is true, by simulation.

python -m analysis.calibration                     # three to five minutes on two cores
python -m analysis.calibration --quick             # a tenth of the nulls
python -m analysis.calibration --json analysis/report/calibration.json   # what the report shows

The report shows the file that is stored beside it and simulates nothing itself: the answer depends
on the code of the tests and on no experiment. The file names that code by a hash of its statements
(words and layout do not count) and keeps the outcome of its first nulls one by one, so that whoever
doubts it can repeat those in seconds and must get the same ones.
"""

import ast
import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from scipy import stats

from analysis.computing import ONE_CORE
from analysis.simulated_nulls import (
    ALPHA,
    BLOCK_SIZE,
    BLOCKS,
    CONTROLS,
    DESIGNS,
    PERMUTATIONS,
    PERSONAS,
    RESAMPLES,
    TESTS,
    Design,
    draw_null,
    reject_null,
)
from models.console import EXIT_COMPLETE, make_table, out, run
from models.errors import ConfigError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

STORED = Path(__file__).parent / "report" / "calibration.json"
NULLS = 5_000  # of each design; a rate of 5% is then known to within 0.6 points
FIRST = 25  # of each design, whose outcomes are kept one by one
SEED = 2_407_020_99
PROCESSES = 2
CODE = (
    "simulated_nulls.py",
    *(f"statistics/{name}.py" for name in ("bands", "contrasts", "estimates", "exchanges")),
    *(f"statistics/{name}.py" for name in ("omnibus", "rates", "resamples", "sign_flips", "tails")),
)


@cache
def hash_tests() -> str:
    """Identity of the code that is calibrated: its statements, without comments and docstrings."""
    digest = hashlib.sha256()
    for name in CODE:
        source = (Path(__file__).parent / name).read_text(encoding="utf-8")
        digest.update(f"{name}\n{_strip_words(source)}\n".encode())
    return digest.hexdigest()[:16]


def _strip_words(source: str) -> str:
    """A module's statements in one layout, whatever was written about them."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def simulate_design(
    design: Design, numbers: Iterable[int], *, seed: int
) -> list[NDArray[np.bool_]]:
    """Which tests reject [tests], for every null of these numbers.

    A null is that of its seed, design and number, whoever simulates it, in whatever order.
    """
    place = DESIGNS.index(design)
    found = []
    for number in numbers:
        rng = np.random.default_rng([seed, place, number])
        found.append(reject_null(draw_null(design, rng), rng))
    return found


def calibrate(*, seed: int = SEED, n_nulls: int = NULLS, processes: int = PROCESSES) -> Any:
    """Simulate all designs; a dict that JSON can hold."""
    rejected = {}
    with _open_pool(processes) as run_all:
        for design in DESIGNS:
            runs = [range(first, n_nulls, processes) for first in range(processes)]
            found = np.empty((n_nulls, len(TESTS)), np.bool_)
            made = run_all(_simulate, repeat(design), runs, repeat(seed))
            for numbers, outcomes in zip(runs, made, strict=True):
                found[list(numbers)] = outcomes
            rejected[design.name] = found
    return {
        "code": hash_tests(),
        "seed": seed,
        "nulls": n_nulls,
        "alpha": ALPHA,
        "shape": {
            "personas": PERSONAS,
            "controls": CONTROLS,
            "blocks": BLOCKS,
            "items_in_a_block": BLOCK_SIZE,
            "permutations": PERMUTATIONS,
            "resamples": RESAMPLES,
        },
        "made_with": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "statsmodels")},
        },
        "designs": [
            {
                "name": design.name,
                "correlation": design.correlation,
                "tests": {
                    test: _describe_rate(rejected[design.name][:, at])
                    for at, test in enumerate(TESTS)
                },
                "first": list_outcomes(rejected[design.name][:FIRST]),
            }
            for design in DESIGNS
        ],
    }


@contextmanager
def _open_pool(processes: int) -> Iterator[Callable[..., Iterable[NDArray[np.bool_]]]]:
    """What works like `map`, in this process where it is the only one."""
    if processes == 1:
        yield map
        return
    # Small matrices: libraries' own threads would wait for each other three times as long.
    for name in ONE_CORE:
        os.environ.setdefault(name, "1")
    # Not forked: the parent may have threads of numerical libraries, which a fork would lose.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield pool.map


def _simulate(design: Design, numbers: range, seed: int) -> NDArray[np.bool_]:
    return np.array(simulate_design(design, numbers, seed=seed), np.bool_).reshape(-1, len(TESTS))


def _describe_rate(rejected: NDArray[np.bool_]) -> dict[str, Any]:
    """Share of nulls that a test rejected, with Wilson's 95% interval (1927, JASA 22)."""
    n = int(np.count_nonzero(rejected))
    ends = stats.binomtest(n, len(rejected)).proportion_ci(method="wilson")
    return {"rejected": n, "rate": n / len(rejected), "low": ends.low, "high": ends.high}


def list_outcomes(rejected: Iterable[NDArray[np.bool_]]) -> list[str]:
    """A line of 0 and 1 per null: which tests rejected it, in the order of `TESTS`."""
    return ["".join("01"[int(each)] for each in of_null) for of_null in rejected]


@cache
def load_calibration() -> Mapping[str, Any]:
    """The stored calibration; `hash_tests` tells whether it is of today's code.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    try:
        found: Mapping[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{STORED.name} cannot be read: {error}; python -m analysis.calibration --json FILE "
            "makes one"
        ) from error
    return found


@app.command(epilog="Example: python -m analysis.calibration --quick")
def show(
    seed: Annotated[int, typer.Option(help="Another seed gives other nulls.")] = SEED,
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the nulls.")] = False,
    file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
) -> int:
    """Simulate nulls and count how often each test rejects them at .05."""
    processes = min(PROCESSES, os.cpu_count() or 1)
    found = calibrate(seed=seed, n_nulls=NULLS // 10 if quick else NULLS, processes=processes)
    table = make_table(
        f"{found['nulls']:,} nulls of each kind, seed {seed}, rejected at {ALPHA}",
        words=("test",),
        numbers=[design.name for design in DESIGNS],
    )
    for test in TESTS:
        rates = (design["tests"][test] for design in found["designs"])
        table.add_row(
            test, *(f"{r['rate']:.1%} ({r['low']:.1%} to {r['high']:.1%})" for r in rates)
        )
    out.print(table)
    if file is not None:
        try:
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"--json {file}: {error.strerror}; name another file") from error
    return EXIT_COMPLETE


def main() -> None:
    """Entry point of ``python -m analysis.calibration``."""
    run(app)


if __name__ == "__main__":
    main()
