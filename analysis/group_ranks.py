"""Ranks of groups of personas by accuracy on what they stand for (Tables 1, 6 and 7).

Accuracy on some subjects of MMLU, or some categories of BBQ, is averaged over the LLMs; all
settings are ranked by it; a group has the mean of its members' ranks and the best of them. The best
of several is good by selection alone, so the best of random personas stands beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.flags import UNFLAGGED, find_flagged
from analysis.groups import (
    EXPERTISE,
    EXPERTS,
    FIELDS,
    NO_PERSONA_GROUP,
    SOCIAL_CATEGORIES,
    SUBJECT_GROUPS,
    list_social_groups,
)
from analysis.measures import MAIN, Draws
from analysis.performance import KEPT
from analysis.plain import to_plain
from analysis.planned import NO_PERSONA
from analysis.printed_tables import EXPERT_RANKS, SOCIAL_RANKS, PrintedRank, is_papers_grid
from analysis.slices import Result, Roster, Slices, find_measure, match_settings
from analysis.statistics import Undefined
from analysis.statistics.ranks import RandomBest, draw_best_of_group, rank_group, rank_settings
from analysis.statistics.rates import Floats, divide_counts

OVERALL = "overall"


class Ranking(NamedTuple):
    """A data set in which groups are ranked."""

    dataset: str
    groups: Mapping[str, Sequence[str]]  # group -> personas
    domains: Mapping[str, Sequence[str]]  # domain -> subjects or categories
    kinds: Mapping[str, str]  # domain -> what it is
    printed: Mapping[tuple[str, str], PrintedRank]


# "health" names a group of subjects here and "other" the field that it lies in
RANKINGS = (
    Ranking(
        "mmlu",
        EXPERTS,
        {**SUBJECT_GROUPS, **FIELDS},
        {**dict.fromkeys(SUBJECT_GROUPS, "subjects"), **dict.fromkeys(FIELDS, "field")},
        EXPERT_RANKS,
    ),
    Ranking(
        "bbq",
        list_social_groups(),
        {category: (category,) for category in SOCIAL_CATEGORIES.values()},
        dict.fromkeys(SOCIAL_CATEGORIES.values(), "category"),
        SOCIAL_RANKS,
    ),
)


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """Where a group of personas stands among all settings."""

    group: str
    n_members: int
    mean_rank: float | Undefined
    best_rank: int | Undefined
    best: str | Undefined  # the first of the members with that rank
    random_best: RandomBest | Undefined  # the best rank of as many random personas
    lead: float | Undefined  # mean accuracy of the members minus that without a persona
    n_llms_ahead: int | Undefined  # LLMs in which that is above 0
    printed: PrintedRank | None  # in the paper, where this is its grid


@dataclass(frozen=True, slots=True)
class DomainRanks:
    """All groups by accuracy in one domain."""

    domain: str
    kind: str  # subjects, field, category, overall
    n_parts: int  # subjects or categories
    n_ranked: int  # settings with a score in every LLM
    top: tuple[str, ...] | Undefined  # the settings with rank 1
    groups: tuple[GroupPlace, ...]


@dataclass(frozen=True, slots=True)
class RankedGroups:
    """A data set under one template and scoring."""

    dataset: str
    template: str
    scoring: str
    llms: tuple[str, ...]
    n_settings: int
    domains: tuple[DomainRanks, ...]


def describe_group_ranks(slices: Slices, draws: Draws) -> dict[str, Any]:
    """Tables 1, 6 and 7 for every template: topic of `analysis.joint`."""
    found: list[RankedGroups] = []
    for template, of_llms in slices.by_template().items():
        for ranking in RANKINGS:
            results = {
                llm: of_datasets[ranking.dataset]
                for llm, of_datasets in of_llms.items()
                if ranking.dataset in of_datasets
            }
            found += _rank_dataset(ranking, template, results)
    described: dict[str, Any] = to_plain({"ranked": found})
    return described


def _rank_dataset(
    ranking: Ranking, template: str, results: Mapping[str, Result]
) -> list[RankedGroups]:
    counted = {llm: _find_cells(result) for llm, result in results.items()}
    cells = {llm: each for llm, each in counted.items() if each is not None}
    if not cells:
        return []
    llms = tuple(cells)
    roster = match_settings([results[llm] for llm in llms])
    is_papers = is_papers_grid(llms, roster.labels, template=template)
    flagged = find_flagged([results[llm] for llm in llms], roster)
    everyone = np.ones(len(roster.labels), np.bool_)
    variants = [(str(scoring), str(scoring), everyone) for scoring in KEPT]
    if flagged.any():
        variants.append((UNFLAGGED, str(MAIN), ~flagged))
    return [
        RankedGroups(
            dataset=ranking.dataset,
            template=template,
            scoring=name,
            llms=llms,
            n_settings=int(np.count_nonzero(kept)),
            domains=tuple(
                _rank_domain(
                    ranking,
                    domain,
                    scoring,
                    roster,
                    list(cells.values()),
                    kept=kept,
                    is_papers=is_papers and bool(kept.all()),
                )
                for domain in (*ranking.domains, OVERALL)
            ),
        )
        for name, scoring, kept in variants
    ]


def _find_cells(result: Result) -> Mapping[str, Any] | None:
    measure = find_measure(result, "accuracy")
    cells: Mapping[str, Any] | None = measure and measure["details"].get("cells")
    return cells


def _rank_domain(
    ranking: Ranking,
    domain: str,
    scoring: str,
    roster: Roster,
    cells: Sequence[Mapping[str, Any]],
    *,
    kept: NDArray[np.bool_],
    is_papers: bool,
) -> DomainRanks:
    parts = ranking.domains.get(domain)
    missing = sorted({part for each in cells for part in find_missing(each, parts)})
    groups = {NO_PERSONA_GROUP: (NO_PERSONA,), **ranking.groups}
    n_parts = len(parts if parts is not None else {label[0] for label in cells[0]["labels"]})
    kind = ranking.kinds.get(domain, OVERALL)
    if missing:
        named = f"{missing[0]}{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}"
        why = Undefined(f"an LLM was not asked about {named}")
        places = tuple(_refuse(group, len(members), why) for group, members in groups.items())
        return DomainRanks(domain, kind, n_parts, 0, why, places)
    scores = np.array(
        [
            score_parts(each, parts, scoring=scoring)[rows]
            for each, rows in zip(cells, roster.rows, strict=True)
        ]
    )
    means = np.where(kept, scores.mean(axis=0), np.nan)
    ranks = rank_settings(means, is_best_highest=True)
    printed = ranking.printed if is_papers else {}
    top = tuple(roster.labels[at] for at in np.flatnonzero(ranks == 1))
    return DomainRanks(
        domain=domain,
        kind=kind,
        n_parts=n_parts,
        n_ranked=int(np.count_nonzero(~np.isnan(ranks))),
        top=top or Undefined("no setting has a score in every LLM"),
        groups=tuple(
            place_group(
                group,
                members,
                roster,
                scores,
                ranks,
                kept=kept,
                printed=printed.get((group, domain)),
            )
            for group, members in groups.items()
        ),
    )


def find_missing(cells: Mapping[str, Any], parts: Sequence[str] | None) -> set[str]:
    """Which of these subjects or categories there are no cells of."""
    return set(parts or ()) - {label[0] for label in cells["labels"]}


def score_parts(cells: Mapping[str, Any], parts: Sequence[str] | None, *, scoring: str) -> Floats:
    """Unweighted mean rate over the cells of these parts (None: of all), [settings]."""
    chosen = np.array([parts is None or label[0] in parts for label in cells["labels"]], np.bool_)
    hits, counted = (
        np.array(cells[key][scoring], np.float64)[:, chosen] for key in ("hits", "counted")
    )
    scores: Floats = divide_counts(hits, counted).mean(axis=1)
    return scores


def place_group(
    group: str,
    personas: Sequence[str],
    roster: Roster,
    scores: Floats,
    ranks: Floats,
    *,
    kept: NDArray[np.bool_] | None = None,
    printed: PrintedRank | None = None,
) -> GroupPlace:
    """A group's ranks; ``scores`` [LLMs, settings], ``ranks`` [settings] of their mean.

    ``kept`` [settings]: the settings that are ranked; a group has those of its members alone.
    """
    members = roster.find(personas)
    if len(members) < len(personas):
        n = len(personas) - len(members)
        why = f"{n} of the group’s {len(personas)} settings {'was' if n == 1 else 'were'} not asked"
        return _refuse(group, len(personas), Undefined(why), printed=printed)
    if kept is not None:
        members = members[kept[members]]
    found = rank_group(ranks, members)
    if isinstance(found, Undefined):
        return _refuse(group, len(members), found, printed=printed)
    empty = roster.find_role("empty")
    none = Undefined("the setting without a persona was not asked, is flagged, or has no score")
    has_empty = len(empty) > 0 and not np.isnan(scores[:, empty]).any()
    has_empty &= kept is None or bool(kept[empty].all())
    leads = scores[:, members].mean(axis=1) - scores[:, empty].mean(axis=1) if has_empty else None
    is_empty = group == NO_PERSONA_GROUP
    return GroupPlace(
        group=group,
        n_members=len(members),
        mean_rank=found.mean,
        best_rank=found.best,
        best=roster.labels[found.best_setting],
        random_best=Undefined("not a group of personas")
        if is_empty
        else draw_best_of_group(ranks, members, pool=roster.find_role("persona")),
        lead=none if leads is None else float(leads.mean()),
        n_llms_ahead=none if leads is None else int(np.count_nonzero(leads > 1e-12)),
        printed=printed,
    )


def _refuse(
    group: str, n_members: int, why: Undefined, *, printed: PrintedRank | None = None
) -> GroupPlace:
    return GroupPlace(group, n_members, why, why, why, why, why, why, printed)


def list_own_domains() -> dict[str, tuple[str, str, str]]:
    """Table 1: group of experts -> its own subjects, their field, and everything."""
    return {group: (*own, OVERALL) for group, own in EXPERTISE.items()}
