"""The trust page: what the numbers rest on, cells without an answer, and rules of reading."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.evidence import Evidence
from analysis.plain import UNDEFINED
from analysis.report.blocks import Block, Finding, Writer, make_table
from analysis.report.definitions.trust import EXTRACTION_FIELDS, TRUST_FIELDS
from analysis.report.tables import UNANSWERED
from analysis.report.wording import NOT_DEFINED, write_count, write_plural, write_score
from models.coverage import SliceProgress
from models.tables import LlmKind

TOPIC = "trust"  # in `analysis.joint.TOPICS`
MOST_ROWS = 250  # settings on the page; the CSV has all
MUCH = 0.05  # of the texts: where readings differ more, conclusions may hang on the rules
NO_CELLS = "it has no cells"
NO_TEXTS = "no text was read"


def list_trust_blocks(evidence: Evidence) -> list[Block]:
    """Three blocks of the topic; none for evidence that was gathered without it."""
    found = evidence.joint.get(TOPIC)
    if not found or not found["slices"]:
        return []
    blocks = [_show_origins(evidence, found["slices"]), _show_outcomes(found["slices"])]
    return [*blocks, _show_extraction(found["extraction"])] if found["extraction"] else blocks


def _show_origins(evidence: Evidence, slices: Sequence[Mapping[str, Any]]) -> Block:
    """A row per slice: coverage, and what is special about its answers."""
    records = []
    for part, cells in zip(evidence.coverage.parts, slices, strict=True):
        by_all = cells["n_answered_by_all"]
        n_columns = cells["n_columns"]
        records.append(
            {
                **{key: cells[key] for key in ("llm", "dataset", "template")},
                "planned": part.planned,
                "covered_share": _divide(part.covered, part.planned, NO_CELLS),
                "answered_by_all": _divide(by_all, n_columns, NO_CELLS),
                "n_flagged": sum(cells["is_flagged"]),
                "origin": "; ".join(_list_remarks(evidence, part)) or "nothing",
            }
        )
    writers: dict[str, Writer] = {
        **dict.fromkeys(("planned", "n_flagged"), write_count),
        **dict.fromkeys(("covered_share", "answered_by_all"), _write_share),
    }
    return Block(
        slug="origins",
        title="What the numbers rest on",
        lead="A score is of the cells that are there. Where settings answered different items, a "
        "difference between them is partly one between items.",
        tables=(make_table("origins", "", records, writers=writers),),
        numbers={"fields": TRUST_FIELDS, "slices": list(slices)},
    )


def _list_remarks(evidence: Evidence, part: SliceProgress) -> Iterable[str]:
    """Everything that sets a slice's answers apart."""
    note = evidence.notes.get(part.llm)
    gaps = evidence.partial_datasets.get(part.dataset)
    if part.missing:
        yield f"partial: {write_plural(part.missing, 'cell')} not asked yet"
    if gaps:
        yield f"the data set was asked without {', '.join(gaps)}"
    if part.is_imported:
        specs = [
            llm.spec
            for llm in evidence.llms
            if llm.name == part.llm and llm.kind == LlmKind.IMPORTED
        ]
        commits = [f"{spec['source']} at commit {spec['commit'] or 'unknown'}" for spec in specs]
        yield f"imported from {' and '.join(commits) or 'a source that is not recorded'}"
    if note is not None and note.retired:
        yield f"shut down by its provider on {note.retired}"
    if note is not None and note.is_toy:
        yield "a toy: no scientific meaning"
    others = _find_other_items(evidence, part)
    if others:
        yield f"other items than {', '.join(others)} was asked"


def _find_other_items(evidence: Evidence, part: SliceProgress) -> list[str]:
    """LLMs that were asked another selection of the same data set."""
    asked = {
        each["llm"]: (each["data_hash"], each["n_items"])
        for each in evidence.experiment.spec.get("datasets", [])
        if each["name"] == part.dataset
    }
    mine = asked.get(part.llm)
    return [llm for llm, items in asked.items() if mine is not None and items != mine]


def _show_outcomes(slices: Sequence[Mapping[str, Any]]) -> Block:
    """What became of every setting's cells: of each LLM on the page, of each slice as CSV."""
    people = _sum_by_setting(slices)
    flagged = [each for each in people if each["flagged_in"]]
    people.sort(key=lambda each: -_rank(each["no_answer_share"]))
    of_slices = [
        {
            **{key: cells[key] for key in ("llm", "dataset", "template")},
            "label": label,
            "category": cells["categories"][row],
            **_count_setting(cells, row),
            "no_answer_share": _share_unanswered(cells, row),
            "flagged_in": cells["dataset"] if cells["is_flagged"][row] else "",
        }
        for cells in slices
        for row, label in enumerate(cells["labels"])
    ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(("planned", "answered", *UNANSWERED, "cut_off"), write_count),
        "no_answer_share": _write_share,
    }
    left_out = len(people) - MOST_ROWS
    title = "By setting, over data sets" + (
        f" (the {MOST_ROWS} with most; {write_count(left_out)} more in the CSV)"
        if left_out > 0
        else ""
    )
    tables = [
        make_table("outcomes", title, people[:MOST_ROWS], writers=writers),
        make_table(
            "outcomes-by-data-set",
            "By setting and data set",
            of_slices,
            writers=writers,
            on_page=False,
        ),
    ]
    return Block(
        slug="cells-without-an-answer",
        title="Cells without an answer",
        lead="Refusal alone can make a correlation between scores. Settings above 20% in some data "
        "set are named; rankings are given again without them.",
        findings=(
            Finding(
                "Does some setting lack many answers?",
                f"{write_count(len(flagged))} of {write_count(len(people))} lack more than 20% "
                "in some data set"
                if flagged
                else "No setting lacks more than 20% in any data set",
                _name_worst(people),
            ),
        ),
        tables=tuple(tables),
    )


def _sum_by_setting(slices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A record per LLM and setting over all of its slices."""
    sums: dict[tuple[str, str], dict[str, Any]] = {}
    for cells in slices:
        for row, label in enumerate(cells["labels"]):
            found = sums.setdefault(
                (cells["llm"], label),
                {"category": cells["categories"][row], "counts": {}, "flagged": []},
            )
            for key, n in _count_setting(cells, row).items():
                found["counts"][key] = found["counts"].get(key, 0) + n
            if cells["is_flagged"][row] and cells["dataset"] not in found["flagged"]:
                found["flagged"].append(cells["dataset"])
    return [
        {
            "llm": llm,
            "label": label,
            "category": found["category"],
            **found["counts"],
            "no_answer_share": _divide(
                found["counts"]["planned"] - found["counts"]["answered"],
                found["counts"]["planned"],
                NO_CELLS,
            ),
            "flagged_in": ", ".join(found["flagged"]),
        }
        for (llm, label), found in sums.items()
    ]


def _count_setting(cells: Mapping[str, Any], row: int) -> dict[str, int]:
    return {
        "planned": cells["n_columns"],
        **{key: cells["outcomes"][key][row] for key in ("answered", *UNANSWERED)},
        "cut_off": cells["cut_off"][row],
    }


def _share_unanswered(cells: Mapping[str, Any], row: int) -> Any:
    n_columns = cells["n_columns"]
    return _divide(n_columns - cells["outcomes"]["answered"][row], n_columns, NO_CELLS)


def _name_worst(people: Sequence[Mapping[str, Any]]) -> str:
    worst = people[0]
    share = worst["no_answer_share"]
    if isinstance(share, dict):
        return f"Shares are {NOT_DEFINED}: {share[UNDEFINED]}."
    return f"Most: {worst['label']} under {worst['llm']}, {_write_share(share)} of all its cells."


def _show_extraction(found: Sequence[Mapping[str, Any]]) -> Block:
    """A row per thing measured; settings in the CSV."""
    records = []
    for each in found:
        worst = max(
            ((share, label) for label, share in zip(each["labels"], each["differ"], strict=True)
             if share is not None), default=None, key=lambda pair: pair[0],
        )  # fmt: skip
        records.append(
            {
                **{key: each[key] for key in ("llm", "dataset", "template")},
                "read_of": each["of"] or "all",
                "n_texts": sum(each["n_texts"]),
                **{key: _average(each, key) for key in ("differ", "contradict")},
                "differ_most": _name_end(worst),
            }
        )
    by_setting = [
        {
            **{key: each[key] for key in ("llm", "dataset", "template")},
            "read_of": each["of"] or "all",
            "label": label,
            "n_texts": each["n_texts"][row],
            **{
                key: {UNDEFINED: NO_TEXTS} if each[key][row] is None else each[key][row]
                for key in ("differ", "contradict")
            },
        }
        for each in found
        for row, label in enumerate(each["labels"])
    ]
    shares = dict.fromkeys(("differ", "contradict"), _write_share)
    writers: dict[str, Writer] = {"n_texts": write_count, **shares}
    return Block(
        slug="extraction-noise",
        title="Rules of reading",
        lead="Every text is read twice, by the authors’ rules and by a strict one. Where the two "
        "often differ, a number is as much about the rules as about the LLM.",
        findings=(_judge_extraction(records),),
        tables=(
            make_table("extraction", "", records, writers=writers),
            make_table(
                "extraction-by-setting", "By setting", by_setting, writers=writers, on_page=False
            ),
        ),
        numbers={"fields": EXTRACTION_FIELDS, "measures": list(found)},
    )


def _name_end(worst: tuple[float, str] | None) -> str:
    """A setting with its share, "none" where no text differs."""
    if worst is None:
        return NOT_DEFINED
    return f"{worst[1]}, {_write_share(worst[0])}" if worst[0] else "none"


def _judge_extraction(records: Sequence[Mapping[str, Any]]) -> Finding:
    """How many measures hang on the rules."""
    much = [each for each in records if _rank(each["differ"]) > MUCH]
    named = [
        f"{each['llm']}, {each['dataset']}, {each['read_of']} ({_write_share(each['differ'])})"
        for each in much
    ]
    return Finding(
        f"Do the two readings differ in more than {MUCH:.0%} of the texts?",
        f"In {write_count(len(much))} of {write_plural(len(records), 'measure')}",
        f"{'; '.join(named[:5])}{'; …' if len(named) > 5 else ''}." if named else "",
    )


def _average(each: Mapping[str, Any], key: str) -> Any:
    """The share over all texts of a measure."""
    pairs = zip(each[key], each["n_texts"], strict=True)
    total = sum(share * n for share, n in pairs if share is not None)
    return _divide(total, sum(each["n_texts"]), NO_TEXTS)


def _divide(part: float, whole: int, reason: str) -> Any:
    return part / whole if whole else {UNDEFINED: reason}


def _rank(share: Any) -> float:
    return -1.0 if isinstance(share, dict) else float(share)


def _write_share(share: float) -> str:
    return write_score(share, "refusal_rate")
