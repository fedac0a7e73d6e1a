"""Money options as a command line gives them, and an LLM that costs money."""

from models.llms import LlmSpec, load_registry
from models.tables import ApiMode
from scheduler.money import MoneyOptions, parse_money

LUNA = "gpt-6-luna"
SOL = "gpt-6-sol"


def unprice(llm: str) -> LlmSpec:
    """The registry's entry of an LLM, without its price."""
    return load_registry()[llm].model_copy(update={"price": None})


UNPRICED = unprice(LUNA)


def parse_options(*max_usd: str, price: str = "", mode: ApiMode | None = None) -> MoneyOptions:
    """The options of one command; ``price`` holds several with spaces between."""
    return parse_money(max_usd=max_usd, price=price.split(), api_mode=mode)
