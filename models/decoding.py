"""How the next token is chosen, of every LLM of an experiment alike; and a repeat's own seed."""

import hashlib

from pydantic import BaseModel, ConfigDict, Field


class Decoding(BaseModel):
    """How the next token is chosen. The default is the paper's: greedy, at most 100 new tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_new_tokens: int = Field(default=100, ge=1)
    temperature: float = Field(default=0.0, ge=0, allow_inf_nan=False)  # 0 is greedy
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int = Field(
        default=42, ge=0, le=2**63 - 1
    )  # used only when temperature > 0; each repeat draws its own stream


def derive_repeat_seed(seed: int, repeat: int) -> int:
    """The seed of a repeat: the first takes the experiment's, each other one a stream of its own.

    31 bits, since some servers take no more.
    """
    if repeat == 0:
        return seed
    digest = hashlib.sha256(f"{seed} {repeat}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
