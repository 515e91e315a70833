"""`mcucc plan`."""

from pathlib import Path
from typing import Any

import click

from mcucc.api.compile import CompileOptions
from mcucc.api.network import Calibration
from mcucc.api.plan import plan_model
from mcucc.cli import options as arguments
from mcucc.cli.options import FILE, as_json, taken_from_file
from mcucc.cli.printing import print_json, show
from mcucc.cli.tables import render_plans
from mcucc.progress import progress


@click.command()
@click.argument("model", type=FILE)
@arguments.board
@arguments.sram
@arguments.objective
@arguments.stream_input
@arguments.input_elsewhere
@arguments.max_recompute
@arguments.no_prune
@arguments.of_model
@as_json
def plan(
    model: Path,
    *,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Show what MODEL needs of memory under each strategy, and which one compile would take."""
    calibration = Calibration(**taken_from_file(options))
    source = arguments.model_in(model, options.pop("array"))
    with progress(quiet=as_json) as stage:
        plans = plan_model(source, CompileOptions(calibration=calibration, **options), stage)
    if as_json:
        print_json(plans)
    else:
        show(render_plans(plans))
