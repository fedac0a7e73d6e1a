"""Columns of the tables that stand on several pages."""

from analysis.report.definitions.record import Definition

PAGES: dict[str, Definition] = {
    "llm": Definition("LLM", "The LLM that was asked."),
    "dataset": Definition("Data set", "The data set whose items it was asked."),
    "template": Definition("Template", "The template that made persona and item a prompt."),
    "measure_of": Definition("Measure", "What is measured, with a link to all about it."),
    "n_settings": Definition("Settings", "Persona settings: personas, controls, and none."),
    "n_items": Definition("Items", "Items that count in this measure."),
    "n_cells_tested": Definition(
        "Tested",
        "Prompts per setting that p, the paper’s p and W are of: those that count in every "
        "setting. Each repeat of an item is one.",
    ),
    "highest": Definition("Highest persona", "Persona with the highest score, and the score."),
    "lowest": Definition("Lowest persona", "Persona with the lowest score, and the score."),
    "controls": Definition("Controls", "Mean score of the control settings."),
    "score": Definition("Score", "The score of this measure."),
    "band": Definition(
        "95% band",
        "Simultaneous band of the difference from the controls: all personas’ bands hold the true "
        "differences at once.",
    ),
    "score_rank": Definition(
        "Rank",
        "Place among the personas with a score, 1 the highest; equal scores share the best place.",
    ),
    "rank_set": Definition(
        "Rank set",
        "Ranks that it may truly have, all personas’ at once with 95% (largest t of all pairs).",
    ),
    "shrunken_interval": Definition(
        "95% interval, shrunken",
        "Interval of the shrunken score, without the selection’s luck; cut where no score can be.",
    ),
    "share_missing": Definition(
        "Not answered",
        "Share of a setting’s cells without an answer: refused, unreadable, filtered, failed or "
        "not asked. Above 20%, what is missing can by itself make a difference or a correlation.",
    ),
}
