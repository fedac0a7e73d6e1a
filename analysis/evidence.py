"""What a report is written from, gathered: coverage, numbers per slice, and their origin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from analysis.asked_again import AskedAgain, list_asked_again
from analysis.computing import Helpers, find_or_compute, join_topics
from analysis.planned import AnsweringLlm, list_llms
from analysis.progress import SILENCE, Progress, Stage
from analysis.results import hash_report
from models.coverage import (
    FailedGroup,
    SliceProgress,
    StoredExperiment,
    hash_coverage,
    list_failures,
    measure_progress,
)
from models.errors import IncompleteError
from models.identity import hash_content

if TYPE_CHECKING:
    from analysis.samples import SampledCell


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far an experiment is, and which answers that are."""

    parts: tuple[SliceProgress, ...]
    hashes: Mapping[int, str]  # slice -> coverage hash
    again: tuple[AskedAgain, ...] = ()  # what was asked a second time

    @property
    def missing(self) -> int:
        """Cells that are neither answered nor failed."""
        return sum(part.missing for part in self.parts)

    @property
    def failed(self) -> int:
        """Cells that could not be answered."""
        return sum(part.failed for part in self.parts)

    def stamp(self, experiment: StoredExperiment) -> str:
        """Identity of the report that belongs to these answers: spec, answers and code."""
        parts = [[part.slice, self.hashes[part.slice], part.missing] for part in self.parts]
        again = [list(each) for each in self.again]
        return hash_content([experiment.spec_hash, parts, again, hash_report()])


@dataclass(frozen=True, slots=True)
class LlmNote:
    """What the registry says of an LLM that is not part of its identity."""

    title: str
    is_toy: bool
    family: str = ""
    retired: str = ""  # the day on which its provider shut it down; "": it has not


@dataclass(frozen=True, slots=True)
class Evidence:
    """An experiment with its numbers: all that the report is written from."""

    experiment: StoredExperiment
    coverage: Coverage
    results: Mapping[int, dict[str, Any]]  # slice -> `analysis.analyse.analyse_slice`
    llms: tuple[AnsweringLlm, ...]
    failures: tuple[FailedGroup, ...]
    notes: Mapping[str, LlmNote] = field(default_factory=dict)
    joint: Mapping[str, Any] = field(default_factory=dict)  # topic -> `analysis.joint.join_slices`
    samples: Mapping[str, "list[SampledCell]"] = field(default_factory=dict)  # label -> cells

    @property
    def is_partial(self) -> bool:
        """Whether cells are missing."""
        return self.coverage.missing > 0

    @property
    def partial_datasets(self) -> dict[str, list[str]]:
        """Data sets that were asked without some of their files or items, and which."""
        found: dict[str, list[str]] = {}
        for data in self.experiment.spec.get("datasets", []):  # an entry per slice
            if data.get("missing"):
                named = found.setdefault(data["name"], [])
                named += [each for each in data["missing"] if each not in named]
        return found


def measure_coverage(connection: Connection, experiment: int) -> Coverage:
    """Progress and coverage hash of every slice of an experiment."""
    parts = tuple(measure_progress(connection, experiment))
    hashes = {part.slice: hash_coverage(connection, part.slice) for part in parts}
    return Coverage(parts, hashes, list_asked_again(connection, experiment))


def refuse_incomplete(
    experiment: StoredExperiment, coverage: Coverage, *, is_local: bool, is_newest: bool = True
) -> None:
    """Raise IncompleteError, one line that says what is missing where, unless all is settled."""
    if not coverage.missing:
        return
    gaps = [part for part in coverage.parts if part.missing]
    named = "; ".join(
        f"{part.llm} x {part.dataset}, {part.template}: {part.missing:,} of {part.planned:,}"
        for part in gaps[:5]
    )
    more = f"; and {len(gaps) - 5} more" if len(gaps) > 5 else ""
    address = experiment.name if is_newest else experiment.address
    partial = f"persona-analyze --experiment {address} --partial"
    if all(part.is_imported for part in gaps):
        raise IncompleteError(
            f"the imported answers of experiment {experiment.name!r} are partial, missing: {named}"
            f"{more}. Report what there is: {partial}"
        )
    if not is_newest:
        raise IncompleteError(
            f"experiment {address!r} is incomplete, cells missing: {named}{more}. Go on with its "
            f"file as it was, or report what there is: {partial}"
        )
    way = "--local" if is_local else "--watch"
    raise IncompleteError(
        f"experiment {experiment.name!r} is incomplete, cells missing: {named}{more}. Go on with: "
        f"persona-schedule --experiment {experiment.name} {way} (a file of your own by its path), "
        f"or report what there is: {partial}"
    )


def refuse_empty(experiment: StoredExperiment, coverage: Coverage) -> None:
    """Raise IncompleteError where not one cell has been settled: there is nothing to report."""
    planned = sum(part.planned for part in coverage.parts)
    if coverage.parts and coverage.missing == planned:
        raise IncompleteError(
            f"experiment {experiment.address!r} has no answer yet, not one of {planned:,} cells: "
            "there is nothing to report, and an older report is left as it is. Answer some with: "
            f"persona-schedule --experiment {experiment.name}"
        )


def gather_evidence(
    engine: Engine,
    experiment: StoredExperiment,
    coverage: Coverage,
    *,
    notes: Mapping[str, LlmNote],
    arrays: Path | None = None,
    progress: Progress = SILENCE,
) -> Evidence:
    """Stored numbers where they are of these answers and this code; computed where not.

    ``arrays`` is the folder that readings of settled slices are kept in (`analysis.array_cache`).
    """
    from analysis.array_cache import SliceReader  # Polars, only where it is needed
    from analysis.joint import TOPICS
    from analysis.noise import add_floors, measure_floors
    from analysis.samples import sample_cells

    settled = {
        part.slice: coverage.hashes[part.slice] for part in coverage.parts if not part.missing
    }
    slices = SliceReader(engine, experiment.id, arrays, settled)
    with Helpers() as helpers, engine.connect() as connection:
        results = find_or_compute(engine, coverage.parts, slices, helpers, progress=progress)
        progress.expect(Stage.JOINED, len(TOPICS) + 2)
        floors = measure_floors(connection, experiment.id, coverage.again, slices.load)
        progress.advance(Stage.JOINED)
        joint = join_topics(
            engine,
            coverage.parts,
            slices,
            results,
            name_families(coverage.parts, notes),
            helpers,
            progress=progress,
        )
        samples = sample_cells(connection, coverage.parts, slices.load)
        progress.advance(Stage.JOINED)
        return Evidence(
            experiment=experiment,
            coverage=coverage,
            results=add_floors(results, floors),
            llms=tuple(list_llms(connection, experiment.id)),
            failures=tuple(list_failures(connection, experiment.id)),
            notes=notes,
            joint={**joint, "noise": floors},
            samples=samples,
        )


def name_families(parts: Sequence[SliceProgress], notes: Mapping[str, LlmNote]) -> dict[str, str]:
    """LLM -> family; an LLM that nobody knows is its own."""
    return {
        part.llm: (notes[part.llm].family if part.llm in notes else "") or part.llm
        for part in parts
    }
