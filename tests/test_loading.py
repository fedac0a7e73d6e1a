"""Weights: how they are loaded, and what is said where they cannot be."""

from typing import Any

import pytest
import torch

from models.errors import LlmLoadError
from models.llms import load_registry
from workers.loading import check_memory, load_llm, make_options

REGISTRY = load_registry()


def test_four_bit_weights_compute_in_the_papers_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    options = make_options(REGISTRY["Mixtral-8x7B-Instruct-v0.1"], "cuda:0")

    config = options["quantization_config"]
    assert (config.load_in_4bit, config.bnb_4bit_quant_type) == (True, "nf4")
    assert config.bnb_4bit_compute_dtype is torch.float16
    assert options["use_safetensors"] is True
    assert options["device_map"] == {"": "cuda:0"}


def test_weights_that_cannot_fit_are_refused_before_they_are_read() -> None:
    huge = REGISTRY["tiny"].model_copy(update={"params_b": 1e6})

    with pytest.raises(LlmLoadError, match="GiB for its weights and cpu has"):
        check_memory(huge, "cpu")


@pytest.mark.parametrize(
    ("name", "words"),
    [("gated", "set HF_TOKEN to a token"), ("offline", "the hub was not reached")],
)
def test_weights_that_the_hub_does_not_give_are_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    import httpx
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError
    from transformers import AutoTokenizer

    def refuse(*arguments: Any, **options: Any) -> None:
        response = httpx.Response(403, request=httpx.Request("GET", "http://hub/"))
        causes = {
            "gated": GatedRepoError("gated", response=response),
            "offline": LocalEntryNotFoundError("not there"),
        }
        raise OSError("cannot load\nand much more") from causes[name]

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", refuse)
    small = REGISTRY["gemma-2b-it"].model_copy(update={"params_b": 0.001})

    with pytest.raises(LlmLoadError, match=words) as caught:
        load_llm(small, device="cpu")

    assert "\n" not in str(caught.value)
