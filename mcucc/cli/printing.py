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


DOCUMENT_SCHEMA = 1
"""Version of the documents of commands and of errors; `report.json` has a version of its own."""


def print_json(value: object) -> None:
    """Print one document, on stdout, with the version of its format as its first key.

    Args:
        value: a structure, a data class or a mapping; its own `schema`, if it has one, stands.
    """
    document: dict[str, object] = msgspec.to_builtins(value)
    print_json_text({"schema": DOCUMENT_SCHEMA, **document})


def print_json_text(value: object) -> None:
    """Print a value as JSON, on stdout."""
    # As bytes: JSON is UTF-8, whatever the terminal's encoding.
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def error_document(error: Exception, message: str, code: int) -> dict[str, object]:
    """What `--json` prints of an error."""
    return {"error": {"type": type(error).__name__, "message": message, "exit_code": code}}
