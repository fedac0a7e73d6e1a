"""The rows of the published answers: their own LLMs, one slice per LLM x data set, no chunks.

An LLM's row has the kind ``imported`` and names its source and commit, so that these generations
never cover a cell that is planned. The experiment ``published`` refers to all that was imported of
one commit: importing more of it makes a new row that takes the earlier slices along.
"""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlmodel import Session

from models.decoding import Decoding
from models.errors import DataError
from models.identity import hash_content
from models.personas import load_persona_set
from models.prompts import PAPER, load_template
from models.tables import Ask, Experiment, ExperimentSlice, Llm, LlmKind, Slice, Template
from scheduler.choices import ChosenSet
from scheduler.datasets.loaded import LoadedDataset
from scheduler.published.layout import DATASETS, PERSONA_SETS, name_settings, place_entries
from scheduler.rows import find_or_add, store_items, store_personas
from scheduler.store import PLAN_LOCK, find_git_revision
from workers.saving import make_partition

EXPERIMENT = "published"
TITLE = "The published answers of arXiv 2407.02099"
SOURCE = "peluz/persona-behavior"
DECODING = Decoding()  # the paper's: greedy, at most 100 new tokens (API: temperature 0, seed 42)

LoadItems = Callable[[str], LoadedDataset]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the entries of one LLM's files in one folder go."""

    llm: int
    ask: int
    item_ids: tuple[int, ...]  # the item that each entry answers


@dataclass(frozen=True, slots=True)
class StoredImport:
    """What the files are imported into."""

    experiment: int
    commit: str | None
    targets: Mapping[tuple[str, str], Target]  # (LLM, folder)
    persona_ids: Mapping[tuple[bool, str], int]  # (is a control, name of the file)
    refused: Mapping[str, str]  # data set: why it cannot be imported


@dataclass(frozen=True, slots=True)
class _Part:
    """One LLM's share of one data set; becomes a slice."""

    llm: str
    dataset: str
    data_hash: str
    item_ids: tuple[int, ...]  # in the publisher's order
    folders: Mapping[str, tuple[int, ...]]  # folder: the item that each entry answers


def store_import(
    connection: Connection, root: Path, found: Mapping[str, set[str]], *, load: LoadItems
) -> StoredImport:
    """Write the rows that the answers of ``found`` (LLM: its folders) refer to.

    Data sets are loaded one after another, and only one is held.

    Raises:
        DataError: none of the data sets is here.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PLAN_LOCK})
    session = Session(bind=connection)
    parts, refused = _store_data(connection, found, load)
    if not parts:
        raise DataError(f"nothing of {root} can be imported: {'; '.join(refused.values())}")
    commit = find_commit(root)
    experiment = _store_experiment(session, parts, commit)
    whole = [(name, load_persona_set(name)) for name in PERSONA_SETS]
    sets = [ChosenSet(name, settings, settings) for name, settings in whole]
    persona_ids = store_personas(session, experiment, sets)
    ask = _store_ask(session)
    targets: dict[tuple[str, str], Target] = {}
    for part in parts:
        llm = _store_llm(session, part.llm, commit)
        slice_id = _store_slice(session, part, llm=llm, ask=ask, persona_ids=persona_ids)
        _attach_slice(session, experiment, slice_id)
        for folder, item_ids in part.folders.items():
            targets[part.llm, folder] = Target(llm, ask, item_ids)
    statements = [setting.statement for chosen in sets for setting in chosen.picked]
    by_statement = dict(zip(statements, persona_ids, strict=True))
    personas = {key: by_statement[setting.statement] for key, setting in name_settings().items()}
    session.flush()
    return StoredImport(experiment, commit, targets, personas, refused)


def find_commit(root: Path) -> str | None:
    """The commit that is checked out in a folder; None where it is no checkout of its own."""
    command = ["git", "-C", str(root), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603  no shell
    except (OSError, subprocess.SubprocessError):
        return None
    top, commit = said.stdout.splitlines()
    return commit if Path(top).resolve() == root.resolve() else None


def _store_data(
    connection: Connection, found: Mapping[str, set[str]], load: LoadItems
) -> tuple[list[_Part], dict[str, str]]:
    parts: list[_Part] = []
    refused: dict[str, str] = {}
    for dataset in dict.fromkeys(DATASETS.values()):
        folders = [folder for folder, ours in DATASETS.items() if ours == dataset]
        llms = [llm for llm, theirs in found.items() if not theirs.isdisjoint(folders)]
        if not llms:
            continue
        try:
            data = load(dataset)
            ids = store_items(connection, data.items)
            for llm in llms:
                places = {folder: place_entries(folder, llm, data.items) for folder in folders}
                mine = sorted(at for each in places.values() for at in each)
                entries = {f: tuple(ids[at] for at in each) for f, each in places.items()}
                item_ids = tuple(ids[at] for at in mine)
                parts.append(_Part(llm, data.name, data.data_hash, item_ids, entries))
        except DataError as error:
            refused[dataset] = str(error)
    return parts, refused


def _store_experiment(session: Session, parts: Sequence[_Part], commit: str | None) -> int:
    spec = _describe_import(parts, commit)
    earlier = session.connection().execute(
        text("""
            SELECT id, spec FROM experiment WHERE name = :name AND spec ->> 'source' = :source
                AND spec ->> 'commit' IS NOT DISTINCT FROM :commit
            ORDER BY asked_at DESC, id DESC LIMIT 1
        """),
        {"name": EXPERIMENT, "source": SOURCE, "commit": commit},
    )
    before = earlier.one_or_none()
    new = {(entry["llm"], entry["name"]) for entry in spec["datasets"]}
    kept = [
        entry
        for entry in (before.spec["datasets"] if before is not None else [])
        if (entry["llm"], entry["name"]) not in new
    ]
    spec["datasets"] = sorted([*spec["datasets"], *kept], key=lambda e: (e["llm"], e["name"]))
    spec["llms"] = {entry["llm"]: _hash_llm(commit) for entry in spec["datasets"]}
    key = {"name": EXPERIMENT, "spec_hash": hash_content(spec)}
    experiment = find_or_add(
        session, Experiment, key, {"spec": spec, "git_revision": find_git_revision()}
    )
    session.connection().execute(
        text("UPDATE experiment SET asked_at = clock_timestamp() WHERE id = :id"),
        {"id": experiment},
    )
    if before is not None and before.id != experiment:
        for slice_id in _list_slices(session, before.id, kept):
            _attach_slice(session, experiment, slice_id)
    return experiment


def _describe_import(parts: Sequence[_Part], commit: str | None) -> dict[str, Any]:
    """The experiment's effective spec, in the form of ``scheduler.grid.Grid.effective``."""
    settings = [setting for name in PERSONA_SETS for setting in load_persona_set(name)]
    return {
        "name": EXPERIMENT,
        "title": TITLE,
        "source": SOURCE,
        "commit": commit,
        "settings": [[setting.statement, setting.category] for setting in settings],
        "datasets": [
            {
                "llm": part.llm,
                "name": part.dataset,
                "data_hash": part.data_hash,
                "n_items": len(part.item_ids),
                "missing": [],
            }
            for part in parts
        ],
        "templates": {PAPER: load_template(PAPER).as_dict()},
        "repeats": 1,
        "decoding": DECODING.model_dump(),
    }


def _list_slices(session: Session, experiment: int, entries: Sequence[dict[str, Any]]) -> list[int]:
    """Slices of an experiment that its spec's ``entries`` describe."""
    wanted = {(entry["llm"], entry["name"], entry["data_hash"]) for entry in entries}
    rows = session.connection().execute(
        text("""
            SELECT s.id, l.name AS llm, s.dataset, s.data_hash
            FROM experiment_slice es JOIN slice s ON s.id = es.slice JOIN llm l ON l.id = s.llm
            WHERE es.experiment = :experiment ORDER BY s.id
        """),
        {"experiment": experiment},
    )
    return [row.id for row in rows if (row.llm, row.dataset, row.data_hash) in wanted]


def _attach_slice(session: Session, experiment: int, slice_id: int) -> None:
    if session.get(ExperimentSlice, (experiment, slice_id)) is None:
        session.add(ExperimentSlice(experiment=experiment, slice=slice_id))
        session.flush()


def _store_ask(session: Session) -> int:
    template = load_template(PAPER)
    row = find_or_add(
        session,
        Template,
        {"content_hash": hash_content(template.as_dict())},
        {"name": template.name, "spec": template.as_dict()},
    )
    return find_or_add(session, Ask, {"template": row, "source_llm": None, "source_ask": None}, {})


def _identify_llm(commit: str | None) -> dict[str, Any]:
    return {"source": SOURCE, "commit": commit}


def _hash_llm(commit: str | None) -> str:
    return hash_content({"llm": _identify_llm(commit), "decoding": DECODING.model_dump()})


def _store_llm(session: Session, name: str, commit: str | None) -> int:
    values = {
        "kind": LlmKind.IMPORTED.value,
        "spec": _identify_llm(commit),
        "decoding": DECODING.model_dump(),
    }
    key = {"name": name, "identity_hash": _hash_llm(commit)}
    llm = find_or_add(session, Llm, key, values)
    make_partition(session.connection(), llm)
    return llm


def _store_slice(
    session: Session, part: _Part, *, llm: int, ask: int, persona_ids: Sequence[int]
) -> int:
    item_ids = list(part.item_ids)
    key = {
        "llm": llm,
        "dataset": part.dataset,
        "data_hash": part.data_hash,
        "ask": ask,
        "selection_hash": hash_content([list(persona_ids), item_ids, 1]),
    }
    values = {"persona_ids": list(persona_ids), "item_ids": item_ids, "repeats": 1}
    return find_or_add(session, Slice, key, values)
