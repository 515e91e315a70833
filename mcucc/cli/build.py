"""`mcucc build`."""

from pathlib import Path

import click

from mcucc.api.build import build_program
from mcucc.cli.measured_tables import render_program
from mcucc.cli.options import DIRECTORY, FILE, as_json
from mcucc.cli.printing import print_json, show
from mcucc.progress import progress


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--for", "board", metavar="BOARD", help="Another board than it was compiled for.")
@click.option("-o", "--output", type=FILE, help="The program; default: <name>.elf.")
@as_json
def build(directory: Path, board: str | None, output: Path | None, *, as_json: bool) -> None:
    """Build the network in DIRECTORY into a program for its board, and show its sizes."""
    with progress(quiet=as_json) as stage:
        stage(f"building {directory}")
        program = build_program(directory, board, output)
    if as_json:
        print_json(program)
    else:
        show(render_program(program))
