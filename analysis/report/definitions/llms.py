"""Agreement between LLMs."""

from analysis.report.definitions.record import Definition

LLMS: dict[str, Definition] = {
    "n_ranked": Definition("Personas", "Personas of the category with a score in every LLM."),
    "tau": Definition(
        "Mean tau",
        "Kendall’s tau-b of the personas’ scores, averaged over the pairs of LLMs: 1, all rank "
        "them alike; 0, no relation.",
    ),
    "tau_pairs": Definition(
        "Pairs", "Pairs of LLMs that have a tau: not those with an LLM that scores all alike."
    ),
    "tau_paper": Definition(
        "Paper’s scoring",
        "Mean tau of the scores with an unreadable answer taken as option A, or as point 3: what "
        "the paper holds against .5.",
    ),
    "tau_flagged": Definition(
        "Flagged", "Personas with more than 20% of their answers missing in some of the LLMs."
    ),
    "tau_unflagged": Definition(
        "Without flagged", "Mean tau without these personas: refusals alone can make an order."
    ),
    "tau_flag": Definition(
        "Above .5",
        "Whether this mean tau is above the paper’s threshold for a consistent ranking; the paper "
        "holds the mean tau of its own scoring against it, which has a column too.",
    ),
    "tau_chance": Definition(
        "Chance",
        "95% point of the mean tau if personas were shuffled within each LLM: the fewer personas, "
        "the higher.",
    ),
    "tau_p": Definition(
        "p, adjusted",
        "One-sided p by those shuffles, adjusted over all categories and measures (Benjamini and "
        "Hochberg).",
    ),
    "tau_low": Definition("Lowest", "Lowest mean tau when one LLM is left out."),
    "tau_high": Definition("Highest", "Highest mean tau when one LLM is left out."),
    "tau_families": Definition(
        "Across families", "Mean tau over pairs of LLMs of different families alone."
    ),
}
