"""One LLM of the whole paper, invented: items with the right tags, and texts that answer them.

193 settings x 75,440 items in five data sets. Texts are picked per item, so a share ``distinct`` of
them is different: 10 wordings for 193 personas at 5%. The first wordings of an item are right, and
a persona that is better reaches them more often, so there is an effect to be found.
"""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from analysis.groups import FIELDS, OWN_GROUPS
from models.db import raw
from models.items import Item, Kind
from models.llms import load_registry
from models.prompts import load_template
from models.subsample import BLOCK_ROWS
from models.tables import Finish
from models.tweets import ATTITUDES, FLAGS
from scheduler.choices import ChosenSet
from scheduler.datasets.attitudes import N_PARAPHRASES
from scheduler.datasets.bbq import CATEGORIES
from scheduler.datasets.tweets import QUESTIONS
from scheduler.experiments import load_experiment
from scheduler.grid import ChosenData, Grid, GridSlice
from scheduler.store import store_grid
from workers.saving import name_partition

LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
N_PHRASES = 4_096
QUESTIONS_PER_CATEGORY = 30  # templates of a BBQ category: its clusters


class InventedLlm(NamedTuple):
    """An experiment in Postgres with every cell answered."""

    experiment: str
    generations: int
    distinct: float  # share of the texts that are different


def make_truthfulqa(source: random.Random) -> list[Item]:
    """817 questions of two to eight options."""
    return [
        _choose("truthfulqa", n, source.randint(2, 8), {}, source, cut=None) for n in range(817)
    ]


def make_mmlu(source: random.Random) -> list[Item]:
    """14,042 questions in 57 subjects; those of three subjects stand under passages by threes."""
    subjects = sorted({subject for field in FIELDS.values() for subject in field})
    items = []
    for n in range(14_042):
        subject = subjects[n * len(subjects) // 14_042]
        is_read = subject.endswith("_history")
        tags = {"cluster": f"{subject}/{n - n % 3 if is_read else n}", "stratum": subject}
        items.append(_choose("mmlu", n, 4, {**tags, "subject": subject}, source, cut=None))
    return items


def make_bbq(source: random.Random) -> list[Item]:
    """58,492 questions in 11 categories; four neighbours share their people."""
    labels = sorted({label for own in OWN_GROUPS for label in own.labels})
    items: list[Item] = []
    for category, (n_rows, _) in CATEGORIES.items():
        for row in range(n_rows):
            if row % BLOCK_ROWS == 0:
                first, second = source.sample(labels, 2)
            is_ambiguous = row % 2 == 0
            order = [first, second, "unknown"]
            source.shuffle(order)
            answer = order.index("unknown" if is_ambiguous else source.choice((first, second)))
            question = row * QUESTIONS_PER_CATEGORY // n_rows
            tags = {
                "cluster": f"{category}/{question}",
                "stratum": category,
                "category": category,
                "block": f"{category}/{row // BLOCK_ROWS}",
                "example_id": row,
                "question_index": str(question),
                "polarity": "neg" if row % 4 < 2 else "nonneg",
                "context_condition": "ambig" if is_ambiguous else "disambig",
                "stereotyped_groups": [first],
                "names": [f"one of {group}" for group in order],
                "groups": order,
                "target_loc": order.index(first),
            }
            items.append(_choose("bbq", len(items), 3, tags, source, cut=answer))
    return items


def make_attitudes(source: random.Random) -> list[Item]:
    """27 statements under 31 instructions."""
    names = [*ATTITUDES, "another attitude"]
    asked = [(statement, 0) for statement in range(27)]
    asked += [(s, wording) for s in range(27) for wording in range(1, N_PARAPHRASES + 1)]
    items = []
    for index, (statement, wording) in enumerate(asked):
        attitude = names[statement * len(names) // 27]
        tags = {
            "cluster": str(wording),
            "stratum": attitude,
            "attitude": attitude,
            "statement": statement,
            "instruction": wording,
            "instruction_type": 0,
            "reversed": statement % 3 == 0,
        }
        items.append(_rate("attitudes", index, tags))
    return items


def make_tweets(source: random.Random) -> list[Item]:
    """626 posts under two questions, each with the ratings of ten of a hundred people."""
    people = [{name: source.randint(1, 5) for name in ATTITUDES} for _ in range(100)]
    items = []
    for place, question in enumerate(QUESTIONS):
        for number in range(626):
            ratings = [
                {"rating": source.randint(1, 5), "annotator": who, "attitudes": people[who]}
                for who in source.sample(range(len(people)), 10)
            ]
            tags = {
                "cluster": str(number),
                "question": question.name,
                "tweet": number,
                f"human_{question.name}": sum(each["rating"] for each in ratings) / len(ratings),
                "n_annotators": len(ratings),
                "annotations": ratings,
                **{flag: number % 7 == at for at, flag in enumerate(FLAGS)},
            }
            items.append(_rate("tweets", place * 626 + number, tags))
    return items


def _choose(
    dataset: str,
    index: int,
    n: int,
    tags: dict[str, Any],
    source: random.Random,
    *,
    cut: int | None,
) -> Item:
    answer = source.randrange(n) if cut is None else cut
    fields = {"question": f"Invented question {index}?", "options": [f"({k})" for k in range(n)]}
    return Item(dataset, index, Kind.CHOICE, fields, n_options=n, answer=answer, tags=tags)


def _rate(dataset: str, index: int, tags: dict[str, Any]) -> Item:
    fields = {"instruction": "Rate it.", "statement": f"Invented {index}", "scale": ["(1) No"]}
    return Item(dataset, index, Kind.LIKERT, fields, n_options=5, tags=tags)


MAKERS = (make_truthfulqa, make_mmlu, make_bbq, make_attitudes, make_tweets)


def make_grid(name: str, llm: str, items: list[list[Item]], *, every: int) -> Grid:
    """The paper's grid for one LLM, with one of ``every`` settings of a set and the empty one."""
    spec = load_experiment("all").narrow(llms=[llm]).model_copy(update={"name": name})
    sets = tuple(
        ChosenSet(chosen.name, chosen.whole, chosen.picked[::every])
        for chosen in spec.choose_personas()
    )
    n_settings = sum(len(chosen.picked) for chosen in sets)
    template = load_template(spec.templates[0])
    slices = tuple(
        GridSlice(
            load_registry()[llm],
            ChosenData(each[0].dataset, f"invented {len(each)}", tuple(each), len(each)),
            template,
            n_settings,
            1,
        )
        for each in items
    )
    return Grid(spec, sets, slices)


def store_llm(
    engine: Engine, llm: str, items: list[list[Item]], *, distinct: float, every: int
) -> InventedLlm:
    """Plan the grid of ``llm``, answer every cell by COPY and settle all chunks."""
    name = f"paper-{distinct:.0%}".removesuffix("%")
    grid = make_grid(name, llm, items, every=every)
    stored = store_grid(engine, grid)
    source = np.random.default_rng(7)
    hashes, n_rows = [], 0
    with engine.begin() as connection:
        phrases = _make_phrases(source)
        for part, each in zip(stored.slices, items, strict=True):
            for frame in _answer_slice(connection, part.id, each, phrases, distinct, source):
                _copy_frame(connection, name_partition(part.llm_id), frame)
                hashes.append(frame["text"].hash().to_numpy())
                n_rows += len(frame)
        connection.execute(
            text("""
                UPDATE chunk SET state = 'done', n_done = stop - start, finished_at = now(),
                    engine = 'invented' WHERE slice = ANY(:slices)
            """),
            {"slices": [part.id for part in stored.slices]},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))  # as autovacuum would have long since
    n_distinct = len(np.unique(np.concatenate(hashes)))
    return InventedLlm(name, n_rows, n_distinct / n_rows)


def _answer_slice(
    connection: Connection,
    slice_id: int,
    items: list[Item],
    phrases: pl.Series,
    distinct: float,
    source: np.random.Generator,
) -> Iterator[pl.DataFrame]:
    """The generations of one persona after the other, in prompt order as workers save them."""
    row = connection.execute(
        text("SELECT llm, ask, persona_ids, item_ids FROM slice WHERE id = :slice"),
        {"slice": slice_id},
    ).one()
    ids = dict(
        connection.execute(
            text("SELECT index, id FROM item WHERE id = ANY(:items)"), {"items": row.item_ids}
        ).all()
    )
    place = {ids[item.index]: at for at, item in enumerate(items)}
    order = np.array([place[item] for item in row.item_ids])
    n_wordings = max(2, round(distinct * len(row.persona_ids)))
    if distinct > 0.5:
        n_wordings *= 100  # drawn at random, so nearly all are drawn once
    easiness = source.beta(4, 3, len(items))
    for persona in row.persona_ids:
        shift = 0.02 * source.standard_normal()
        wording = (n_wordings * np.clip(source.random(len(items)) + shift, 0, 0.999)).astype(int)
        texts = _word_answers(items, wording, wording < easiness * n_wordings, phrases)
        yield pl.DataFrame(
            {
                "item": np.array(row.item_ids, np.int32),
                "text": texts.gather(order),
                "finish": np.where(source.random(len(items)) < 0.01, Finish.LENGTH, Finish.STOP),
            }
        ).select(
            llm=pl.lit(row.llm),
            ask=pl.lit(row.ask),
            persona=pl.lit(persona),
            repeat=pl.lit(0),
            item="item",
            chunk=pl.lit(1),
            prompt_tokens=pl.lit(160),
            new_tokens=pl.lit(12),
            finish="finish",
            text="text",
        )


def _make_phrases(source: np.random.Generator) -> pl.Series:
    """Made-up phrases of three words, without digits and in lower case."""
    letters = LETTERS[source.integers(26, size=(N_PHRASES, 3, 6))]
    words = ["".join(word).lower() for phrase in letters for word in phrase]
    return pl.Series([" ".join(words[at : at + 3]) for at in range(0, len(words), 3)])


def _word_answers(
    items: list[Item], wording: NDArray[Any], is_right: NDArray[np.bool_], phrases: pl.Series
) -> pl.Series:
    """A text for every item: the same one wherever item and wording are the same."""
    seed = (np.arange(len(items)) * 2_654_435_761 + wording * 40_503_000_017) % (2**61 - 1)
    words = [phrases.gather((seed >> (12 * n)) % N_PHRASES) for n in range(3)]
    n_options = np.array([item.n_options for item in items])
    right = np.array([item.answer or 0 for item in items])
    chosen = np.where(is_right, right, (right + 1 + wording % (n_options - 1)) % n_options)
    is_choice = items[0].kind is Kind.CHOICE
    answer = pl.Series(LETTERS[chosen] if is_choice else (1 + chosen).astype(str))
    frame = pl.DataFrame({"a": answer, "p": words[0], "q": words[1], "r": words[2]})
    a, p, q, r = (pl.col(name) for name in "apqr")
    shape = pl.lit(pl.Series(seed % 64))
    return frame.select(
        pl.when(shape < 24)
        .then(pl.format("{}. {} {} {}", a, p, q, r))
        .when(shape < 36)
        .then(pl.format("{}) {} {} {}.", a, p, q, r))
        .when(shape < 48)
        .then(pl.format("The answer is {}.\n\n{} {}, {}.", a, p, q, r))
        .when(shape < 56)
        .then(pl.format("{} is the correct answer because {} {} {}.", a, p, q, r))
        .when(shape < 58)
        .then(pl.format("I'm sorry, but I cannot answer {}, {}.", p, q))
        .when(shape < 63)
        .then(pl.format("{} {} {}.", p, q, r))
        .otherwise(a)  # few: they are all alike
    ).to_series()


def _copy_frame(connection: Connection, table: str, frame: pl.DataFrame) -> None:
    statement = f"COPY {table} ({', '.join(frame.columns)}) FROM STDIN (FORMAT csv)"
    with raw(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(frame.write_csv(include_header=False))
