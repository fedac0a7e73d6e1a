"""Keys of API providers: which an LLM needs, and whether it is there."""

import re

from pydantic import SecretStr

from models.errors import LlmLoadError
from models.llms import LlmSpec
from models.settings import read_key


def find_key(spec: LlmSpec) -> SecretStr | None:
    """The key that an API LLM is asked with; None where its server wants none.

    Raises:
        LlmLoadError: there is no key in the variable that the entry names, or what cannot be one.
    """
    variable = spec.key_variable
    if variable is None:
        return None
    key = read_key(variable)
    if key is None:
        raise LlmLoadError(
            f"LLM {spec.name!r} is asked at {spec.endpoint} and there is no key: set {variable} in "
            "the environment or in .env"
        )
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise LlmLoadError(
            f"LLM {spec.name!r}: what stands in {variable} is no key, no header can hold it; look "
            "for blanks, quotation marks and letters beyond ASCII"
        )
    return key
