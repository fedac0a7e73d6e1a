"""What arXiv 2407.02099 says about attitudes and ratings (section 6), in our words and order."""

from analysis.annotators import Rating
from analysis.paper_names import GPT_4, MISTRAL, MIXTRAL
from analysis.reproduction.judging import Claim, need
from analysis.reproduction.people_checks import check_correlations, check_sizes
from analysis.reproduction.printed_checks import count_nonsignificant, list_significant
from analysis.reproduction.rank_claims import CONTROLS

ATTITUDES = "every answer to the questionnaires"
TWEETS = "every rating of the tweets"
PEOPLE = "the people’s answers"

HARM, RACIST = "harm of hate speech", "racist beliefs"
OFFENSIVENESS_BLACK = Rating("offensiveness", "targets_black_people").label
RACISM_BLACK = Rating("racism", "targets_black_people").label
OFFENSIVENESS_AAE = Rating("offensiveness", "is_aae").label

SWAPPED = "the text is known to swap Mussolini’s and Hitler’s scores"


def list_attitude_claims() -> list[Claim]:
    """Section 6.2, with the data of 6.1."""
    return [
        Claim("6.1", "626 tweets rated by 184 people", check_sizes(tweets=626, people=184)),
        *_list_friedman(),
        *_list_attitude_spread(),
        *_list_attitude_rankings(),
        Claim(
            "6.2",
            "People: altruism and racist beliefs have a moderately negative correlation",
            check_correlations([(RACIST, "altruism")], is_positive=False, is_moderate=True),
        ),
        Claim(
            "6.2",
            "Personas: altruism and racist beliefs correlate negatively in every LLM but Gemma-2b",
            need(ATTITUDES),
        ),
        Claim(
            "6.2, Fig. 6",
            "Personas’ correlations of attitudes are nearer to people’s than random ones in every "
            "LLM but Gemma-2b",
            need(ATTITUDES, PEOPLE),
        ),
    ]


def _list_friedman() -> list[Claim]:
    needs = f"{ATTITUDES} and {CONTROLS}"
    return [
        Claim(
            "6.2, Table 10",
            "Friedman’s test is not significant for 5 of 49 attitudes and LLMs with personas",
            count_nonsignificant("personas", stated=5, needs=ATTITUDES),
        ),
        Claim(
            "6.2, Table 10",
            "It is not significant for 14 of 49 with controls",
            count_nonsignificant("controls", stated=14, needs=needs),
        ),
        Claim(
            "6.2, Table 10",
            "Freedom of speech: significant for personas on GPT-4, Mixtral and Mistral alone, for "
            "controls on Mistral alone",
            list_significant(
                "freedom of speech",
                {"personas": (GPT_4, MIXTRAL, MISTRAL), "controls": (MISTRAL,)},
                needs=needs,
            ),
        ),
    ]


def _list_attitude_spread() -> list[Claim]:
    return [
        Claim(
            "6.2",
            "Attitudes vary more over personas than over controls, in all seven and in every LLM",
            need(ATTITUDES, CONTROLS),
        ),
        Claim("6.2", "Controls’ attitudes lie near those of no persona", need(ATTITUDES, CONTROLS)),
        Claim("6.2", "Personas do not cover the full range of the scales", need(ATTITUDES)),
        Claim("6.2", "Racist beliefs: most personas score about 3 or less of 5", need(ATTITUDES)),
        Claim("6.2", "Racist beliefs on GPT-3.5: Mussolini 4.61", need(ATTITUDES, note=SWAPPED)),
        Claim("6.2", "Racist beliefs on GPT-3.5: fascism 4.32", need(ATTITUDES)),
        Claim("6.2", "Racist beliefs on GPT-3.5: Hitler 4.08", need(ATTITUDES, note=SWAPPED)),
    ]


def _list_attitude_rankings() -> list[Claim]:
    said = (
        "Freedom of speech: the mean over LLMs rises with education, but for uneducated on top",
        "Freedom of speech: man scores above the other genders, consistently over LLMs",
        "Altruism: the mean over LLMs rises with education",
        "Altruism: fascism is the lowest ideology with 1.93, conservatism the next with 3.44",
        "Altruism: atheism scores below the religious personas in every LLM (on Mixtral tied with "
        "Judaism)",
        "Empathy: fascism is the lowest ideology with 2.72, nationalism the next with 3.29",
        "Language purism: transgender and nonbinary score below man and woman in every LLM",
        "Traditionalism: man scores above the other genders in every LLM",
    )
    return [Claim("6.2", statement, need(ATTITUDES)) for statement in said]


def list_rating_claims() -> list[Claim]:
    """Section 6.3."""
    said = {
        "Friedman’s test: p < .001 in every LLM, for both ratings": (TWEETS,),
        "Ratings vary more over personas than over controls": (TWEETS, CONTROLS),
        "Controls’ ratings lie near those of no persona, with exceptions": (TWEETS, CONTROLS),
        "GPT-3.5: controls rate the tweets as more racist than no persona": (TWEETS, CONTROLS),
        "GPT-3.5: controls agree less with people than no persona": (TWEETS, CONTROLS, PEOPLE),
        "GPT-3.5: comedian rates tweets as far less offensive and racist than all others": (
            TWEETS,
        ),
    }
    correlated = (ATTITUDES, TWEETS)
    compared = (*correlated, PEOPLE)
    return [
        *(Claim("6.3", statement, need(*what)) for statement, what in said.items()),
        Claim(
            "6.3, Fig. 6",
            "Personas’ correlations of attitudes with ratings are nearer to people’s than random "
            "ones in every LLM but Gemma-2b",
            need(*compared),
        ),
        Claim(
            "6.3",
            "People: harm of hate speech goes with higher ratings of tweets with Black targets",
            check_correlations(
                [(HARM, OFFENSIVENESS_BLACK), (HARM, RACISM_BLACK)], is_positive=True
            ),
        ),
        Claim(
            "6.3",
            "Personas: so it does in every LLM but Mixtral and Gemma-2b",
            need(*correlated),
        ),
        Claim(
            "6.3",
            "People: racist beliefs go with lower offensiveness of tweets with Black targets",
            check_correlations([(RACIST, OFFENSIVENESS_BLACK)], is_positive=False),
        ),
        Claim(
            "6.3",
            "People: racist beliefs go with higher offensiveness of tweets in AAE",
            check_correlations([(RACIST, OFFENSIVENESS_AAE)], is_positive=True),
        ),
        Claim(
            "6.3",
            "Personas: correlations with AAE and with Black targets hardly differ, but on Gemma-7b",
            need(*correlated),
        ),
        Claim(
            "6.3",
            "Gemma-7b: racist beliefs correlate with offensiveness as in people",
            need(*compared),
        ),
        Claim(
            "6.3, Fig. 6",
            "Gemma-7b’s correlations with ratings are of all LLMs’ the nearest to people’s",
            need(*compared),
        ),
    ]
