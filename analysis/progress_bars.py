"""An analysis on standard error: bars with the time left, or without a terminal a line at times."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from analysis.progress import Progress, Stage
from models.durations import format_duration

LINE_EVERY_S = 15.0  # without a terminal


def describe_left(done: float, total: float | None, elapsed_s: float | None) -> str:
    """ "3 min 20 s left", at the mean pace until now; "" before the first step and at the end."""
    if not done or total is None or elapsed_s is None or done >= total:
        return ""
    return f"{format_duration(elapsed_s * (total - done) / done)} left"


@contextmanager
def show_progress(console: Console) -> Iterator[Progress]:
    """A listener for as long as the body runs; its bars are gone afterwards."""
    if not console.is_terminal:
        yield Lines(console.print)
        return
    with RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        _LeftColumn(),
        console=console,
        transient=True,
    ) as bars:
        yield Bars(bars)


class _LeftColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(describe_left(task.completed, task.total, task.elapsed))


@dataclass
class Bars:
    """A bar per stage."""

    bars: RichProgress
    _tasks: dict[Stage, TaskID] = field(default_factory=dict)

    def expect(self, stage: Stage, total: int) -> None:
        """Add its bar."""
        self._tasks[stage] = self.bars.add_task(stage.value.capitalize(), total=total)

    def advance(self, stage: Stage, steps: int = 1) -> None:
        """Move its bar."""
        self.bars.advance(self._tasks[stage], steps)


@dataclass
class Lines:
    """A plain line at most every `LINE_EVERY_S`: what takes less says nothing."""

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _last: float | None = None
    _begun: dict[Stage, float] = field(default_factory=dict)
    _total: dict[Stage, int] = field(default_factory=dict)
    _done: dict[Stage, int] = field(default_factory=dict)

    def expect(self, stage: Stage, total: int) -> None:
        """Remember when it began."""
        now = self.clock()
        self._last = now if self._last is None else self._last
        self._begun[stage], self._total[stage], self._done[stage] = now, total, 0

    def advance(self, stage: Stage, steps: int = 1) -> None:
        """Say how far it is, if nothing was said for a while."""
        self._done[stage] += steps
        now = self.clock()
        if self._last is None or now - self._last < LINE_EVERY_S:
            return
        self._last = now
        done, total = self._done[stage], self._total[stage]
        left = describe_left(done, total, now - self._begun[stage])
        self.say(f"{done:,} of {total:,} {stage}{', ' if left else ''}{left}")
