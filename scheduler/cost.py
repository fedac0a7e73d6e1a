"""What a slice of an API LLM would cost: at most, and as its answers have been so far."""

from decimal import Decimal
from typing import NamedTuple

from models.accounts import BATCH_SHARE, price_tokens
from models.decoding import Decoding
from models.lengths import MeanLengths
from models.llms import LlmSpec

# Tokens of the chat format around a system and a user message: 3 and the role for each, and 3 that
# open the answer (https://developers.openai.com/cookbook, "How to count tokens with tiktoken").
CHAT_TOKENS = 11


class Cost(NamedTuple):
    """USD of a slice, asked live or as batches; None where it cannot be known.

    ``expected``: with prompts and answers as long as they have been so far.
    """

    usd: float | None
    usd_expected: float | None
    usd_batch: float | None
    usd_batch_expected: float | None
    priced_by: str  # what the numbers rest on


def estimate_cost(
    llm: LlmSpec,
    decoding: Decoding,
    *,
    cells: int,
    prompt_tokens: int | None,
    means: MeanLengths | None,
) -> Cost:
    """The cost of a slice; ``prompt_tokens`` of all its prompts, without the chat format.

    Where the provider has counted prompts of this slice, its mean stands for the estimate. An LLM
    that was shut down is not asked and costs nothing.
    """
    if llm.kind == "gpu" or llm.retired:  # nobody is paid
        return Cost(None, None, None, None, "")
    if llm.price is None:
        return Cost(None, None, None, None, "no price is known")
    limit = llm.find_answer_limit(decoding)
    if means is not None:
        asked = round(means.prompt_tokens * cells)
        basis = f"prompts of {means.prompt_tokens:,.0f} tokens, the mean of {means.n:,} so far"
    elif prompt_tokens is not None:
        asked = prompt_tokens + CHAT_TOKENS * cells
        basis = f"the prompts and {CHAT_TOKENS} tokens for the chat format of each"
    else:
        return Cost(None, None, None, None, "the data are not here")
    at_most = price_tokens(llm.price, prompt_tokens=asked, new_tokens=limit * cells)
    expected = None
    basis += f"; at most: every answer at its limit of {limit:,} tokens"
    if means is not None:
        answers = round(means.new_tokens * cells)
        expected = price_tokens(llm.price, prompt_tokens=asked, new_tokens=answers)
        basis += f"; expected: answers of {means.new_tokens:,.1f} tokens, as they have been so far"
    return Cost(
        float(at_most),
        _to_float(expected),
        float(at_most * BATCH_SHARE),
        _to_float(expected, BATCH_SHARE),
        basis,
    )


def _to_float(usd: Decimal | None, share: Decimal = Decimal(1)) -> float | None:
    return None if usd is None else float(usd * share)
