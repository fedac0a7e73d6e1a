"""One chunk of an API LLM: its cells asked at once, each saved as it comes in.

The cells are asked by up to ``concurrency`` coroutines in the worker's one child. A stop (Ctrl-C,
SIGTERM, or the chunk's time is over) sends nothing new, waits for the calls under way, saves them
and hands the chunk back without counting an attempt. Where somebody has to act first (money, quota
that is used up, a key) the chunk is laid aside with one line, as are the others that would meet
the same; they keep what they have.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine

from models.accounts import Account, describe_spent_cap, find_payer
from models.decoding import Decoding
from models.pausing import pause_account, pause_chunk, pause_llm
from models.prompts import Message, Template, check_persona_stands, compose_chat
from models.settings import Settings
from models.spending import may_fit_later, write_off_dead
from models.tables import ApiMode
from workers.api_llm import ApiLlm
from workers.asking import Asker, Cell, PausedError
from workers.books import Books
from workers.halting import Halt, HaltedError
from workers.lease import Claim, OpenItem, list_open_items
from workers.pinning import describe_switch, find_llm_ids, pin_provider_llm
from workers.provider import Answer
from workers.saving import FailureRow, GenerationRow
from workers.settling import note_cells, postpone_chunk, settle_chunk

logger = logging.getLogger(__name__)
LOOK_S = 0.2  # between two looks whether to stop
# Of Celery's soft shutdown (10 s) for the calls under way; the rest is for saving.
GRACE_S = 7.0
# Of the chunk's time limit, at whose end Celery would end the child.
LIMIT_SHARE = 0.9
STOPPED = "its worker was stopped"
TO_BATCH = "it goes into a batch"


@dataclass(frozen=True, slots=True)
class Desk:
    """What a chunk is answered with."""

    engine: Engine
    settings: Settings
    llm: ApiLlm
    is_stopping: Callable[[], bool]
    note_progress: Callable[[], None]


def answer_chunk_live(desk: Desk, claim: Claim) -> PausedError | None:
    """Answer a chunk and settle it, hand it back, or lay it aside: then why."""
    account = _find_account(desk.engine, claim)
    try:
        if account is None:
            raise PausedError(
                f"LLM {desk.llm.spec.name!r} is paused, no experiment with a price pays for its "
                "answers; run persona-schedule again (with --max-usd, where it costs something)"
            )
        if account.api_mode == ApiMode.BATCH:  # its message was sent before that was asked for
            with desk.engine.begin() as connection:
                postpone_chunk(connection, claim, error=TO_BATCH, wait_s=0, is_its_fault=False)
            return None
        fingerprints = desk.llm.runner.run(_answer(desk, claim, account))
    except HaltedError:
        with desk.engine.begin() as connection:
            postpone_chunk(connection, claim, error=STOPPED, wait_s=0, is_its_fault=False)
            write_off_dead(connection)
        return None
    except PausedError as reason:
        _lay_aside(desk, claim, account, reason)
        return reason
    desk.llm.said = None
    with desk.engine.begin() as connection:
        settle_chunk(connection, claim, engine_description=_describe(desk.llm, fingerprints))
    return None


async def _answer(desk: Desk, claim: Claim, account: Account) -> set[str]:
    """Ask for all open cells; the fingerprints of who answered.

    Raises:
        HaltedError, PausedError: cells are left open; what was answered is saved.
    """
    llm, halt = desk.llm, Halt()
    await llm.estimator.load()
    items = await asyncio.to_thread(list_open_items, desk.engine, claim)
    decoding = Decoding(**claim.decoding)
    async with Books(desk.engine, claim, account.id) as books:
        asker = Asker(
            provider=llm.provider,
            ledger=llm.ledger,
            estimator=llm.estimator,
            books=books,
            account=account,
            request=llm.spec.make_request(decoding, repeat=claim.repeat),
            answer_limit=llm.spec.find_answer_limit(decoding),
            settings=desk.settings,
            halt=halt,
            health=llm.health,
            check_llm=_make_llm_check(desk, claim),
            check_money=_make_money_check(desk, account),
        )
        cells = compose_cells(claim, items, llm)
        crew = [
            asyncio.create_task(_work(asker, cells, desk.note_progress))
            for _ in range(min(llm.concurrency, len(items)))
        ]
        watch = asyncio.create_task(_watch(desk, halt))
        try:
            await _wait_for(crew, watch)
        finally:
            watch.cancel()
    _raise_worst(crew)
    return asker.fingerprints


async def _work(asker: Asker, cells: Iterator[Cell], note_progress: Callable[[], None]) -> None:
    """Answer cell after cell; whatever goes wrong stops the others too."""
    try:
        for cell in cells:
            asker.halt.check()
            await asker.answer(cell)
            note_progress()
    except BaseException:
        asker.halt.call()
        raise


async def _watch(desk: Desk, halt: Halt) -> None:
    """Call a halt and end when the worker is to stop, or the chunk's time is nearly over."""
    over_s = time.monotonic() + LIMIT_SHARE * desk.settings.chunk_limit_s
    while not (desk.is_stopping() or time.monotonic() > over_s):
        await asyncio.sleep(LOOK_S)
    halt.call()


async def _wait_for(crew: Sequence[asyncio.Task[None]], watch: asyncio.Task[None]) -> None:
    """Until all have ended; once the watch has called a halt they have ``GRACE_S`` left.

    Where one of them has (the LLM is paused), nothing presses: the calls under way are paid, and
    end by themselves.
    """
    if not crew:
        return
    everybody = asyncio.create_task(_wait_for_all(crew))
    await asyncio.wait({everybody, watch}, return_when=asyncio.FIRST_COMPLETED)
    _, late = await asyncio.wait(crew, timeout=GRACE_S)
    for task in late:
        task.cancel()  # what it may have cost is written off with the claim
    await everybody


async def _wait_for_all(crew: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(crew)


def _raise_worst(crew: Sequence[asyncio.Task[None]]) -> None:
    """Raise what a person must hear of, before what was only the consequence of it."""
    errors = [HaltedError() if task.cancelled() else task.exception() for task in crew]
    if errors := [error for error in errors if error is not None]:
        raise min(errors, key=_rank)


def _rank(error: BaseException) -> int:
    match error:
        case HaltedError():
            return 3
        case PausedError():
            return 1 - error.is_end
    return 2


def compose_cells(claim: Claim, items: Sequence[OpenItem], llm: ApiLlm) -> Iterator[Cell]:
    """The cells of a chunk, one by one, each with its messages."""
    template = Template(name=claim.template_name, **claim.template)  # type: ignore[arg-type]
    for item in items:
        chat = compose_chat(
            template,
            persona=claim.persona_text,
            article=claim.article,
            kind=item.kind,
            fields=item.fields,
            placement=llm.spec.placement,
        )
        sent = "\n\n".join(turn["content"] for turn in chat.messages)
        check_persona_stands(sent, statement=chat.statement, prompt=chat.prompt)
        yield _make_cell(claim, item.id, chat.messages)


def _make_cell(claim: Claim, item: int, messages: list[Message]) -> Cell:
    place = (claim.llm, claim.ask, claim.persona, claim.repeat, item, claim.chunk)

    def make_answer(answer: Answer) -> GenerationRow:
        usage = answer.usage
        asked, said = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
        return GenerationRow(*place, asked, said, answer.finish, answer.text)

    def make_failure(reason: str, attempts: int) -> FailureRow:
        return FailureRow(*place, attempts, reason)

    return Cell(item, messages, make_answer, make_failure)


def _make_llm_check(desk: Desk, claim: Claim) -> Callable[[str], Awaitable[None]]:
    async def check(reported: str) -> None:
        """The first answer's LLM is recorded, and every other one compared with it."""
        known = desk.llm.revisions.get(claim.llm)
        if known is None:
            known = await asyncio.to_thread(
                pin_provider_llm, desk.engine, claim.llm, reported=reported
            )
            desk.llm.revisions[claim.llm] = known
        if known != reported:
            line = describe_switch(desk.llm.spec.name, reported=reported, known=known)
            raise PausedError(line, is_end=True)

    return check


def _make_money_check(desk: Desk, account: Account) -> Callable[[Decimal], Awaitable[None]]:
    def look(usd: Decimal) -> None:
        with desk.engine.connect() as connection:
            if may_fit_later(connection, account.id, usd=usd):
                return
            line = describe_spent_cap(connection, account.id, llm=desk.llm.spec.name)
        raise PausedError(line, by_account=True)

    async def check(usd: Decimal) -> None:
        await asyncio.to_thread(look, usd)

    return check


def _find_account(engine: Engine, claim: Claim) -> Account | None:
    with engine.connect() as connection:
        return find_payer(connection, claim.slice)


def _lay_aside(desk: Desk, claim: Claim, account: Account | None, reason: PausedError) -> None:
    """Pause the chunk and all that would meet the same; the line is said once."""
    line = str(reason)
    llm_ids = find_llm_ids(desk.engine, desk.llm.spec)
    with desk.engine.begin() as connection:
        note_cells(connection, claim)
        pause_chunk(connection, chunk=claim.chunk, worker=claim.worker, reason=line)
        if reason.by_account and account is not None:
            others = pause_account(connection, account.id, reason=line)
        else:
            others = pause_llm(connection, llm_ids, reason=line) if account else 0
        write_off_dead(connection)
    kind = line.partition("(")[0]
    if desk.llm.said != kind:
        logger.error("%s (%d more chunks are paused with it)", line, others)
        desk.llm.said = kind


def _describe(llm: ApiLlm, fingerprints: set[str]) -> str:
    shown = ", ".join(sorted(fingerprints))
    return llm.provider.description + (f", fingerprint {shown}" if shown else "")
