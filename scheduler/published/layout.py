"""The published answers of arXiv 2407.02099 as they lie in a checkout of the authors' repository.

    results/zero/<llm>/<folder>/<persona>.json            162 personas, and ``empty`` for no persona
    results/control/zero/<llm>/<folder>/<persona>.json    30 control personas

A file is a JSON list with one entry per prompt, ``[{"generated_text": "..."}]``, in the order in
which the authors asked; nothing else in it says which item an entry answers. It is called after its
persona, with "_" for a space. ``temp/`` and the csv tables beside the folders are no answers.

Settled from the authors' own code and answers: ``attitudes`` holds the original instruction and
``attitudes_extra`` the 30 paraphrases of each statement; ``toxicity`` asks about offensiveness for
every tweet, then about racism; GPT-4's ``mmlu`` and ``bbq`` hold the subsample, in the publisher's
order and not in that of the draw; Zephyr was asked MMLU in another order (``mmlu``).
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import DataError, UnknownNameError
from models.items import Item
from models.personas import CONTROL, PersonaSetting, load_persona_set
from models.subsample import subsample_items
from scheduler.published.mmlu import place_old_mmlu

RESULTS = "results"
DATASETS = {  # the authors' folder: our data set
    "truthfulqa": "truthfulqa",
    "mmlu": "mmlu",
    "bbq": "bbq",
    "attitudes": "attitudes",
    "attitudes_extra": "attitudes",
    "toxicity": "tweets",
}
PERSONA_SETS = ("universal", CONTROL, "empty")
SUBSAMPLED = ("mmlu", "bbq")
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_SPACE, _COMMA = re.compile(r"\s*"), re.compile(r"\s*,")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of answers and what its place says of it."""

    path: Path
    llm: str
    folder: str
    persona: str  # as the file is called, without .json
    is_control: bool
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What a file holds: a text per entry (None where an entry has none), and how it ends.

    ``problem`` is "" for a file that ends as JSON does.
    """

    texts: tuple[str | None, ...]
    problem: str


def walk_files(root: Path) -> Iterator[PublishedFile | Path]:
    """Every file below ``results``, one folder after another; a bare path is no file of answers."""
    for folder, subfolders, names in os.walk(root / RESULTS):
        subfolders.sort()
        parts = Path(folder).relative_to(root / RESULTS).parts
        is_control = parts[:1] == (CONTROL,)
        place = parts[1:] if is_control else parts
        is_answers = len(place) == 3 and place[0] == "zero" and place[2] in DATASETS
        for name in sorted(names):
            path = Path(folder, name)
            if is_answers and path.suffix == ".json":
                n_bytes = path.stat().st_size
                yield PublishedFile(path, place[1], place[2], path.stem, is_control, n_bytes)
            else:
                yield path


def find_llms(root: Path, wanted: Sequence[str] = ()) -> dict[str, set[str]]:
    """The authors' LLMs, each with its folders of answers: those wanted, or all.

    Raises:
        DataError: there are no answers below ``root``.
        UnknownNameError: an LLM is wanted that is not there.
    """
    found: dict[str, set[str]] = {}
    for file in walk_files(root):
        if isinstance(file, PublishedFile):
            found.setdefault(file.llm, set()).add(file.folder)
    if not found:
        raise DataError(
            f"{root}: no {RESULTS}/zero/<llm>/<data set>/<persona>.json here; give the folder of a"
            " checkout of https://github.com/peluz/persona-behavior"
        )
    for name in wanted:
        if name not in found:
            raise UnknownNameError("published LLM", name, found)
    return {llm: found[llm] for llm in sorted(found) if not wanted or llm in wanted}


def name_settings() -> dict[tuple[bool, str], PersonaSetting]:
    """The 193 persona settings by (is a control, what its files are called)."""
    return {
        (name == CONTROL, setting.persona.replace(" ", "_") or "empty"): setting
        for name in PERSONA_SETS
        for setting in load_persona_set(name)
    }


def place_entries(folder: str, llm: str, items: Sequence[Item]) -> list[int]:
    """Which item (place in the publisher's order) each entry of a file answers, in file order.

    Raises:
        DataError: the items cannot be those that this LLM was asked.
    """
    if folder == "attitudes":
        return [at for at, item in enumerate(items) if item.tags["instruction"] == 0]
    if folder == "attitudes_extra":
        return [at for at, item in enumerate(items) if item.tags["instruction"] > 0]
    if folder in SUBSAMPLED and "gpt-4" in llm:
        taken = {item.index for item in subsample_items(items)}
        return [at for at, item in enumerate(items) if item.index in taken]
    if folder == "mmlu" and "zephyr" in llm:
        return place_old_mmlu(items)
    return list(range(len(items)))


def read_answers(path: Path) -> Answers:
    """Read a file of answers, as far as it can be read.

    Of a file that was cut short the entries before the cut are kept: an entry's place in the list
    says what it answers, so they are as good as those of a whole file. Texts lose what Postgres
    cannot hold: NUL is dropped, half a surrogate pair becomes U+FFFD.

    Raises:
        DataError: it holds no entry, or one of another form.
    """
    content = path.read_bytes()
    if content.startswith(LFS_POINTER):
        raise DataError("a git-lfs pointer, not the file itself (`git lfs pull` fetches it)")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 at byte {error.start:,}") from error
    problem = ""
    try:
        entries = json.loads(text)
    except json.JSONDecodeError:
        entries = _read_whole_entries(text)
        problem = f"cut off after entry {len(entries):,}"
    if not isinstance(entries, list) or not entries:
        raise DataError('not a JSON list of [{"generated_text": ...}]')
    return Answers(tuple(_take_text(entry, n) for n, entry in enumerate(entries, 1)), problem)


def _read_whole_entries(text: str) -> list[Any]:
    """The entries of a JSON list before the place where it breaks off."""
    decode = json.JSONDecoder().raw_decode
    entries: list[Any] = []
    start = re.match(r"\s*\[", text)
    while start is not None:
        space = _SPACE.match(text, start.end())
        try:
            entry, at = decode(text, space.end() if space else start.end())
        except json.JSONDecodeError:
            break
        entries.append(entry)
        start = _COMMA.match(text, at)
    return entries


def _take_text(entry: Any, number: int) -> str | None:
    answer = entry[0] if isinstance(entry, list) and len(entry) == 1 else None
    if not isinstance(answer, dict) or "generated_text" not in answer:
        raise DataError(f'entry {number:,} is not [{{"generated_text": ...}}]')
    text = answer["generated_text"]
    if text is None:
        return None
    if not isinstance(text, str):
        raise DataError(f"entry {number:,}: generated_text is not a text")
    return _LONE_SURROGATE.sub("\ufffd", text.replace("\x00", ""))
