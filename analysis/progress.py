"""How far a report is: what makes it tells a listener, who may be a terminal or nobody.

`analysis.cli` passes one in (`analysis.progress_bars`); Celery jobs leave it out, and are silent.
"""

from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """A part of the work, named as it is counted."""

    READ = "cells read"  # of the slices whose numbers are not stored yet
    ANALYSED = "cells analysed"  # of the same
    JOINED = "topics over slices"
    DRAWN = "figures drawn"
    WRITTEN = "pages written"


class Progress(Protocol):
    """Hears what there is to do and what has been done, from any thread."""

    def expect(self, stage: Stage, total: int) -> None:
        """A stage begins and will take so many steps."""

    def advance(self, stage: Stage, steps: int = 1) -> None:
        """So many steps of it have been done."""


class Silence:
    """Tells nobody."""

    def expect(self, stage: Stage, total: int) -> None:
        """Nothing."""

    def advance(self, stage: Stage, steps: int = 1) -> None:
        """Nothing."""


SILENCE = Silence()
