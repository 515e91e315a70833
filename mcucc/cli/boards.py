"""`mcucc boards`."""

import click

from mcucc.cli.options import as_json
from mcucc.cli.printing import print_json, show
from mcucc.report.text.page import render_boards
from mcucc.targets.board import list_boards


@click.command()
@as_json
def boards(*, as_json: bool) -> None:
    """List the boards that mcucc knows."""
    found = list_boards()
    if as_json:
        print_json({"boards": found})
    else:
        show(render_boards(found))
