"""`mcucc report`."""

from pathlib import Path

import click

from mcucc.cli.options import DIRECTORY, as_json
from mcucc.cli.printing import console, print_json, print_json_text, show
from mcucc.cli.tables import render_budget
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.report_file import load_report
from mcucc.errors import UsageError
from mcucc.report.model import report_schema


@click.command()
@click.argument("directory", type=DIRECTORY, required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of report.json instead.")
@as_json
def report(directory: Path | None, *, schema: bool, as_json: bool) -> None:
    """Show the memory-budget report of a compiled DIRECTORY."""
    if schema:
        print_json_text(report_schema())
        return
    if directory is None:
        raise UsageError("report: give a directory that `mcucc compile` wrote, or --schema")
    loaded = load_report(directory)
    if as_json:
        print_json(loaded)
    else:
        show(render_budget(loaded, CompiledNetwork(directory, loaded).board, console().width))
