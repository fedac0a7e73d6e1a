"""What of the paper's claims about accuracies its own published scores bear out.

python -m analysis.reproduction --scores all_scores.csv > docs/reproduction.md
python -m analysis.reproduction --scores all_scores.csv --json

The file is all_scores.csv of the authors' repository, peluz/persona-behavior. It goes through the
same statistics as an experiment of one's own; no LLM and no database is needed.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from analysis.claims import TITLES, Judged, Taus, Verdict, judge_claim, name_category
from analysis.paper_claims import UNCHECKED, list_claims
from analysis.paper_names import LLMS, NO_PERSONA
from analysis.plain import to_plain
from analysis.report.wording import write_fixed
from analysis.score_table import METRICS, ScoreTable, read_score_table
from analysis.statistics import Undefined
from analysis.statistics.consistency import Consistency, measure_consistency
from analysis.statistics.contrasts import adjust_p
from analysis.statistics.spread import score_gap
from models.console import EXIT_COMPLETE, run
from models.llms import load_registry
from models.personas import load_persona_set

SEED = 2_407_020_99
DATASETS = METRICS[:3]  # consistency is a matter of each data set, not of their average

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Every claim with its verdict, and the statistics behind them."""

    table: ScoreTable
    sha256: str  # of the file
    judged: tuple[Judged, ...]
    taus: Taus


def reproduce(path: Path, *, n_permutations: int = 9_999) -> Reproduction:
    """Judge every claim by a file of scores.

    Raises:
        DataError: the file is not in the layout of all_scores.csv.
    """
    known = {setting.persona for setting in load_persona_set("universal")} | {NO_PERSONA}
    table = read_score_table(path).select(LLMS, known)
    taus = measure_taus(table, n_permutations=n_permutations)
    judged = tuple(judge_claim(claim, table, taus) for claim in list_claims())
    return Reproduction(table, hashlib.sha256(path.read_bytes()).hexdigest(), judged, taus)


def measure_taus(table: ScoreTable, *, n_permutations: int) -> Taus:
    """Kendall's tau over pairs of LLMs, for each data set and category of personas."""
    registry = load_registry()
    families = np.array([registry[llm].family for llm in table.llms])
    return {
        (metric, category): measure_consistency(
            table.scores[metric][:, table.list_members(category)],
            families,
            rng=np.random.default_rng(SEED),
            n_permutations=n_permutations,
        )
        for metric in DATASETS
        for category in sorted({table.categories[at] for at in table.assigned})
    }


def describe_reproduction(found: Reproduction) -> dict[str, Any]:
    """Everything as JSON can hold it."""
    described: dict[str, Any] = to_plain(
        {
            "sha256": found.sha256,
            "llms": found.table.llms,
            "settings": len(found.table.personas),
            "claims": [judged._asdict() for judged in found.judged],
            "consistency": [
                {"dataset": metric, "category": category, "found": tau}
                for (metric, category), tau in found.taus.items()
            ],
            "not_checkable": [claim._asdict() for claim in UNCHECKED],
        }
    )
    return described


def write_markdown(found: Reproduction) -> str:
    """docs/reproduction.md."""
    counts = Counter(judged.verdict for judged in found.judged)
    n_open = counts[Verdict.NOT_CHECKABLE] + len(UNCHECKED)
    parts = [
        "# What the published scores bear out",
        "Claims of arXiv 2407.02099 against the scores per persona that its authors published, "
        "put through this project’s own statistics. Made by",
        "    python -m analysis.reproduction --scores all_scores.csv > docs/reproduction.md",
        "with all_scores.csv of the authors’ repository, peluz/persona-behavior (SHA-256 "
        f"`{found.sha256}`): {len(found.table.llms)} LLMs, {len(found.table.personas)} settings, "
        "no controls, digits cut after the fifth.",
        f"**{counts[Verdict.REPRODUCED]} claims reproduced, {counts[Verdict.NOT_REPRODUCED]} not "
        f"reproduced, {n_open} not checkable** from scores per persona.",
        "## Claim by claim",
        _write_table(
            ("Section", "Claim", "Verdict", "Found"),
            [
                (each.section, each.statement, _write_verdict(each.verdict), each.words)
                for each in found.judged
            ],
        ),
        "## Not checkable without the full generations",
        "These need what each LLM answered: the authors’ generations, which "
        "`persona-data import-published` reads, or an experiment of one’s own.",
        _write_table(("Section", "Claim", "Needs"), [tuple(claim) for claim in UNCHECKED]),
        "## Gaps between best and worst persona",
        "Percentage points. Both ends are chosen after the fact, so a gap overstates the true "
        "difference.",
        _write_table(("LLM", *(TITLES[metric] for metric in METRICS)), _list_gaps(found.table)),
        "## Do LLMs agree on the ranking within a category?",
        "Mean of Kendall’s tau-b over the pairs of LLMs; in parentheses the 95% point of the mean "
        "if personas were shuffled within each LLM, which a category with few personas reaches "
        "easily. Bold: above .5, the paper’s flag. A star: the permutation test rejects at .05, "
        "Benjamini and Hochberg over all cells of the table. In brackets: the range over leaving "
        "one LLM out.",
        _write_table(
            ("Category", "Personas", *(TITLES[metric] for metric in DATASETS)),
            _list_taus(found.taus),
        ),
    ]
    return "\n\n".join(parts) + "\n"


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


@app.command(epilog="Example: python -m analysis.reproduction --scores all_scores.csv")
def reproduction(
    scores: Annotated[Path, typer.Option(help="The authors' all_scores.csv, downloaded by you.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> int:
    """Check the paper's claims about accuracies and print them as Markdown."""
    found = reproduce(scores)
    if as_json:
        text = json.dumps(describe_reproduction(found), indent=1, ensure_ascii=False) + "\n"
    else:
        text = write_markdown(found)
    typer.echo(text, nl=False)
    return EXIT_COMPLETE


def main() -> None:
    """Entry point of ``python -m analysis.reproduction``."""
    run(app)


if __name__ == "__main__":
    main()
