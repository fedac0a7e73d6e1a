"""LLMs whose calls go wrong while nothing comes back: what a watched run says of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from models.api_calls import list_failing_calls
from models.coverage import SliceProgress

SILENT_S = 15.0  # without a settled cell, before it is said
AGAIN_S = 60.0  # between two lines on the same LLM


@dataclass
class Silence:
    """Since when each LLM has settled nothing; times are those of ``time.monotonic``."""

    settled: dict[str, int] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    said_at: dict[str, float] = field(default_factory=dict)

    def list_silent(self, parts: Sequence[SliceProgress], *, now: float) -> list[str]:
        """LLMs with missing cells of which none was settled for `SILENT_S`."""
        silent = []
        for llm in dict.fromkeys(part.llm for part in parts if not part.is_imported):
            mine = [part for part in parts if part.llm == llm]
            settled = sum(part.covered + part.failed for part in mine)
            if self.settled.get(llm) != settled:
                self.settled[llm], self.since[llm] = settled, now
            if any(part.missing > 0 for part in mine) and now - self.since[llm] >= SILENT_S:
                silent.append(llm)
        return silent

    def explain(
        self,
        connection: Connection,
        experiment: int,
        parts: Sequence[SliceProgress],
        *,
        now: float,
    ) -> list[str]:
        """A line for each silent LLM with calls that have gone wrong since, every `AGAIN_S`."""
        due = [
            llm
            for llm in self.list_silent(parts, now=now)
            if now - self.said_at.get(llm, -AGAIN_S) >= AGAIN_S
        ]
        lines = []
        for llm in due:
            silent_s = now - self.since[llm]
            found = list_failing_calls(connection, experiment, llm, seconds=silent_s)
            if found:
                self.said_at[llm] = now
                counted = ", ".join(f"{each.n:,} x {each.cause}" for each in found)
                last = max(found, key=lambda each: each.last_at)
                lines.append(
                    f"{llm}: no answer for {silent_s:.0f} s, calls fail ({counted} so far); "
                    f"the last: {last.message}"
                )
        return lines
