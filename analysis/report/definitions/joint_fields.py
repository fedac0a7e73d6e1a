"""What stands in the numbers of the blocks over data sets and LLMs, field by field."""

OVERALL_FIELDS: dict[str, str] = {
    "missing": "data sets of the three that were not asked; then nothing overall is defined",
    "scores": "overall accuracy by scoring, in the order of labels; shares",
    "standard_errors": "of the overall accuracy, scoring asked; clustered",
    "low": "lower end of its normal 95% interval",
    "high": "upper end of its normal 95% interval",
    "datasets": "accuracy on each data set, scoring asked",
    "outcomes": "cells of each outcome over these data sets, in the order of labels; cut_off is "
    "counted beside the others",
    "gaps": "best minus worst persona per data set and scoring, with all who share the ends; "
    "persona_sd and control_sd have n − 1 and hold item noise; answered: the two ends on the items "
    "that both answered, which can turn their order: a gap below 0",
    "selected": "the personas as the highest and lowest of many, by the mean over the data sets: "
    "columns in the order of labels",
}

RANK_FIELDS: dict[str, str] = {
    "top": "the settings with rank 1 by the mean over LLMs",
    "n_ranked": "settings with a score in every LLM",
    "mean_rank": "mean of the members’ ranks; ties share the better rank",
    "best_rank": "the best of them, held by the setting in best",
    "random_best": "as many random personas: expected best rank, and p that it is as good",
    "lead": "mean accuracy of the members minus that without a persona, mean over LLMs; a share",
    "n_llms_ahead": "LLMs in which that is above 0",
    "printed": "what the paper prints, where LLMs, settings and template are its own",
}

OWN_FIELDS: dict[str, str] = {
    "own": "which items are about a persona’s own people: the definition",
    "is_kept": "whether the report goes by this definition",
    "n_lists": "BBQ’s lists of stereotyped groups that overall values average over",
    "without_persona": "overall ranks without a persona: bias, accuracy",
    "ranks": "ranks among all settings on own items, and overall; bias ascends, accuracy descends",
    "unflagged": "n_settings, without_persona and ranks among the settings that lack no more than "
    "20% of their answers in any LLM; scoring asked",
    "differences": "persona minus average persona: bias score, and shares correct and selected by "
    "context and polarity",
    "average": "the mean of those differences over the personas",
    "printed": "what the paper prints, where LLMs, settings and template are its own; of "
    "differences in percentage points, by context in the order of correct",
    "printed_without": "the paper’s overall ranks without a persona: bias, accuracy",
    "correct_intervals": "of the differences in shares correct, over clusters of items; for the "
    "kept definition alone",
    "selected_intervals": "of the differences in shares selected, as those",
    "tests": "mean of those differences against personas permuted over the groups",
    "compared": "printed cells that each definition gives, of Tables 2, 8 and 9",
}

REFUSAL_FIELDS: dict[str, str] = {
    "missing": "data sets of the six that were not asked; then nothing over the six is defined",
    "datasets": "refusal rate by data set, in the order of labels; shares",
    "mean": "unweighted mean over the six",
    "control_sd": "standard deviation (n − 1) within the controls, mean over the six",
    "spreads": "the same within each category of personas, and over the controls’",
    "pairs": "mean rates of two words for the same people, and their ratio",
}
