"""Where the report has the paper's figures and tables: an entry for each that is on a page.

Entries are read off captions and titles (`analysis.report.paper_labels`), so none leads nowhere.
"""

from collections.abc import Iterator
from typing import NamedTuple

from analysis.report.blocks import Block
from analysis.report.contents import Contents
from analysis.report.paper_labels import PaperLabel, find_labels, strip_labels


class Place(NamedTuple):
    """Where a figure or table of the paper stands."""

    href: str  # from the report's folder
    title: str  # of its block


class Entry(NamedTuple):
    """One of the paper's figures or tables: a block has it once, several templates have several."""

    label: str  # "Figure 4"
    places: tuple[Place, ...]


def list_concordance(contents: Contents) -> list[Entry]:
    """What is on the pages of the research questions, figures first, in the paper's order."""
    found: dict[PaperLabel, list[Place]] = {}
    for page in contents.pages:
        for block in contents.blocks[page.name]:
            anchors: dict[PaperLabel, str] = {}
            for anchor, words in _list_parts(block):
                for label in find_labels(words):
                    anchors.setdefault(label, anchor)
            for label, anchor in anchors.items():
                place = Place(f"{page.name}.html#{anchor}", strip_labels(block.title))
                found.setdefault(label, []).append(place)
    return [Entry(str(label), tuple(found[label])) for label in sorted(found)]


def _list_parts(block: Block) -> Iterator[tuple[str, str]]:
    """Anchor and words of all that stands in a block, as parts.html.jinja writes them."""
    for figure in block.figures:
        yield f"figure-{figure.slug}", figure.caption
    for table in block.tables:
        if table.on_page:
            yield f"table-{table.slug}", table.title
