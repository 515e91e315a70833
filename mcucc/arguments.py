"""Checks of command-line arguments that click has no types for."""

from collections.abc import Sequence

import click

from mcucc.errors import UsageError


def demand_board(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """The value of `--board`; where there is none, say where boards are listed.

    Raises:
        click.MissingParameter: the option was not given.
    """
    if value is None:
        where = "`mcucc boards` lists them"
        raise click.MissingParameter(where, ctx=context, param=parameter)
    return value


def parse_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Texts such as `image=1,3,96,96` to shapes by name.

    Raises:
        UsageError: a text has another form, or a size is not positive.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        parts = sizes.split(",")
        if not name or not all(part.strip().isdecimal() and int(part) for part in parts):
            raise UsageError(f"--input-shape '{text}': write NAME=1,3,96,96")
        shapes[name] = tuple(map(int, parts))
    return shapes
