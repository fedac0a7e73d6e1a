"""Figures and tables of arXiv 2407.02099 by number, as the report's own words name them.

Captions and titles say which of the paper's figures and tables they are ("Figure 4 of the paper",
"(Tables 8 and 9)"). Whatever needs to know it reads these words, so nothing can claim to show what
no caption shows.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

KINDS = ("Figure", "Table")
_NAMED = re.compile(rf"\b({'|'.join(KINDS)})s? (\d+(?:(?:, | and )\d+)*)\b")


class PaperLabel(NamedTuple):
    """ "Figure 4"; they sort as the paper numbers them, figures first."""

    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


def find_labels(text: str) -> list[PaperLabel]:
    """Every figure and table that a text names, in its order, each once."""
    found = [
        PaperLabel(kind, int(number))
        for kind, numbers in _NAMED.findall(text)
        for number in re.findall(r"\d+", numbers)
    ]
    return list(dict.fromkeys(found))


def write_labels(texts: Iterable[str]) -> str:
    """What these texts name: "Figure 4", "Figures 7, 9 and 10", "Figure 8 and Table 10"."""
    found = sorted({label for text in texts for label in find_labels(text)})
    of_kinds = ([label.number for label in found if label.kind == kind] for kind in KINDS)
    return " and ".join(
        f"{kind}{'s' if len(numbers) > 1 else ''} {_enumerate(numbers)}"
        for kind, numbers in zip(KINDS, of_kinds, strict=True)
        if numbers
    )


def add_labels(title: str, texts: Iterable[str]) -> str:
    """A title with what these texts name in brackets; as it is where they name nothing."""
    labels = write_labels(texts)
    return f"{title} ({labels})" if labels else title


def strip_labels(title: str) -> str:
    """A title without the brackets at its end that name figures or tables."""
    words, _, end = title.rpartition(" (")
    return words if words and end.endswith(")") and find_labels(end) else title


def _enumerate(numbers: list[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
