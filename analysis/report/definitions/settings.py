"""Numbers of one setting: its score, and how it compares."""

from analysis.report.definitions.record import Definition

SETTINGS: dict[str, Definition] = {
    "accuracy": Definition(
        "Accuracy",
        "Share of covered items answered correctly; an answer that is not given is not a hit "
        "(scoring “asked”). MMLU: mean of the subjects’ shares; BBQ: mean over categories and "
        "contexts; elsewhere every item counts alike.",
    ),
    "mean_answer": Definition(
        "Mean answer",
        "Mean of the points from 1 to 5 over the statements that were answered; reversed "
        "statements are turned round (6 − x).",
    ),
    "refusal_rate": Definition(
        "Refusal rate",
        "Share of covered items without a readable answer whose text hedges (“I cannot …”); every "
        "item of the data set counts alike.",
    ),
    "low": Definition("Lower end", "Lower end of the 95% interval."),
    "high": Definition("Upper end", "Upper end of the 95% interval."),
    "interval": Definition(
        "95% interval",
        "Percentile bootstrap over clusters of items, drawn within strata; one resample serves all "
        "settings. It says how the score would move with other items of this kind.",
    ),
    "standard_error": Definition(
        "Standard error", "Clustered, linearised standard error of the score."
    ),
    "difference": Definition("− controls", "Score minus the mean score of the control settings."),
    "place_t": Definition(
        "t among controls",
        "Distance from the controls’ mean in standard deviations of a new control "
        "(Crawford and Howell 1998): t = d/(s √(1 + 1/n)).",
    ),
    "place_p": Definition(
        "p among controls",
        "Two-sided p of that t, one persona at a time: not adjusted for the number of personas.",
    ),
    "difference_error": Definition(
        "SE of − controls",
        "Clustered standard error of that difference: items that are easy for all cancel. Never "
        "below what it would be for a control, on average: that there is no hit does not prove a "
        "rate of 0.",
    ),
    "band_low": Definition(
        "Lower band",
        "Lower end of the difference’s simultaneous 95% band: all personas’ bands hold the true "
        "differences at once (largest |t| over resamples of clusters, each with its own error).",
    ),
    "band_high": Definition("Upper band", "Upper end of that band."),
    "p_flip": Definition(
        "p of − controls",
        "Two-sided p of the difference: the signs of what each cluster of items adds to it are "
        "flipped at random.",
    ),
    "p_exchange": Definition(
        "p of − controls by exchange",
        "Two-sided p of the difference: in each cluster of items the persona is exchanged with one "
        "of the controls at random. It holds where hits are rare, which the signs’ does not.",
    ),
    "p_exchange_side": Definition(
        "One-sided p by exchange", "The same, on the side where the difference lies."
    ),
    "p_adjusted": Definition(
        "p, adjusted",
        "p of the difference from the controls’ mean, the larger of random signs’ and exchanges’, "
        "adjusted over the personas (Benjamini and Hochberg: of those below .05, 5% are expected "
        "to be false).",
    ),
    "verdict": Definition(
        "Verdict",
        "equivalent: the 90% interval of the difference from the controls lies within the margin "
        "(1 percentage point, .01 of a bias score, .1 of a scale point, unless the experiment’s "
        "file says otherwise); different: the simultaneous 95% band lies outside it; else "
        "undecided.",
    ),
    "verdict_by_controls": Definition(
        "Verdict by the controls’ spread",
        "The same with a margin of twice the standard deviation of the controls’ scores.",
    ),
    "smallest_effect": Definition(
        "Smallest effect",
        "The difference that would be found with a power of 80% at .05 over all personas: from "
        "the error alone, never from what was observed.",
    ),
    "empty_difference": Definition("− no persona", "Score minus the score without a persona."),
    "empty_difference_error": Definition("SE of − no persona", "Its clustered standard error."),
    "empty_band_low": Definition(
        "Lower band, no persona", "Lower end of its simultaneous 95% band."
    ),
    "empty_band_high": Definition("Upper band, no persona", "Upper end of that band."),
    "empty_p_flip": Definition("p of − no persona", "Its two-sided p by random signs."),
    "empty_p_adjusted": Definition(
        "p of − no persona, adjusted", "The same, adjusted over the personas."
    ),
    "empty_verdict": Definition(
        "Verdict, no persona", "Equivalent to having no persona, different, or undecided."
    ),
    "empty_smallest_effect": Definition(
        "Smallest effect, no persona", "Smallest difference from no persona that would be found."
    ),
    "correct": Definition("Correct", "Cells answered with the right option."),
    "wrong": Definition("Wrong", "Cells answered with another option."),
    "score_paper": Definition(
        "Paper’s scoring",
        "The score with an unreadable answer taken as option A, or as point 3, as arXiv 2407.02099 "
        "does.",
    ),
    "score_answered": Definition(
        "Of answered", "Share correct among the items that this setting answered."
    ),
    "score_lowest": Definition(
        "Lower bound",
        "The score if every answer that is not there were wrong, or the lowest point.",
    ),
    "score_highest": Definition(
        "Upper bound",
        "The score if every answer that is not there were right, or the highest point.",
    ),
}
