"""A figure as files: SVG and PDF for a paper, and the spec as a script that a page takes in.

Specs stand beside the pages and not in them: a page draws a figure when it comes into view.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert

from analysis.report.blocks import Figure

VEGALITE = "6.4"  # of what vl-convert carries; Altair's own major version
WIDTH = 720  # of files, for figures that fill their container on a page
MARGIN = 16  # pixels
N_THREADS = 2  # vl-convert lets go of the interpreter's lock: one writes SVG while one writes PDF


class FigureFiles:
    """Writes figures in the background, each once."""

    def __init__(
        self, folder: Path, pool: ThreadPoolExecutor, on_written: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._pool = pool
        self._on_written = on_written
        self._written: list[Future[None]] = []

    def write(self, figure: Figure) -> None:
        """Begin to write SLUG.js, SLUG.svg and SLUG.pdf."""
        spec = json.dumps(figure.spec, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        script = f"farmFigures[{json.dumps(figure.slug)}] = {spec};\n"
        with (self._folder / f"{figure.slug}.js").open("x", encoding="utf-8") as file:
            file.write(script)
        self._written.append(self._pool.submit(self._convert, figure))

    def _convert(self, figure: Figure) -> None:
        svg = vl_convert.vegalite_to_svg(_fix_width(figure.spec), vl_version=VEGALITE)
        (self._folder / f"{figure.slug}.svg").write_text(svg, encoding="utf-8")
        (self._folder / f"{figure.slug}.pdf").write_bytes(vl_convert.svg_to_pdf(svg))
        self._on_written()

    def finish(self) -> None:
        """Wait for all files; a figure that could not be drawn raises here."""
        for written in self._written:
            written.result()


@contextmanager
def open_figures(folder: Path, *, on_written: Callable[[], None]) -> Iterator[FigureFiles]:
    """A writer into an existing folder; all its files are there when this is left.

    ``on_written`` is called after every figure, from the thread that wrote it.
    """
    with ThreadPoolExecutor(N_THREADS) as pool:
        files = FigureFiles(folder, pool, on_written)
        yield files
        files.finish()


@cache
def bundle_vega() -> str:
    """Vega, Vega-Lite and vega-embed as one script, from the wheel; nothing is fetched."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGALITE)
    return script


def _fix_width(spec: dict[str, Any]) -> dict[str, Any]:
    """The figure of a file: as wide as a page, with room for a reader whose font is wider."""
    config = spec.get("config", {})
    padded = {**config, "padding": {**config.get("padding", {}), "left": MARGIN, "right": MARGIN}}
    fixed = {"width": WIDTH} if spec.get("width") == "container" else {}
    return {**spec, "config": padded, **fixed}
