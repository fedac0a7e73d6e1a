"""Below every measure: are its extremes real, what varies, and what other choices would change."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from analysis.report.blocks import Block, Finding
from analysis.report.contrasts import write_outside
from analysis.report.sections import Section
from analysis.report.selection_tables import (
    list_components,
    list_extremes,
    list_unclustered,
    write_part,
)
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
)

ALPHA = 0.05


def list_selection_blocks(section: Section) -> list[Block]:
    """One block; nothing for a measure without personas."""
    selection = section.measure["details"].get("selection")
    if selection is None or not selection["n_personas"]:
        return []
    details = section.measure["details"]
    findings = [
        describe_highest(section, selection),
        describe_gaps(section, selection),
        describe_categories(selection),
        describe_margins(section),
    ]
    unflagged = selection["without_flagged"]
    optional = (
        (details.get("components"), describe_components),
        (None if is_undefined(unflagged) else unflagged, describe_unflagged),
        (details.get("common_items"), describe_common),
        (details.get("blocks"), describe_blocks),
    )
    findings += [describe(section, found) for found, describe in optional if found is not None]
    tables = [list_extremes(section)]
    if not is_undefined(details.get("components")):
        tables.append(list_components(section, details["components"]))
    if not is_undefined(details.get("unclustered")):
        tables.append(list_unclustered(section, details["unclustered"]))
    return [
        Block(
            slug=f"{section.slug}-selection",
            title="Selection and uncertainty",
            lead="The highest and the lowest of many personas are picked after the fact; this is "
            "what can be said of them all the same.",
            findings=tuple(findings),
            tables=tuple(table for table in tables if table.rows),
        )
    ]


class Ranked(Protocol):
    """Settings with a score each: a section, or scores over several data sets."""

    @property
    def name(self) -> str:
        """What is measured."""
        ...

    @property
    def settings(self) -> Sequence[Mapping[str, str]]:
        """Label and role, in the order of the columns."""
        ...

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """Numbers per setting: score, shrunken, rank, chance_top, ..."""
        ...

    @property
    def gap(self) -> Any:
        """Best minus worst persona, or why it is not defined."""
        ...

    def find_reason(self, column: str) -> str:
        """Why a number of this column is not defined."""
        ...


def describe_highest(section: Ranked, selection: Mapping[str, Any]) -> Finding:
    """How sure is it that the highest persona is among the highest?"""
    question = "Is the highest persona truly among the highest?"
    columns = section.columns
    ranked = [row for row, rank in enumerate(columns["rank"]) if rank == 1]
    if not ranked:
        return Finding(question, "Not defined: no persona has a score")
    if 1 < len(ranked) == sum(rank is not None for rank in columns["rank"]):
        return Finding(question, f"All {len(ranked):,} personas are equal: none is the highest")
    row, chance = ranked[0], columns["chance_top"][ranked[0]]
    label = f"“{section.settings[row]['label']}”"
    shared = f" It shares its score with {write_plural(len(ranked) - 1, 'other')}."
    low, high = columns["rank_low"][row], columns["rank_high"][row]
    ranks = (
        f"The ranks that cannot be excluded for {label} reach from {low:.0f} to {high:.0f} of "
        f"{selection['n_personas']:,}, all personas at once."
        if low is not None and high is not None
        else f"Possible ranks: not defined, {section.find_reason('rank_low')}."
    )
    if chance is None:
        return Finding(question, f"Not defined: {section.find_reason('chance_top')}", ranks)
    return Finding(
        question,
        f"{label}: a chance of {chance:.0%} to be in the top {selection['n_top']}",
        f"{ranks} Its score is {write_score(columns['score'][row], section.name)} as observed and "
        f"{write_score(columns['shrunken'][row], section.name)} shrunken."
        f"{shared if len(ranked) > 1 else ''}",
        "The chance takes true scores of a category for normal around its mean.",
    )


def describe_gaps(section: Ranked, selection: Mapping[str, Any]) -> Finding:
    """The gap without its selection, twice."""
    question = "How wide is the gap once selection is taken out?"
    naive, shrunken, split = section.gap, selection["gap_shrunken"], selection["gap_split"]
    if is_undefined(naive):
        return Finding(question, _name_undefined(naive))
    parts = [f"As observed it is {write_difference(naive['value'], section.name)}"]
    if is_undefined(shrunken):
        parts.append(f"shrunken it is {explain_undefined(shrunken)}")
    else:
        ends = (write_difference(shrunken[end], section.name, sign=True) for end in ("low", "high"))
        parts.append(
            f"shrunken {write_difference(shrunken['value'], section.name)} (95% interval "
            f"{' to '.join(ends)})"
        )
    if is_undefined(split):
        parts.append(f"by split halves it is {explain_undefined(split)}")
        verdict = _name_undefined(split)
    else:
        verdict = write_difference(split["value"], section.name)
        parts.append(
            f"chosen on one half of the items and measured on the other {verdict}, against "
            f"{write_difference(split['chosen'], section.name)} on the half it was chosen on"
        )
    return Finding(
        question,
        verdict,
        f"{'; '.join(parts)}.",
        "Halves have half of the items, so the personas chosen there are rather less extreme.",
    )


def describe_categories(selection: Mapping[str, Any]) -> Finding:
    """Do categories of personas differ in their mean?"""
    question = "Do categories of personas differ?"
    effect = selection["category_effect"]
    if is_undefined(effect):
        return Finding(question, _name_undefined(effect))
    verdict = "Yes" if effect["p"] < ALPHA else "Not shown"
    return Finding(
        question,
        f"{verdict}, {write_p(effect['p'])}",
        f"{effect['eta_squared']:.0%} of the variance of the personas’ scores lies between "
        f"categories; categories drawn at random would have {effect['expected']:.0%}.",
    )


def describe_margins(section: Section) -> Finding:
    """What counts as no difference, under both margins, and what would be found at all."""
    question = "How much is too little to matter?"
    found = section.measure["contrasts"]["controls"]
    if is_undefined(found):
        return Finding(question, _name_undefined(found))
    second = found["by_controls"]
    again = (
        f"the second margin is {explain_undefined(second)}"
        if is_undefined(second)
        else f"a second margin of twice the controls’ standard deviation, "
        f"{write_difference(second['delta'], section.name)}: {write_outside(second)}, "
        f"{second['equivalent']:,} are equivalent and {second['undecided']:,} undecided"
    )
    return Finding(
        question,
        write_difference(found["main"]["delta"], section.name),
        f"That is the experiment’s margin; {again}. The smallest difference that would be found "
        f"with a power of 80% is {_write_range(section, found['smallest'])}.",
    )


def _write_range(section: Section, smallest: Any) -> str:
    if is_undefined(smallest):
        return explain_undefined(smallest)
    low, high = (write_difference(smallest[end], section.name) for end in ("low", "high"))
    return f"between {low} and {high}, depending on the persona"


def describe_components(section: Section, found: Any) -> Finding:
    """How reliably do these items tell personas apart?"""
    question = "How reliably do these items tell personas apart?"
    if is_undefined(found):
        return Finding(question, _name_undefined(found))
    left_out = [
        write_plural(n, noun)
        for n, noun in (
            (found["n_personas_left_out"], "persona"),
            (found["n_items_left_out"], "prompt" if found["unit"] == "prompt" else "item"),
        )
        if n
    ]
    gaps = f" {' and '.join(left_out)} with missing answers left out." if left_out else ""
    g = found["g"]
    verdict = _name_undefined(g) if is_undefined(g) else f"G = {write_fixed(g['value'], digits=2)}"
    sds = "; ".join(
        f"{name.replace(' x ', ' × ')} {write_part(section, part['sd'])}"
        for name, part in found["parts"].items()
    )
    return Finding(
        question,
        verdict,
        f"Standard deviations over {write_plural(found['n_personas'], 'persona')} and "
        f"{write_plural(found['n_units'], found['unit'])}: {sds}.{gaps}",
        "G is the share of the variance of personas’ plain means that other items of this kind "
        "would show again; 1 is perfect. What was estimated below 0 counts as 0 in it.",
    )


def describe_unflagged(section: Section, found: Mapping[str, Any]) -> Finding:
    """The gap without settings that have too many answers missing."""
    question = "What is left without personas that have many answers missing?"
    gap = found["gap"]
    n = found["n_flagged"]
    lack, their = ("lacks", "its") if n == 1 else ("lack", "their")
    left_out = f"Without {write_plural(n, 'persona')} that {lack} more than 20% of {their} answers"
    if is_undefined(gap):
        return Finding(question, _name_undefined(gap), f"{left_out}.")
    if gap["best"] == gap["worst"]:
        return Finding(question, "They are equal", f"{left_out} all personas score alike.")
    best, worst = (section.settings[gap[end]]["label"] for end in ("best", "worst"))
    return Finding(
        question,
        write_difference(gap["value"], section.name),
        f"{left_out} the gap reaches from “{best}” down to “{worst}”.",
    )


def describe_common(section: Section, found: Any) -> Finding:
    """The contrasts on items that both answered."""
    question = "Does it matter that settings answered different items?"
    if is_undefined(found):
        return Finding(question, _name_undefined(found))
    change = write_difference(found["largest_change"], section.name)
    label = section.settings[found["largest_change_of"]]["label"]
    return Finding(
        question,
        f"By {change} at most",
        f"Each of {write_plural(found['n_compared'], 'persona')} was compared with every control "
        f"on the items that both answered; the difference changes most for “{label}”.",
    )


def describe_blocks(section: Section, found: Mapping[str, Any]) -> Finding:
    """Blocks of four rows in place of clusters."""
    question = "Does it matter which items are taken for related?"
    ratio, p = found["se_ratio"], found["permutation_p"]
    verdict = (
        _name_undefined(ratio)
        if is_undefined(ratio)
        else f"Errors × {write_ratio(ratio)} by blocks"
    )
    test = (
        f"the permutation test is {explain_undefined(p)}"
        if is_undefined(p)
        else f"the permutation test gives {write_p(p)} ({found['n_permutations']:,} permutations)"
    )
    return Finding(
        question,
        verdict,
        f"With {found['n_blocks']:,} blocks of rows about the same people in place of "
        f"{found['n_clusters']:,} clusters, {test}.",
        "Errors that are much smaller by blocks show that items of one template are related beyond "
        "their block.",
    )


def _name_undefined(value: Any) -> str:
    return begin_sentence(explain_undefined(value))
