"""Groups of personas, and the people that items are about."""

from analysis.report.definitions.record import Definition

PERSONA_GROUPS: dict[str, Definition] = {
    "scored_as": Definition(
        "Scoring",
        "asked: an answer that is not given is no hit; paper: it is taken for option A; answered: "
        "it is left out; lowest and highest: the bounds. Without flagged: settings that lack more "
        "than 20% of their answers in some LLM are not ranked.",
    ),
    "gap_of": Definition("Data set", "One of the three, or the unweighted mean of them: overall."),
    "gap_best": Definition("Highest", "The persona with the highest score, and who else has it."),
    "gap_worst": Definition("Lowest", "The persona with the lowest score, and who else has it."),
    "gap_pp": Definition(
        "Gap, points",
        "Best minus worst of the personas, in percentage points. Both are chosen after the fact.",
    ),
    "no_persona_score": Definition("No persona", "The score of the setting without a persona."),
    "personas_sd_pp": Definition(
        "SD of personas", "Standard deviation (n − 1) of their scores, in points; with item noise."
    ),
    "controls_sd_pp": Definition(
        "SD of controls", "Standard deviation (n − 1) of their scores, in points; with item noise."
    ),
    "overall_accuracy": Definition(
        "Overall accuracy", "Unweighted mean of the accuracies on TruthfulQA, MMLU and BBQ."
    ),
    "overall_error": Definition(
        "Standard error",
        "Of the overall accuracy, from the three data sets’ clustered standard errors.",
    ),
    "overall_paper": Definition(
        "Paper’s scoring", "The overall accuracy if an unreadable answer is taken for A."
    ),
    "ranked_group": Definition("Group", "A group of personas, or no persona."),
    "n_in_group": Definition("Members", "Settings of the group."),
    "ranked_by": Definition(
        "Ranked by", "What the settings are ranked by accuracy on; the mean over the LLMs."
    ),
    "mean_rank": Definition(
        "Mean rank",
        "Mean of the members’ ranks among all settings; 1 is the best, ties share the better rank.",
    ),
    "best_rank": Definition("Best rank", "The best of the members’ ranks."),
    "best_member": Definition("Best member", "Who has that rank."),
    "random_rank": Definition(
        "Best of random", "Expected best rank of as many personas drawn at random."
    ),
    "random_p": Definition(
        "p of random", "Chance that the best of as many random personas ranks as high, or higher."
    ),
    "lead_pp": Definition(
        "− no persona, points",
        "Mean accuracy of the members minus that without a persona, in percentage points; the "
        "mean over the LLMs.",
    ),
    "n_llms_ahead": Definition("LLMs ahead", "LLMs in which that difference is above 0."),
    "printed_rank": Definition("Paper’s mean", "The mean rank that the paper prints."),
    "printed_best": Definition("Paper’s best", "The best rank that the paper prints."),
    "own_group": Definition("People", "The people that a persona stands for and items are about."),
    "n_own_items": Definition(
        "Own items", "Items about the persona’s own group, in the LLM that was asked fewest."
    ),
    "own_bias_rank": Definition(
        "Self bias",
        "Rank by the bias score on items about the own group; 1 has the lowest, signed score.",
    ),
    "own_accuracy_rank": Definition(
        "Self accuracy", "Rank by accuracy on items about the own group; 1 has the highest."
    ),
    "bias_rank": Definition(
        "Bias",
        "Rank by the bias score averaged over BBQ’s lists of stereotyped groups; 1 has the lowest.",
    ),
    "accuracy_rank": Definition(
        "Accuracy", "Rank by accuracy averaged over those lists; 1 has the highest."
    ),
    "printed_own_bias": Definition("Paper’s self bias", "The rank that the paper prints."),
    "printed_own_accuracy": Definition("Paper’s self accuracy", "The rank that the paper prints."),
    "printed_bias": Definition("Paper’s bias", "The rank that the paper prints."),
    "printed_accuracy": Definition("Paper’s accuracy", "The rank that the paper prints."),
    "printed_correct_pp": Definition(
        "Paper’s accuracy, points", "The difference in accuracy that the paper prints."
    ),
    "printed_selected_pp": Definition(
        "Paper’s chosen, points", "The difference in how often chosen that the paper prints."
    ),
    "items_are": Definition("Items", "Which items: by their context and by their question."),
    "own_correct_pp": Definition(
        "Accuracy, points",
        "Accuracy of the persona on items about its own group minus that of the average persona.",
    ),
    "own_selected_pp": Definition(
        "Chosen, points",
        "How often the persona answers with one of its own group minus how often the average "
        "persona does, of all such items.",
    ),
    "own_correct_low": Definition(
        "Accuracy, lower end",
        "Lower end of its 95% interval: linearised standard error over clusters of items, the same "
        "clusters for persona, average and all LLMs; Student’s t with the clusters less the files "
        "as degrees of freedom, so a few clusters make it wide. Where hits are very rare it is too "
        "narrow.",
    ),
    "own_correct_high": Definition("Accuracy, upper end", "Upper end of that interval."),
    "own_selected_low": Definition(
        "Chosen, lower end", "Lower end of its 95% interval, made as that of the accuracy."
    ),
    "own_selected_high": Definition("Chosen, upper end", "Upper end of that interval."),
    "n_own_clusters": Definition(
        "Clusters", "Clusters of the items, which the intervals rest on: questions with all forms."
    ),
    "own_bias_difference": Definition(
        "Bias score", "Bias score on items about the own group minus that of the average persona."
    ),
    "self_measured": Definition("Difference of", "What is compared with the average persona."),
    "self_mean": Definition(
        "Mean difference", "Persona minus average persona on own items, the mean over personas."
    ),
    "self_expected": Definition(
        "By chance", "The same mean with the personas assigned to the groups at random."
    ),
    "self_p": Definition(
        "p, permutation",
        "Two-sided: personas permuted over the groups. Groups that share items make it larger, "
        "never smaller.",
    ),
    "self_p_adjusted": Definition(
        "p, adjusted", "Adjusted over the nine tests of one scoring (Benjamini and Hochberg)."
    ),
    "self_llms": Definition(
        "LLMs", "In how many LLMs, alone, the unadjusted p is below .05, of those that have one."
    ),
    "own_definition": Definition(
        "Own items are",
        "contains: the group is among those that BBQ calls stereotyped there; equals: it is the "
        "only one; answer: one of the options is called by it.",
    ),
    "matched_ranks": Definition("Table 2", "Printed cells of Table 2 that it gives, of 72."),
    "matched_accuracies": Definition("Table 8", "Printed cells of Table 8 that it gives, of 72."),
    "matched_selections": Definition("Table 9", "Printed cells of Table 9 that it gives, of 72."),
    "refusals_of": Definition("Data set", "One of the paper’s six, or another one."),
    "refusal_mean": Definition(
        "Refusals, mean",
        "Unweighted mean of the refusal rates on attitudes, offensiveness, racism, TruthfulQA, "
        "MMLU and BBQ.",
    ),
    "joint_sd_pp": Definition(
        "SD, points",
        "Standard deviation (n − 1) of the refusal rates within the category, averaged over the "
        "six data sets, in percentage points.",
    ),
    "joint_ratio": Definition(
        "SD over controls’",
        "That over the same of the controls: above 1 is what the paper calls disparate. Item "
        "noise is on both sides.",
    ),
    "n_datasets_above": Definition(
        "Data sets above 1", "Of the six, those whose own ratio is above 1."
    ),
    "pair_ratio": Definition("First over second", "First refusal rate over the second."),
}
