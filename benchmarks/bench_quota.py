"""Ask a simulated provider with 1, 4 and 8 workers: how much of its limit is used, what goes over.

    python benchmarks/bench_quota.py --quick
    python benchmarks/bench_quota.py --json quota.json
    python benchmarks/bench_quota.py --inspect .venv-inspect/bin/python

Runs the farm itself: `persona-schedule` plans an experiment of invented items, `persona-worker`
processes answer it, money, rows and chunks included, in an embedded Postgres and Redis; the
provider is tests/simulated_provider, in a process of its own, and what is reported is what it
counted over a steady minute. To reach: 97% of the binding limit, no call refused for going over.

Beside it the same load goes through what inspect-ai and litellm keep quotas with over several
processes, where `--inspect` and `--litellm` name the Python of an environment that has them. They
want different versions of openai, so each has one of its own:
    python -m venv .venv-inspect; .venv-inspect/bin/pip install inspect-ai openai
    python -m venv .venv-litellm; .venv-litellm/bin/pip install litellm redis
"""

import argparse
import contextlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from processes import read_cpu_s, read_memory_mib, start_processes

from models.embedded import Services, open_services

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # where the simulated provider is

from simulated_provider import (  # noqa: E402
    Configuration,
    Latency,
    Limits,
    RunningProvider,
    start_process,
)

LLM = "simulated"
MINUTE_S = 60.0
MAX_TOKENS = 100
LATENCY = Latency(median_s=1.0, sigma=0.3)
SENTENCES = 6
START_S = 120.0  # until the first call has come
REQUESTS = Limits(requests_per_minute=500, tokens_per_minute=2_000_000)
TOKENS = Limits(requests_per_minute=5_000, tokens_per_minute=100_000)
HIGH = Limits(requests_per_minute=3_000, tokens_per_minute=2_000_000)
CHUNK_S = 30.0  # a worker asks one chunk at a time, and at its end fewer and fewer calls
PEOPLE = 8
CALL_TOKENS = 250  # about, with what it may generate
RIVALS = {"inspect": "inspect_ai", "litellm": "litellm"}  # the module of each


@dataclass(frozen=True)
class Setup:
    """Who asks, with how many processes, under which limits."""

    bound_by: str
    limits: Limits
    n_workers: int
    way: str = "farm"

    @property
    def calls_per_s(self) -> float:
        """What the limits allow, about."""
        by_requests = self.limits.requests_per_minute or math.inf
        by_tokens = (self.limits.tokens_per_minute or math.inf) / CALL_TOKENS
        return min(by_requests, by_tokens) / MINUTE_S

    @property
    def concurrency(self) -> int:
        """Calls that one worker may have under way: twice what the limit needs, at least 8."""
        return max(8, math.ceil(2.5 * self.calls_per_s * LATENCY.median_s / self.n_workers))


@dataclass(frozen=True)
class Measured:
    """What the provider counted over the steady minute; what one worker's processes took."""

    way: str
    bound_by: str
    n_workers: int
    share_used: float
    violations: int
    calls: int
    in_flight_mean: float
    in_flight_max: int
    worker_mib: float
    worker_cpu_ms: float  # of all workers, for each call


def write_experiment(folder: Path, *, n_cells: int) -> Path:
    """An experiment of so many cells at least: a few invented people, as many items as needed."""
    sentence = "It is about numbers that follow each other."
    items = [
        {
            "context": " ".join([sentence] * SENTENCES),
            "question": f"Which number comes after {number}?",
            "choices": [str(number + 1), str(number - 1), str(number * 7 + 3)],
            "answer": 0,
        }
        for number in range(math.ceil(n_cells / PEOPLE))
    ]
    (folder / "items.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items))
    people = "".join(f"a counter of {number} sheep,trade\n" for number in range(PEOPLE))
    (folder / "people.csv").write_text(f"persona,category\n{people}")
    path = folder / "quota.toml"
    path.write_text(
        f'llms = ["{LLM}"]\n[[datasets]]\nname = "numbers"\npath = "items.jsonl"\n'
        '[[personas]]\nset = "people.csv"\n'
    )
    return path


def write_registry(folder: Path, provider: RunningProvider, setup: Setup) -> Path:
    """The LLM of the simulated provider, as a user writes it."""
    limits = setup.limits.model_dump().items()
    quota = ", ".join(f"{name} = {limit}" for name, limit in limits if limit)
    chunk_cells = math.ceil(CHUNK_S * setup.calls_per_s / setup.n_workers)
    path = folder / "llms.toml"
    path.write_text(f"""
[{LLM}]
kind = "api"
engine = "openai"
model = "{LLM}"
base_url = "{provider.base_url}"
api_key_env = "SIMULATED_KEY"
placement = "system"
family = "simulated"
request = {{ temperature = 0, max_tokens = {MAX_TOKENS} }}
price = {{ input_usd = 0.5, output_usd = 1.5 }}
quota = {{ {quota} }}
chunk_cells = {chunk_cells}
""")
    return path


@contextlib.contextmanager
def start_farm(
    setup: Setup, provider: RunningProvider, services: Services, folder: Path, *, run_s: float
) -> Iterator[list[psutil.Process]]:
    """Plan an experiment that lasts for ``run_s``, and start its workers."""
    environment = {
        **os.environ,
        "PYTHONSAFEPATH": "1",
        "PERSONA_DATABASE_URL": services.database_url,
        "PERSONA_BROKER_URL": services.broker_url,
        "PERSONA_HOME": str(folder),
        "PERSONA_LLMS_FILE": str(write_registry(folder, provider, setup)),
        "SIMULATED_KEY": provider.api_key,
    }
    experiment = write_experiment(folder, n_cells=math.ceil(1.2 * setup.calls_per_s * run_s))
    command = Path(sys.executable).parent
    plan = [command / "persona-schedule", "--experiment", experiment, "--max-usd", "1000"]
    subprocess.run(plan, env=environment, check=True, stdout=subprocess.DEVNULL)
    work = [command / "persona-worker", "--llm", LLM, "--concurrency", str(setup.concurrency)]
    with start_processes([work] * setup.n_workers, environment) as processes:
        yield processes


@contextlib.contextmanager
def start_rivals(
    setup: Setup, provider: RunningProvider, services: Services, python: Path
) -> Iterator[list[psutil.Process]]:
    """Processes that ask the same through another library."""
    words = [
        *(python, Path(__file__).with_name("quota_rivals.py"), setup.way),
        *("--base-url", provider.base_url, "--api-key", provider.api_key, "--llm", LLM),
        *("--redis-url", services.broker_url, "--rpm", setup.limits.requests_per_minute or 0),
        *("--tpm", setup.limits.tokens_per_minute or 0, "--concurrency", setup.concurrency),
        *("--max-tokens", MAX_TOKENS, "--sentences", SENTENCES, "--seed"),
    ]
    commands = [[*words, number] for number in range(setup.n_workers)]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # no network
    with start_processes(commands, environment) as processes:
        yield processes


def measure(
    setup: Setup, provider: RunningProvider, workers: list[psutil.Process], *, ramp_s: float
) -> Measured:
    """Wait until it runs evenly, then watch for a minute."""
    wait_for_first(provider, workers)
    time.sleep(ramp_s)
    since_s, cpu_s, in_flight = time.time(), read_cpu_s(workers), []
    while time.time() < since_s + MINUTE_S:
        time.sleep(0.5)
        in_flight.append(provider.read_state(with_prompts=False).in_flight)
    use = provider.measure_use(LLM, since_s, since_s + MINUTE_S)
    state = provider.read_state(with_prompts=False)
    return Measured(
        way=setup.way,
        bound_by=setup.bound_by,
        n_workers=setup.n_workers,
        share_used=use.share_binding or 0.0,
        violations=state.count_violations(),
        calls=use.requests,
        in_flight_mean=statistics.mean(in_flight) - 1,  # without the one that asks
        in_flight_max=state.max_in_flight,
        worker_mib=read_memory_mib(workers),
        worker_cpu_ms=1000 * (read_cpu_s(workers) - cpu_s) / max(1, use.requests),
    )


def wait_for_first(provider: RunningProvider, workers: list[psutil.Process]) -> None:
    """Until a call has come.

    Raises:
        RuntimeError: all workers have ended, or none comes.
    """
    give_up_s = time.monotonic() + START_S
    while not provider.read_state(with_prompts=False).admitted:
        if time.monotonic() > give_up_s or all(one.poll() is not None for one in workers):
            raise RuntimeError("no call reached the provider; what the workers said is above")
        time.sleep(0.2)


def run_setup(setup: Setup, *, ramp_s: float, rivals: Mapping[str, Path]) -> Measured:
    """One setup with a provider, a Postgres and a Redis of its own."""
    folder = Path(tempfile.mkdtemp(prefix="persona-farm-bench-"))
    folder.chmod(0o711)
    rules = Configuration(limits=setup.limits, latency=LATENCY, keeps_prompts=False)
    try:
        with open_services(folder) as services, start_process(rules) as provider:
            if setup.way == "farm":
                run_s = ramp_s + MINUTE_S + 15
                started = start_farm(setup, provider, services, folder, run_s=run_s)
            else:
                started = start_rivals(setup, provider, services, rivals[setup.way])
            with started as workers:
                return measure(setup, provider, workers, ramp_s=ramp_s)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_rivals(options: argparse.Namespace) -> dict[str, Path]:
    """The Python of each rival that is installed; says so of the others."""
    found = {}
    for way, module in RIVALS.items():
        python = getattr(options, way) or Path(sys.executable)
        done = subprocess.run(
            [python, "-c", f"import {module}"], stderr=subprocess.DEVNULL, check=False
        )
        if done.returncode == 0:
            found[way] = python
        else:
            print(f"{module} is not in {python}: not measured (--{way} PYTHON names another)")
    return found


def list_setups(options: argparse.Namespace, ways: Iterable[str]) -> list[Setup]:
    """What is measured; each rival under the limit of requests, with one and four processes."""
    if options.quick:
        return [Setup("requests", REQUESTS, 2), *(Setup("requests", REQUESTS, 2, w) for w in ways)]
    limits = {"requests": REQUESTS, "tokens": TOKENS, "high": HIGH}
    farm = [Setup(name, limits[name], n) for name in limits for n in options.workers]
    return farm + [Setup("requests", REQUESTS, n, way) for way in ways for n in (1, 4)]


def show(measured: Measured) -> str:
    """One line for a person."""
    return (
        f"{measured.way:8} {measured.bound_by:9} {measured.n_workers} workers: "
        f"{measured.share_used:6.1%} used, {measured.violations:3} over, "
        f"{measured.in_flight_mean:4.0f} in flight (at most {measured.in_flight_max}), "
        f"{measured.worker_mib:,.0f} MiB a worker, {measured.worker_cpu_ms:.1f} ms CPU a call"
    )


def main() -> None:
    """Measure every setup, and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one limit, two workers, 80 s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    for way, module in RIVALS.items():
        parser.add_argument(f"--{way}", type=Path, metavar="PYTHON", help=f"one with {module}")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 4, 8], metavar="N")
    options = parser.parse_args()
    # The provider's window is full, and calls leave it again: at the latest within the minute.
    ramp_s = 10.0 if options.quick else MINUTE_S + 5
    found, rivals = [], find_rivals(options)
    for setup in list_setups(options, rivals):
        found.append(run_setup(setup, ramp_s=ramp_s, rivals=rivals))
        print(show(found[-1]), flush=True)
    ours = [one for one in found if one.way == "farm"]
    figures = {
        "share_used": min(one.share_used for one in ours),
        "violations": sum(one.violations for one in ours),
        "per_setup": [asdict(one) for one in found],
    }
    print(
        f"{figures['share_used']:.1%} of the limit in the worst setup, {figures['violations']} over"
    )
    if options.json:
        options.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
