"""`mcucc compile`."""

import sys
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.network import Calibration
from mcucc.cli import options as arguments
from mcucc.cli.options import DIRECTORY, FILE, as_json, taken_from_file
from mcucc.cli.printing import console, error_document, print_json, show
from mcucc.cli.tables import render_budget
from mcucc.compiled.directory import CompiledNetwork
from mcucc.errors import DoesNotFitError
from mcucc.memory import ALIGNMENT
from mcucc.progress import progress
from mcucc.quant.ptq import PtqOptions
from mcucc.quant.ranges import Observer


@click.command(name="compile")
@click.argument("model", type=FILE)
@arguments.board
@click.option("-o", "--output", "directory", type=DIRECTORY, help="Directory; default: the name.")
@click.option("--name", help="Prefix of all symbols; default: the file's stem.")
@arguments.sram
@arguments.objective
@click.option(
    "--schedule",
    type=click.Choice(["auto", "layer", "stream"]),
    default="auto",
    show_default=True,
    help="Whole tensors only (layer), rows wherever possible (stream), or as the objective asks.",
)
@arguments.stream_input
@arguments.input_elsewhere
@arguments.max_recompute
@arguments.no_prune
@click.option(
    "--solver",
    type=click.Choice(["own", "ortools"]),
    default="own",
    show_default=True,
    help="Who places the buffers; ortools needs `pip install ortools`.",
)
@click.option("--check", is_flag=True, help="Replay the memory plan, byte by byte.")
@click.option(
    "--io",
    type=click.Choice(["int8", "uint8", "float", "file"]),
    help="What the C interface takes and gives; float: a function beside the int8 one; file: what "
    "MODEL has (default of .tflite; of ONNX: int8).",
)
@click.option(
    "--align",
    "alignment",
    type=int,
    default=ALIGNMENT,
    show_default=True,
    metavar="BYTES",
    help="Where the arena, all in it and int8 weights begin: multiples of 4, 8, 16, 32 or 64.",
)
@click.option("--keep-input", is_flag=True, help="Inputs survive a run.")
@click.option(
    "--selftest",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Also write <name>_selftest.c with N recorded samples.",
)
@click.option(
    "--calib",
    type=FILE,
    help="Inputs to quantize a float MODEL on: .npz, .npy or a directory of them.",
)
@click.option(
    "--observer",
    type=click.Choice(["minmax", "percentile", "mse"]),
    default="mse",
    show_default=True,
    help="How the range of a value is chosen from calibration.",
)
@click.option("--clean", is_flag=True, help="If MODEL does not fit, remove earlier C in DIRECTORY.")
@arguments.of_model
@as_json
def compile_command(
    model: Path,
    directory: Path | None,
    calib: Path | None,
    observer: Observer,
    *,
    clean: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Compile MODEL (ONNX or .tflite, float or int8) into C for a board."""
    source = arguments.model_in(model, options.pop("array"))
    calibration = Calibration(calib, PtqOptions(observer), **taken_from_file(options))
    with progress(quiet=as_json) as stage:
        stage(f"compiling {model.name}")
        chosen = CompileOptions(calibration=calibration, **options)
        compilation = compile_model(source, chosen, stage)
    report = compilation.report
    target = directory or Path(report.name)
    for warning in compilation.warnings:
        click.secho(f"mcucc: warning: {warning}", err=True, fg="red", bold=True)
    try:
        write_compilation(compilation, target, clean=clean)
    except DoesNotFitError as error:
        if not as_json:
            raise
        document = cast("dict[str, object]", msgspec.to_builtins(report))
        print_json(document | error_document(error, str(error), error.exit_code))
        click.echo(f"mcucc: {error}", err=True)
        sys.exit(error.exit_code)
    if as_json:
        print_json(report)
    else:
        # What stderr has just warned of need not stand among the notes again.
        rest = tuple(note for note in report.notes if note not in compilation.warnings)
        shown = msgspec.structs.replace(report, notes=rest)
        show(render_budget(shown, CompiledNetwork.open(target).board, console().width))
        console().print(f"Written to {target}: {', '.join(report.files)}, report.json")
