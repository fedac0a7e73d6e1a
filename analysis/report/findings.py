"""The tests in plain words: what was found, how large it is, and what it does not say."""

from typing import Any

from analysis.report.blocks import Finding
from analysis.report.contrasts import explain_clash, explain_wide_bands, write_contrasts
from analysis.report.questionnaires import write_questionnaire
from analysis.report.sections import ROUNDING, Section
from analysis.report.summary import list_ties
from analysis.report.wording import (
    begin_sentence,
    explain_undefined,
    is_undefined,
    write_difference,
    write_fixed,
    write_p,
    write_plural,
    write_ratio,
    write_score,
    write_sd,
)

ALPHA = 0.05
SCORINGS = {
    "asked": "on the items that every setting answered",
    "paper": "with answers that are not there taken as point 3",
}


CHOSEN = {
    "accuracy": "right answers",
    "bias_score": "biased choices",
    "unknown_frequency": "choosing “unknown”",
}
UNREAD = {
    "asked": "an answer that is not there being none",
    "paper": "with answers that are not there taken as option A",
}


def list_findings(section: Section) -> list[Finding]:
    """What the tests of a section say."""
    return [
        *(describe_omnibus(section, tests) for tests in section.measure["omnibus"]),
        describe_gap(section),
        describe_contrasts(section),
        describe_spread(section),
        *(Finding(*words) for words in write_questionnaire(section)),
    ]


def describe_omnibus(section: Section, tests: dict[str, Any]) -> Finding:
    """Do settings differ at all? The permutation test decides, the paper's test stands beside."""
    is_choice = tests["cochran"] is not None
    question = "Do the settings differ at all?"
    if not is_choice:
        question = f"Do the settings differ at all, {SCORINGS[tests['scoring']]}?"
    elif len(section.measure["omnibus"]) > 1:
        what = CHOSEN.get(section.name, "answers")
        question = f"Do the settings differ at all in {what}, {UNREAD[tests['scoring']]}?"
    permutation = tests["permutation"]
    n_settings = write_plural(len(section.settings), "setting")
    if is_undefined(permutation):
        return Finding(question, _name_undefined(permutation))
    used = _write_columns(section, tests)
    if permutation["n_clusters"] < tests["n_items"]:
        used = f"{write_plural(permutation['n_clusters'], 'cluster')} of {used}"
    p = permutation["p"]
    rejected = p < ALPHA
    at_limit = p <= 1 / (1 + permutation["n_permutations"])
    smallest = ", the smallest value that so many can give" if at_limit else ""
    return Finding(
        question,
        f"Yes, {write_p(p)}" if rejected else f"Not shown, {write_p(p)}",
        f"Exchanging the {n_settings} within each of {used} "
        f"({permutation['n_permutations']:,} permutations) gives {write_p(p)}{smallest}. "
        f"{_describe_classic(tests)}",
        "Rejection says that settings are not exchangeable, which is more than that their means "
        "differ, and nothing on which ones or by how much. The paper’s test takes items for "
        "exchangeable and rejects too often where they are related."
        if rejected
        else "That no difference is shown does not mean that there is none.",
    )


def _write_columns(section: Section, tests: dict[str, Any]) -> str:
    """ "57 items (of 60 ...)"; with repeats a column is a prompt, and never called an item."""
    if section.repeats == 1:
        used = write_plural(tests["n_items"], "item")
        asked = f"of {tests['n_items_asked']:,} these"
    else:
        used = f"{write_plural(section.measure['n_items'], 'item')} × {section.repeats} repeats"
        asked = f"{tests['n_items']:,} of these {tests['n_items_asked']:,} prompts"
    all_count = tests["n_items"] == tests["n_items_asked"]
    return used if all_count else f"{used} ({asked} count in every setting)"


def _describe_classic(tests: dict[str, Any]) -> str:
    """Cochran's Q or Friedman's chi-square with its effect size."""
    is_choice = tests["cochran"] is not None
    name = "Cochran’s Q" if is_choice else "Friedman’s chi-square"
    found = tests["cochran"] if is_choice else tests["friedman"]
    if is_undefined(found):
        return f"The paper’s {name}: {explain_undefined(found)}."
    blocks = write_plural(found["n_blocks"], "item" if is_choice else "block")
    mixed = f", {found['n_not_unanimous']:,} of them not unanimous" if is_choice else ""
    return (
        f"The paper’s {name} = {write_fixed(found['statistic'], digits=1)} on "
        f"{found['df']} degrees of freedom over {blocks}{mixed}, {write_p(found['p'])}. Effect "
        f"size: Kendall’s W = {write_fixed(found['kendalls_w'], digits=3)} (0: items do not agree "
        "on which settings score higher; 1: they all do)."
    )


def describe_gap(section: Section) -> Finding:
    """Best and worst persona, and where the references lie."""
    ends = "best and the worst" if section.name == "accuracy" else "highest and the lowest"
    question = f"How far apart are the {ends} persona?"
    gap = section.measure["gap"]
    if is_undefined(gap):
        return Finding(question, _name_undefined(gap), _describe_references(section))
    n_personas = sum(setting["role"] == "persona" for setting in section.settings)
    ties = list_ties(section, gap["best"])
    if gap["worst"] in ties:
        score = write_score(section.columns["score"][gap["best"]], section.name)
        return Finding(
            question,
            "They are equal",
            f"All {write_plural(len(ties), 'persona')} score {score}. "
            f"{_describe_references(section)}",
        )
    best, worst = (_describe_end(section, gap[end]) for end in ("best", "worst"))
    return Finding(
        question,
        write_difference(gap["value"], section.name),
        f"From {best} down to {worst.rstrip(',')}. {_describe_references(section)}",
        f"Both ends were picked from {write_plural(n_personas, 'persona')} after the fact, so the "
        "gap is larger than the true one, most of all where intervals are wide.",
    )


def _describe_end(section: Section, row: int) -> str:
    """The persona at an end, or how many share it."""
    others = len(list_ties(section, row)) - 1
    named = _describe_setting(section, row)
    if not others:
        return named
    return f"{named}, a score that {write_plural(others + 1, 'persona')} share,"


def _describe_setting(section: Section, row: int) -> str:
    columns = section.columns
    text = f"“{section.settings[row]['label']}” ({write_score(columns['score'][row], section.name)}"
    low, high = columns["low"][row], columns["high"][row]
    if low is None or high is None:
        return text + ")"
    ends = (write_score(end, section.name, unit=False) for end in (low, high))
    return f"{text}, 95% interval {' to '.join(ends)})"


def _describe_references(section: Section) -> str:
    parts = []
    for key, name in (("persona_mean", "personas"), ("control_mean", "controls")):
        value = section.numbers[key]
        shown = (
            explain_undefined(value) if is_undefined(value) else write_score(value, section.name)
        )
        parts.append(f"the {name}’ mean is {shown}")
    for row, setting in enumerate(section.settings):
        score = section.columns["score"][row]
        if setting["role"] == "empty" and score is not None:
            parts.append(f"without a persona the score is {write_score(score, section.name)}")
    chance = section.numbers["chance"]
    if not is_undefined(chance):
        parts.append(f"guessing gives {write_score(chance, section.name)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def describe_contrasts(section: Section) -> Finding:
    """Which personas differ from the controls, and which can be said not to?"""
    question = "How many personas differ from the controls?"
    found = section.measure["contrasts"]["controls"]
    if is_undefined(found):
        return Finding(question, _name_undefined(found))
    return Finding(
        question,
        f"{found['n_significant']:,} of {found['n_personas']:,}",
        " ".join(write_contrasts(section, found)),
        "A persona can differ and be equivalent at once: different from zero, and too little to "
        f"matter. Undecided means that these items are too few to tell."
        f"{explain_clash(section)}{explain_wide_bands(section)}",
    )


def describe_spread(section: Section) -> Finding:
    """Do personas move the score more than rewordings of one neutral role?"""
    question = "Do personas move the score more than rewordings of one neutral role?"
    spread = section.measure["spread"]
    if is_undefined(spread):
        return Finding(question, _name_undefined(spread))
    spreads = [
        f"{write_plural(spread[group]['n_members'], name)} {_write_sd(section, spread[group])}"
        for group, name in (("personas", "persona"), ("controls", "control"))
    ]
    sentences = [f"Beyond the noise of the items, {' and '.join(spreads)}."]
    notes = ""
    ratio = spread["ratio"]
    if is_undefined(ratio):
        verdict = _name_undefined(ratio)
    else:
        verdict = f"{_judge_ratio(ratio)}, R = {write_ratio(ratio['value'])}"
        sentences.append(
            f"The ratio of the variances is R = {write_ratio(ratio['value'])} (95% interval "
            f"{_write_ends(ratio)}); 1 would mean that both move it alike."
        )
        notes = (
            "The controls are one neutral role in other words: this compares with rewording, not "
            "with chance."
        )
    test = section.measure["brown_forsythe"]
    if not is_undefined(test):
        sentences.append(
            f"Unequal spread by Brown and Forsythe, labels permuted: {write_p(test['p'])}."
        )
    return Finding(question, verdict, " ".join(sentences), notes)


def _name_undefined(value: dict[str, str] | None) -> str:
    return begin_sentence(explain_undefined(value))


def _write_sd(section: Section, group: dict[str, float]) -> str:
    if abs(group["variance"]) < ROUNDING:
        return "do not vary at all"
    if group["variance"] < 0:
        return f"vary less than the noise alone would (V = {group['variance']:.2g})".replace(
            "-", "\N{MINUS SIGN}"
        )
    return f"have a standard deviation of {write_sd(group['variance'] ** 0.5, section.name)}"


def _judge_ratio(ratio: dict[str, float | None]) -> str:
    low, high = ratio["low"], ratio["high"]
    if low is not None and low > 1:
        return "Yes"
    if high is not None and high < 1:
        return "No, less"
    return "Cannot be told"


def _write_ends(ratio: dict[str, float | None]) -> str:
    low, high = ratio["low"], ratio["high"]
    if low is None and high is None:
        return "unbounded on both sides"
    below = "0" if low is None else write_ratio(low)
    return f"{below} to {'no upper bound' if high is None else write_ratio(high)}"
