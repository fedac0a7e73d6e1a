"""Ranks of groups of settings: experts by subject (Tables 1 and 6), and the table of any ranks."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.flags import UNFLAGGED
from analysis.group_ranks import list_own_domains
from analysis.groups import NO_PERSONA_GROUP
from analysis.overall import OVERALL
from analysis.plain import UNDEFINED
from analysis.report.addresses import make_slug
from analysis.report.blocks import Block, DetailTable, Finding, Writer, make_table
from analysis.report.definitions.joint_fields import RANK_FIELDS
from analysis.report.printed_columns import NOT_THE_PAPERS, drop_unprinted
from analysis.report.wording import (
    is_undefined,
    to_points,
    write_count,
    write_difference,
    write_fixed,
    write_plural,
    write_points,
)
from analysis.statistics.scorings import Scoring

ON_PAGE = (Scoring.ASKED, Scoring.PAPER)
ON_RANK_PAGE = (*ON_PAGE, UNFLAGGED)
IN_TABLES = (*ON_RANK_PAGE, Scoring.ANSWERED)
NO_BEST = {UNDEFINED: "the group has one member"}


def show_experts(template: str, ranked: Sequence[Mapping[str, Any]]) -> Block:
    """Tables 1 and 6: experts by accuracy on their own subjects, on fields and on everything."""
    slug = make_slug("experts", template)
    own = list_own_domains()
    main = next(each for each in ranked if each["scoring"] == Scoring.ASKED)
    on_page = [each for each in ranked if each["scoring"] in ON_RANK_PAGE]
    narrow = list_places(on_page, lambda group, domain: domain["domain"] in own.get(group, ()))
    fields = list_places(on_page, lambda group, domain: domain["kind"] != "subjects")
    everything = list_places(ranked, lambda group, domain: True)
    return Block(
        slug=slug,
        title=f"Are experts better? Template {template} (Tables 1 and 6)",
        lead="Settings ranked by accuracy on subjects of MMLU, averaged over "
        f"{write_plural(len(main['llms']), 'LLM')} ({', '.join(main['llms'])}). The best of "
        "several personas ranks high by selection alone: compare it with the best of as many "
        "random personas.",
        findings=tuple(_describe_expert(main, group, domains) for group, domains in own.items()),
        tables=(
            make_rank_table(
                f"{slug}-own", "Experts by their own subjects, outwards (Table 1)", narrow
            ),
            make_rank_table(f"{slug}-fields", "All groups in every field (Table 6)", fields),
            make_rank_table(f"{slug}-all", "All groups everywhere", everything, on_page=False),
        ),
        numbers={"fields": RANK_FIELDS, "ranked": list(ranked)},
    )


def list_places(ranked: Sequence[Mapping[str, Any]], is_wanted: Any) -> list[dict[str, Any]]:
    """A record per scoring, domain and group; ``is_wanted``(group, domain) chooses."""
    records = []
    for each in ranked:
        for domain in each["domains"]:
            for place in domain["groups"]:
                if is_wanted(place["group"], domain):
                    records.append(_describe_place(each["scoring"], domain, place))
    return sorted(records, key=lambda record: IN_TABLES.index(record["scored_as"]))


def _describe_place(
    scoring: str, domain: Mapping[str, Any], place: Mapping[str, Any]
) -> dict[str, Any]:
    printed, random = place["printed"], place["random_best"]
    is_drawn = not is_undefined(random)
    return {
        "ranked_group": write_group(place["group"]),
        "n_in_group": place["n_members"],
        "ranked_by": write_domain(domain),
        "scored_as": scoring,
        "mean_rank": place["mean_rank"],
        "best_rank": place["best_rank"],
        "best_member": place["best"],
        "random_rank": random["expected"] if is_drawn else random,
        "random_p": random["p"] if is_drawn else random,
        "lead_pp": to_points(place["lead"]),
        "n_llms_ahead": place["n_llms_ahead"],
        "printed_rank": NOT_THE_PAPERS if printed is None else printed["mean"],
        "printed_best": NOT_THE_PAPERS if printed is None else (printed["best"] or NO_BEST),
    }


def write_group(group: str) -> str:
    """A group's name."""
    return "no persona" if group == NO_PERSONA_GROUP else group


def write_domain(domain: Mapping[str, Any]) -> str:
    """ "law (subjects)", "STEM (field)", "overall"."""
    name = str(domain["domain"]).replace("_", " ")
    return name if domain["kind"] == OVERALL else f"{name} ({domain['kind']})"


def make_rank_table(
    slug: str, title: str, records: list[dict[str, Any]], *, on_page: bool = True
) -> DetailTable:
    """A table of `list_places`; the paper's columns only where its numbers can be compared."""
    records = drop_unprinted(records, ("printed_rank", "printed_best"))
    writers: dict[str, Writer] = {
        **dict.fromkeys(("n_in_group", "best_rank", "n_llms_ahead"), write_count),
        **dict.fromkeys(("mean_rank", "random_rank", "printed_rank", "printed_best"), write_rank),
        "random_p": lambda value: write_fixed(value, digits=3),
        "lead_pp": write_points,
    }
    return make_table(slug, title, records, writers=writers, on_page=on_page)


def write_rank(value: float) -> str:
    """A rank, with one digit where it is a mean."""
    return write_fixed(value, digits=0 if float(value).is_integer() else 1)


def _describe_expert(
    ranked: Mapping[str, Any], group: str, domains: tuple[str, str, str]
) -> Finding:
    question = f"Are {group} personas better at {domains[0]} than no persona?"
    places = {
        domain["domain"]: {place["group"]: place for place in domain["groups"]}
        for domain in ranked["domains"]
    }
    own, none = places[domains[0]][group], places[domains[0]][NO_PERSONA_GROUP]
    rank, other = own["mean_rank"], none["mean_rank"]
    for gap in (rank, other):
        if is_undefined(gap):
            return Finding(question, f"Not defined: {gap[UNDEFINED] if gap else ''}")
    steps = ", ".join(
        f"{domain} {write_rank(places[domain][group]['mean_rank'])}"
        for domain in domains
        if not is_undefined(places[domain][group]["mean_rank"])
    )
    n_llms = len(ranked["llms"])
    return Finding(
        question,
        f"Mean rank {write_rank(rank)} against {write_rank(other)} of no persona",
        f"Mean rank by accuracy on {steps}. On {domains[0]} the group’s mean accuracy is "
        f"{write_difference(abs(own['lead']), 'accuracy')} "
        f"{'below' if own['lead'] < 0 else 'above'} that without a persona; above it in "
        f"{own['n_llms_ahead']} of {write_plural(n_llms, 'LLM')}.",
        "A rank says nothing of how large a difference is: neighbours may be a fraction of a "
        "point apart.",
    )
