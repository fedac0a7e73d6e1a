"""Numbers over all settings of one measure."""

from analysis.report.definitions.record import Definition

MEASURES: dict[str, Definition] = {
    "chance": Definition("Chance", "Expected accuracy of guessing among the options."),
    "control_mean": Definition("Mean of controls", "Mean score of the control settings."),
    "persona_mean": Definition(
        "Mean of personas", "Mean score of the personas, without controls and the empty setting."
    ),
    "gap": Definition(
        "Gap",
        "Best minus worst persona. Both are chosen after the fact, so it overstates the true "
        "difference.",
    ),
    "cochran_q": Definition(
        "Cochran’s Q",
        "Test of equal shares correct over all settings, items as blocks (Cochran 1950); takes "
        "items for exchangeable.",
    ),
    "cochran_p": Definition(
        "p of Cochran’s Q",
        "Chi-square with one degree of freedom less than there are settings. A p too small for a "
        "computer’s numbers stands as the smallest of them, 2.2e−308; its size is in log10_p.",
    ),
    "cochran_log10_p": Definition(
        "log10 of p of Cochran’s Q", "The power of ten of that p: −1,000 is p = 10^−1,000."
    ),
    "friedman_chi2": Definition(
        "Friedman’s chi-square",
        "Test of equal ranks over all settings, clusters of items as blocks.",
    ),
    "friedman_p": Definition(
        "p of Friedman’s chi-square",
        "Chi-square, one degree of freedom less than settings. A p too small for a computer’s "
        "numbers stands as the smallest of them, 2.2e−308; its size is in log10_p.",
    ),
    "friedman_log10_p": Definition(
        "log10 of p of Friedman’s chi-square", "The power of ten of that p."
    ),
    "paper_p": Definition(
        "p, paper’s test",
        "That of Cochran’s Q, or of Friedman’s chi-square on scales, with answers scored as the "
        "paper does: an unreadable one is option A, or point 3. W and the number of prompts tested "
        "are of our scoring.",
    ),
    "kendalls_w": Definition(
        "Kendall’s W",
        "Effect size of either test, from 0 (items do not agree on which settings score higher) to "
        "1 (all agree).",
    ),
    "permutation_p": Definition(
        "p of the cluster permutation",
        "The main test: settings are exchanged within clusters of items; the statistic is the "
        "spread of the settings’ sums. Rejection means that settings are not exchangeable, which "
        "is more than that their means differ.",
    ),
    "n_significant": Definition(
        "Personas that differ",
        "Personas whose adjusted p of the difference from the controls’ mean is below .05.",
    ),
    "n_different": Definition(
        "Personas beyond the margin",
        "Personas whose simultaneous 95% band lies outside the margin.",
    ),
    "n_equivalent": Definition(
        "Equivalent personas", "Personas whose 90% interval lies within the margin."
    ),
    "n_undecided": Definition("Undecided personas", "Personas that are neither."),
    "margin": Definition(
        "Margin", "Differences from the controls up to this one count as none, in either direction."
    ),
    "median_smallest_effect": Definition(
        "Smallest effect", "Median over the personas of the smallest effect that would be found."
    ),
    "persona_sd": Definition(
        "SD of personas",
        "Standard deviation of the personas’ scores beyond what the choice of items adds, √V.",
    ),
    "control_sd": Definition("SD of controls", "The same for the control settings."),
    "persona_variance": Definition(
        "V of personas",
        "Variance of the personas’ scores minus the clustered item noise; can be negative.",
    ),
    "control_variance": Definition("V of controls", "The same for the control settings."),
    "spread_ratio": Definition(
        "R",
        "V of personas over V of controls: above 1, personas move the score more than rewordings "
        "of one neutral role do. Interval: clusters and members resampled.",
    ),
    "brown_forsythe": Definition(
        "Brown and Forsythe’s F",
        "Analysis of variance of the distances from the group’s median, personas against controls.",
    ),
    "brown_forsythe_p": Definition(
        "p of Brown and Forsythe",
        "Unequal spread of personas and controls, their labels permuted over the settings.",
    ),
}
