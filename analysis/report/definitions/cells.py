"""Cells and their outcomes."""

from analysis.report.definitions.record import Definition

CELLS: dict[str, Definition] = {
    "planned": Definition("Planned", "Cells of the grid: settings × items × repeats."),
    "covered": Definition("Covered", "Cells for which the LLM returned a text."),
    "failed": Definition(
        "Failed",
        "Cells that could not be answered; the reasons are listed. Never counted as wrong.",
    ),
    "missing": Definition(
        "Missing", "Cells that have not been settled yet. Never counted as wrong."
    ),
    "answered": Definition("Answered", "Covered cells in whose text an answer could be read."),
    "refused": Definition(
        "Refused", "Covered cells without a readable answer whose text hedges (“I cannot …”)."
    ),
    "unreadable": Definition(
        "Unreadable", "Covered cells without a readable answer and without a hedge."
    ),
    "filtered": Definition("Filtered", "Covered cells whose text a provider’s filter withheld."),
    "outcomes": Definition(
        "Correct / wrong / refused / unreadable / cut off",
        "Cells by outcome, in the heading’s order; sorted by refused and unreadable together. A "
        "cut-off text can hold an answer, so cut off is counted beside the others. Where nothing "
        "is right or wrong, as on scales, answered stands in place of correct and wrong.",
    ),
    "scale_outcomes": Definition(
        "Answered / refused / unreadable / cut off",
        "Cells by outcome, in the heading’s order; sorted by refused and unreadable together. A "
        "cut-off text can hold an answer, so cut off is counted beside the others.",
    ),
    "cut_off": Definition(
        "Cut off",
        "Texts that ended at the limit of new tokens. Counted beside the outcomes: a cut-off text "
        "can hold an answer.",
    ),
}
