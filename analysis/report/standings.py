"""Where a persona stands among the others in every measure: its rank, and how sure that is."""

from typing import Any

from analysis.report.addresses import make_slug
from analysis.report.blocks import Cell, DetailTable
from analysis.report.contents import Contents
from analysis.report.overview import make_columns, name_measure
from analysis.report.sections import Section
from analysis.report.tables import is_persona
from analysis.report.wording import NOT_DEFINED, write_count, write_score

_ALWAYS = ("llm", "measure_of", "score", "score_rank")
_SHRUNKEN = ("rank_set", "shrunken", "shrunken_interval", "chance_top", "chance_bottom")
_MADE_OF = {"score_rank": "score", "rank_set": "rank_low", "shrunken_interval": "shrunken_low"}


def list_standings(contents: Contents) -> dict[str, DetailTable]:
    """Label -> a row per LLM and measure; personas only."""
    sections = contents.sections
    has_shrunken = sections and all("chance_top" in section.columns for section in sections)
    keys = (*_ALWAYS, *(_SHRUNKEN if has_shrunken else ()))
    rows: dict[str, list[list[Cell]]] = {}
    reasons: dict[str, list[list[str]]] = {}
    for section in sections:
        ranks = rank_personas(section)
        columns = section.columns
        for row, setting in enumerate(section.settings):
            if not is_persona(section, row):
                continue
            cells = {
                "llm": Cell(section.progress.llm, section.progress.llm, True),
                "measure_of": name_measure(contents, section),
                **_describe_standing(section.name, columns, row, ranks[row], keys),
            }
            rows.setdefault(setting["label"], []).append([cells[key] for key in keys])
            reasons.setdefault(setting["label"], []).append(
                [
                    f"{key}: {section.find_reason(_MADE_OF.get(key, key))}"
                    for key in keys
                    if cells[key].value is None
                ]
            )
    return {
        label: DetailTable(
            make_slug("standing", contents.name_persona(label)),
            "Among the personas",
            True,
            make_columns(*keys),
            rows[label],
            reasons[label],
        )
        for label in rows
    }


def rank_personas(section: Section) -> list[int | None]:
    """Place of every persona with a score, 1 the highest; equal scores share the best place.

    It is that of `analysis.statistics.ranks.rank_settings`, so that ties are the same everywhere.
    """
    return [None if rank is None else round(rank) for rank in section.columns["rank"]]


def _describe_standing(
    name: str, columns: dict[str, list[Any]], row: int, rank: int | None, keys: tuple[str, ...]
) -> dict[str, Cell]:
    undefined = Cell(NOT_DEFINED, None)

    def write(key: str, measure: str) -> Cell:
        value = columns[key][row]
        return undefined if value is None else Cell(write_score(value, measure), value)

    cells = {
        "score": write("score", name),
        "score_rank": undefined if rank is None else Cell(write_count(rank), rank),
    }
    if "chance_top" not in keys:
        return cells
    ends = [columns[key][row] for key in ("rank_low", "rank_high")]
    shrunken = [columns[key][row] for key in ("shrunken_low", "shrunken_high")]
    return {
        **cells,
        "rank_set": undefined
        if None in ends
        else Cell(" to ".join(write_count(round(end)) for end in ends), ends[0]),
        "shrunken": write("shrunken", name),
        "shrunken_interval": undefined
        if None in shrunken
        else Cell(" to ".join(write_score(e, name, unit=False) for e in shrunken), shrunken[0]),
        "chance_top": write("chance_top", "accuracy"),
        "chance_bottom": write("chance_bottom", "accuracy"),
    }
