"""Are personas different on items about themselves, or on any items about such groups?

The test permutes the personas over the groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from analysis.measures import Draws
from analysis.own_averages import average_own
from analysis.slices import Result
from analysis.social_groups import Own
from analysis.statistics import Undefined
from analysis.statistics.bias import SelfEffect, permute_self_effect
from analysis.statistics.contrasts import adjust_p
from analysis.statistics.rates import Floats
from analysis.statistics.scorings import Scoring


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Is the mean difference that of personas on their own items alone?"""

    measured: str  # bias, correct, selected
    context: str  # of the items; "" all
    effect: SelfEffect | Undefined  # of the mean over LLMs
    p_adjusted: float | Undefined  # Benjamini and Hochberg over the tests of one scoring
    per_llm: dict[str, SelfEffect | Undefined]


def run_self_tests(
    results: Mapping[str, Result], *, scoring: Scoring, own: Own, draws: Draws
) -> tuple[SelfTest, ...]:
    """Permutations of the personas over the groups, of the mean over LLMs and of each LLM."""
    found = average_own(results, scoring=scoring, own=own)
    tests = [
        SelfTest(
            measured=measured,
            context=context,
            effect=permute_own(effects.mean(axis=0), draws),
            p_adjusted=Undefined("p is not defined"),
            per_llm={
                llm: permute_own(each, draws) for llm, each in zip(results, effects, strict=True)
            },
        )
        for (measured, context), effects in found.effects.items()
    ]
    p = np.array([np.nan if isinstance(t.effect, Undefined) else t.effect.p for t in tests])
    adjusted = adjust_p(p, method="fdr_bh")
    return tuple(
        test if np.isnan(value) else replace(test, p_adjusted=float(value))
        for test, value in zip(tests, adjusted, strict=True)
    )


def permute_own(effects: Floats, draws: Draws) -> SelfEffect | Undefined:
    """`permute_self_effect` among the personas that were asked and have items of their own.

    ``effects`` [personas, groups] of all of `OWN_GROUPS`.
    """
    has_own = ~np.isnan(np.diagonal(effects))
    return permute_self_effect(
        effects[np.ix_(has_own, has_own)], draws.start(), n_permutations=draws.n_permutations
    )
