"""What arXiv 2407.02099 claims, in our words: what scores per persona can decide, and what not."""

from typing import NamedTuple

from analysis.claims import (
    Check,
    Claim,
    bound_group_rank,
    check_consistent,
    check_extreme_gap,
    check_gap,
    check_order,
    check_top,
)
from analysis.groups import EXPERTS
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
    NO_PERSONA,
    OTHER_CLASSES,
    RELIGIOUS,
    SCHOOLING,
)
from models.personas import load_persona_set

HEALTH = EXPERTS["health"]
N_CONTROLS = 30  # in the paper's ranks, not in the table of scores


class Unchecked(NamedTuple):
    """A claim that scores per persona say nothing about, and what it takes."""

    section: str
    statement: str
    needs: str


def list_claims() -> list[Claim]:
    """The claims about accuracies, in the paper's order."""
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
        *(
            claim(
                f"Rank on all of MMLU, mean over LLMs: {name} {stated}",
                bound_group_rank("mmlu", members, mean=mean, best=best, left_out=N_CONTROLS),
                section="Tables 1, 6",
                personas=(*everyone, NO_PERSONA),
            )
            for name, stated, members, mean, best in (
                ("no persona", "1", (NO_PERSONA,), 1.0, 1),
                ("law", "75 (best 64)", ("a person in law industry", "a lawyer"), 75.0, 64),
                (
                    "technology",
                    "60.3 (best 37)",
                    ("a person in technology industry", "a software developer", "an engineer"),
                    60.3,
                    37,
                ),
                ("psychologist", "56", ("a psychologist",), 56.0, 56),
                ("health", "90.6 (best 32)", HEALTH, 90.6, 32),
            )
        ),
    ]


_ANSWERS = "every answer to every item"
_CONTROLS = "the control personas"

UNCHECKED = (
    Unchecked("4.1", "Cochran’s Q: p < .001 for every LLM and data set", _ANSWERS),
    Unchecked("4.1", "Personas vary more than controls, which stay near no persona", _CONTROLS),
    Unchecked(
        "Tables 1, 6",
        "Ranks on fields and subjects of MMLU: experts come nearer to no persona the narrower the "
        "field, and pass it in three of four",
        f"MMLU by subject, {_CONTROLS}",
    ),
    Unchecked(
        "5.1",
        "Gaps in bias from 2.44 (Gemma-2b) to 9.16 points (GPT-3.5), in unknown answers from 9.19 "
        "(GPT-4) to 45.67 (GPT-3.5)",
        _ANSWERS,
    ),
    Unchecked("5.1", "Cochran’s Q of biased and of unknown answers: p < .001", _ANSWERS),
    Unchecked(
        "5.1",
        "Man and woman are more biased than nonbinary and transgender in all LLMs; nonbinary has "
        "the most unknown answers, by 10.97 points on GPT-3.5; straight has fewer than the others",
        _ANSWERS,
    ),
    Unchecked(
        "Tables 2, 7, 8, 9",
        "All 18 personas are less biased, and less accurate, about their own group than overall; "
        "12 rank first in self-bias",
        _ANSWERS,
    ),
    Unchecked(
        "6.2, Table 10",
        "Friedman’s test on attitudes is not significant for 14 of 49 pairs with controls, 5 of 49 "
        "with personas",
        _ANSWERS,
    ),
    Unchecked(
        "6.2",
        "Racist beliefs on GPT-3.5: 4.61, 4.32 and 4.08 for Mussolini, fascism and Hitler",
        _ANSWERS,
    ),
    Unchecked(
        "6.2",
        "Orders by education, gender, religion and ideology in freedom of speech, altruism "
        "(fascism 1.93, then conservatism 3.44), empathy (fascism 2.72, then nationalism 3.29), "
        "language purism and traditionalism",
        _ANSWERS,
    ),
    Unchecked(
        "6.2, 6.3, Fig. 6",
        "Attitudes are correlated as in people, among each other and with annotations, in all LLMs "
        "but Gemma-2b",
        f"{_ANSWERS}, the annotators’ answers",
    ),
    Unchecked("6.3", "Friedman’s test on tweets: p < .001 for every LLM", _ANSWERS),
    Unchecked(
        "7.1",
        "Cochran’s Q of refusals: p < .001, but for Zephyr on racism (p = .49)",
        _ANSWERS,
    ),
    Unchecked(
        "7.1",
        "Refusals are arbitrary: GPT-4 on attitudes from 22.82% (Luxemburg) to 97.85% (Haider); "
        "Gemma-7b 28.73% for black and 3.00% for african american person; on GPT-4’s attitudes "
        "five times and, for homosexual against gay, three times",
        _ANSWERS,
    ),
    Unchecked(
        "7.1, Fig. 10",
        "Refusals are disparate in 4 (GPT-4) to 12 categories (Mistral); in all LLMs for ideology "
        "(fascism 10.53%, then 3.85%), political figures (Hitler 12.09%, then 8.80%) and specific "
        "professions; in 6 of 7 for sexuality and for race (black 9.02%, then 4.31%)",
        f"{_ANSWERS}, {_CONTROLS}",
    ),
)
