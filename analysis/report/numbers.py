"""numbers.json: every number of the report with its definition and where it comes from."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from analysis.evidence import Evidence
from analysis.plain import UNDEFINED
from analysis.planned import AnsweringLlm
from analysis.report.contents import Contents
from analysis.report.definitions import DEFINITIONS
from analysis.report.sections import Section
from analysis.report.tables import OUTCOMES, list_columns
from analysis.report.wording import give_reason, is_undefined
from analysis.results import hash_analyses
from models.coverage import SliceProgress

LIBRARIES = ("altair", "jinja2", "numpy", "polars", "scipy", "statsmodels", "vl-convert-python")
NO_SEED = "no seed was sent, and none was drawn from"
NOT_RECORDED = "not recorded"
PROVIDERS_OWN = "not known: its provider puts messages into it"
_SUMS = ("cells",)  # details that other numbers are made of, and none by themselves


def describe_numbers(contents: Contents) -> dict[str, Any]:
    """All numbers; a ``name`` is a key of ``definitions``."""
    evidence = contents.evidence
    return {
        "provenance": describe_provenance(evidence),
        "definitions": {key: definition.meaning for key, definition in DEFINITIONS.items()},
        "coverage": [
            _describe_coverage(part, evidence.results[part.slice])
            for part in evidence.coverage.parts
        ],
        "measures": [_describe_section(section) for section in contents.sections],
        "blocks": {
            block.slug: {"title": block.title, "numbers": block.numbers}
            for block in contents.list_blocks()
            if block.numbers
        },
    }


def describe_provenance(evidence: Evidence) -> dict[str, Any]:
    """What the numbers are made from and with."""
    experiment = evidence.experiment
    any_result = next(iter(evidence.results.values()), {})
    return {
        "experiment": experiment.name,
        "title": experiment.spec.get("title", ""),
        "is_partial": evidence.is_partial,
        "spec_hash": experiment.spec_hash,
        "git_revision": experiment.git_revision,
        "analysis_code": hash_analyses(),
        "made_with": any_result.get("made_with", {}),
        "coverage_hashes": {str(key): value for key, value in evidence.coverage.hashes.items()},
        "datasets": experiment.spec.get("datasets", []),
        "partial_datasets": evidence.partial_datasets,
        "templates": experiment.spec.get("templates", {}),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "llms": [_describe_llm(llm) for llm in evidence.llms],
    }


def list_datasets(provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each data set once for all LLMs that were asked the same of it, which it names if not all."""
    asked: dict[str, dict[str, Any]] = {}
    for entry in provenance["datasets"]:
        what = {key: value for key, value in entry.items() if key != "llm"}
        found = asked.setdefault(json.dumps(what, sort_keys=True), {**what, "llms": []})
        found["llms"].append(entry.get("llm", ""))
    names = [each["name"] for each in asked.values()]
    return [
        each if names.count(each["name"]) > 1 else {**each, "llms": []} for each in asked.values()
    ]


def _describe_llm(llm: AnsweringLlm) -> dict[str, Any]:
    """Where an LLM comes from, and what it was really asked with."""
    sent = llm.sent
    return {
        "name": llm.name,
        "kind": llm.kind,
        "revision": give_reason(llm.revision, NOT_RECORDED),
        "chat_template_hash": give_reason(
            llm.chat_template_hash, PROVIDERS_OWN if llm.kind == "api" else NOT_RECORDED
        ),
        "spec": llm.spec,
        "decoding": sent.parameters,
        "seeds": list(sent.seeds) if sent.has_seeds else {UNDEFINED: NO_SEED},
        "seeds_are": sent.seeds_are if sent.has_seeds else {UNDEFINED: NO_SEED},
        "engines": list(llm.engines),
    }


def _describe_part(part: SliceProgress) -> dict[str, str]:
    return {"llm": part.llm, "dataset": part.dataset, "template": part.template}


def _describe_coverage(part: SliceProgress, result: dict[str, Any]) -> dict[str, Any]:
    counts = {
        "planned": part.planned,
        "covered": part.covered,
        **{outcome: result["outcomes"][outcome] for outcome in OUTCOMES},
        "cut_off": result["cut_off"],
    }
    return {**_describe_part(part), "numbers": counts}


def _rename_counts(tests: dict[str, Any]) -> dict[str, Any]:
    """A test's counts by what they are: columns, of which an item has one per repeat."""
    names = {"n_items": "n_columns", "n_items_asked": "n_columns_asked"}
    return {names.get(key, key): value for key, value in tests.items()}


def _name_ends(section: Section, gap: Any) -> Any:
    """The highest and the lowest persona, or why there are no two."""
    if is_undefined(gap):
        return gap or {UNDEFINED: "fewer than two personas with a score"}
    if gap["best"] == gap["worst"]:
        return {UNDEFINED: "all personas score alike"}
    return [section.settings[gap[end]]["label"] for end in ("best", "worst")]


def _describe_section(section: Section) -> dict[str, Any]:
    measure = section.measure
    intervals = section.intervals
    numbers = []
    for name, value in section.numbers.items():
        number: dict[str, Any] = {"name": name}
        if is_undefined(value):
            number |= {"value": None, "not_defined": value[UNDEFINED] if value else ""}
        else:
            number["value"] = value
        if name in intervals:
            number["interval"] = list(intervals[name])
        numbers.append(number)
    columns = [c.key for c in list_columns(section, for_page=False) if not c.is_word]
    return {
        **_describe_part(section.progress),
        "measure": section.name,
        "of": measure["of"],
        "scoring": measure["scoring"],
        "items": measure["n_items"],
        "repeats": section.repeats,
        "clusters": measure["n_clusters"],
        "strata": measure["n_strata"],
        "numbers": numbers,
        "gap_between": _name_ends(section, measure["gap"]),
        "contrasts": measure["contrasts"],
        "omnibus": [_rename_counts(tests) for tests in measure["omnibus"]],
        "details": {key: each for key, each in measure["details"].items() if key not in _SUMS},
        "settings": [
            {
                **{key: setting[key] for key in ("label", "category", "role")},
                **{
                    section.name if key == "score" else key: section.columns[key][row]
                    for key in columns
                },
            }
            for row, setting in enumerate(section.settings)
        ],
        "not_defined": {
            section.name if key == "score" else key: section.find_reason(key)
            for key in columns
            if any(value is None for value in section.columns[key])
        },
    }
