"""The environment of the page's templates."""

import functools

import jinja2

from mcucc import resources
from mcucc.report.text.figures import format_bytes, format_shape, printable, short_name

_BESIDE = 22
"""Letters that a name beside a bar has."""


@functools.cache
def environment() -> jinja2.Environment:
    """Strict templates of HTML: an unknown name is an error, every text is escaped."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(resources.TEMPLATES / "report_page")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    env.filters["bytes"] = format_bytes
    env.filters["shape"] = format_shape
    env.filters["printable"] = printable
    env.filters["lines"] = _lines
    env.filters["short"] = _short
    env.filters["figure"] = _figure
    env.filters["place"] = _place
    return env


def _figure(value: float | None, digits: int = 0) -> str:
    """A number with commas; nothing for None."""
    return "" if value is None else f"{value:,.{digits}f}"


def _place(value: float) -> str:
    """A coordinate, with no more digits than a screen shows."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _short(name: str) -> str:
    """A name for the side of a bar."""
    return short_name(name, _BESIDE)


def _lines(text: str) -> str:
    """A text of several lines, each printable."""
    return "\n".join(map(printable, text.splitlines()))
