"""`mcucc compare`."""

from pathlib import Path
from typing import Any

import click

from mcucc.api.compare import compare_model
from mcucc.api.network import Calibration
from mcucc.api.options import CompileOptions
from mcucc.cli import options as arguments
from mcucc.cli.measured_tables import render_comparison
from mcucc.cli.options import FILE, as_json, taken_from_file
from mcucc.cli.printing import print_json, show
from mcucc.progress import progress


@click.command()
@click.argument("model", type=FILE)
@arguments.board
@arguments.sram
@click.option("--calib", type=FILE, help="Inputs to quantize a float MODEL on.")
@arguments.of_model
@as_json
def compare(model: Path, calib: Path | None, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Hold MODEL in mcucc against TensorFlow Lite Micro: memory, flash, instructions, bits."""
    calibration = Calibration(calib, **taken_from_file(options))
    source = arguments.model_in(model, options.pop("array"))
    with progress(quiet=as_json) as stage:
        chosen = CompileOptions(calibration=calibration, **options)
        comparison = compare_model(source, chosen, stage)
    if as_json:
        print_json(comparison)
    else:
        show(render_comparison(comparison))
