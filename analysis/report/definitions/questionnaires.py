"""Statements under several instructions."""

from analysis.report.definitions.record import Definition

QUESTIONNAIRES: dict[str, Definition] = {
    "wording_sd": Definition(
        "SD over instructions",
        "Standard deviation (n − 1) of the answers to a statement over its instructions, averaged "
        "over the statements (Figure 8 of arXiv 2407.02099), of the answers that were given: each "
        "statement needs two.",
    ),
    "wording_sd_0": Definition("SD over instructions, n", "The same, divided by n."),
    "wording_sd_paper": Definition(
        "SD over instructions, paper",
        "Standard deviation (n − 1) of the answers to a statement over its instructions, every "
        "answer that could not be read taken for a 3, averaged over the statements: Figure 8 as "
        "published.",
    ),
    "unreversed": Definition(
        "Mean answer as given", "Mean point with reversed statements not turned round."
    ),
    "persona_wording_sd": Definition(
        "SD over instructions, personas",
        "Mean over the personas and the setting without one, of those that have an SD.",
    ),
    "control_wording_sd": Definition(
        "SD over instructions, controls", "Mean over the controls that have an SD."
    ),
    "persona_wording_sd_paper": Definition(
        "SD over instructions, personas, paper",
        "The same mean with every answer that could not be read taken for a 3.",
    ),
    "control_wording_sd_paper": Definition(
        "SD over instructions, controls, paper",
        "The same mean with every answer that could not be read taken for a 3.",
    ),
    "persona_wording_left_out": Definition(
        "Left out, personas",
        "Personas (and the setting without one) that the mean of the SDs leaves out: a statement "
        "was answered under fewer than two instructions.",
    ),
    "control_wording_left_out": Definition(
        "Left out, controls", "Controls that the mean of the SDs leaves out for that reason."
    ),
    "persona_unreversed": Definition(
        "Mean answer as given, personas",
        "Mean over the personas and the setting without one, of those that answered.",
    ),
    "control_unreversed": Definition(
        "Mean answer as given, controls", "Mean over the controls that answered."
    ),
    "cronbach_alpha": Definition(
        "Cronbach’s alpha",
        "How far the statements’ means move together over all settings (Cronbach 1951).",
    ),
    "n_alpha_statements": Definition(
        "Statements of alpha",
        "Statements that alpha is of: those that every setting answered under one of the "
        "instructions, the same for all. The others are left out.",
    ),
    "tested": Definition("Tested", "Personas and the setting without one, or the controls."),
    "n_tested": Definition("Settings", "Settings tested."),
    "scoring": Definition(
        "Scoring", "asked: items answered in all these settings; paper: no answer is point 3."
    ),
    "blocks": Definition(
        "Blocks", "Statements, as published, or instructions; means over the other."
    ),
    "n_blocks": Definition("Number", "Number of blocks."),
    "blocks_chi2": Definition("Chi-square", "Friedman’s, corrected for ties."),
    "blocks_p": Definition(
        "p", "Its p; one degree of freedom less than settings. Never below 2.2e−308."
    ),
    "blocks_f": Definition(
        "F", "Iman and Davenport’s F of it (1980), less coarse with few blocks."
    ),
    "blocks_f_p": Definition("p of F", "Its p. Never below 2.2e−308."),
    "blocks_w": Definition("Kendall’s W", "Effect size, from 0 to 1 (all blocks rank alike)."),
}
