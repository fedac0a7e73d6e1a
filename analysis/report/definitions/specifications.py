"""Specification curves."""

from analysis.report.definitions.record import Definition

SPECIFICATIONS: dict[str, Definition] = {
    "spec_measure": Definition("Measure", "What the LLMs rank the personas by."),
    "spec_claim": Definition(
        "Claim",
        "What is estimated under every specification: a gap, an excess of variance over the "
        "controls’ (the signed root of the difference of both, item noise taken out), or a "
        "difference of personas.",
    ),
    "spec_source": Definition(
        "Named by",
        "Who named the claim: the paper, the experiment’s file, or nobody: it is made of every "
        "measure.",
    ),
    "spec_main": Definition(
        "Main",
        "The estimate under the main specification: scoring asked, the authors’ reading, mean over "
        "cells, the controls’ mean as reference, the first template, all items.",
    ),
    "spec_median": Definition("Median", "Median of the estimate over all specifications."),
    "spec_smallest": Definition("Smallest", "The smallest estimate of all specifications."),
    "spec_largest": Definition("Largest", "The largest of them."),
    "spec_n": Definition("Specifications", "Specifications that give an estimate."),
    "spec_distinct": Definition(
        "Distinct",
        "Different estimates among them: where no answer is missing, scorings give the same.",
    ),
    "spec_agree": Definition(
        "Same side",
        "Share of the specifications whose estimate lies on the same side of 0 (of .5 for "
        "rankings) as the main one.",
    ),
    "spec_beyond": Definition(
        "Interval on that side",
        "Specifications whose 95% interval lies on that side as a whole; not adjusted. For "
        "rankings, the range that leaving one LLM out gives.",
    ),
    "spec_rank": Definition(
        "Rank correlation",
        "Kendall’s tau-b of the personas’ scores with those under the main specification, median "
        "over the others. The reference plays no part in it.",
    ),
    "spec_lowest_rank": Definition("Lowest", "The lowest of these rank correlations."),
}

SPECIFICATION_FIELDS: dict[str, str] = {
    "specifications": "template, items (all; gpt-4: the subsample of MMLU and BBQ that GPT-4 was "
    "asked, or what its rule takes of a part; shared: those that every LLM was asked, where they "
    "are others), aggregation (macro: mean over cells; micro: over items), extraction (paper, "
    "strict), scoring (answered: gaps and contrasts compare two settings on the items that both "
    "answered, spreads are of each setting’s own); the first is the main one",
    "rank_correlations": "Kendall’s tau-b of the personas’ scores with the main ones, in the order "
    "of the specifications",
    "curves": "claims; estimates by reference (controls, empty; no name where personas are "
    "compared with each other), each in the order of the specifications: value, low, high "
    "(clustered, normal 95%; of rankings one LLM left out in turn)",
    "kind": "gap: best minus worst persona, its interval that of the two selected (scoring "
    "answered: on the items that both answered, which can turn their order); excess: signed root "
    "of V_personas − V_controls; contrast: difference of means",
    "n_beyond": "specifications whose interval lies as a whole on the main estimate’s side",
}
