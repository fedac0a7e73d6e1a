"""What arXiv 2407.02099 says about accuracy (sections 1 and 4), in our words and its order."""

from analysis.groups import EXPERTISE, EXPERTS, NO_PERSONA_GROUP
from analysis.paper_names import (
    ATHEISM,
    FASCISM,
    GENDERS,
    GPT_4,
    GPT_35,
    ILLIBERAL,
    LIBERAL,
    LLMS,
    MIDDLE_CLASS,
    OTHER_CLASSES,
    RELIGIOUS,
    SCHOOLING,
)
from analysis.printed_tables import EXPERT_RANKS
from analysis.reproduction.item_checks import (
    check_bbq_places,
    check_bbq_sample,
    check_mmlu_places,
    check_mmlu_sample,
)
from analysis.reproduction.judging import Check, Claim, need
from analysis.reproduction.printed_checks import (
    check_best_ahead_alone,
    check_experts_lead,
    check_experts_rise,
    check_experts_trail,
    count_best_ahead,
)
from analysis.reproduction.rank_claims import CONTROLS, list_overall_ranks, name_ranks
from analysis.reproduction.score_checks import (
    check_consistent,
    check_extreme_gap,
    check_gap,
    check_order,
    check_top,
)
from models.personas import load_persona_set

ALL = "every answer to every item"
MMLU = "MMLU by subject"
RANKED = f"{MMLU} and {CONTROLS}"


def list_performance_claims() -> list[Claim]:
    """Section 4: data sets, differences, rankings, experts."""
    return [
        *_list_data_sets(),
        Claim("4.1", "Cochran’s Q: p < .001 for every LLM and data set", need(ALL)),
        Claim(
            "Abstract, 1, 4.1",
            "Accuracy varies more over personas than over controls, in every LLM and data set",
            need(ALL, CONTROLS),
        ),
        Claim("4.1", "Controls’ accuracies lie near that of no persona", need(ALL, CONTROLS)),
        *_list_differences(),
        *_list_experts(),
    ]


def _list_data_sets() -> list[Claim]:
    return [
        Claim(
            "4, footnote 6",
            "GPT-4 on MMLU: at most 250 questions per subject are 10,219",
            check_mmlu_sample(stated=10_219),
        ),
        Claim(
            "4, footnote 6",
            "GPT-4 on BBQ: at most 120 rows per group of people are 5,788",
            check_bbq_sample(stated=5_788),
        ),
        Claim(
            "4, footnote 7",
            "MMLU: right answers are about equally often A, B, C and D",
            check_mmlu_places(),
        ),
        Claim(
            "4, footnote 7",
            "BBQ: right answers are about equally often first, second and third",
            check_bbq_places(),
        ),
    ]


def _list_differences() -> list[Claim]:
    everyone = tuple(setting.persona for setting in load_persona_set("universal"))

    def claim(
        statement: str,
        check: Check,
        *,
        section: str = "4.1",
        llms: tuple[str, ...] = LLMS,
        personas: tuple[str, ...] = everyone,
    ) -> Claim:
        return Claim(section, statement, check, llms, personas)

    return [
        claim(
            "GPT-3.5 on TruthfulQA: 38.56 percentage points from asexual person to fascism",
            check_gap(GPT_35, "truthfulqa", gap_pp=38.56, best="a asexual person", worst=FASCISM),
            llms=(GPT_35,),
        ),
        claim(
            "That is the largest gap of all LLMs and data sets",
            check_extreme_gap(GPT_35, ("truthfulqa", "mmlu", "bbq"), largest=True),
        ),
        claim(
            "GPT-3.5 over the data sets: 20.77 percentage points from atheism to fascism",
            check_gap(GPT_35, "avg", gap_pp=20.77, best=ATHEISM, worst=FASCISM),
            llms=(GPT_35,),
        ),
        claim(
            "GPT-4 over the data sets: 4.58 percentage points",
            check_gap(GPT_4, "avg", gap_pp=4.58),
            llms=(GPT_4,),
        ),
        claim(
            "That is the smallest gap of all LLMs",
            check_extreme_gap(GPT_4, ("avg",), largest=False),
        ),
        claim(
            "TruthfulQA: atheism is among the top ten in all LLMs",
            check_top(ATHEISM, "truthfulqa", within=10, llms=7),
        ),
        claim(
            "TruthfulQA: atheism is among the top three in six LLMs",
            check_top(ATHEISM, "truthfulqa", within=3, llms=6),
            section="1",
        ),
        claim(
            "TruthfulQA: asexual person is among the top ten in all LLMs",
            check_top("a asexual person", "truthfulqa", within=10, llms=7),
        ),
        claim(
            "TruthfulQA: rankings agree across LLMs in ideology, religion and social class",
            check_consistent("truthfulqa", categories={"ideology", "religious", "social_class"}),
        ),
        claim(
            "MMLU: rankings agree across LLMs in education, gender and ideology",
            check_consistent("mmlu", categories={"education", "gender", "ideology"}),
        ),
        claim(
            "BBQ: rankings agree across LLMs in no category",
            check_consistent("bbq", categories=()),
        ),
        claim(
            "TruthfulQA: atheism scores above all religious personas",
            check_order("truthfulqa", [(ATHEISM,), RELIGIOUS], in_every_llm=True),
            personas=(ATHEISM, *RELIGIOUS),
        ),
        claim(
            "TruthfulQA: middle class scores above the other classes",
            check_order("truthfulqa", [(MIDDLE_CLASS,), OTHER_CLASSES], in_every_llm=True),
            personas=(MIDDLE_CLASS, *OTHER_CLASSES),
        ),
        claim(
            "MMLU: the mean over LLMs falls with every level of education",
            check_order("mmlu", [(level,) for level in SCHOOLING], in_every_llm=False),
            personas=SCHOOLING,
        ),
        claim(
            "MMLU: woman and man score above nonbinary and transgender, in the mean over LLMs",
            check_order("mmlu", GENDERS, in_every_llm=False),
            personas=sum(GENDERS, ()),
        ),
        claim(
            "MMLU: woman and man score above nonbinary and transgender, in every LLM",
            check_order("mmlu", GENDERS, in_every_llm=True),
            personas=sum(GENDERS, ()),
        ),
        *(
            claim(
                f"{title}: democracy and liberalism score above fascism, populism and "
                "nationalism, in every LLM",
                check_order(metric, [LIBERAL, ILLIBERAL], in_every_llm=True),
                personas=LIBERAL + ILLIBERAL,
            )
            for metric, title in (("truthfulqa", "TruthfulQA"), ("mmlu", "MMLU"))
        ),
    ]


def _list_experts() -> list[Claim]:
    return [
        *list_overall_ranks("Tables 1, 6", "all of MMLU", "mmlu", EXPERT_RANKS, EXPERTS),
        *(
            Claim("Tables 1, 6", f"Rank on {own.field}: {ranks}", need(RANKED))
            for own in EXPERTISE.values()
            for ranks in (name_ranks(EXPERT_RANKS, own.field, (NO_PERSONA_GROUP, *EXPERTS)),)
        ),
        *(
            Claim("Table 1", f"Rank on {own.subjects}: {ranks}", need(RANKED))
            for group, own in EXPERTISE.items()
            for ranks in (name_ranks(EXPERT_RANKS, own.subjects, (NO_PERSONA_GROUP, group)),)
        ),
        Claim(
            "Table 6",
            "The first of all personas on social sciences is the social scientist",
            need(RANKED),
        ),
        Claim(
            "4.1",
            "In each of the four fields its experts rank above the other experts",
            check_experts_lead(needs=RANKED),
        ),
        Claim(
            "4.1",
            "In none of the four fields its experts rank above no persona",
            check_experts_trail(needs=RANKED),
        ),
        Claim(
            "4.1",
            "The narrower the domain, the better all four groups of experts rank",
            check_experts_rise(needs=RANKED),
        ),
        Claim(
            "4.1",
            "In three of four groups of subjects experts pass no persona",
            count_best_ahead(stated=3, needs=RANKED),
        ),
        Claim(
            "4.1",
            "Computer science: the best expert beats no persona, the average expert does not",
            check_best_ahead_alone("technology", needs=RANKED),
        ),
        Claim(
            "4.1",
            "Law: the best expert beats no persona, the average expert does not",
            check_best_ahead_alone("law", needs=RANKED),
        ),
    ]
