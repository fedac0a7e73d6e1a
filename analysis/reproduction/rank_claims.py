"""The printed ranks of groups of personas (Tables 1, 6 and 7) as claims."""

from collections.abc import Iterable, Mapping

from analysis.groups import NO_PERSONA_GROUP
from analysis.paper_names import LLMS, NO_PERSONA
from analysis.printed_tables import PrintedRank
from analysis.report.wording import write_fixed
from analysis.reproduction.judging import Claim
from analysis.reproduction.score_checks import bound_group_rank
from models.personas import load_persona_set

N_CONTROLS = 30  # in the paper's ranks, not in the table of scores
CONTROLS = "the control personas"

Printed = Mapping[tuple[str, str], PrintedRank]  # (group, domain) ->


def list_overall_ranks(
    table: str, title: str, metric: str, printed: Printed, groups: Mapping[str, tuple[str, ...]]
) -> list[Claim]:
    """A claim per group about its rank on a whole data set, which scores can contradict."""
    everyone = tuple(setting.persona for setting in load_persona_set("universal"))
    return [
        Claim(
            table,
            f"Rank on {title}, mean over LLMs: {name_ranks(printed, 'overall', [group])}",
            bound_group_rank(
                metric,
                members,
                mean=rank.mean,
                best=int(rank.best or rank.mean),
                left_out=N_CONTROLS,
            ),
            llms=LLMS,
            personas=(*everyone, NO_PERSONA),
        )
        for group, members in {NO_PERSONA_GROUP: (NO_PERSONA,), **groups}.items()
        for rank in (printed[group, "overall"],)
    ]


def name_ranks(printed: Printed, domain: str, groups: Iterable[str]) -> str:
    """What the paper prints of a domain: "no persona 2, law 4 (best 1)"."""
    return ", ".join(f"{_name(group)} {_write(printed[group, domain])}" for group in groups)


def _name(group: str) -> str:
    return "no persona" if group == NO_PERSONA_GROUP else group


def _write(rank: PrintedRank) -> str:
    mean = write_rank(rank.mean)
    return mean if rank.best is None else f"{mean} (best {write_rank(rank.best)})"


def write_rank(rank: float) -> str:
    """As many digits as are printed: "75", "22.66"."""
    return write_fixed(rank, digits=2).rstrip("0").rstrip(".")
