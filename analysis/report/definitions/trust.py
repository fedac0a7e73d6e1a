"""The trust page: what numbers rest on, rules of reading, calibration, numerical noise."""

from analysis.report.definitions.record import Definition

TRUST: dict[str, Definition] = {
    "origin": Definition(
        "To know",
        "What sets these answers apart: partial, imported and of which commit, shut down by its "
        "provider, made by a toy, asked over other items than another LLM.",
    ),
    "covered_share": Definition("Covered", "Share of the planned cells with a text."),
    "answered_by_all": Definition(
        "Answered by all",
        "Share of the prompts per setting that every setting answered. On the others, settings "
        "are scored on different items; tests over all settings see only these.",
    ),
    "n_flagged": Definition(
        "Flagged", "Settings with more than 20% of their cells without an answer."
    ),
    "no_answer_share": Definition(
        "No answer", "Share of its planned cells that are not answered, whatever became of them."
    ),
    "flagged_in": Definition(
        "Above 20%", "Data sets in which more than 20% of its cells are without an answer."
    ),
    "read_of": Definition("Read", "What the answers are to: an attitude, a question, or all."),
    "n_texts": Definition("Texts", "Texts that were read: not filtered, failed or missing."),
    "differ": Definition(
        "Differ",
        "Share of texts that the authors’ reading and the strict one take for something else. The "
        "strict one takes an answer only from the very start of a text.",
    ),
    "contradict": Definition(
        "Contradict", "Share of texts in which both read an answer, and not the same one."
    ),
    "differ_most": Definition(
        "Most, by setting", "The setting whose texts differ most, and its share."
    ),
    "calibrated_test": Definition("Test", "A test of the report."),
    "null_independent": Definition(
        "Independent",
        "How often it rejects at .05 where no setting differs and answers are independent, with "
        "the simulation’s own 95% interval.",
    ),
    "null_clustered_1": Definition(
        "Correlation .1",
        "The same where a setting’s four answers to a block of items correlate by .1 beyond what "
        "the block does to all.",
    ),
    "null_clustered_3": Definition("Correlation .3", "The same with a correlation of .3."),
    "null_rare": Definition(
        "Rare hits",
        "The same with a correlation of .1, where a setting hits 2% of the items, as refusals are. "
        "Points do not differ from those beside.",
    ),
    "holds_level": Definition(
        "Level", "Whether all rates lie between 4% and 6%, or what they do instead."
    ),
    "noise_measure": Definition("Measure", "What is scored."),
    "noise_batches": Definition(
        "Asked again", "Cells that were asked a second time in batches of another composition."
    ),
    "noise_texts": Definition(
        "Texts changed", "Share of those cells whose text came back different."
    ),
    "noise_readings": Definition(
        "Readings changed", "Share of those cells of which something else was read."
    ),
    "noise_sd": Definition(
        "SD of scores",
        "Numerical floor: standard deviation (n − 1) over settings of the difference between a "
        "setting’s two scores, on the cells that were asked twice.",
    ),
}

TRUST_FIELDS: dict[str, str] = {
    "n_columns": "prompts per setting: items × repeats",
    "outcomes": "cells of each outcome, in the order of labels",
    "cut_off": "texts that ended at the limit of new tokens, beside the outcomes",
    "is_flagged": "more than 20% of the setting’s cells are without an answer",
    "n_covered_by_all": "prompts with a text in every setting",
    "n_answered_by_all": "prompts with an answer in every setting",
}

NOISE_FIELDS: dict[str, str] = {
    "again": "the name under which the same LLM was asked again",
    "n_cells": "cells with a text both times",
    "texts": "share of them whose text came back different",
    "readings": "share of which something else was read",
    "sd": "standard deviation (n − 1) over settings of the second score minus the first",
    "largest": "the largest such difference, either way",
}

EXTRACTION_FIELDS: dict[str, str] = {
    "n_texts": "texts that were read, in the order of labels",
    "differ": "share that the two readings take for something else",
    "contradict": "share in which both read an answer, and not the same",
}
