"""RQ1 over data sets: overall accuracies (Figure 2); experts follow from `rank_blocks`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.evidence import Evidence
from analysis.overall import DATASETS, OVERALL
from analysis.plain import UNDEFINED
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, DetailTable, Figure, Finding, Writer, make_table
from analysis.report.definitions.joint_fields import OVERALL_FIELDS
from analysis.report.distributions import Row, draw_distributions
from analysis.report.outcome_counts import OUTCOME_COUNTS, write_outcomes
from analysis.report.rank_blocks import ON_PAGE, show_experts
from analysis.report.selection_blocks import describe_gaps, describe_highest
from analysis.report.selection_tables import write_chance, write_rank
from analysis.report.wording import (
    give_reason,
    is_undefined,
    to_points,
    write_difference,
    write_plural,
    write_points,
    write_score,
)
from analysis.statistics.scorings import Scoring

TITLES = {"truthfulqa": "TruthfulQA", "mmlu": "MMLU", "bbq": "BBQ", OVERALL: "overall"}
MOST_NAMED = 3  # personas that share an end of a gap
NO_OVERALL = "a data set gives no score, or no error"


def list_performance_blocks(evidence: Evidence) -> list[Block]:
    """Overall accuracy and experts, a block per template; nothing without such data sets."""
    llms = evidence.joint.get("overall_accuracy", {}).get("llms", [])
    ranked = evidence.joint.get("group_ranks", {}).get("ranked", [])
    templates = dict.fromkeys(each["template"] for each in llms)
    experts = [each for each in ranked if each["dataset"] == "mmlu"]
    return [
        *(_show_overall(t, [each for each in llms if each["template"] == t]) for t in templates),
        *(
            show_experts(t, [each for each in experts if each["template"] == t])
            for t in dict.fromkeys(each["template"] for each in experts)
        ),
    ]


def _show_overall(template: str, llms: Sequence[Mapping[str, Any]]) -> Block:
    slug = make_slug("overall-accuracy", template)
    return Block(
        slug=slug,
        title=f"Accuracy over data sets, template {template} (Figure 2)",
        lead="The mean of the accuracies on TruthfulQA, MMLU and BBQ, each counting alike. Best "
        "and worst persona are chosen after the fact, so a gap overstates the true difference.",
        findings=tuple(finding for each in llms for finding in _list_findings(each)),
        tables=(
            _list_gaps(slug, llms, on_page=True),
            _list_gaps(slug, llms, on_page=False),
            *(_list_whole(slug, [each for each in llms if not each["missing"]])),
        ),
        figures=(_draw_accuracies(slug, llms),),
        numbers={"fields": OVERALL_FIELDS, "llms": list(llms)},
    )


def _list_whole(slug: str, llms: Sequence[Mapping[str, Any]]) -> Iterator[DetailTable]:
    """Tables of the LLMs that were asked all three data sets."""
    if llms:
        yield _list_settings(slug, llms)
        yield _list_selected(slug, llms)


@dataclass(frozen=True, slots=True)
class _Overall:
    """One LLM's accuracies over all data sets, `analysis.report.selection_blocks.Ranked`."""

    settings: Sequence[Mapping[str, str]]
    columns: Mapping[str, Sequence[Any]]
    gap: Any
    reasons: Mapping[str, str]
    name: str = "accuracy"

    def find_reason(self, column: str) -> str:
        """Why a number is not defined."""
        return self.reasons.get(column, NO_OVERALL)


def _list_findings(llm: Mapping[str, Any]) -> Iterator[Finding]:
    yield _describe_gap(llm)
    selected = llm["selected"]
    if is_undefined(selected):
        return
    overall = _Overall(
        list_settings(llm),
        {"score": llm["scores"][Scoring.ASKED], **selected["columns"]},
        _find_gap(llm),
        selected["reasons"],
    )
    for describe in (describe_highest, describe_gaps):
        finding = describe(overall, selected["selection"])
        yield finding._replace(question=f"{llm['llm']}, overall: {finding.question}")


def _find_gap(llm: Mapping[str, Any]) -> Any:
    """The overall gap under the main scoring, or why there is none."""
    return next(
        each["gap"]
        for each in llm["gaps"]
        if each["dataset"] == OVERALL and each["scoring"] == Scoring.ASKED
    )


def _describe_gap(llm: Mapping[str, Any]) -> Finding:
    question = f"{llm['llm']}: how far apart are the best and the worst persona overall?"
    gap = _find_gap(llm)
    if is_undefined(gap):
        return Finding(question, f"Not defined: {gap[UNDEFINED] if gap else ''}")
    return Finding(
        question,
        write_difference(gap["value"], "accuracy"),
        f"From {name_ends(gap['best'])} down to {name_ends(gap['worst'])}.",
    )


def name_ends(labels: Sequence[str]) -> str:
    """ "a cook", or "3 personas that share the score (a cook, ...)"."""
    if len(labels) == 1:
        return labels[0]
    named = ", ".join(labels[:MOST_NAMED])
    more = ", …" if len(labels) > MOST_NAMED else ""
    return f"{len(labels)} personas that share the score ({named}{more})"


def _list_gaps(slug: str, llms: Sequence[Mapping[str, Any]], *, on_page: bool) -> DetailTable:
    records = [
        {
            "llm": each["llm"],
            "gap_of": TITLES[gap["dataset"]],
            "scored_as": gap["scoring"],
            **_read_gap(gap["gap"]),
            "no_persona_score": gap["without_persona"],
            "personas_sd_pp": to_points(gap["persona_sd"]),
            "controls_sd_pp": to_points(gap["control_sd"]),
        }
        for each in llms
        for gap in each["gaps"]
        if not on_page or gap["scoring"] in ON_PAGE
    ]
    writers: dict[str, Writer] = {
        "no_persona_score": lambda value: write_score(value, "accuracy"),
        **dict.fromkeys(("gap_pp", "personas_sd_pp", "controls_sd_pp"), write_points),
    }
    name = "gaps" if on_page else "gaps-all-scorings"
    return make_table(f"{slug}-{name}", "Gaps", records, writers=writers, on_page=on_page)


def _read_gap(gap: Any) -> dict[str, Any]:
    if is_undefined(gap):
        return dict.fromkeys(("gap_pp", "gap_best", "gap_worst"), gap)
    return {
        "gap_pp": to_points(gap["value"]),
        "gap_best": name_ends(gap["best"]),
        "gap_worst": name_ends(gap["worst"]),
    }


def _list_columns(llm: Mapping[str, Any]) -> dict[str, Sequence[float | None]]:
    """Key -> numbers [settings]."""
    scores = llm["scores"]
    return {
        "overall_accuracy": scores[Scoring.ASKED],
        "overall_error": llm["standard_errors"],
        "low": llm["low"],
        "high": llm["high"],
        "overall_paper": scores[Scoring.PAPER],
        **{f"score_{scoring}": scores[scoring] for scoring in Scoring if scoring not in ON_PAGE},
    }


def _list_settings(slug: str, llms: Sequence[Mapping[str, Any]]) -> DetailTable:
    records = [
        {
            "llm": each["llm"],
            "label": label,
            "category": each["categories"][row],
            **{
                key: give_reason(column[row], NO_OVERALL)
                for key, column in _list_columns(each).items()
            },
            OUTCOME_COUNTS: write_outcomes(each["outcomes"], row),
        }
        for each in llms
        if not each["missing"]
        for row, label in enumerate(each["labels"])
    ]
    words = ("llm", "label", "category")
    writers: dict[str, Writer] = {
        key: lambda value: write_score(value, "accuracy") for key in records[0] if key not in words
    }
    return make_table(
        f"{slug}-settings",
        "Overall accuracy of every setting",
        records,
        writers=writers,
        on_page=len(llms) == 1,
    )


def _list_selected(slug: str, llms: Sequence[Mapping[str, Any]]) -> DetailTable:
    """Every persona with what selection leaves of its score and rank."""
    records = [
        {
            "llm": each["llm"],
            "label": setting["label"],
            "category": setting["category"],
            **{
                key: give_reason(each["selected"]["columns"][key][row], reason)
                for key, reason in each["selected"]["reasons"].items()
            },
        }
        for each in llms
        for row, setting in enumerate(list_settings(each))
        if setting["role"] == "persona"
    ]
    writers: dict[str, Writer] = {
        **dict.fromkeys(
            ("shrunken", "shrunken_low", "shrunken_high"),
            lambda value: write_score(value, "accuracy"),
        ),
        **dict.fromkeys(("rank", "rank_low", "rank_high", "rank_unflagged"), write_rank),
        **dict.fromkeys(("chance_top", "chance_bottom"), write_chance),
    }
    return make_table(
        f"{slug}-selected",
        "Overall accuracy of every persona, selection taken out",
        records,
        writers=writers,
        on_page=len(llms) == 1,
    )


def _draw_accuracies(slug: str, llms: Sequence[Mapping[str, Any]]) -> Figure:
    names = [name for name in DATASETS if any(name in each["datasets"] for each in llms)]
    overall = [] if all(each["missing"] for each in llms) else [OVERALL]
    rows = []
    for name in [*names, *overall]:
        for each in llms:
            found = (
                each["scores"].get(Scoring.ASKED) if name == OVERALL else each["datasets"].get(name)
            )
            if found is not None:
                rows.append(
                    Row(
                        band=TITLES[name],
                        llm=each["llm"],
                        settings=list_settings(each),
                        values=[None if value is None else 100 * value for value in found],
                    )
                )
    return Figure(
        slug=f"{slug}-figure",
        caption="Accuracy of every setting on each data set and over all three (Figure 2 of "
        "the paper).",
        alternative=f"A dot per setting in {write_plural(len(rows), 'row')}, one for each data set "
        "and LLM. The tables have the numbers.",
        spec=draw_distributions(rows, title="Accuracy, per cent", digits=1),
    )


def list_settings(llm: Mapping[str, Any]) -> list[dict[str, str]]:
    """Label, category and role of every setting of a joint record."""
    columns = zip(llm["labels"], llm["categories"], llm["roles"], strict=True)
    return [
        {"label": label, "category": category, "role": role} for label, category, role in columns
    ]
