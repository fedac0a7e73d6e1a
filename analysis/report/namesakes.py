"""Blocks, tables and figures whose slugs meet, told apart by their titles.

Topics name what they make after LLMs, data sets, templates and categories, and know nothing of each
other; all of a report are looked at here, once.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from analysis.report.addresses import tell_apart
from analysis.report.blocks import Block


def rename_blocks(
    blocks: Sequence[Block], *, tables: Collection[str], figures: Collection[str]
) -> list[Block]:
    """The same blocks under slugs of their own, and so their tables and figures.

    ``tables`` and ``figures`` are slugs that other parts of the report have.
    """
    slugs = tell_apart([block.slug for block in blocks], [block.title for block in blocks])
    of_tables = [(each.slug, f"{b.title}\n{each.title}") for b in blocks for each in b.tables]
    of_figures = [(each.slug, f"{b.title}\n{each.caption}") for b in blocks for each in b.figures]
    own_tables = iter(_choose(of_tables, tables))
    own_figures = iter(_choose(of_figures, figures))
    return [
        replace(
            block,
            slug=slug,
            tables=tuple(each._replace(slug=next(own_tables)) for each in block.tables),
            figures=tuple(each._replace(slug=next(own_figures)) for each in block.figures),
        )
        for block, slug in zip(blocks, slugs, strict=True)
    ]


def _choose(named: Sequence[tuple[str, str]], taken: Collection[str]) -> list[str]:
    return tell_apart([slug for slug, _ in named], [name for _, name in named], taken=taken)
