"""`mcucc report`."""

from pathlib import Path

import click

from mcucc.api.page import write_page
from mcucc.cli.options import DIRECTORY, FILE, as_json
from mcucc.cli.printing import console, print_json, print_json_text, show
from mcucc.cli.tables import render_budget
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.report_file import load_report
from mcucc.errors import UsageError
from mcucc.progress import progress
from mcucc.report.model import report_schema


@click.command()
@click.argument("directory", type=DIRECTORY, required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of report.json instead.")
@click.option("--html", "page", type=FILE, help="Write a page for a browser to this file instead.")
@as_json
def report(directory: Path | None, page: Path | None, *, schema: bool, as_json: bool) -> None:
    """Show the memory-budget report of a compiled DIRECTORY, or write it as a page."""
    if schema:
        print_json_text(report_schema())
        return
    if directory is None:
        raise UsageError("report: give a directory that `mcucc compile` wrote, or --schema")
    loaded = load_report(directory)
    if page is not None:
        with progress(quiet=as_json) as stage:
            write_page(directory, page, stage)
    if as_json:
        print_json(loaded)
    elif page is not None:
        console().print(f"Written to {page}", soft_wrap=True)
    else:
        show(render_budget(loaded, CompiledNetwork(directory, loaded).board, console().width))
