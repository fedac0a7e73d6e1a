"""Answer one chunk: render its prompts, ask the engine, make rows. No database, no Celery."""

from collections.abc import Iterator, Sequence

from models.decoding import Decoding
from models.prompts import PromptError, Template, compose_chat, render_chat
from models.tables import Finish
from workers.engine.protocol import Completion, Prompt, Rejection, Sampling
from workers.lease import Claim, OpenItem
from workers.loading import LoadedLlm
from workers.saving import FailureRow, GenerationRow

FINISH = {"stop": Finish.STOP, "length": Finish.LENGTH}


Row = GenerationRow | FailureRow


def answer_cells(claim: Claim, items: Sequence[OpenItem], llm: LoadedLlm) -> Iterator[Row]:
    """Ask the LLM for the open items of a chunk; a row for each, as the engine finishes them."""
    cell = (claim.llm, claim.ask, claim.persona, claim.repeat)

    def fail(item: int, reason: str) -> FailureRow:
        return FailureRow(*cell, item, claim.chunk, claim.attempts + 1, reason)

    template = Template(name=claim.template_name, **claim.template)  # type: ignore[arg-type]
    prompts = []
    for item in items:
        chat = compose_chat(
            template,
            persona=claim.persona_text,
            article=claim.article,
            kind=item.kind,
            fields=item.fields,
            placement=llm.spec.placement,
        )
        try:
            prompts.append(Prompt(item.id, render_chat(llm.tokenizer, chat)))
        except PromptError as error:
            yield fail(item.id, str(error))
    for answer in llm.engine.generate(prompts, sampling=_choose_sampling(claim)):
        match answer:
            case Rejection():
                yield fail(answer.key, answer.reason)
            case Completion():
                finish = FINISH[answer.finish]
                counts = (answer.prompt_tokens, answer.new_tokens)
                yield GenerationRow(*cell, answer.key, claim.chunk, *counts, finish, answer.text)


def _choose_sampling(claim: Claim) -> Sampling:
    decoding = Decoding(**claim.decoding)
    return Sampling(
        max_new_tokens=decoding.max_new_tokens,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        seed=decoding.seed,
        repeat=claim.repeat,
    )
