"""`mcucc bench`."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mcucc.api.benchmark import is_model, measure_model, save_measurement
from mcucc.api.measure import Measurement, measure
from mcucc.api.network import Calibration
from mcucc.api.options import CompileOptions
from mcucc.cli import options as arguments
from mcucc.cli.measured_tables import render_measurements
from mcucc.cli.options import as_json, taken_from_file
from mcucc.cli.printing import print_json, show
from mcucc.errors import UsageError
from mcucc.progress import progress

_OF_ALL = ("targets", "board", "save", "as_json")
"""Parameters that are not about how models are compiled."""


@click.command()
@click.argument("targets", type=arguments.FILE, nargs=-1, required=True, metavar="DIR|MODEL...")
@click.option("--board", help="Id or file; for a MODEL required, for a DIR its own if left out.")
@click.option("--save", is_flag=True, help="Keep the counts in each DIR, for its page.")
@arguments.sram
@arguments.objective
@arguments.stream_input
@arguments.input_elsewhere
@arguments.max_recompute
@arguments.of_model
@as_json
def bench(
    targets: tuple[Path, ...],
    board: str | None,
    *,
    save: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Count the instructions of one inference, in all and per layer, on the simulated core.

    Options other than --board and --save say how MODELs are compiled.
    """
    models = any(map(is_model, targets))
    if save and (models or board is not None):
        raise UsageError(
            "--save: keeps counts in a DIR, of the board that it was compiled for: give compiled "
            "directories, and no --board"
        )
    if board is None and models:
        raise UsageError("--board: say for which board a model is compiled; see `mcucc boards`")
    if not models:
        _check_nothing_to_compile()
    calibration, array = Calibration(**taken_from_file(options)), options.pop("array")
    found: list[Measurement] = []
    with progress(quiet=as_json) as stage:
        for target in targets:
            stage(f"measuring {target}")
            if board is not None and is_model(target):
                chosen = CompileOptions(board, calibration=calibration, **options)
                found.append(measure_model(arguments.model_in(target, array), chosen, stage))
            else:
                found.append(measure(target, board))
                if save:
                    save_measurement(target, found[-1])
    if as_json:
        print_json({"measurements": found})
    else:
        show(render_measurements(found))


def _check_nothing_to_compile() -> None:
    """Refuse options that would be held against nothing: a directory is compiled already."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _OF_ALL:
            raise UsageError(
                f"{parameter.opts[0]}: says how a MODEL is compiled, and a DIR is compiled "
                f"already: leave it out, or give the file of the model"
            )
