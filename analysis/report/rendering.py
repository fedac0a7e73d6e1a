"""Templates to text: one environment for all pages."""

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.report.wording import write_count, write_plural


@cache
def _open_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("analysis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = write_count
    environment.filters["code"] = mark_code
    environment.filters["plural"] = write_plural
    return environment


def mark_code(text: str) -> Markup:
    """Text with what stands between backticks as code, whose words are not broken at hyphens."""
    parts = text.split("`")
    marked = Markup("").join(
        Markup("<code>{}</code>").format(_keep_words(part)) if at % 2 else part
        for at, part in enumerate(parts)
    )
    return marked if len(parts) % 2 else escape(text)


def _keep_words(command: str) -> Markup:
    words = (Markup('<span class="nowrap">{}</span>').format(word) for word in command.split())
    return Markup(" ").join(words)


def render(template: str, **words: Any) -> str:
    """A template of analysis/report/templates filled in; everything but markup is escaped."""
    return _open_environment().get_template(template).render(**words)


def read_asset(name: str) -> str:
    """A style sheet or a script that stands beside the templates."""
    return files("analysis.report.templates").joinpath(name).read_text(encoding="utf-8")
