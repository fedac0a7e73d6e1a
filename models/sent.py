"""What an LLM is really asked with: the parameters that count, and the seed of each repeat.

An experiment's [decoding] names more than that: nothing is drawn at temperature 0, so that neither
top_p nor seed goes out then, and an API LLM's entry in the registry leaves out what it does not
take or adds to it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.decoding import Decoding
from models.llms import LlmSpec

BY_CALL = "each goes out with the calls of its repeat"
BY_PROMPT = (
    "of the run: each prompt draws from a stream of its own, seeded by CRC-32 of seed/repeat, a "
    "line break and the prompt"
)


class Sent(NamedTuple):
    """Parameters beside the prompt."""

    parameters: dict[str, Any]  # without the seed
    seeds: tuple[int | None, ...]  # of each repeat; None: nothing is drawn, or no seed goes out
    seeds_are: str  # what becomes of them

    @property
    def has_seeds(self) -> bool:
        """Whether there are any."""
        return any(seed is not None for seed in self.seeds)


def describe_sent(
    llm: str, *, kind: str, spec: Mapping[str, Any], decoding: Mapping[str, Any], repeats: int
) -> Sent:
    """Of an LLM as the table ``llm`` has it; ``decoding`` may be empty where none is recorded."""
    if not decoding:
        return Sent({}, (None,) * repeats, BY_PROMPT)
    asked = Decoding(**decoding)
    if kind != "api":
        known = asked.model_dump(exclude={"seed"} if asked.temperature else {"seed", "top_p"})
        return Sent(known, (asked.seed if asked.temperature else None,) * repeats, BY_PROMPT)
    entry = LlmSpec(
        name=llm,
        kind="api",
        engine="openai",
        model=llm,
        placement="system",
        family="",
        request=tuple((name, value) for name, value in spec.get("request", ())),
    )
    requests = [entry.make_request(asked, repeat=repeat) for repeat in range(repeats)]
    parameters = {name: value for name, value in requests[0].items() if name != "seed"}
    return Sent(parameters, tuple(request.get("seed") for request in requests), BY_CALL)
