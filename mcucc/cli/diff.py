"""`mcucc diff`."""

import sys
from pathlib import Path
from typing import Any

import click

from mcucc.api.difference import Growth, Limits, compare_directories
from mcucc.cli.options import DIRECTORY, as_json
from mcucc.cli.printing import console, print_json, show
from mcucc.errors import UsageError, VerificationError
from mcucc.report.text.difference import markdown_difference, render_difference


def _growth(context: click.Context, parameter: click.Parameter, value: str | None) -> Growth | None:
    """The value of an option such as `--max-arena`.

    Raises:
        click.BadParameter: it is neither a share nor a number.
    """
    try:
        return None if value is None else Growth.parse(value)
    except UsageError as error:
        raise click.BadParameter(str(error), ctx=context, param=parameter) from error


@click.command()
@click.argument("old", type=DIRECTORY)
@click.argument("new", type=DIRECTORY)
@click.option(
    "--max-arena", "arena", callback=_growth, metavar="2%|BYTES", help="Growth that is allowed."
)
@click.option(
    "--max-flash", "flash", callback=_growth, metavar="2%|BYTES", help="Of code and weights."
)
@click.option(
    "--max-stack", "stack", callback=_growth, metavar="2%|BYTES", help="Of the stack of a run."
)
@click.option(
    "--max-instructions",
    "instructions",
    callback=_growth,
    metavar="2%|COUNT",
    help="Of those that `mcucc bench DIR --save` counted in both.",
)
@click.option(
    "--min-sqnr", "min_sqnr_db", type=float, metavar="DB", help="Least ratio of an output of NEW."
)
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
@as_json
def diff(
    old: Path,
    new: Path,
    *,
    markdown: bool,
    as_json: bool,
    **limits: Any,  # noqa: ANN401
) -> None:
    """Show what changed from the compiled directory OLD to NEW, layer by layer, and why.

    The exit code is 1 if something grew beyond a limit, or no longer fits its board.
    """
    found = compare_directories(old, new, Limits(**limits))
    if as_json:
        print_json(found)
    elif markdown:
        console().print(markdown_difference(found), soft_wrap=True)
    else:
        show(render_difference(found))
    if found.beyond:
        sys.exit(VerificationError.exit_code)
