"""Several LLMs side by side."""

from analysis.report.definitions.record import Definition

SEVERAL: dict[str, Definition] = {
    "family": Definition("Family", "The LLM’s family; one that the registry lacks is its own."),
    "side_items": Definition("Own items", "Askings of its own items that this measure is of."),
    "side_gap": Definition(
        "Gap, common items", "Best minus worst persona on the items common to the LLMs."
    ),
    "side_excess": Definition(
        "Beyond rewordings, common items",
        "Signed root of the personas’ variance minus the controls’, item noise taken out of both.",
    ),
    "side_personas": Definition("Personas, common items", "Mean score of the personas there."),
    "side_controls": Definition("Controls, common items", "Mean score of the controls there."),
    "side_truth": Definition(
        "Truth, common items",
        "The score of right answers to the common items: the same for all LLMs. Right answers can "
        "align with a stereotype, so the truth’s bias score need not be 0.",
    ),
    "side_personas_truth": Definition(
        "Personas − truth, common items", "Mean score of the personas there minus the truth’s."
    ),
    "side_controls_truth": Definition(
        "Controls − truth, common items", "Mean score of the controls there minus the truth’s."
    ),
    "side_higher": Definition(
        "Higher",
        "Personas above the controls’ mean on the LLM’s own items (p < .05, Benjamini and "
        "Hochberg).",
    ),
    "side_lower": Definition("Lower", "Personas below it."),
    "headline": Definition("Number", "A number of the LLMs on their common items."),
    "left_mean": Definition(
        "Mean over LLMs", "Unweighted mean over these LLMs, which are fixed: of these, not of LLMs."
    ),
    "left_low": Definition("Lowest without one", "The lowest such mean when one LLM is left out."),
    "left_high": Definition("Highest without one", "The highest such mean."),
    "left_family_low": Definition(
        "Lowest without a family", "The lowest mean when all LLMs of one family are left out."
    ),
    "left_family_high": Definition("Highest without a family", "The highest such mean."),
    "mean_effect": Definition(
        "− controls, mean over LLMs",
        "Difference from the controls’ mean on the common items, mean over the LLMs.",
    ),
    "mean_minus_truth": Definition(
        "− truth, mean over LLMs",
        "The persona’s score on the common items minus that of right answers to them, mean over "
        "the LLMs.",
    ),
    "llms_higher": Definition(
        "LLMs higher",
        "LLMs in which the persona lies above the controls’ mean on their own items (p < .05, "
        "adjusted within the LLM).",
    ),
    "llms_lower": Definition("LLMs lower", "LLMs in which it lies below."),
    "families_higher": Definition(
        "Families higher", "Families in which that holds in every one of the LLMs."
    ),
    "families_lower": Definition("Families lower", "The same for lower."),
    "common_effect": Definition(
        "− controls, common items of LLMs",
        "Difference from the controls’ mean in one LLM, on the items common to the LLMs.",
    ),
    "common_minus_truth": Definition(
        "− truth, common items of LLMs",
        "The persona’s score in one LLM on the items common to the LLMs, minus that of right "
        "answers to them.",
    ),
    "own_effect": Definition(
        "− controls, own items", "The same on all items that this LLM was asked."
    ),
}

SEVERAL_FIELDS: dict[str, str] = {
    "n_common": "askings of items that every LLM was asked and every setting covered",
    "llms": "per LLM: gap, excess (signed root of V_personas − V_controls), persona_mean and "
    "control_mean on the common items; n_higher and n_lower on its own; effects (common items), "
    "own_effects and p_adjusted (own items) in the order of personas; persona_minus_truth, "
    "control_minus_truth and minus_truth (in that order) are scores on the common items minus "
    "truth",
    "truth": "score of right answers to the common items, the same for all LLMs; null where "
    "nothing of bias is measured",
    "minus_truth": "score on the common items minus truth per persona, mean over LLMs",
    "effects": "mean effect over LLMs per persona, and its range with one LLM or family left out",
    "support": "in how many LLMs, and in how many whole families, each persona differs from the "
    "controls (adjusted p < .05)",
    "headlines": "mean over LLMs and ranges without one LLM or one family",
    "components": "variances over personas, items and LLMs on the common items; g is the "
    "generalizability of a persona’s mean over these LLMs and all common items without a gap, its "
    "interval cut at 0 and 1, and each component of its noise that was estimated below 0 counted "
    "as 0, though it stands as estimated; n_items_left_out have a gap in some LLM; "
    "n_items_not_drawn have none, but were left aside to keep the array small; n_units were used",
}
