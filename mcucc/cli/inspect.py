"""`mcucc inspect`."""

from pathlib import Path

import click

from mcucc.api.inspect import inspect_model
from mcucc.cli import options as arguments
from mcucc.cli.options import FILE, as_json, input_shape, parse_shapes
from mcucc.cli.printing import print_json, show
from mcucc.cli.tables import render_inspection
from mcucc.ir.limits import Limit


@click.command()
@click.argument("model", type=FILE)
@input_shape
@arguments.cut_at
@arguments.array
@arguments.state
@arguments.tensor_limit
@arguments.operator_limit
@as_json
def inspect(
    model: Path,
    input_shapes: tuple[str, ...],
    cut_at: tuple[str, ...],
    states: tuple[tuple[str, str], ...],
    array: str | None,
    limit: Limit,
    *,
    as_json: bool,
) -> None:
    """Show operators, shapes, MACs and parameters of MODEL, and what is unsupported in it."""
    source = arguments.model_in(model, array)
    inspection = inspect_model(source, parse_shapes(input_shapes), limit, cut_at, states)
    if as_json:
        print_json(inspection)
    else:
        show(render_inspection(inspection))
