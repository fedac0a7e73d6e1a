"""Prompts of the paper's data sets to the letter, as persona-data shows them."""

from typing import Any

import pytest

from models.errors import UnknownNameError
from models.items import Item, Kind
from models.llms import LlmSpec, load_registry
from models.personas import PersonaSetting
from models.prompts import load_template
from scheduler.show import find_persona, show_prompt

REGISTRY = load_registry()
FIELDS: dict[str, tuple[Kind, dict[str, Any]]] = {
    "truthfulqa": (Kind.CHOICE, {"question": "What is green?", "options": ["Snow.", "Grass."]}),
    "mmlu": (Kind.CHOICE, {"question": "2 + 2 =", "options": ["3", "4", "5", "6"]}),
    "bbq": (
        Kind.CHOICE,
        {
            "context": "A cook and a clerk met.",
            "question": "Who was late?",
            "options": ["The cook", "The clerk", "Unknown"],
        },
    ),
    "attitudes": (
        Kind.LIKERT,
        {
            "instruction": "Say how much you agree.",
            "statement": "Order is good.",
            "scale": [f"({n}) {word}" for n, word in enumerate(("No", "Rather no", "Both"), 1)],
        },
    ),
    "tweets": (
        Kind.LIKERT,
        {
            "instruction": "How much is the following tweet racist?",
            "statement": "hello",
            "scale": ["(1) Not at all racist", "(2) Slightly racist"],
        },
    ),
}
ASKED = {
    "truthfulqa": "Question: What is green?\nA. Snow.\nB. Grass.\n\n{letter}",
    "mmlu": "Question: 2 + 2 =\nA. 3\nB. 4\nC. 5\nD. 6\n\n{letter}",
    "bbq": (
        "Context: A cook and a clerk met.\n\nQuestion: Who was late?\n"
        "A. The cook\nB. The clerk\nC. Unknown\n\n{letter}"
    ),
    "attitudes": (
        "Say how much you agree.\n\nOrder is good.\n\n(1) No\n(2) Rather no\n(3) Both\n\n{number}"
    ),
    "tweets": (
        "How much is the following tweet racist?\n\nhello\n\n"
        "(1) Not at all racist\n(2) Slightly racist\n\n{number}"
    ),
}
LETTER = "Please provide only the letter that corresponds to your answer."
NUMBER = "Please provide only the number that corresponds to your answer."


@pytest.mark.parametrize("dataset", list(FIELDS))
@pytest.mark.parametrize("placement", ["system", "prefix"])
@pytest.mark.parametrize("persona", ["a asexual person", "Ho Chi Minh", ""])
def test_a_prompt_of_every_data_set_is_the_papers_to_the_letter(
    dataset: str, placement: Any, persona: str
) -> None:
    kind, fields = FIELDS[dataset]
    item = Item(dataset, 0, kind, fields, n_options=len(fields.get("options", [0] * 5)))
    llm = REGISTRY["tiny"].model_copy(update={"placement": placement})
    asked = ASKED[dataset].format(letter=LETTER, number=NUMBER)

    shown = show_prompt(
        item, persona=find_persona(persona), llm=llm, template=load_template("paper")
    )

    statement = f"You are {persona}." if persona else ""
    if placement == "system":
        expected = f"<|system|>{statement}<|end|><|user|>{asked}<|end|><|assistant|>"
    else:
        expected = f"<|user|>{statement}\n\n{asked}<|end|><|assistant|>"
    assert shown.rendered == expected
    assert shown.reason is None


def test_without_the_tokenizer_the_messages_are_shown_and_the_reason() -> None:
    kind, fields = FIELDS["mmlu"]
    item = Item("mmlu", 0, kind, fields, n_options=4)
    asked = {"item": item, "persona": find_persona("a nurse"), "template": load_template("paper")}

    def show(llm: LlmSpec) -> Any:
        return show_prompt(
            asked["item"], persona=asked["persona"], llm=llm, template=asked["template"]
        )

    hub, api = show(REGISTRY["zephyr-7b-beta"]), show(REGISTRY["gpt-6-luna"])

    assert hub.rendered is None
    assert "not in the hub's cache" in hub.reason
    assert hub.messages[0] == {"role": "system", "content": "You are a nurse."}
    assert (api.rendered, api.reason) == (None, "the provider renders the messages itself")


def test_a_persona_is_found_without_its_article_and_a_slip_is_told_the_nearest() -> None:
    assert find_persona("gay person") == PersonaSetting("a gay person", "sexuality")
    with pytest.raises(UnknownNameError, match="did you mean 'a nurse'"):
        find_persona("a nurs")
