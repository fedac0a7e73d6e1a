"""What a section says about a questionnaire: Table 10's tests, reliability, wordings."""

from typing import Any

from analysis.plain import UNDEFINED
from analysis.report.sections import Section
from analysis.report.wording import (
    begin_sentence,
    explain_undefined,
    is_undefined,
    write_difference,
    write_fixed,
    write_p,
    write_plural,
    write_score,
)

GROUPS = {"personas": "personas and none", "controls": "controls"}
NO_F = "all blocks rank the settings alike: F is infinite"


def list_block_tests(questionnaire: dict[str, Any]) -> list[dict[str, Any]]:
    """Every test of a plain `Questionnaire` as a row of the table, the main ones first."""
    tests = sorted(
        questionnaire["tests"],
        key=lambda test: (test["scoring"] != "asked", test["blocks"] != "instruction"),
    )
    return [_describe_test(test) for test in tests]


def _describe_test(test: dict[str, Any]) -> dict[str, Any]:
    found = test["friedman"]
    numbers: dict[str, Any] = dict.fromkeys(
        ("n_blocks", "blocks_chi2", "blocks_p", "blocks_f", "blocks_f_p", "blocks_w"), found
    )
    if not is_undefined(found):
        numbers = {
            "n_blocks": found["n_blocks"],
            "blocks_chi2": found["statistic"],
            "blocks_p": found["p"],
            "blocks_f": {UNDEFINED: NO_F} if found["f"] is None else found["f"],
            "blocks_f_p": found["p_f"],
            "blocks_w": found["kendalls_w"],
        }
    return {
        "tested": GROUPS[test["group"]],
        "n_tested": test["n_settings"],
        "scoring": test["scoring"],
        "blocks": f"{test['blocks']}s",
        **numbers,
    }


def write_questionnaire(section: Section) -> list[tuple[str, str, str, str]]:
    """Question, verdict, sentence and note of each finding; none without a questionnaire."""
    found = section.measure["details"].get("questionnaire")
    if found is None:
        return []
    return [_write_blocks(found), _write_reliability(section, found)]


def _write_blocks(found: dict[str, Any]) -> tuple[str, str, str, str]:
    """Published and main choice of blocks side by side, each under its own scoring."""
    n_statements = write_plural(found["n_statements"], "statement")
    n_instructions = write_plural(found["n_instructions"], "instruction")
    published, main = (
        {test["group"]: test["friedman"] for test in found["tests"] if _is(test, scoring, blocks)}
        for scoring, blocks in (("paper", "statement"), ("asked", "instruction"))
    )
    return (
        "Do the settings differ by Friedman’s test (Table 10)?",
        _judge(main["personas"]),
        f"With the {n_instructions} as blocks: {_write_groups(main)}. As published, with the "
        f"{n_statements} as blocks: {_write_groups(published)}.",
        "So few statements make a weak test. Iman and Davenport’s F, and both scorings, are in "
        "the table below.",
    )


def _is(test: dict[str, Any], scoring: str, blocks: str) -> bool:
    return bool(test["scoring"] == scoring and test["blocks"] == blocks)


def _judge(friedman: Any) -> str:
    if is_undefined(friedman):
        return begin_sentence(explain_undefined(friedman))
    return f"{'Yes' if friedman['p'] < 0.05 else 'Not shown'}, {write_p(friedman['p'])}"


def _write_groups(tests: dict[str, Any]) -> str:
    return ", ".join(
        f"{GROUPS[group]} {explain_undefined(test) if is_undefined(test) else write_p(test['p'])}"
        for group, test in tests.items()
    )


def _write_reliability(section: Section, found: dict[str, Any]) -> tuple[str, str, str, str]:
    alpha = found["cronbach_alpha"]
    verdict = (
        begin_sentence(explain_undefined(alpha))
        if is_undefined(alpha)
        else f"Cronbach’s alpha = {write_fixed(alpha, digits=2)}"
    )
    used, n_statements = found["n_alpha_statements"], found["n_statements"]
    left_out = (
        f" It is of {used} of {n_statements} statements: under no instruction did every setting "
        "answer the others."
        if used < n_statements and not is_undefined(alpha)
        else ""
    )
    spreads = ", ".join(
        explain_undefined(value)
        if is_undefined(value)
        else f"{write_difference(value, section.name)} for {GROUPS[group]}"
        f"{_write_left_out(found['left_out']['wording_sd'][group])}"
        for group, value in found["wording_sd"].items()
    )
    answers = ", ".join(
        explain_undefined(value)
        if is_undefined(value)
        else f"{write_score(value, section.name)} for {GROUPS[group]}"
        f"{_write_left_out(found['left_out']['unreversed'][group])}"
        for group, value in found["unreversed"].items()
    )
    return (
        "Do the statements measure one thing, whatever the wording?",
        verdict,
        f"Standard deviation of an answer over the instructions: {spreads}. Mean answer as it was "
        f"given, reversed statements not turned round: {answers}.",
        f"Alpha says how far statements move together over the settings.{left_out} A mean answer "
        "as given that is far from 3 hints at agreeing with whatever is asked.",
    )


def _write_left_out(n: int) -> str:
    """How many settings a mean is without, where it is without any."""
    return f" ({write_plural(n, 'setting')} with too few answers left out)" if n else ""
