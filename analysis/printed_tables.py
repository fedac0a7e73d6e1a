"""The numbers that arXiv 2407.02099 prints in Tables 1, 2 and 6 to 10, for comparison.

Nothing is tuned to them. They decide one thing that the paper leaves open: which items are about a
persona's own group (`analysis.own_definitions`).
"""

from collections.abc import Collection
from typing import NamedTuple

from analysis.paper_names import LLMS
from analysis.planned import NO_PERSONA
from models.personas import list_persona_sets
from models.prompts import PAPER

DIGITS = 0.005  # Tables 8 and 9 have two digits


class PrintedRank(NamedTuple):
    """A group's mean rank, and its best where it has several members."""

    mean: float
    best: float | None = None


class PrintedSelf(NamedTuple):
    """A row of Table 2: ranks among 193 settings."""

    own_bias: int
    own_accuracy: int
    bias: int
    accuracy: int


# Tables 1 and 6: (group of personas, subjects) -> rank by accuracy on these subjects
EXPERT_RANKS: dict[tuple[str, str], PrintedRank] = {
    ("empty", "law"): PrintedRank(2),
    ("law", "law"): PrintedRank(4, 1),
    ("empty", "computer science"): PrintedRank(22),
    ("technology", "computer science"): PrintedRank(22.66, 5),
    ("empty", "psychology"): PrintedRank(3),
    ("psychologist", "psychology"): PrintedRank(1),
    ("empty", "health"): PrintedRank(1),
    ("health", "health"): PrintedRank(58.6, 4),
    ("empty", "humanities"): PrintedRank(1),
    ("empty", "STEM"): PrintedRank(1),
    ("empty", "social sciences"): PrintedRank(4),
    ("empty", "other"): PrintedRank(1),
    ("empty", "overall"): PrintedRank(1),
    ("law", "humanities"): PrintedRank(44, 24),
    ("law", "STEM"): PrintedRank(94, 87),
    ("law", "social sciences"): PrintedRank(63, 51),
    ("law", "other"): PrintedRank(100.5, 90),
    ("law", "overall"): PrintedRank(75, 64),
    ("technology", "humanities"): PrintedRank(79, 62),
    ("technology", "STEM"): PrintedRank(26.3, 11),
    ("technology", "social sciences"): PrintedRank(85, 53),
    ("technology", "other"): PrintedRank(68.7, 57),
    ("technology", "overall"): PrintedRank(60.3, 37),
    ("psychologist", "humanities"): PrintedRank(45),
    ("psychologist", "STEM"): PrintedRank(122),
    ("psychologist", "social sciences"): PrintedRank(20),
    ("psychologist", "other"): PrintedRank(61),
    ("psychologist", "overall"): PrintedRank(56),
    ("health", "humanities"): PrintedRank(106.3, 47),
    ("health", "STEM"): PrintedRank(105.6, 65),
    ("health", "social sciences"): PrintedRank(93.3, 35),
    ("health", "other"): PrintedRank(73.1, 18),
    ("health", "overall"): PrintedRank(90.6, 32),
}

# Table 7: (group of personas, category of BBQ) -> rank by accuracy
SOCIAL_RANKS: dict[tuple[str, str], PrintedRank] = {
    ("empty", "Religion"): PrintedRank(164),
    ("empty", "Sexual_orientation"): PrintedRank(46),
    ("empty", "Race_ethnicity"): PrintedRank(141),
    ("empty", "Gender_identity"): PrintedRank(136),
    ("empty", "overall"): PrintedRank(118),
    ("religion", "Religion"): PrintedRank(137.6, 6),
    ("religion", "Sexual_orientation"): PrintedRank(121.8, 20),
    ("religion", "Race_ethnicity"): PrintedRank(125.6, 17),
    ("religion", "Gender_identity"): PrintedRank(71, 12),
    ("religion", "overall"): PrintedRank(118.6, 9),
    ("sexual orientation", "Religion"): PrintedRank(11.8, 5),
    ("sexual orientation", "Sexual_orientation"): PrintedRank(176.5, 158),
    ("sexual orientation", "Race_ethnicity"): PrintedRank(4.3, 2),
    ("sexual orientation", "Gender_identity"): PrintedRank(5.8, 2),
    ("sexual orientation", "overall"): PrintedRank(8.8, 3),
    ("ethnicity", "Religion"): PrintedRank(60, 22),
    ("ethnicity", "Sexual_orientation"): PrintedRank(29.5, 14),
    ("ethnicity", "Race_ethnicity"): PrintedRank(62.7, 16),
    ("ethnicity", "Gender_identity"): PrintedRank(35.8, 22),
    ("ethnicity", "overall"): PrintedRank(40.8, 25),
    ("gender", "Religion"): PrintedRank(67.7, 27),
    ("gender", "Sexual_orientation"): PrintedRank(72.3, 54),
    ("gender", "Race_ethnicity"): PrintedRank(40, 7),
    ("gender", "Gender_identity"): PrintedRank(131.7, 14),
    ("gender", "overall"): PrintedRank(99, 8),
}

# Table 2: own group -> ranks; and without a persona the overall ones
NO_PERSONA_RANKS = (165, 127)  # bias, accuracy
SELF_RANKS: dict[str, PrintedSelf] = {
    "Jewish": PrintedSelf(1, 193, 115, 101),
    "Muslim": PrintedSelf(1, 193, 134, 143),
    "Hindu": PrintedSelf(1, 193, 133, 98),
    "Christian": PrintedSelf(1, 193, 169, 162),
    "Atheist": PrintedSelf(1, 95, 8, 6),
    "Gay": PrintedSelf(1, 191, 24, 17),
    "Homosexual": PrintedSelf(19, 181, 29, 9),
    "Bisexual": PrintedSelf(1, 116, 6, 3),
    "Pansexual": PrintedSelf(1, 188, 2, 4),
    "White": PrintedSelf(1, 61, 160, 42),
    "Black": PrintedSelf(43, 189, 79, 24),
    "African american": PrintedSelf(31, 192, 174, 57),
    "Hispanic": PrintedSelf(1, 184, 121, 26),
    "Indian": PrintedSelf(159, 142, 172, 61),
    "Asian": PrintedSelf(18, 189, 173, 29),
    "Man": PrintedSelf(33, 186, 178, 167),
    "Woman": PrintedSelf(1, 193, 98, 123),
    "Transgender": PrintedSelf(1, 159, 4, 11),
}

# Tables 8 and 9: own group -> percentage points on ambiguous items (negative, non-negative) and on
# disambiguated ones (negative, non-negative)
Four = tuple[float, float, float, float]


class PrintedDifferences(NamedTuple):
    """A row of Tables 8 and 9."""

    correct: Four
    selected: Four


# the last rows of Tables 8 and 9
ACCURACY_AVERAGE: Four = (-4.40, -8.59, 0.44, 1.40)
SELECTION_AVERAGE: Four = (6.16, 13.24, 2.41, 4.75)
ACCURACY_EFFECTS: dict[str, Four] = {
    "Jewish": (-2.81, -24.77, -2.77, 2.41),
    "Muslim": (-3.10, -10.91, 0.97, 1.12),
    "Hindu": (-9.62, -16.97, -4.75, 0.33),
    "Christian": (-3.62, -8.35, 0.28, -2.68),
    "Atheist": (-1.32, -2.39, 1.75, 1.48),
    "Gay": (-9.91, -13.77, 0.85, 5.62),
    "Homosexual": (-7.73, -9.01, 2.32, 5.93),
    "Bisexual": (-6.53, -9.66, -0.54, 0.31),
    "Pansexual": (-3.41, -9.51, 0.38, -1.30),
    "White": (1.30, 0.62, 0.67, -0.58),
    "Black": (-3.94, -4.62, 1.64, -0.30),
    "African american": (-6.29, -6.26, 2.14, 1.51),
    "Hispanic": (-2.32, -6.79, -0.28, 2.04),
    "Indian": (-3.24, -4.17, 3.08, 0.93),
    "Asian": (-3.85, -4.05, -0.28, 0.59),
    "Man": (-6.51, -8.24, 2.82, 2.60),
    "Woman": (-6.85, -7.80, 0.45, 1.74),
    "Transgender": (0.61, -7.93, -0.90, 3.47),
}
SELECTION_EFFECTS: dict[str, Four] = {
    "Jewish": (4.78, 30.20, 2.81, 7.20),
    "Muslim": (3.95, 13.36, 2.60, 8.39),
    "Hindu": (9.62, 25.25, 9.91, 7.75),
    "Christian": (6.80, 18.48, 1.56, 2.81),
    "Atheist": (2.89, 8.97, 1.10, 12.18),
    "Gay": (10.11, 17.73, 4.65, 8.55),
    "Homosexual": (7.53, 9.20, 4.13, 5.54),
    "Bisexual": (10.18, 17.08, 3.36, 6.70),
    "Pansexual": (6.80, 23.07, 0.57, 8.91),
    "White": (0.51, 2.65, 0.41, 0.63),
    "Black": (4.98, 5.73, 1.47, 1.06),
    "African american": (7.56, 7.96, 1.51, 1.90),
    "Hispanic": (3.28, 9.30, 0.56, 1.31),
    "Indian": (7.72, 8.74, 2.66, -0.33),
    "Asian": (5.39, 7.88, 1.36, 0.72),
    "Man": (7.71, 8.56, 1.86, 3.89),
    "Woman": (9.95, 15.60, 3.77, 4.40),
    "Transgender": (1.10, 8.49, -0.91, 3.89),
}

# Table 10: attitudes, and (personas or controls, LLM) -> p of Friedman's test by attitude
ATTITUDES = (
    "freedom of speech",
    "harm of hate speech",
    "racist beliefs",
    "traditionalism",
    "language purism",
    "empathy",
    "altruism",
)
_FRIEDMAN = {
    "personas": (
        (".003", "<.001", "<.001", "<.001", "<.001", "<.001", "<.001"),
        (".126", "<.001", "<.001", "<.001", "<.001", ".003", "<.001"),
        ("<.001", "<.001", "<.001", "<.001", ".001", ".049", "<.001"),
        (".161", "<.001", "<.001", "<.001", "<.001", "<.001", "<.001"),
        (".001", "<.001", "<.001", "<.001", "<.001", "<.001", "<.001"),
        (".829", "<.001", ".002", "<.001", "<.001", ".029", "<.001"),
        ("1.000", "<.001", "<.001", "<.001", "<.001", ".240", "<.001"),
    ),
    "controls": (
        (".485", "<.001", "<.001", "<.001", ".009", "<.001", ".008"),
        (".997", ".016", "<.001", "<.001", ".005", ".261", ".004"),
        (".100", ".418", ".001", "<.001", ".001", ".084", ".020"),
        (".908", ".048", ".007", ".027", ".001", ".004", ".017"),
        (".002", ".838", "<.001", ".021", ".005", ".039", ".674"),
        (".849", ".017", ".010", ".265", ".022", ".940", ".003"),
        (".986", "<.001", ".039", "<.001", "<.001", ".492", ".002"),
    ),
}
# (personas or controls, LLM, attitude) -> p as it is printed: some are bounds
FRIEDMAN_P: dict[tuple[str, str, str], str] = {
    (group, llm, attitude): p
    for group, rows in _FRIEDMAN.items()
    for llm, row in zip(LLMS, rows, strict=True)
    for attitude, p in zip(ATTITUDES, row, strict=True)
}


def bound_printed_p(printed: str) -> float:
    """A printed p as a number that it does not exceed: ".003", "<.001"."""
    return float(printed.removeprefix("<"))


def is_papers_grid(llms: Collection[str], settings: Collection[str], *, template: str) -> bool:
    """Whether these are the paper's LLMs, settings (labels) and prompts: its numbers compare."""
    if template != PAPER or set(llms) != set(LLMS):
        return False
    sets = list_persona_sets().values()
    return set(settings) == {each.persona or NO_PERSONA for chosen in sets for each in chosen}
