"""Checks of what the paper's text says about its own tables, as they are printed.

That the text and a table agree confirms neither: it takes the generations. A table can contradict
the text.
"""

from collections.abc import Callable, Collection, Mapping
from statistics import fmean

from analysis.groups import EXPERTISE, NO_PERSONA_GROUP
from analysis.paper_names import LLMS
from analysis.printed_tables import (
    DIGITS,
    EXPERT_RANKS,
    FRIEDMAN_P,
    SELF_RANKS,
    Four,
    PrintedRank,
    PrintedSelf,
    bound_printed_p,
)
from analysis.report.wording import write_fixed
from analysis.reproduction.judging import Check, Finding
from analysis.reproduction.rank_claims import write_rank

SIGNIFICANT = 0.05
ROUNDING = 1e-9  # a mean of .435 may be printed as .44


def agree_with_print(table: str, holds: bool, shown: str, needs: str) -> Check:
    """A table as printed beside the text: open where they agree, contradicted where not."""
    if holds:
        words = f"agrees with the printed {table}: {shown}; needs {needs}"
    else:
        words = f"the printed {table} contradicts it: {shown}"
    numbers = {"agrees_with_print": holds}
    return lambda evidence: Finding(None if holds else False, words, dict(numbers))


def count_self_ranks(is_so: Callable[[PrintedSelf], bool], *, stated: int, needs: str) -> Check:
    """How many of Table 2's rows are so."""
    found = sum(is_so(row) for row in SELF_RANKS.values())
    shown = f"{found} of {len(SELF_RANKS)} personas"
    return agree_with_print("Table 2", found == stated, shown, needs)


def compare_self_ranks(
    title: str, read: Callable[[PrintedSelf], tuple[int, int]], *, stated: tuple[int, int],
    needs: str,
) -> Check:  # fmt: skip
    """Two ranks of one row of Table 2."""
    overall, own = read(SELF_RANKS[title])
    return agree_with_print("Table 2", (overall, own) == stated, f"{overall} and {own}", needs)


def count_nonsignificant(group: str, *, stated: int, needs: str) -> Check:
    """How many of Table 10's p-values are not significant, of personas or of controls."""
    p = [bound_printed_p(each) for (name, _, _), each in FRIEDMAN_P.items() if name == group]
    found = sum(each >= SIGNIFICANT for each in p)
    return agree_with_print("Table 10", found == stated, f"{found} of {len(p)}", needs)


def list_significant(
    attitude: str, expected: Mapping[str, Collection[str]], *, needs: str
) -> Check:
    """Whether an attitude is significant in exactly these LLMs, by group of settings."""
    found = {
        group: {
            llm for llm in LLMS if bound_printed_p(FRIEDMAN_P[group, llm, attitude]) < SIGNIFICANT
        }
        for group in expected
    }
    holds = all(found[group] == set(llms) for group, llms in expected.items())
    shown = "; ".join(
        f"{group} on {', '.join(llm for llm in LLMS if llm in llms)}"
        for group, llms in found.items()
    )
    return agree_with_print("Table 10", holds, f"significant for {shown}", needs)


def check_experts_lead(*, needs: str) -> Check:
    """Whether each field's experts have the best mean rank of all experts there (Table 6)."""
    shown, holds = [], True
    for group, own in EXPERTISE.items():
        ranks = {each: EXPERT_RANKS[each, own.field].mean for each in EXPERTISE}
        ahead = [each for each in ranks if ranks[each] < ranks[group]]
        holds &= not ahead
        others = (
            f" behind {', '.join(f'{e} {write_rank(ranks[e])}' for e in ahead)}" if ahead else ""
        )
        shown.append(f"{own.field}: {group} {write_rank(ranks[group])}{others or ', first'}")
    return agree_with_print("Table 6", holds, "; ".join(shown), needs)


def check_experts_trail(*, needs: str) -> Check:
    """Whether no group of experts is ahead of no persona in its field (Table 6)."""
    pairs = {
        own.field: (EXPERT_RANKS[NO_PERSONA_GROUP, own.field].mean,
                    EXPERT_RANKS[group, own.field].mean)
        for group, own in EXPERTISE.items()
    }  # fmt: skip
    shown = ", ".join(
        f"{field} {write_rank(none)} and {write_rank(mean)}"
        for field, (none, mean) in pairs.items()
    )
    return agree_with_print("Table 6", all(n < m for n, m in pairs.values()), shown, needs)


def check_experts_rise(*, needs: str) -> Check:
    """Whether experts' mean ranks improve from everything to their field to their subjects."""
    paths = {
        group: [EXPERT_RANKS[group, domain].mean for domain in ("overall", own.field, own.subjects)]
        for group, own in EXPERTISE.items()
    }
    shown = "; ".join(
        f"{group} {', '.join(write_rank(rank) for rank in ranks)}" for group, ranks in paths.items()
    )
    rises = all(first > second > third for first, second, third in paths.values())
    return agree_with_print("Table 1", rises, shown, needs)


def count_best_ahead(*, stated: int, needs: str) -> Check:
    """In how many subject groups the best expert is ahead of no persona; and the mean expert."""
    best, mean = 0, 0
    for group, own in EXPERTISE.items():
        none, ranks = EXPERT_RANKS[NO_PERSONA_GROUP, own.subjects].mean, _find_rank(group)
        best += (ranks.best or ranks.mean) < none
        mean += ranks.mean < none
    shown = f"the best expert in {best} of {len(EXPERTISE)}, the mean rank in {mean}"
    return agree_with_print("Table 1", best == stated, shown, needs)


def check_best_ahead_alone(group: str, *, needs: str) -> Check:
    """Whether the best expert is ahead of no persona in its subjects, and the mean is not."""
    none, ranks = EXPERT_RANKS[NO_PERSONA_GROUP, EXPERTISE[group].subjects].mean, _find_rank(group)
    holds = ranks.best is not None and ranks.best < none < ranks.mean
    shown = f"best {ranks.best}, mean {write_rank(ranks.mean)}, no persona {write_rank(none)}"
    return agree_with_print("Table 1", holds, shown, needs)


def _find_rank(group: str) -> PrintedRank:
    return EXPERT_RANKS[group, EXPERTISE[group].subjects]


def count_effects(
    table: str, effects: Mapping[str, Four], is_so: Callable[[Four], bool], *, needs: str
) -> Check:
    """Whether the mean over Table 8's or 9's rows is so, and for how many rows."""
    found = sum(is_so(row) for row in effects.values())
    shown = f"the average, and {found} of {len(effects)} personas"
    return agree_with_print(table, is_so(_average(effects)), shown, needs)


def check_average(
    table: str, effects: Mapping[str, Four], printed: Four, *, needs: str, note: str = ""
) -> Check:
    """Whether Table 8's or 9's last row is the mean of its others."""
    means = _average(effects)
    holds = all(
        abs(mean - stated) < DIGITS + ROUNDING for mean, stated in zip(means, printed, strict=True)
    )
    shown = ", ".join(write_fixed(mean, digits=3) for mean in means)
    ending = f"; {note}" if note else ""
    return agree_with_print(table, holds, f"the mean of its rows is {shown}", needs + ending)


def _average(effects: Mapping[str, Four]) -> Four:
    one, two, three, four = (fmean(column) for column in zip(*effects.values(), strict=True))
    return (one, two, three, four)
