"""The one template environment; jinja2 is used nowhere else for generated networks."""

import functools

import jinja2

from mcucc import resources
from mcucc.codegen.literals import c_comment, c_comment_line


@functools.cache
def environment() -> jinja2.Environment:
    """Strict templates: an unknown name is an error, blocks leave no blank lines.

    Templates are parsed once per process, which takes longer than all else that a small network
    needs.
    """
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(resources.TEMPLATES / "network")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- C is not HTML
    )
    env.filters["comment"] = c_comment
    env.filters["comment_line"] = c_comment_line
    return env
