"""Processes that a benchmark starts: what they and their children take, and their end."""

import contextlib
import statistics
import subprocess
from collections.abc import Iterator

import psutil


@contextlib.contextmanager
def start_processes(
    commands: list[list[object]], environment: dict[str, str]
) -> Iterator[list[psutil.Process]]:
    """Start them, and kill them and their children in the end."""
    started = [
        psutil.Popen([str(word) for word in words], env=environment, stdout=subprocess.DEVNULL)
        for words in commands
    ]
    try:
        yield started
    finally:
        family = [one for process in started for one in list_family(process)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)


def list_family(process: psutil.Process) -> list[psutil.Process]:
    """A process and its children."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def read_memory_mib(processes: list[psutil.Process]) -> float:
    """Memory of one worker, its child included: what it does not share with others."""
    families = [list_family(process) for process in processes]
    found = [sum(one.memory_full_info().uss for one in family) for family in families if family]
    return statistics.mean(found) / 2**20


def read_cpu_s(processes: list[psutil.Process]) -> float:
    """CPU time of all workers so far."""
    family = [one for process in processes for one in list_family(process)]
    return sum(sum(one.cpu_times()[:2]) for one in family)
