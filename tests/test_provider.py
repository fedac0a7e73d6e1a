"""One call over an API: what comes of every fault, what is sent, and that no key gets out."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from api_farm import make_api_spec
from pydantic import SecretStr
from simulated_provider import Fault, FaultKind, Limits, RunningProvider

from models.decoding import Decoding
from models.errors import ConfigError
from models.llms import LlmSpec, dump_identity, load_registry
from models.tables import Finish
from workers.provider import Answer, Charge, Provider, Remedy, Trouble, Usage
from workers.secrets_in_text import Scrubber
from workers.waiting import read_retry_after

CHAT: Any = [
    {"role": "system", "content": "You are a baker."},
    {"role": "user", "content": "Question: Which?\nA. one\nB. two"},
]
SPEC = load_registry()["gpt-4-0125-preview"]
ROOT = Path(__file__).resolve().parents[1]


def ask(provider: RunningProvider, key: str | None = None, **request: Any) -> Answer | Trouble:
    spec = make_api_spec(provider)

    async def ask_once() -> Answer | Trouble:
        asked = Provider(spec, SecretStr(key or provider.api_key), timeout_s=1.0)
        try:
            return await asked.ask(CHAT, {**spec.make_request(Decoding()), **request})
        finally:
            await asked.close()

    return asyncio.run(ask_once())


def test_an_answer_comes_with_its_tokens_and_with_who_gave_it(provider: RunningProvider) -> None:
    answer = ask(provider)

    assert isinstance(answer, Answer)
    assert answer.finish == Finish.STOP
    assert answer.usage is not None
    state = provider.read_state()
    counted = Usage(prompt_tokens=state.prompt_tokens, completion_tokens=state.new_tokens)
    assert answer.usage == counted
    assert (answer.llm, answer.fingerprint) == ("gpt-4-0125-preview", "fp_simulated")


AGAIN, FAIL, PAUSE, END = Remedy.AGAIN, Remedy.FAIL, Remedy.PAUSE, Remedy.END


@pytest.mark.parametrize(
    ("fault", "remedy", "cause", "cost"),
    [
        (Fault(kind=FaultKind.RATE_LIMITED), AGAIN, "429", Charge.NOTHING),
        (Fault(kind=FaultKind.INSUFFICIENT_QUOTA), PAUSE, "unpaid", Charge.NOTHING),
        (Fault(kind=FaultKind.UNAUTHORIZED), END, "401", Charge.NOTHING),
        (Fault(kind=FaultKind.SERVER_ERROR), AGAIN, "500", Charge.NOTHING),
        (Fault(kind=FaultKind.SERVER_ERROR, status=502), AGAIN, "502", Charge.UNKNOWN),
        (Fault(kind=FaultKind.SERVER_ERROR, status=524), AGAIN, "524", Charge.UNKNOWN),
        (Fault(kind=FaultKind.BAD_REQUEST, message="no"), FAIL, "400", Charge.NOTHING),
        (Fault(kind=FaultKind.DROP_BEFORE), AGAIN, "lost", Charge.UNKNOWN),
        (Fault(kind=FaultKind.DROP_AFTER), AGAIN, "lost", Charge.UNKNOWN),
        (Fault(kind=FaultKind.DROP_MIDWAY), AGAIN, "lost", Charge.UNKNOWN),
        (Fault(kind=FaultKind.TIME_OUT_AFTER), AGAIN, "timeout", Charge.UNKNOWN),
        (Fault(kind=FaultKind.DRIP, seconds=3), AGAIN, "timeout", Charge.UNKNOWN),
        (Fault(kind=FaultKind.MALFORMED_JSON), AGAIN, "malformed", Charge.UNKNOWN),
        (Fault(kind=FaultKind.EMPTY_CHOICES), AGAIN, "empty", Usage),
        (Fault(kind=FaultKind.NULL_CONTENT), AGAIN, "empty", Usage),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else None,
)
def test_a_fault_has_its_remedy_and_its_price(
    provider: RunningProvider, fault: Fault, remedy: Remedy, cause: str, cost: Any
) -> None:
    provider.configure(script=[fault])

    trouble = ask(provider)

    assert isinstance(trouble, Trouble)
    assert (trouble.remedy, trouble.cause) == (remedy, cause)
    assert isinstance(trouble.cost, Usage) if cost is Usage else trouble.cost is cost
    was_paid = provider.read_state().n_paid == 1
    assert trouble.cost is not Charge.NOTHING or not was_paid  # never less than the provider's bill


@pytest.mark.parametrize(
    ("kind", "finish"),
    [
        (FaultKind.EMPTY_TEXT, Finish.STOP),
        (FaultKind.FILTERED, Finish.FILTERED),
        (FaultKind.FILTERED_PROMPT, Finish.FILTERED),
    ],
)
def test_nothing_said_is_an_answer_where_the_provider_says_why(
    provider: RunningProvider, kind: FaultKind, finish: Finish
) -> None:
    provider.configure(script=[Fault(kind=kind)])

    answer = ask(provider)

    assert isinstance(answer, Answer)
    assert (answer.text, answer.finish) == ("", finish)


def test_what_an_llm_thought_is_paid_where_only_the_total_tells_it(
    provider: RunningProvider,
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45}
    choice = {"message": {"content": "A"}, "finish_reason": "stop"}
    asked = Provider(make_api_spec(provider), None, timeout_s=1.0)

    answer = asked.judge_line(200, {"choices": [choice], "usage": usage})

    assert isinstance(answer, Answer)
    assert answer.usage == Usage(prompt_tokens=10, completion_tokens=35)


def test_a_call_that_cannot_connect_costs_nothing() -> None:
    nobody = RunningProvider("http://127.0.0.1:9", "sk-nobody-0123456789")

    trouble = ask(nobody)

    assert isinstance(trouble, Trouble)
    assert (trouble.cause, trouble.cost) == ("connection", Charge.NOTHING)


def test_an_llm_that_the_provider_does_not_know_pauses_it(provider: RunningProvider) -> None:
    provider.configure(llms=["another"])

    trouble = ask(provider)

    assert isinstance(trouble, Trouble)
    assert trouble.remedy == Remedy.END
    assert "does not know 'gpt-4-0125-preview'" in trouble.message


def test_a_call_larger_than_the_quota_fails_at_once(provider: RunningProvider) -> None:
    provider.configure(limits=Limits(tokens_per_minute=50))

    trouble = ask(provider)

    assert isinstance(trouble, Trouble)
    assert trouble.remedy == Remedy.FAIL


def test_an_answer_at_the_limit_is_cut_off(provider: RunningProvider) -> None:
    provider.configure(answers={"verbose_share": 1.0, "refusal_share": 1.0})

    answer = ask(provider, max_tokens=2)

    assert isinstance(answer, Answer)
    assert answer.finish == Finish.LENGTH


def test_the_refused_key_stands_in_no_message(provider: RunningProvider) -> None:
    key = "sk-proj-Zq81LmPw77RkTt52"

    trouble = ask(provider, key)

    assert isinstance(trouble, Trouble)
    assert trouble.remedy == Remedy.END
    assert "[key]" in trouble.message
    assert not any(key[at : at + 5] in trouble.message for at in range(len(key) - 4))


@pytest.mark.parametrize(
    "text",
    [
        "key sk-abcdefghij-123456 is bad",
        "key=sk-abcdef*****3456.",
        "it ends in 3456",
        'header "Bearer abcdefghij-123456"',
    ],
)
def test_parts_of_a_key_are_hidden(text: str) -> None:
    scrub = Scrubber(SecretStr("sk-abcdefghij-123456"))

    assert "3456" not in scrub(text)
    assert "abcdef" not in scrub(text)


def test_a_text_without_the_key_stays_as_it_is() -> None:
    text = "The server had an error, sorry about that!"

    assert Scrubber(SecretStr("sk-abcdefghij-123456"))(text) == text
    assert Scrubber(None)(text) == text


def test_retry_after_is_read_in_all_its_forms() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert read_retry_after({"Retry-After": "7"}) == 7
    assert read_retry_after({"retry-after": "8", "retry-after-ms": "1500"}) == 1.5
    assert read_retry_after({"retry-after": in_a_minute}) == pytest.approx(60, abs=2)
    assert read_retry_after({"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT"}) == 0
    assert read_retry_after({"retry-after": "soon"}) is None
    assert read_retry_after({"retry-after": "nan"}) is None
    assert read_retry_after({}) is None


def entry(**request: Any) -> LlmSpec:
    return SPEC.model_copy(update={"request": tuple(request.items())})


def test_what_an_experiment_changes_wins_then_the_entry_then_the_default() -> None:
    named = entry(max_completion_tokens=2000, temperature=0.2, reasoning_effort="low")

    usual = named.make_request(Decoding())
    changed = named.make_request(Decoding(max_new_tokens=30, temperature=0.7))
    bare = entry().make_request(Decoding())

    assert usual == {
        "max_completion_tokens": 2000,
        "temperature": 0.2,
        "reasoning_effort": "low",
    }
    assert (changed["max_completion_tokens"], changed["temperature"]) == (30, 0.7)
    assert "max_tokens" not in changed
    assert bare == {"max_tokens": 100, "temperature": 0.0}


def test_parameters_of_other_servers_are_sent_as_they_stand_and_identify_the_llm() -> None:
    quiet = entry(chat_template_kwargs={"enable_thinking": False}, top_k=1)
    loud = entry(chat_template_kwargs={"enable_thinking": True}, top_k=1)

    request = quiet.make_request(Decoding())

    assert request["chat_template_kwargs"] == {"enable_thinking": False}
    assert request["top_k"] == 1
    assert dump_identity(quiet) != dump_identity(loud)


def test_the_paper_s_llms_are_asked_as_the_paper_did() -> None:
    assert SPEC.make_request(Decoding()) == {
        "temperature": 0,
        "top_p": 1,
        "seed": 42,
        "max_tokens": 100,
    }


def test_a_parameter_that_an_llm_does_not_take_is_left_out_and_refused_where_it_is_asked_for() -> (
    None
):
    picky = entry(seed=False, top_p=False)

    assert picky.make_request(Decoding(temperature=1.0)) == {"max_tokens": 100, "temperature": 1.0}
    with pytest.raises(ConfigError, match="takes no top_p"):
        picky.make_request(Decoding(top_p=0.9))


def test_each_sampled_repeat_has_a_seed_of_its_own() -> None:
    sampled = [Decoding(temperature=1.0, seed=seed) for seed in (42, 43)]

    seeds = {entry().make_request(d, repeat=n)["seed"] for d in sampled for n in range(3)}

    assert len(seeds) == 6
    assert entry().make_request(sampled[0])["seed"] == 42


def test_a_key_goes_to_its_own_provider_alone() -> None:
    own_server = SPEC.model_copy(update={"base_url": "http://gpu.example:8000/v1"})

    assert SPEC.key_variable == "OPENAI_API_KEY"
    assert own_server.key_variable is None
    assert own_server.model_copy(update={"api_key_env": "MY_KEY"}).key_variable == "MY_KEY"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("base_url = 'localhost:8000/v1'", "base_url begins with http:// or https:// and a host"),
        ("base_url = 'http://me:pa55word@gpu.example/v1'", "base_url holds no user or password"),
        ("base_url = 'http://gpu.example/v1?key=pa55word'", "base_url ends with its path"),
        ("api_key_env = 'sk-pa55word'", "api_key_env is the name of a variable"),
        ("request = { n = 3 }", "request: n cannot stand there"),
        ("request = { stream = true }", "request: stream cannot stand there"),
        ("request = { max_tokens = 0 }", "request: max_tokens is a whole number above 0"),
        ("request = { max_tokens = 'many' }", "request: max_tokens is a whole number above 0"),
        ("request = { max_tokens = false }", "the limit of new tokens cannot be left out"),
    ],
)
def test_an_entry_that_could_not_be_asked_or_paid_is_refused_in_one_line(
    tmp_path: Path, entry: str, problem: str
) -> None:
    own = tmp_path / "llms.toml"
    given = {"kind": "api", "engine": "openai", "model": "m", "placement": "system"}
    lines = [f"{key} = '{value}'" for key, value in {**given, "family": "f"}.items()]
    own.write_text("\n".join(["[mine]", *lines, entry]))

    with pytest.raises(ConfigError, match=re.escape(problem)) as refused:
        load_registry(own)

    assert "pa55word" not in str(refused.value)


def test_every_entry_that_the_documentation_shows_is_one(tmp_path: Path) -> None:
    shown = (ROOT / "docs" / "api-llms.md").read_text(encoding="utf-8")
    (tmp_path / "llms.toml").write_text("".join(re.findall(r"```toml\n(.*?)```", shown, re.DOTALL)))

    entries = load_registry(tmp_path / "llms.toml").keys() - load_registry().keys()

    assert len(entries) == 5
    assert all(f"--llm {name}" in shown for name in entries - {"my-azure-gpt"})
