"""The trust page: what the numbers rest on, cells without an answer, rules of reading."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented_slices import make_settings, make_slice
from planted import MISSING, Cell, Reply, answer_all, answer_plausibly, plan_questions
from report_folder import Report
from sqlalchemy import Engine

from analysis.evidence import Coverage, Evidence, LlmNote
from analysis.planned import AnsweringLlm
from analysis.publish import publish_report
from analysis.readings import FAILED, FILTERED, REFUSED, UNREADABLE
from analysis.readings import MISSING as NOT_ASKED
from analysis.report.numbers import describe_provenance, list_datasets
from analysis.report.trust_blocks import list_trust_blocks
from analysis.trust import count_cells, read_twice
from models.coverage import SliceProgress, StoredExperiment, find_experiment
from models.items import Kind
from models.settings import Settings


def publish(engine: Engine, folder: Path, rule: Any, *, partial: bool = False) -> Report:
    stored = plan_questions(engine, folder, n_items=10)
    answer_all(engine, stored.experiment, rule)
    home = Settings(_env_file=None, home=folder / "home")
    with engine.connect() as connection:
        experiment = find_experiment(connection, "planted")
    return Report(publish_report(engine, home, experiment, partial=partial).page.parent)


def read_rows(report: Report, table: str) -> list[dict[str, str]]:
    heading, *rows = report.tables[table]
    return [dict(zip(heading, row, strict=True)) for row in rows]


def test_every_outcome_is_counted_for_every_setting() -> None:
    codes = np.zeros((3, 10), np.int8)
    codes[0, :5] = [REFUSED, UNREADABLE, FILTERED, FAILED, NOT_ASKED]
    codes[1, 5:7] = REFUSED
    array = make_slice(make_settings(1, 1), codes, kind=Kind.CHOICE, tags=[{}] * 10)

    found = count_cells(array)

    assert [int(found.outcomes[key][0]) for key in found.outcomes] == [5, 1, 1, 1, 1, 1]
    assert found.is_flagged.tolist() == [True, False, False]  # 20% is not more than 20%
    assert (found.n_covered_by_all, found.n_answered_by_all) == (8, 3)


def test_both_readings_are_compared_for_every_attitude_alone() -> None:
    tags = [{"attitude": "tidiness"}] * 4 + [{"attitude": "thrift"}] * 4
    codes = np.full((3, 8), 3)
    array = make_slice(make_settings(1, 1), codes, kind=Kind.LIKERT, tags=tags)
    strict = array.codes.copy()
    strict[0, 4] = 2  # another answer
    strict[0, 5] = UNREADABLE

    found = list(read_twice(replace(array, strict=strict)))

    assert [each.of for each in found] == ["tidiness", "thrift"]
    assert found[0].differ.tolist() == [0, 0, 0]
    assert found[1].differ.tolist() == [0.5, 0, 0]
    assert found[1].contradict.tolist() == [0.25, 0, 0]


def test_a_setting_with_many_refusals_is_flagged_and_comes_first(
    engine: Engine, tmp_path: Path
) -> None:
    def refuse(cell: Cell) -> Reply | str:
        if cell.persona == "a reader of book 2" and cell.index < 3:
            return "I am sorry, but I cannot answer that."
        return cell.right

    report = publish(engine, tmp_path, refuse)

    first, second, *_ = read_rows(report, "table-outcomes")
    assert (first["Persona"], first["Refused"], first["No answer"]) == (
        "a reader of book 2",
        "3",
        "30.0%",
    )
    assert (first["Above 20%"], second["Above 20%"]) == ("sums", "")
    assert "1 of 19 lack more than 20% in some data set" in report.pages["trust.html"]
    rows = report.read_csv("outcomes-by-data-set.csv")
    assert [row["label"] for row in rows if row["flagged_in"]] == ["a reader of book 2"]
    assert len(rows) == 19


def test_texts_that_only_the_authors_rules_can_read_are_counted(
    engine: Engine, tmp_path: Path
) -> None:
    report = publish(
        engine, tmp_path, lambda c: f"It is {c.right}." if c.index == 0 else f"{c.right}. So."
    )

    (row,) = read_rows(report, "table-extraction")
    assert (row["Texts"], row["Differ"], row["Contradict"]) == ("190", "10.0%", "0.0%")
    measure = report.numbers["blocks"]["extraction-noise"]["numbers"]["measures"][0]
    assert measure["differ"] == pytest.approx([0.1] * 19)
    assert "In 1 of 1 measure" in report.pages["trust.html"]


def test_what_is_partial_is_said_of_its_slice(engine: Engine, tmp_path: Path) -> None:
    def leave_a_gap(cell: Cell) -> Reply | str:
        return MISSING if cell.persona == "a reader of book 3" else answer_plausibly(cell)

    report = publish(engine, tmp_path, leave_a_gap, partial=True)

    (row,) = read_rows(report, "table-origins")
    assert row["Covered"] == "94.7%"
    assert "partial: 10 cells not asked yet" in row["To know"]
    assert "a toy: no scientific meaning" in row["To know"]


def make_evidence(**changes: Any) -> Evidence:
    """An experiment of two LLMs, one imported, over another number of items each."""
    array = make_slice(
        make_settings(1, 1), np.zeros((3, 4)), kind=Kind.CHOICE, tags=[{}] * 4, dataset="sums"
    )
    parts = tuple(
        SliceProgress(at, llm, "sums", "paper", 12, 12, 0, 0, 0.0, is_imported=at == 1)
        for at, llm in enumerate(("new", "old"))
    )
    cells = count_cells(array)
    joint = {"slices": [], "extraction": []}
    from analysis.plain import to_plain

    joint["slices"] = [to_plain(replace(cells, llm=part.llm)) for part in parts]
    spec = {
        "datasets": [
            {"llm": "new", "name": "sums", "data_hash": "1", "n_items": 4, "missing": []},
            {"llm": "old", "name": "sums", "data_hash": "1", "n_items": 3, "missing": ["Age"]},
        ]
    }
    return Evidence(
        experiment=StoredExperiment(1, "two", spec, "0" * 64, None),
        coverage=Coverage(parts, {}),
        results={},
        llms=(
            AnsweringLlm(
                2, "old", "imported", None, None, {"source": "a/b", "commit": "c0ffee"}, {}, ()
            ),
        ),
        failures=(),
        notes={"old": LlmNote("Old", is_toy=False, retired="2026-01-31")},
        joint={"trust": joint, **changes},
    )


def test_imported_retired_and_other_items_are_said_of_their_slice() -> None:
    origins, *_ = list_trust_blocks(make_evidence())

    rows = origins.tables[0].rows
    new, old = (row[-1].text for row in rows)
    assert "other items than old was asked" in new
    assert "imported from a/b at commit c0ffee" in old
    assert "shut down by its provider on 2026-01-31" in old
    assert "the data set was asked without Age" in old


def test_evidence_without_the_topic_has_no_such_blocks() -> None:
    assert list_trust_blocks(make_evidence(trust=None)) == []


def test_provenance_lists_a_data_set_once_unless_llms_were_asked_other_items() -> None:
    entries = [
        {"llm": llm, "name": name, "data_hash": name, "n_items": n, "missing": []}
        for name, n, llm in [
            ("sums", 4, "new"), ("sums", 4, "old"), ("maps", 9, "new"), ("maps", 3, "old"),
        ]
    ]  # fmt: skip

    listed = list_datasets({"datasets": entries})

    assert [(each["name"], each["n_items"], each["llms"]) for each in listed] == [
        ("sums", 4, []),
        ("maps", 9, ["new"]),
        ("maps", 3, ["old"]),
    ]


def test_provenance_says_what_was_sent_and_what_is_not_known() -> None:
    warm = {"max_new_tokens": 100, "temperature": 0.7, "top_p": 1.0, "seed": 42}
    greedy = {**warm, "temperature": 0.0}
    llms = tuple(
        AnsweringLlm(n, "new", "api", "m-1", None, {"request": []}, decoding, (), repeats=repeats)
        for n, (decoding, repeats) in enumerate([(warm, 2), (greedy, 1)])
    )

    provenance = describe_provenance(replace(make_evidence(), llms=llms))

    sampled, cold = provenance["llms"]
    assert sampled["decoding"] == {"max_tokens": 100, "temperature": 0.7, "top_p": 1.0}
    assert sampled["seeds"] == [42, 965691329]
    assert cold["decoding"] == {"max_tokens": 100, "temperature": 0.0}
    assert "no seed" in cold["seeds"]["undefined"]
    assert "not known" in cold["chat_template_hash"]["undefined"]
