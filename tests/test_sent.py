"""What is recorded of decoding is what was sent."""

from typing import Any

import pytest

from models.decoding import Decoding
from models.llms import LlmSpec
from models.sent import Sent, describe_sent

WARM = {"temperature": 0.7}


def describe(
    kind: str = "api", *, repeats: int = 1, request: dict[str, Any] | None = None, **decoding: Any
) -> Sent:
    return describe_sent(
        "lion",
        kind=kind,
        spec={"kind": kind, "request": [list(pair) for pair in (request or {}).items()]},
        decoding=Decoding(**decoding).model_dump(),
        repeats=repeats,
    )


@pytest.mark.parametrize("kind", ["api", "gpu", "imported"])
def test_at_temperature_0_neither_seed_nor_top_p_is_recorded(kind: str) -> None:
    found = describe(kind, repeats=2)

    assert not {"seed", "top_p"} & found.parameters.keys()
    assert found.parameters["temperature"] == 0
    assert found.seeds == (None, None)
    assert not found.has_seeds


def test_each_repeat_of_an_api_llm_has_the_seed_that_is_sent() -> None:
    entry = LlmSpec(
        name="lion", kind="api", engine="openai", model="m", placement="system", family="cats"
    )
    calls = [entry.make_request(Decoding(**WARM), repeat=n) for n in range(3)]

    found = describe(repeats=3, **WARM)

    assert found.seeds == tuple(call["seed"] for call in calls)
    assert found.seeds[:2] == (42, 965691329)
    assert "seed" not in found.parameters
    assert found.parameters == {"max_tokens": 100, "temperature": 0.7, "top_p": 1.0}


def test_what_an_entry_adds_and_leaves_out_is_recorded_so() -> None:
    quiet = {"reasoning_effort": "none", "max_completion_tokens": 50, "seed": False}

    found = describe(repeats=2, request=quiet, **WARM)
    named = describe(request={"seed": 7})

    assert found.seeds == (None, None)
    assert found.parameters == {
        "max_completion_tokens": 50,
        "reasoning_effort": "none",
        "temperature": 0.7,
        "top_p": 1.0,
    }
    assert named.seeds == (7,)  # an entry's own seed goes out even where nothing is drawn


def test_a_loaded_llm_draws_every_repeat_from_the_seed_of_the_run() -> None:
    found = describe("gpu", repeats=2, **WARM)

    assert found.seeds == (42, 42)
    assert "repeat" in found.seeds_are


def test_where_no_decoding_is_recorded_nothing_is_made_up() -> None:
    assert describe_sent("old", kind="imported", spec={}, decoding={}, repeats=1).parameters == {}
