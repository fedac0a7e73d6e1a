"""Tables in LaTeX, for a paper: what the page shows, ruled by booktabs, over as many pages as need.

A document that takes one in with \\input loads booktabs and longtable, in UTF-8.
"""

from collections.abc import Sequence

from analysis.report.blocks import Cell, Column
from analysis.report.outcome_counts import JOINT

# What LaTeX reads as a command, and signs that its usual fonts do not have as text.
_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # after \\ it would be an option
        "]": "{]}",
        "*": "{*}",  # as would a star
        "\n": " ",
        "\r": " ",
        "\N{MINUS SIGN}": r"\ensuremath{-}",
        "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
        "\N{SQUARE ROOT}": r"\ensuremath{\surd}",
        "\N{NO-BREAK SPACE}": "~",
        "\N{EN DASH}": "--",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    }
)


def escape_latex(text: str) -> str:
    """Text as LaTeX prints it, whatever stands in it."""
    return text.translate(_SPECIAL)


def write_latex(
    slug: str, caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]
) -> str:
    """A longtable with the label tab:SLUG; words to the left, numbers to the right."""
    alignment = "".join("l" if column.is_word else "r" for column in columns)
    heading = _write_row([_write_title(column.title) for column in columns])
    body = "".join(_write_row([escape_latex(cell.text) for cell in row]) for row in rows)
    return (
        f"\\begin{{longtable}}{{{alignment}}}\n"
        f"\\caption{{{escape_latex(caption)}}}\\label{{tab:{slug}}}\\\\\n"
        f"\\toprule\n{heading}\\midrule\n\\endfirsthead\n"
        f"\\toprule\n{heading}\\midrule\n\\endhead\n"
        f"\\bottomrule\n\\endlastfoot\n{body}\\end{{longtable}}\n"
    )


def _write_title(title: str) -> str:
    """A heading that names several counts has a line for each: it is wider than they are."""
    names = [escape_latex(name) for name in title.split(JOINT)]
    lines = r" /\\ ".join(names)
    return rf"\shortstack[r]{{{lines}}}" if len(names) > 1 else lines


def _write_row(texts: Sequence[str]) -> str:
    return " & ".join(texts) + " \\\\\n"
