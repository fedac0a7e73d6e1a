"""Settings beside people: agreement on the same items, attitudes that hang together (RQ3)."""

from analysis.report.definitions.record import Definition

_MEAN = "the mean of the people’s ratings of the same items"

PEOPLE: dict[str, Definition] = {
    "attitude": Definition("Attitude", "What the statements ask about."),
    "question": Definition("Question", "What people and settings were asked about every item."),
    "people_alpha": Definition(
        "Alpha with people",
        f"Krippendorff’s alpha at interval level between the setting’s answers and {_MEAN}: 1, "
        "equal; 0, no better than chance; lower where one of the two rates higher throughout.",
    ),
    "people_alpha_low": Definition(
        "Alpha, lower end", "Lower end of its 95% interval: items are resampled."
    ),
    "people_alpha_high": Definition("Alpha, upper end", "Upper end of that interval."),
    "people_alpha_paper": Definition(
        "Alpha as published", "The same with every answer that could not be read taken for a 3."
    ),
    "people_alpha_ordinal": Definition(
        "Ordinal alpha, one more rater",
        "Krippendorff’s alpha at ordinal level of all people and the setting as one more rater. To "
        "be compared with that of the people alone.",
    ),
    "people_pearson": Definition(
        "Pearson r with people", f"Correlation of the setting’s answers with {_MEAN}."
    ),
    "people_pearson_low": Definition("r, lower end", "Lower end of its 95% interval."),
    "people_pearson_high": Definition("r, upper end", "Upper end of its 95% interval."),
    "people_shift": Definition(
        "− people", f"Mean answer minus {_MEAN}: above 0, the setting rates higher."
    ),
    "people_shift_low": Definition("− people, lower end", "Lower end of its 95% interval."),
    "people_shift_high": Definition("− people, upper end", "Upper end of its 95% interval."),
    "people_items": Definition("Items with people", "Items that the setting and people rated."),
    "people_mean": Definition("Mean of people", "Mean over the items of the people’s mean rating."),
    "persona_alpha": Definition("Alpha, personas", "Mean over the personas of alpha with people."),
    "control_alpha": Definition("Alpha, controls", "Mean over the controls of alpha with people."),
    "empty_alpha": Definition("Alpha, no persona", "Alpha with people without a persona."),
    "highest_alpha": Definition("Highest alpha", "The highest alpha with people of a persona."),
    "highest_of": Definition("Highest", "The persona with the highest alpha."),
    "lowest_alpha": Definition("Lowest alpha", "The lowest alpha with people of a persona."),
    "lowest_of": Definition("Lowest", "The persona with the lowest alpha."),
    "reference_alpha": Definition(
        "One person’s alpha",
        "Alpha of one person, drawn anew for every item, with the mean of the item’s other people; "
        "mean over draws. What a setting could be expected to reach if it answered like a person.",
    ),
    "reference_pearson": Definition("One person’s r", "Pearson’s r of the same."),
    "alone_ordinal": Definition(
        "Ordinal alpha, people alone", "Krippendorff’s alpha at ordinal level of all people."
    ),
    "persona_ordinal": Definition(
        "Ordinal alpha with a persona",
        "Mean over the personas of the ordinal alpha with the persona as one more rater.",
    ),
    "side": Definition(
        "Correlations",
        "Between attitudes, or between an attitude and the mean rating of a kind of tweets.",
    ),
    "selection": Definition(
        "Which settings",
        "All, or without those that left more than 20% of the prompts without an answer: refusal "
        "alone can fake a correlation.",
    ),
    "n_correlated": Definition("Settings", "Settings that the correlations are over."),
    "n_left_out": Definition("Left out", "Settings left out for missing answers."),
    "n_correlations": Definition("Correlations", "Correlations that are compared with people’s."),
    "cosine": Definition(
        "Cosine",
        "Cosine between the correlations over the settings and those over the people, each rounded "
        "to two decimals (Figure 6 of arXiv 2407.02099): 1, they hang together alike.",
    ),
    "cosine_low": Definition(
        "Cosine, lower end",
        "Lower end of its 95% interval: people are resampled, and clusters of items. Noise in "
        "either makes the cosine of a resample smaller.",
    ),
    "cosine_high": Definition("Cosine, upper end", "Upper end of that interval."),
    "uniform_95": Definition(
        "95% of random answers",
        "95% point of the cosine of as many settings whose mean answers are uniform random numbers "
        "(the paper has one such draw).",
    ),
    "uniform_p": Definition("p, random answers", "One-sided p by those draws."),
    "relabelled_95": Definition(
        "95% of relabellings",
        "95% point of the cosine when the settings’ attitudes change names, over all relabellings. "
        "It keeps what the attitudes share, as answering high on whatever is asked.",
    ),
    "relabelled_p": Definition(
        "p, relabellings", "Share of all relabellings that reach the cosine: an exact p."
    ),
    "ceiling": Definition(
        "Two halves of the people",
        "Mean cosine between two random halves of the people: about what can be reached.",
    ),
    "ceiling_low": Definition("Halves, lower end", "2.5% point of that cosine over the splits."),
    "ceiling_high": Definition("Halves, upper end", "97.5% point."),
    "correlated_in": Definition("Over", "The people, or the settings of an LLM."),
    "correlated_with": Definition(
        "With", "Another attitude, or the mean rating of a kind of tweets."
    ),
    "r": Definition("r", "Pearson’s correlation, not rounded."),
    "n_both": Definition("Have both", "People or settings with both numbers."),
    "r_low": Definition("r, lower end", "Lower end of the 95% interval: people are resampled."),
    "r_high": Definition("r, upper end", "Upper end of that interval."),
    "published_p": Definition(
        "p as published",
        "Friedman’s test with the statements as blocks, an answer that could not be read taken for "
        "a 3 (Table 10 of arXiv 2407.02099). So few blocks make a weak test.",
    ),
    "printed_p": Definition(
        "Paper’s p", "What the paper prints in Table 10, bounds as they stand there."
    ),
    "published_f_p": Definition(
        "p of F, statements", "Iman and Davenport’s F on the same blocks (1980)."
    ),
    "instructions_p": Definition(
        "p, instructions",
        "Friedman’s test with the instructions as blocks, on the items answered in all of these "
        "settings: our main test.",
    ),
    "instructions_f_p": Definition("p of F, instructions", "Iman and Davenport’s F of that."),
    "instructions_w": Definition(
        "W, instructions", "Kendall’s W of that, from 0 to 1 (all instructions rank alike)."
    ),
    "all_wording_sd": Definition(
        "SD over instructions, all settings",
        "Mean over all settings that have an SD, with n − 1.",
    ),
    "all_wording_sd_paper": Definition(
        "SD over instructions, all settings, paper",
        "The same mean with every answer that could not be read taken for a 3.",
    ),
    "all_wording_sd_0": Definition(
        "SD over instructions, all settings, n", "Mean over all settings that have one, with n."
    ),
}
