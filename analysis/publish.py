"""Write an experiment's report into PERSONA_HOME/reports, once for the same answers and code.

Every experiment has a folder of its own, NAME@HASH, and NAME leads to that of the newest. A folder
is written beside the old one and then takes its place, so that a reader never meets half a report
and no table of an earlier run is left in it. An advisory lock keeps a second writer waiting, who
then finds the report up to date.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from analysis.evidence import (
    Coverage,
    Evidence,
    LlmNote,
    gather_evidence,
    measure_coverage,
    refuse_empty,
    refuse_incomplete,
)
from analysis.plain_names import make_plain
from analysis.progress import SILENCE, Progress
from models.coverage import SHORT_HASH, StoredExperiment, find_experiment
from models.llms import load_registry
from models.settings import Settings

REPORT_LOCK = 2_407_020_98  # with the experiment's row
STAMP_FILE = "stamp.json"
PAGE = "report.html"


@dataclass(frozen=True, slots=True)
class Published:
    """A report on disk."""

    page: Path
    summary: list[dict[str, Any]]  # a row per LLM, data set and measure
    coverage: Coverage
    was_current: bool  # it was there already, of the same answers and code


def name_link(settings: Settings, experiment: str) -> Path:
    """Where a name's newest report is found; a name cannot lead out of the reports' folder."""
    return settings.home / "reports" / make_plain(experiment)


def name_folder(settings: Settings, experiment: StoredExperiment) -> Path:
    """Where the report of an experiment goes; a link has no @, so the two never meet."""
    link = name_link(settings, experiment.name)
    return link.with_name(f"{link.name}@{experiment.spec_hash[:SHORT_HASH]}")


def name_array_folder(settings: Settings) -> Path:
    """Where the readings of settled slices are kept (`analysis.array_cache`)."""
    return settings.home / "cache" / "arrays"


def publish_report(
    engine: Engine,
    settings: Settings,
    experiment: StoredExperiment,
    *,
    partial: bool = False,
    progress: Progress = SILENCE,
) -> Published:
    """Write the report, or find it up to date.

    Raises:
        IncompleteError: cells are missing and ``partial`` is not set, or nothing is settled.
    """
    with engine.connect() as connection:
        coverage = measure_coverage(connection, experiment.id)
        is_newest = find_experiment(connection, experiment.name).id == experiment.id
    if partial:
        refuse_empty(experiment, coverage)
    else:
        is_local = settings.database_url is None
        refuse_incomplete(experiment, coverage, is_local=is_local, is_newest=is_newest)
    folder = name_folder(settings, experiment)
    shown = name_link(settings, experiment.name) if is_newest else folder
    stamp = coverage.stamp(experiment)
    current = _find_current(shown, stamp, coverage)
    if current is not None:
        return current
    with _lock_report(engine, experiment.id):
        current = _find_current(folder, stamp, coverage)
        if current is None:
            evidence = gather_evidence(
                engine,
                experiment,
                coverage,
                notes=_note_llms(settings),
                arrays=name_array_folder(settings),
                progress=progress,
            )
            summary = _write_folder(evidence, folder, stamp, progress)
        else:
            summary = current.summary
        if is_newest:
            _lead_to(folder, shown)
    return Published(shown / PAGE, summary, coverage, was_current=current is not None)


def _write_folder(
    evidence: Evidence, folder: Path, stamp: str, progress: Progress
) -> list[dict[str, Any]]:
    from analysis.report.site import write_site  # Altair and Jinja, only where needed

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as fresh:
        made = Path(fresh) / "report"
        made.mkdir()
        summary = write_site(evidence, made, progress=progress)
        stamped = {"stamp": stamp, "summary": summary}
        (made / STAMP_FILE).write_text(json.dumps(stamped, indent=1), encoding="utf-8")
        _take_place(made, folder)
    return summary


def _lead_to(folder: Path, link: Path) -> None:
    """Make a name lead to a folder beside it: a link, or a copy where there can be no links."""
    with tempfile.TemporaryDirectory(dir=link.parent, prefix=f".{link.name}-") as fresh:
        made = Path(fresh) / "link"
        try:
            made.symlink_to(folder.name, target_is_directory=True)
        except (OSError, NotImplementedError):
            shutil.copytree(folder, made)
        _take_place(made, link)


def _take_place(made: Path, place: Path) -> None:
    """Move what was made to its place; only a link can go over what is there, another link."""
    if not (made.is_symlink() and place.is_symlink()):
        with suppress(FileNotFoundError):
            place.rename(made.with_name("old"))
    made.replace(place)


def _find_current(folder: Path, stamp: str, coverage: Coverage) -> Published | None:
    try:
        stored = json.loads((folder / STAMP_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if stored.get("stamp") != stamp or not (folder / PAGE).exists():
        return None
    return Published(folder / PAGE, stored["summary"], coverage, was_current=True)


@contextmanager
def _lock_report(engine: Engine, experiment: int) -> Iterator[None]:
    key = {"space": REPORT_LOCK, "experiment": experiment}
    with engine.connect() as guard:
        guard.execute(text("SELECT pg_advisory_lock(:space, :experiment)"), key)
        guard.commit()  # the lock is the session's, and no transaction stays open meanwhile
        try:
            yield
        finally:
            guard.execute(text("SELECT pg_advisory_unlock(:space, :experiment)"), key)
            guard.commit()


def _note_llms(settings: Settings) -> dict[str, LlmNote]:
    """Titles of the registry's LLMs, and which of them are toys."""
    return {
        name: LlmNote(
            spec.title,
            is_toy=spec.family == "toy",
            family=spec.family,
            retired=spec.retired.isoformat() if spec.retired else "",
        )
        for name, spec in load_registry(settings.llms_file).items()
    }
