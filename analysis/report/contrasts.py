"""The contrasts of personas with the controls, in sentences."""

from typing import Any

from analysis.report.sections import Section
from analysis.report.wording import (
    explain_undefined,
    is_undefined,
    write_difference,
    write_fixed,
    write_plural,
)
from analysis.statistics.scorings import MISSING_SHARE

ALPHA = 0.05


def write_contrasts(section: Section, found: dict[str, Any]) -> list[str]:
    """What the contrasts with the controls say; ``found`` is a plain `Comparison`."""
    n_personas = write_plural(found["n_personas"], "persona")
    main = found["main"]
    margin = write_difference(main["delta"], section.name)
    sentences = [
        f"{found['n_significant']:,} of {n_personas} differ from the controls’ mean after "
        f"adjustment (p < {ALPHA}, Benjamini and Hochberg){_name_largest(section)}."
        f"{_count_flagged(section, found['n_significant'])}",
        f"Taking differences up to {margin} for none, {write_outside(main)}, "
        f"{main['equivalent']:,} are equivalent and {main['undecided']:,} undecided.",
        f"The smallest difference that would be found with a power of 80% is "
        f"{_write_smallest(section, found['smallest'])}.",
    ]
    left_out = found["n_personas"] - found["n_compared"]
    if left_out:
        sentences.append(
            f"For {write_plural(left_out, 'persona')} the error of the difference cannot be told."
        )
    return sentences


def write_outside(count: dict[str, Any]) -> str:
    """How many lie beyond doubt outside a margin, or why nobody can tell."""
    different = count["different"]
    if is_undefined(different):
        return f"how many lie beyond doubt outside is {explain_undefined(different)}"
    return f"{different:,} lie beyond doubt outside"


def _write_smallest(section: Section, smallest: Any) -> str:
    if is_undefined(smallest):
        return explain_undefined(smallest)
    return f"{write_difference(smallest['median'], section.name)} (median over the personas)"


def explain_clash(section: Section) -> str:
    """Why a band lies beyond the margin where the adjusted p is above .05; "" where none does."""
    columns = section.columns
    clashes = [
        section.settings[row]["label"]
        for row, (verdict, p) in enumerate(
            zip(columns["verdict"], columns["p_adjusted"], strict=True)
        )
        if verdict == "different" and p is not None and p >= ALPHA
    ]
    if not clashes:
        return ""
    named = ", ".join(f"“{label}”" for label in clashes[:3])
    more = f" and {len(clashes) - 3} more" if len(clashes) > 3 else ""
    n_clusters = write_plural(section.measure["n_clusters"], "cluster")
    return (
        f" The band of {named}{more} lies beyond the margin although the adjusted p is not below "
        f"{ALPHA}: the band resamples the {n_clusters} of items while p is the larger of two "
        "tests’, by signs, which cannot become small where few clusters differ, and by exchanges "
        "with the controls. Such a persona is better taken for undecided."
    )


def _list_different(section: Section) -> list[int]:
    """Rows of the personas whose adjusted p is below .05."""
    adjusted = section.columns["p_adjusted"]
    return [row for row, p in enumerate(adjusted) if p is not None and p < ALPHA]


def _count_flagged(section: Section, n_different: int) -> str:
    """How many of those that differ have too many answers missing; "" where none has."""
    is_flagged = section.columns["is_flagged"]
    n_flagged = sum(bool(is_flagged[row]) for row in _list_different(section))
    if not n_flagged:
        return ""
    lack = "lacks" if n_flagged == 1 else "lack"
    return (
        f" {n_flagged:,} of the {n_different:,} {lack} more than {MISSING_SHARE:.0%} of the "
        "answers, which can by itself make a difference."
    )


def explain_wide_bands(section: Section) -> str:
    """Why bands hold 0 of personas whose adjusted p is below .05; "" where none does."""
    columns = section.columns
    n = sum(
        p is not None and p < ALPHA and low is not None and low <= 0 <= high
        for p, low, high in zip(
            *(columns[key] for key in ("p_adjusted", "band_low", "band_high")), strict=True
        )
    )
    critical = section.measure["contrasts"]["controls"]["critical"]
    if not n or is_undefined(critical):
        return ""
    return (
        f" The bands of {n:,} of those that differ hold 0 all the same: they reach "
        f"{write_fixed(critical, digits=1)} standard errors to either side, since all bands hold "
        "at once and the errors of some personas rest on few clusters of items. That they differ "
        "is found; how far, these items tell less well."
    )


def _name_largest(section: Section) -> str:
    """The persona with the largest difference among those that differ, with its band."""
    columns = section.columns
    rows = [row for row in _list_different(section) if columns["band_low"][row] is not None]
    if not rows:
        return ""
    row = max(rows, key=lambda row: abs(columns["difference"][row]))
    difference, low, high = (
        write_difference(columns[key][row], section.name, sign=True)
        for key in ("difference", "band_low", "band_high")
    )
    return (
        f", most of all “{section.settings[row]['label']}” ({difference}, simultaneous 95% band "
        f"{low} to {high})"
    )
