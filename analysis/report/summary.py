"""The report in a few columns: the terminal's table and the page's first one."""

from collections.abc import Iterable
from typing import Any

from analysis.plain import UNDEFINED
from analysis.report.sections import Section
from analysis.report.wording import is_undefined, write_bare_p, write_fixed, write_score

ALL_EQUAL = "all are equal"  # in place of a highest persona and a lowest


def summarise(sections: Iterable[Section]) -> list[dict[str, Any]]:
    """A row per LLM, data set and measure, as plain values and as words.

    The outcomes are those of the section's own items; the cells of a data set are in the coverage.
    """
    return [_summarise_section(section) for section in sections]


def _summarise_section(section: Section) -> dict[str, Any]:
    columns = section.columns
    totals = {key: sum(columns[key]) for key in ("answered", "refused", "unreadable")}
    cells = len(section.settings) * section.measure["n_columns"]
    numbers = section.numbers
    gap = section.measure["gap"]
    ends = {} if is_undefined(gap) else {end: gap[end] for end in ("best", "worst")}
    all_equal = not is_undefined(gap) and gap["worst"] in list_ties(section, gap["best"])
    paper_test = "cochran_p" if "cochran_p" in numbers else "friedman_p"
    return {
        "llm": section.progress.llm,
        "dataset": section.progress.dataset,
        "template": section.progress.template,
        "measure": section.title,
        "slug": section.slug,
        "settings": len(section.settings),
        "items": section.measure["n_items"],
        "cells": cells,
        **totals,
        "answered_share": totals["answered"] / cells if cells else None,
        "all_equal": all_equal,
        **{end: None if all_equal else section.settings[row]["label"] for end, row in ends.items()},
        **{
            f"{end}_score": write_score(columns["score"][row], section.name)
            for end, row in ends.items()
        },
        **{f"{end}_ties": len(list_ties(section, row)) for end, row in ends.items()},
        "tested": section.measure["omnibus"][0]["n_items"],
        "controls": _write(numbers["control_mean"], section),
        "paper_test": paper_test,
        "q_p": _write_p(numbers["paper_p"]),
        "permutation_p": _write_p(numbers["permutation_p"]),
        "kendalls_w": _write_w(numbers.get("kendalls_w")),
        "raw": {
            "controls": _find_number(numbers["control_mean"]),
            "q_p": _find_number(numbers["paper_p"]),
            "permutation_p": _find_number(numbers["permutation_p"]),
            "kendalls_w": _find_number(numbers.get("kendalls_w")),
        },
        "not_defined": {
            key: value[UNDEFINED]
            for key, value in {**numbers, "gap": gap}.items()
            if isinstance(value, dict) and UNDEFINED in value
        },
    }


def list_ties(section: Section, row: int) -> list[int]:
    """The personas that share the rank of this one, itself among them."""
    ranks = section.columns["rank"]
    return [other for other, rank in enumerate(ranks) if rank is not None and rank == ranks[row]]


def _find_number(value: Any) -> float | None:
    return None if is_undefined(value) else float(value)


def _write(value: Any, section: Section) -> str | None:
    return None if is_undefined(value) else write_score(value, section.name)


def _write_p(value: Any) -> str | None:
    return None if is_undefined(value) else write_bare_p(value)


def _write_w(value: Any) -> str | None:
    return None if is_undefined(value) else write_fixed(value, digits=3)
