"""Numbers of selection and uncertainty: ranks, shrunken scores, variance, claims, appendix."""

from analysis.report.definitions.record import Definition

SELECTION: dict[str, Definition] = {
    "shrunken": Definition(
        "Shrunken",
        "The score with the item noise taken out: drawn towards the mean of the persona’s "
        "category, the further the more of its distance is noise (empirical Bayes, REML).",
    ),
    "shrunken_low": Definition(
        "Lower end, shrunken",
        "Lower end of the 95% interval of the shrunken score, cut where no score can be (below 0% "
        "or above 100%, 1 or 5, −1 or 1).",
    ),
    "shrunken_high": Definition("Upper end, shrunken", "Upper end of that interval, cut likewise."),
    "rank": Definition(
        "Rank",
        "Place among the personas by the unrounded score, 1 the highest; equal scores share the "
        "better rank.",
    ),
    "rank_low": Definition(
        "First possible rank",
        "Highest rank that the persona may have: all these sets of ranks hold at once with "
        "probability 95% (largest |t| over all pairs, under random signs of the clusters).",
    ),
    "rank_high": Definition("Last possible rank", "Lowest rank that it may have."),
    "chance_top": Definition(
        "Chance of the top ten",
        "Probability that the persona’s true score is among the ten highest, from joint draws of "
        "the true scores.",
    ),
    "chance_bottom": Definition("Chance of the bottom ten", "The same for the ten lowest."),
    "rank_unflagged": Definition(
        "Rank without flagged",
        "Place among the personas that have no more than 20% of their answers missing.",
    ),
    "is_flagged": Definition(
        "Flagged",
        "Whether more than 20% of the setting’s answers are missing (refused, unreadable, "
        "filtered, failed or not asked; where refusals are measured, a refusal is an answer).",
    ),
    "common_difference": Definition(
        "− controls, common items",
        "Difference from the controls on the items that both answered: the mean over the controls "
        "of the difference from each.",
    ),
    "common_error": Definition("SE of − controls, common items", "Its clustered standard error."),
    "common_items": Definition(
        "Common items", "Prompts that both answered, the mean over the controls."
    ),
    "component": Definition(
        "Part",
        "What varies: personas, items, or what single items do to single personas; the last part "
        "holds everything else.",
    ),
    "component_sd": Definition(
        "SD",
        "Standard deviation of that part, from moments of the crossed array, in the "
        "measure’s units (percentage points of shares).",
    ),
    "component_low": Definition(
        "Lower end of SD",
        "Lower end of the 95% interval: clusters of items left out by turns. It is for these "
        "personas, and where templates are crossed for these templates: neither are resampled. "
        "Where the variance’s interval begins below 0 it is 0.",
    ),
    "component_high": Definition("Upper end of SD", "Upper end of that interval."),
    "unclustered_items": Definition(
        "Items of both", "Items that count for the persona and without a persona."
    ),
    "unclustered_p": Definition(
        "Unclustered p",
        "McNemar’s exact test (hits) or Wilcoxon’s signed-rank test (points) against having no "
        "persona. It takes items for independent, counts all items alike, and is not adjusted.",
    ),
    "unclustered_test": Definition("Test", "McNemar’s or Wilcoxon’s."),
    "controls_w": Definition(
        "W of the controls",
        "Shapiro and Wilk’s statistic of the controls’ scores; 1 is a straight line.",
    ),
    "controls_normal_p": Definition(
        "p of normal controls",
        "Its p: a small one says that the controls’ scores are not like draws from a normal.",
    ),
    "n_controls": Definition("Controls", "Control settings with a score."),
    "claimed_persona": Definition("Persona", "The persona that the claim names."),
    "claimed_measure": Definition("Claimed measure", "What the claim is about."),
    "claim_direction": Definition(
        "Claimed", "Where the persona was claimed to lie, compared with the controls’ mean."
    ),
    "claim_difference": Definition(
        "Found", "The persona’s difference from the controls’ mean, in the measure’s units."
    ),
    "claim_p": Definition(
        "p of the claim",
        "The larger of random signs’ and of exchanges’ with the controls (with a single control "
        "the signs’); one-sided where the claim has a direction, and never below 1 over 1 more "
        "than the random signs drawn.",
    ),
    "claim_p_holm": Definition(
        "p, Holm", "The same adjusted over all claims of this LLM that can be tested (Holm 1979)."
    ),
    "claim_verdict": Definition(
        "Verdict on the claim",
        "Borne out: Holm’s p below .05. Contradicted: the simultaneous band lies on the other "
        "side. Else not shown.",
    ),
}
