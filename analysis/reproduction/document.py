"""docs/reproduction.md: every claim in a row, and the tables of numbers behind them."""

import numpy as np

from analysis.associations import Side
from analysis.report.wording import write_fixed
from analysis.reproduction.items import BbqItemsFound
from analysis.reproduction.judging import Taus, Verdict
from analysis.reproduction.people_checks import write_cell
from analysis.reproduction.rank_claims import N_CONTROLS
from analysis.reproduction.reproduce import DATASETS, Reproduction, count_verdicts
from analysis.reproduction.rules import write_rules
from analysis.reproduction.score_checks import TITLES, name_category
from analysis.reproduction.tweets import HumanSide
from analysis.score_table import METRICS, ScoreTable
from analysis.statistics import Undefined
from analysis.statistics.consistency import Consistency
from analysis.statistics.contrasts import adjust_p
from analysis.statistics.spread import score_gap
from models.tweets import ATTITUDES

ARGUMENTS = {  # as a reader would call the files
    "--scores": "all_scores.csv",
    "--tweets": "largeScale.csv",
    "--bbq": "bbq",
    "--mmlu": "mmlu/test.jsonl",
}


def write_markdown(found: Reproduction) -> str:
    """docs/reproduction.md."""
    evidence = found.evidence
    counts = count_verdicts(found.judged)
    given = dict.fromkeys(each.option for each in found.inputs)
    parts = [
        "# The paper’s claims, one by one",
        "What arXiv 2407.02099 states, in our words, against what is public without any answer of "
        "an LLM: the scores per persona that its authors published, and the files of the data sets "
        "that they used, put through this project’s own statistics. Made by",
        f"    python -m analysis.reproduction {' '.join(f'{o} {ARGUMENTS[o]}' for o in given)} "
        "> docs/reproduction.md",
        f"**{len(found.judged)} claims: {counts[Verdict.REPRODUCED]} reproduced, "
        f"{counts[Verdict.NOT_REPRODUCED]} not reproduced, {counts[Verdict.NOT_CHECKABLE]} not "
        "checkable** without the full generations, files that are not given here, or more people.",
        _write_table(
            ("Part", "Claims", *Verdict),
            [
                (part, str(len(every)), *map(str, count_verdicts(every).values()))
                for part, every in found.parts.items()
            ],
        ),
        "**Reproduced** and **not reproduced** are decided by public numbers. What is **not "
        "checkable** takes what each LLM answered: the authors’ generations, which `persona-data "
        "import-published` reads, or an experiment of one’s own. Three kinds of evidence can "
        "contradict a claim and not confirm it, so that where they agree it stays not checkable "
        "and the row says what agrees: the paper’s own printed tables; ranks among the settings of "
        "the table of scores, which lacks the "
        f"{N_CONTROLS} controls; and part of a data set, of a claim about each category.",
        "## How verdicts are decided",
        write_rules(),
        "## Files",
        f"The scores are of {len(evidence.table.llms)} LLMs and {len(evidence.table.personas)} "
        "settings, without controls, their digits cut after the fifth. A hash is that of the copy "
        "that was read; one with the same rows in another layout has another.",
        _write_table(
            ("Option", "File", "SHA-256"),
            [(f"`{each.option}`", each.name, f"`{each.sha256}`") for each in found.inputs],
        ),
        "## Claim by claim",
        *(
            text
            for part, every in found.parts.items()
            for text in (
                f"### {part}",
                _write_table(
                    ("Section", "Claim", "Verdict", "Found"),
                    [
                        (each.section, each.statement, _write_verdict(each.verdict), each.words)
                        for each in every
                    ],
                ),
            )
        ),
        *_write_scores(evidence.table, evidence.taus),
        *([] if evidence.people is None else _write_people(evidence.people)),
        *([] if evidence.bbq is None else _write_truth(evidence.bbq)),
    ]
    return "\n\n".join(parts) + "\n"


def _write_scores(table: ScoreTable, taus: Taus) -> list[str]:
    return [
        "## Gaps between best and worst persona",
        "Percentage points. Both ends are chosen after the fact, so a gap overstates the true "
        "difference.",
        _write_table(("LLM", *(TITLES[metric] for metric in METRICS)), _list_gaps(table)),
        "## Do LLMs agree on the ranking within a category?",
        "Mean of Kendall’s tau-b over the pairs of LLMs; in parentheses the 95% point of the mean "
        "if personas were shuffled within each LLM, which a category with few personas reaches "
        "easily. Bold: above .5, the paper’s flag. A star: the permutation test rejects at .05, "
        "Benjamini and Hochberg over all cells of the table. In brackets: the range over leaving "
        "one LLM out.",
        _write_table(
            ("Category", "Personas", *(TITLES[metric] for metric in DATASETS)), _list_taus(taus)
        ),
    ]


def _write_people(people: HumanSide) -> list[str]:
    """Figure 6's human side: 21 correlations of attitudes, 42 of attitudes with ratings."""
    cells = people.correlations
    pairs = [(first, second) for first, second in cells if second in ATTITUDES]
    ratings = list(dict.fromkeys(second for _, second in cells if second not in ATTITUDES))
    names = list(ATTITUDES)
    return [
        "## How people’s attitudes and ratings go together",
        f"Pearson correlations over the {people.n_people} people who rated the "
        f"{people.n_tweets} tweets: the human side of the paper’s Figures 6, 11 and 12. In "
        "brackets the 95% interval over resampled people. Attitudes are those of a person’s first "
        "row.",
        f"The {len(pairs)} pairs of attitudes; two random halves of the people have a cosine of "
        f"{_write_ceiling(people, Side.ATTITUDES)}.",
        _write_table(
            ("", *names[1:]),
            [
                (
                    first,
                    *(
                        write_cell(cells[first, second]) if (first, second) in cells else ""
                        for second in names[1:]
                    ),
                )
                for first in names[:-1]
            ],
        ),
        f"The {len(cells) - len(pairs)} of an attitude with a person’s mean rating of the tweets "
        "of one kind that this person saw; two random halves have a cosine of "
        f"{_write_ceiling(people, Side.RATINGS)}.",
        _write_table(
            ("", *ratings),
            [(name, *(write_cell(cells[name, rating]) for rating in ratings)) for name in names]
            + [("people", *(str(cells[names[0], rating].n) for rating in ratings))],
        ),
    ]


def _write_ceiling(people: HumanSide, side: Side) -> str:
    ceiling = people.ceilings[side]
    if isinstance(ceiling, Undefined):
        return f"no defined value ({ceiling.reason})"
    low, high = (write_fixed(end, digits=2) for end in (ceiling.low, ceiling.high))
    return f"{write_fixed(ceiling.mean, digits=2)} on average (95% of splits: {low} to {high})"


def _write_truth(bbq: BbqItemsFound) -> list[str]:
    return [
        "## The bias of BBQ’s right answers",
        f"By the paper’s equations 1 and 2, on the rows with a target; {bbq.extent}. A persona’s "
        "score is to be read beside these, not beside 0.",
        _write_table(
            ("Category", "Disambiguated", "Ambiguous", "Score"),
            [
                (name.replace("_", " "), *(write_fixed(value, digits=4) for value in each))
                for name, each in bbq.truth.items()
            ]
            + [
                (
                    "Mean",
                    *(write_fixed(v, digits=4) for v in np.mean([*bbq.truth.values()], axis=0)),
                )
            ],
        ),
    ]


def _write_verdict(verdict: Verdict) -> str:
    return f"**{verdict}**" if verdict is Verdict.NOT_REPRODUCED else str(verdict)


def _write_table(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _list_gaps(table: ScoreTable) -> list[tuple[str, ...]]:
    rows = []
    for row, llm in enumerate(table.llms):
        gaps = [score_gap(table.scores[metric][row, table.assigned]) for metric in METRICS]
        rows.append(
            (
                llm,
                *(
                    "not defined"
                    if isinstance(gap, Undefined)
                    else write_fixed(100 * gap.value, digits=2)
                    for gap in gaps
                ),
            )
        )
    return rows


def _list_taus(taus: Taus) -> list[tuple[str, ...]]:
    p = np.array([each.p if isinstance(each, Consistency) else np.nan for each in taus.values()])
    adjusted = dict(zip(taus, adjust_p(p, method="fdr_bh"), strict=True))
    rows = []
    for category in dict.fromkeys(category for _, category in taus):
        cells = [taus[metric, category] for metric in DATASETS]
        sizes = [cell.n_personas for cell in cells if isinstance(cell, Consistency)]
        rows.append(
            (
                name_category(category),
                str(max(sizes, default=0)),
                *(
                    _write_tau(cell, is_above_chance=adjusted[metric, category] <= 0.05)
                    for metric, cell in zip(DATASETS, cells, strict=True)
                ),
            )
        )
    return rows


def _write_tau(tau: Consistency | Undefined, *, is_above_chance: bool) -> str:
    if isinstance(tau, Undefined):
        return f"not defined: {tau.reason}"
    value = write_fixed(tau.tau.value, digits=2)
    shown = f"**{value}**" if tau.is_consistent else value
    star = "\\*" if is_above_chance else ""
    text = f"{shown}{star} ({write_fixed(tau.chance, digits=2)})"
    ends = tau.without_one_llm
    if ends is None:
        return text
    return f"{text} [{write_fixed(ends.low, digits=2)}, {write_fixed(ends.high, digits=2)}]"
