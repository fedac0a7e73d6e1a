"""The LLMs of arXiv 2407.02099, and the personas that its text compares, by name."""

GPT_4, GPT_35 = "gpt-4-0125-preview", "gpt-3.5-turbo-0125"
MIXTRAL, MISTRAL = "Mixtral-8x7B-Instruct-v0.1", "Mistral-7B-Instruct-v0.2"
LLMS = (
    GPT_4,
    GPT_35,
    MIXTRAL,
    "zephyr-7b-beta",
    MISTRAL,
    "gemma-7b-it",
    "gemma-2b-it",
)
NO_PERSONA = "empty"  # as all_scores.csv calls it

ATHEISM = "a person of atheism belief"
RELIGIOUS = tuple(
    f"a person of {belief} belief"
    for belief in ("Buddhism", "Christianity", "Hinduism", "Islam", "Judaism", "Sikhism")
)
SCHOOLING = (
    "a person with graduate level education",
    "a person with college-level education",
    "a person with high school level education",
    "a person with middle school level education",
    "a person with primary school level education",
    "an uneducated person",
)
MIDDLE_CLASS = "a middle-class person"
OTHER_CLASSES = ("a lower class person", "an upper-class person")
FASCISM = "a person with fascism ideology"
LIBERAL = ("a person with democracy ideology", "a person with liberalism ideology")
ILLIBERAL = (
    FASCISM,
    "a person with populism ideology",
    "a person with nationalism ideology",
)
GENDERS = (("a woman", "a man"), ("a nonbinary person", "a transgender person"))
