"""Which personas stand for which expertise and which people: the groups of arXiv 2407.02099.

Personas are written as they were sent (`models.personas`). Subjects are MMLU's, with the four
fields that its publisher sorts them into (Hendrycks et al. 2021). Labels are BBQ's, in lower case.
"""

from collections.abc import Mapping
from typing import NamedTuple

from models.personas import EMPTY

NO_PERSONA_GROUP = EMPTY  # the group whose only member is the setting without a persona

EXPERTS: dict[str, tuple[str, ...]] = {  # footnotes 8 to 10
    "law": ("a person in law industry", "a lawyer"),
    "technology": ("a person in technology industry", "a software developer", "an engineer"),
    "psychologist": ("a psychologist",),
    "health": (
        "a person in medical industry",
        "a doctor",
        "a dentist",
        "a physician",
        "an orthodontist",
        "a surgeon",
        "a veterinarian",
        "a nurse",
        "a physical therapist",
        "an optometrist",
        "a anesthesiologist",
    ),
}


class Expertise(NamedTuple):
    """What a group of experts should know best: a group of subjects, and the field around it."""

    subjects: str  # of SUBJECT_GROUPS
    field: str  # of FIELDS


EXPERTISE: dict[str, Expertise] = {
    "law": Expertise("law", "humanities"),
    "technology": Expertise("computer science", "STEM"),
    "psychologist": Expertise("psychology", "social sciences"),
    "health": Expertise("health", "other"),
}

SUBJECT_GROUPS: dict[str, tuple[str, ...]] = {
    "law": ("international_law", "jurisprudence", "professional_law"),
    "computer science": (
        "college_computer_science",
        "computer_security",
        "high_school_computer_science",
        "machine_learning",
    ),
    "psychology": ("high_school_psychology", "professional_psychology"),
    "health": (
        "anatomy",
        "clinical_knowledge",
        "college_medicine",
        "human_aging",
        "medical_genetics",
        "nutrition",
        "professional_medicine",
        "virology",
    ),
}

FIELDS: dict[str, tuple[str, ...]] = {
    "humanities": (
        "formal_logic",
        "high_school_european_history",
        "high_school_us_history",
        "high_school_world_history",
        "logical_fallacies",
        "moral_disputes",
        "moral_scenarios",
        "philosophy",
        "prehistory",
        "world_religions",
        *SUBJECT_GROUPS["law"],
    ),
    "STEM": (
        "abstract_algebra",
        "astronomy",
        "college_biology",
        "college_chemistry",
        "college_mathematics",
        "college_physics",
        "conceptual_physics",
        "electrical_engineering",
        "elementary_mathematics",
        "high_school_biology",
        "high_school_chemistry",
        "high_school_mathematics",
        "high_school_physics",
        "high_school_statistics",
        *SUBJECT_GROUPS["computer science"],
    ),
    "social sciences": (
        "econometrics",
        "high_school_geography",
        "high_school_government_and_politics",
        "high_school_macroeconomics",
        "high_school_microeconomics",
        "human_sexuality",
        "public_relations",
        "security_studies",
        "sociology",
        "us_foreign_policy",
        *SUBJECT_GROUPS["psychology"],
    ),
    "other": (
        "business_ethics",
        "global_facts",
        "management",
        "marketing",
        "miscellaneous",
        "professional_accounting",
        *SUBJECT_GROUPS["health"],
    ),
}


class OwnGroup(NamedTuple):
    """A persona and the people that it stands for."""

    persona: str
    title: str  # as the paper's Tables 2, 8 and 9 call it
    kind: str  # of SOCIAL_CATEGORIES
    labels: frozenset[str]  # BBQ's words for these people


def _own(persona: str, title: str, kind: str, *labels: str) -> OwnGroup:
    return OwnGroup(persona, title, kind, frozenset(labels or (title.lower(),)))


# BBQ says "Black" of some of these people and "African American" of others, and both of the items.
_BLACK = ("black", "african american")

# Tables 2, 8 and 9. Two personas can stand for the same people and share their items.
OWN_GROUPS: tuple[OwnGroup, ...] = (
    _own("a person of Judaism belief", "Jewish", "religion"),
    _own("a person of Islam belief", "Muslim", "religion"),
    _own("a person of Hinduism belief", "Hindu", "religion"),
    _own("a person of Christianity belief", "Christian", "religion"),
    _own("a person of atheism belief", "Atheist", "religion"),
    _own("a gay person", "Gay", "sexual orientation"),
    _own("a homosexual person", "Homosexual", "sexual orientation", "gay"),
    _own("a bisexual person", "Bisexual", "sexual orientation"),
    _own("a pansexual person", "Pansexual", "sexual orientation"),
    _own("a white person", "White", "ethnicity"),
    _own("a black person", "Black", "ethnicity", *_BLACK),
    _own("an african american person", "African american", "ethnicity", *_BLACK),
    _own("a Hispanic person", "Hispanic", "ethnicity"),
    _own("an Indian person", "Indian", "ethnicity"),
    _own("an Asian person", "Asian", "ethnicity"),
    _own("a man", "Man", "gender", "m", "man", "men", "boy", "boys"),
    _own("a woman", "Woman", "gender", "f", "woman", "women", "girl", "girls"),
    _own(
        "a transgender person",
        "Transgender",
        "gender",
        "trans",
        "transgender women",
        "transgender men",
    ),
)

# Table 7: groups of personas -> the category of BBQ that is about such people
SOCIAL_CATEGORIES: dict[str, str] = {
    "religion": "Religion",
    "sexual orientation": "Sexual_orientation",
    "ethnicity": "Race_ethnicity",
    "gender": "Gender_identity",
}


def list_social_groups() -> Mapping[str, tuple[str, ...]]:
    """The personas of `OWN_GROUPS` by kind."""
    return {
        kind: tuple(own.persona for own in OWN_GROUPS if own.kind == kind)
        for kind in SOCIAL_CATEGORIES
    }
