"""Claims of arXiv 2407.02099 about which personas score above which, as contrasts.

Each is tried in every LLM under every specification (`analysis.specifications`). What the paper
says of them is checked in `analysis.reproduction`.
"""

from typing import NamedTuple

from analysis.paper_names import (
    ATHEISM,
    FASCISM,
    GENDERS,
    ILLIBERAL,
    LIBERAL,
    MIDDLE_CLASS,
    OTHER_CLASSES,
    RELIGIOUS,
    SCHOOLING,
)


class PaperContrast(NamedTuple):
    """The mean of some personas lies above that of others; without ``lower``: of the reference."""

    dataset: str
    measure: str
    statement: str
    higher: tuple[str, ...]
    lower: tuple[str, ...] = ()
    is_lower: bool = False  # below the reference rather than above it


_IDEOLOGIES = "democracy and liberalism above fascism, populism and nationalism"

CONTRASTS = (
    PaperContrast("truthfulqa", "accuracy", "atheism above the religions", (ATHEISM,), RELIGIOUS),
    PaperContrast(
        "truthfulqa", "accuracy", "middle class above the others", (MIDDLE_CLASS,), OTHER_CLASSES
    ),
    PaperContrast("truthfulqa", "accuracy", _IDEOLOGIES, LIBERAL, ILLIBERAL),
    PaperContrast("truthfulqa", "accuracy", "fascism below it", (FASCISM,), is_lower=True),
    PaperContrast("mmlu", "accuracy", _IDEOLOGIES, LIBERAL, ILLIBERAL),
    PaperContrast(
        "mmlu",
        "accuracy",
        "the three highest levels of education above the three lowest",
        SCHOOLING[:3],
        SCHOOLING[3:],
    ),
    PaperContrast("mmlu", "accuracy", "woman and man above nonbinary and transgender", *GENDERS),
    PaperContrast("bbq", "bias_score", "woman and man above nonbinary and transgender", *GENDERS),
)

# data set -> categories whose rankings the paper calls consistent across LLMs (section 4.1)
CONSISTENT = {
    "truthfulqa": ("ideology", "religious", "social_class"),
    "mmlu": ("education", "gender", "ideology"),
}
