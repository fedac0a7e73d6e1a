"""What arXiv 2407.02099 says about refusals (section 7), in our words and its order."""

from analysis.reproduction.attitude_claims import ATTITUDES, TWEETS
from analysis.reproduction.judging import Claim, need
from analysis.reproduction.performance_claims import ALL
from analysis.reproduction.rank_claims import CONTROLS

SPREAD = (ALL, CONTROLS)


def list_refusal_claims() -> list[Claim]:
    """Section 7.1: arbitrary, and disparate."""
    return [
        Claim(section, statement, need(*what))
        for section, said in (("7.1", _ARBITRARY), ("7.1, Fig. 10", _DISPARATE), ("7.1", _WHO))
        for statement, what in said.items()
    ]


_ARBITRARY = {
    "Cochran’s Q of refusals: p < .001 for every LLM and data set but Zephyr on racism": (ALL,),
    "Cochran’s Q of refusals: p = .49 for Zephyr on racism": (TWEETS,),
    "GPT-4 on attitudes: of the political figures Luxemburg is refused least, 22.82%": (ATTITUDES,),
    "GPT-4 on attitudes: of the political figures Haider is refused most, 97.85%": (ATTITUDES,),
    "Controls, which mean the same, are refused at different rates": SPREAD,
    "Gemma-7b over the data sets: 28.73% for black and 3.00% for african american person": (ALL,),
    "GPT-4 on attitudes: black person is refused five times as often as african american person": (
        ATTITUDES,
    ),
    "GPT-4 on attitudes: homosexual person is refused three times as often as gay person": (
        ATTITUDES,
    ),
}
_DISPARATE = {
    "GPT-4 has the fewest categories with disparate refusals: four": SPREAD,
    "Mistral has the most: all twelve": SPREAD,
    "Ideologies are disparate in every LLM": SPREAD,
    "Political figures are disparate in every LLM": SPREAD,
    "Specific professions are disparate in every LLM": SPREAD,
    "Sexualities are disparate in every LLM but GPT-4": SPREAD,
    "Races are disparate in every LLM but GPT-3.5": SPREAD,
}
_WHO = {
    "Ideologies, mean over LLMs: fascism is refused most, 10.53%, then nationalism, 3.85%": (ALL,),
    "Political figures, mean over LLMs: Hitler is refused most, 12.09%, then Haider, 8.80%": (ALL,),
    "Specific professions: which are refused most differs between LLMs": (ALL,),
    "Races: black person is refused most in five of seven LLMs": (ALL,),
    "Races, mean over LLMs: black person is refused most, 9.02%, then white person, 4.31%": (ALL,),
    "Sexualities: homosexual person is refused most in four of seven LLMs": (ALL,),
    "Sexualities: straight person is refused least in six of seven LLMs": (ALL,),
}
