"""What arXiv 2407.02099 says about bias (section 5), in our words and its order."""

from analysis.groups import NO_PERSONA_GROUP, SOCIAL_CATEGORIES, list_social_groups
from analysis.printed_tables import (
    ACCURACY_AVERAGE,
    ACCURACY_EFFECTS,
    SELECTION_AVERAGE,
    SELECTION_EFFECTS,
    SELF_RANKS,
    SOCIAL_RANKS,
)
from analysis.report.wording import write_fixed
from analysis.reproduction.item_checks import (
    check_truth_categories,
    check_truth_mean,
    check_truth_unknown,
)
from analysis.reproduction.judging import Claim, need
from analysis.reproduction.printed_checks import (
    check_average,
    compare_self_ranks,
    count_effects,
    count_self_ranks,
)
from analysis.reproduction.rank_claims import CONTROLS, list_overall_ranks, name_ranks

BBQ = "every answer to BBQ"
KINDS = (
    "ambiguous and negative",
    "ambiguous and non-negative",
    "disambiguated and negative",
    "disambiguated and non-negative",
)
SIGNS = "the caption puts the average first, the signs are those of persona minus average"
RANKED = f"{BBQ} and {CONTROLS}"


def list_bias_claims() -> list[Claim]:
    """Section 5: spread, rankings, personas about their own group."""
    return [*_list_spread(), *_list_rankings(), *_list_self(), *_list_tables()]


def _list_spread() -> list[Claim]:
    said = {
        "Cochran’s Q of biased answers: p < .001 in every LLM": (BBQ,),
        "Cochran’s Q of unknown answers: p < .001 in every LLM": (BBQ,),
        "Gap in bias: smallest with 2.44 points on Gemma-2b": (BBQ,),
        "Gap in bias: largest with 9.16 points on GPT-3.5": (BBQ,),
        "Gap in unknown answers: smallest with 9.19 points on GPT-4": (BBQ,),
        "Gap in unknown answers: largest with 45.67 points on GPT-3.5": (BBQ,),
        "Bias varies more over personas than over controls": (BBQ, CONTROLS),
        "Unknown answers vary more over personas than over controls": (BBQ, CONTROLS),
        "Controls’ bias and unknown answers lie near those of no persona": (BBQ, CONTROLS),
        "GPT-3.5 alone has many personas both above and below 50% unknown answers": (BBQ,),
        "GPT-4 has more than 50% unknown answers with every persona": (BBQ,),
        "Zephyr has less than 50% unknown answers with every persona": (BBQ,),
        "Gemma-2b has less than 50% unknown answers with every persona": (BBQ,),
        "Mixtral, Mistral and Gemma-7b have most personas on the side of 50% unknown answers "
        "where no persona is": (BBQ,),
    }
    return [
        Claim("Fig. 3", "Right answers have a bias of 0 over all categories", check_truth_mean()),
        Claim(
            "Fig. 3", "Right answers have a bias of 0 in each category", check_truth_categories()
        ),
        Claim(
            "Fig. 3", "Right answers are unknown in .5 of cases", check_truth_unknown(stated=0.5)
        ),
        *(Claim("5.1", statement, need(*what)) for statement, what in said.items()),
    ]


def _list_rankings() -> list[Claim]:
    said = (
        "Man and woman are more biased than nonbinary and transgender in every LLM",
        "Nonbinary has the most unknown answers of the genders, consistently over LLMs",
        "GPT-3.5: nonbinary has 10.97 points more unknown answers than transgender, the second",
        "Straight has fewer unknown answers than the other sexualities, consistently over LLMs",
    )
    return [Claim("5.1", statement, need(BBQ)) for statement in said]


def _list_self() -> list[Claim]:
    return [
        Claim(
            "5.1, Table 2",
            "All 18 personas rank better by bias about their own group than overall",
            count_self_ranks(lambda row: row.own_bias < row.bias, stated=18, needs=RANKED),
        ),
        Claim(
            "5.1, Table 2",
            "12 of them are the first of all by bias about their own group",
            count_self_ranks(lambda row: row.own_bias == 1, stated=12, needs=RANKED),
        ),
        Claim(
            "5.1, Table 2",
            "Christian is 169th by bias overall and first about Christians",
            compare_self_ranks(
                "Christian", lambda row: (row.bias, row.own_bias), stated=(169, 1), needs=RANKED
            ),
        ),
        Claim(
            "5.1, Table 2",
            "All 18 rank worse by accuracy about their own group than overall",
            count_self_ranks(lambda row: row.own_accuracy > row.accuracy, stated=18, needs=RANKED),
        ),
        Claim(
            "5.1, Table 2",
            "Five of them are the last of 193 by accuracy about their own group",
            count_self_ranks(lambda row: row.own_accuracy == 193, stated=5, needs=RANKED),
        ),
        Claim(
            "5.1, Table 2",
            "Pansexual falls from rank 4 by accuracy overall to 188 about pansexual people",
            compare_self_ranks(
                "Pansexual",
                lambda row: (row.accuracy, row.own_accuracy),
                stated=(4, 188),
                needs=RANKED,
            ),
        ),
        Claim(
            "5.1, Table 9",
            "On ambiguous items personas choose their own group more often than the average does",
            count_effects("Table 9", SELECTION_EFFECTS, lambda r: r[0] > 0 and r[1] > 0, needs=BBQ),
        ),
        Claim(
            "5.1, Table 8",
            "That costs them accuracy on ambiguous items",
            count_effects("Table 8", ACCURACY_EFFECTS, lambda r: r[0] < 0 and r[1] < 0, needs=BBQ),
        ),
        Claim(
            "5.1, Table 9",
            "They do so more often where it contradicts the stereotype (non-negative questions)",
            count_effects("Table 9", SELECTION_EFFECTS, lambda r: r[1] > r[0], needs=BBQ),
        ),
    ]


def _list_tables() -> list[Claim]:
    """The numbers of Tables 2 and 7 to 9."""
    groups = list_social_groups()
    columns: dict[str, list[int]] = {
        "Rank by bias about the own group: ": [row.own_bias for row in SELF_RANKS.values()],
        "Rank by accuracy about the own group: ": [row.own_accuracy for row in SELF_RANKS.values()],
        "Rank by bias overall: no persona 165, ": [row.bias for row in SELF_RANKS.values()],
        "Rank by accuracy overall: no persona 127, ": [row.accuracy for row in SELF_RANKS.values()],
    }
    averaged = "the mean over groups of people is not the mean that all_scores.csv has"
    return [
        *(
            Claim(
                "Table 2",
                title + ", ".join(f"{n} {rank}" for n, rank in zip(SELF_RANKS, ranks, strict=True)),
                need(RANKED, note=averaged if "accuracy overall" in title else ""),
            )
            for title, ranks in columns.items()
        ),
        *list_overall_ranks("Table 7", "all of BBQ", "bbq", SOCIAL_RANKS, groups),
        *(
            Claim("Table 7", f"Rank on {category.replace('_', ' ')}: {ranks}", need(RANKED))
            for category in SOCIAL_CATEGORIES.values()
            for ranks in (name_ranks(SOCIAL_RANKS, category, (NO_PERSONA_GROUP, *groups)),)
        ),
        *(
            Claim(
                table,
                f"{what} minus the average of all, mean over the 18 in points: "
                + ", ".join(
                    f"{kind} {write_fixed(value, digits=2)}"
                    for kind, value in zip(KINDS, printed, strict=True)
                ),
                check_average(table, effects, printed, needs=BBQ, note=note),
            )
            for table, what, effects, printed, note in (
                (
                    "Table 8",
                    "Accuracy about the own group",
                    ACCURACY_EFFECTS,
                    ACCURACY_AVERAGE,
                    SIGNS,
                ),
                ("Table 9", "Choosing the own group", SELECTION_EFFECTS, SELECTION_AVERAGE, ""),
            )
        ),
    ]
