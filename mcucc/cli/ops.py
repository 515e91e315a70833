"""`mcucc ops`."""

import click
from rich.console import Group
from rich.text import Text

from mcucc.api.operators import SupportedOperators, markdown, supported_operators
from mcucc.cli.options import as_json
from mcucc.cli.printing import print_json, show
from mcucc.report.text.grid import Column, Grid


@click.command()
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table as Markdown.")
@as_json
def ops(*, as_markdown: bool, as_json: bool) -> None:
    """List the operators that a model may have, and what of them is taken."""
    found = supported_operators()
    if as_json:
        print_json(found)
    elif as_markdown:
        click.echo(markdown(found), nl=False)
    else:
        show(_rendered(found))


def _rendered(found: SupportedOperators) -> Group:
    rows = found.operators
    table = Grid(
        (
            Column("format", tuple(x.format for x in rows)),
            Column("operator", tuple(x.name for x in rows)),
            Column("taken", tuple(x.taken for x in rows), least=24, wraps=True),
        )
    )
    folded = ", ".join(found.folded)
    return Group(table, Text(f"Where all inputs are constant also: {folded}."))
