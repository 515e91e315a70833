"""`mcucc fit`."""

from pathlib import Path
from typing import Any

import click

from mcucc.api.fit import fit_model
from mcucc.api.network import Calibration
from mcucc.cli import options as arguments
from mcucc.cli.measured_tables import render_fits
from mcucc.cli.options import FILE, as_json, negated, taken_from_file
from mcucc.cli.printing import print_json, show
from mcucc.progress import progress


@click.command()
@click.argument("model", type=FILE)
@click.option(
    "--board",
    "boards",
    multiple=True,
    help="Id of a board or a board file, in place of all; may be repeated.",
)
@click.option(
    "--calib", type=FILE, help="Inputs to quantize a float MODEL on; sizes are right without."
)
@click.option(
    "--no-build",
    "build",
    is_flag=True,
    callback=negated,
    help="Build nothing: flash is estimated.",
)
@arguments.no_prune
@arguments.of_model
@as_json
def fit(
    model: Path,
    boards: tuple[str, ...],
    calib: Path | None,
    *,
    build: bool,
    prune: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Show on which boards MODEL fits, and which of their resources is the tightest."""
    source = arguments.model_in(model, options.pop("array"))
    calibration = Calibration(calib, **taken_from_file(options))
    with progress(quiet=as_json) as stage:
        found = fit_model(source, calibration, stage, boards=boards, prune=prune, build=build)
    if as_json:
        print_json(found)
    else:
        show(render_fits(found))
