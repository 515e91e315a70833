"""What commands print: rich text for people, one JSON document for programs."""

import click
import msgspec
from rich.console import Console, RenderableType


def console() -> Console:
    """Names from models may look like markup or emoji codes; they are printed as they are."""
    return Console(markup=False, emoji=False, highlight=False)


def show(content: RenderableType) -> None:
    """Print for people, on stdout."""
    console().print(content)


def print_json(value: object) -> None:
    """Print one document, on stdout."""
    # As bytes: JSON is UTF-8, whatever the terminal's encoding.
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
