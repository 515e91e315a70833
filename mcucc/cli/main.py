"""The command line: argv to calls. All results are printed through mcucc/cli/printing.py.

With `--json` exactly one JSON document goes to stdout; an error is then a document
`{"error": {"type", "message", "exit_code"}}`. Everything else for people goes to stdout as rich
text, progress and errors to stderr.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, cast

import click
import msgspec

import mcucc
from mcucc.api.compile import (
    CompileOptions,
    compile_model,
    write_compilation,
)
from mcucc.api.evaluate import evaluate as evaluate_directory
from mcucc.api.inspect import inspect_model
from mcucc.api.network import Calibration
from mcucc.api.plan import plan_model
from mcucc.api.verify import verify_directory
from mcucc.cli import options as arguments
from mcucc.cli.bench import bench
from mcucc.cli.build import build
from mcucc.cli.explain import explain as explain_command
from mcucc.cli.options import (
    DIRECTORY,
    FILE,
    as_json,
    input_file,
    input_shape,
    on_target,
    parse_shapes,
)
from mcucc.cli.printing import console, print_json, print_json_text, show
from mcucc.cli.run import run
from mcucc.cli.tables import (
    render_evaluation,
    render_inspection,
    render_plans,
    render_quantization,
    render_verification,
)
from mcucc.cli.usage import explain, show_usage_error
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.report_file import load_report
from mcucc.errors import DoesNotFitError, McuccError, UsageError, VerificationError
from mcucc.ir.limits import Limit
from mcucc.memory import ALIGNMENT
from mcucc.progress import progress
from mcucc.quant.ptq import PtqOptions
from mcucc.quant.ranges import Observer
from mcucc.report import Report
from mcucc.report.model import report_schema
from mcucc.report.text.page import render_boards, render_report
from mcucc.targets.board import list_boards

_INTERNAL_ERROR = 70


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mcucc.__version__, prog_name="mcucc")
@click.option("--debug", is_flag=True, help="Show a traceback on errors.")
def cli(*, debug: bool) -> None:
    """Compile trained neural networks into plain C for microcontrollers."""


@cli.command()
@as_json
def boards(*, as_json: bool) -> None:
    """List the boards that mcucc knows."""
    found = list_boards()
    if as_json:
        print_json({"boards": found})
    else:
        show(render_boards(found))


@cli.command()
@click.argument("model", type=FILE)
@input_shape
@arguments.cut_at
@arguments.tensor_limit
@arguments.operator_limit
@as_json
def inspect(
    model: Path,
    input_shapes: tuple[str, ...],
    cut_at: tuple[str, ...],
    limit: Limit,
    *,
    as_json: bool,
) -> None:
    """Show operators, shapes, MACs and parameters of MODEL, and what is unsupported in it."""
    inspection = inspect_model(model, parse_shapes(input_shapes), limit, cut_at)
    if as_json:
        print_json(inspection)
    else:
        show(render_inspection(inspection))


@cli.command(name="compile")
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
    type=click.Choice(["int8", "uint8", "float"]),
    default="int8",
    show_default=True,
    help="What the C interface takes and gives; float: a function beside the int8 one.",
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
@input_shape
@arguments.cut_at
@arguments.tensor_limit
@arguments.operator_limit
@as_json
def compile_command(
    model: Path,
    directory: Path | None,
    calib: Path | None,
    observer: Observer,
    input_shapes: tuple[str, ...],
    limit: Limit,
    *,
    clean: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Compile MODEL (float or int8 QDQ ONNX) into C for a board."""
    calibration = Calibration(
        calib, PtqOptions(observer), parse_shapes(input_shapes), limit, options.pop("cut_at")
    )
    with progress(quiet=as_json) as stage:
        stage(f"compiling {model.name}")
        chosen = CompileOptions(calibration=calibration, **options)
        compilation = compile_model(model, chosen, stage)
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
        print_json(document | _error_document(error, str(error), error.exit_code))
        click.echo(f"mcucc: {error}", err=True)
        sys.exit(error.exit_code)
    if as_json:
        print_json(report)
    else:
        # What stderr has just warned of need not stand among the notes again.
        rest = tuple(note for note in report.notes if note not in compilation.warnings)
        shown = msgspec.structs.replace(report, notes=rest)
        _show_report(shown, CompiledNetwork.open(target))
        console().print(f"Written to {target}: {', '.join(report.files)}, report.json")


@cli.command()
@click.argument("model", type=FILE)
@arguments.board
@arguments.sram
@arguments.objective
@arguments.stream_input
@arguments.no_prune
@input_shape
@arguments.cut_at
@arguments.tensor_limit
@arguments.operator_limit
@as_json
def plan(
    model: Path,
    input_shapes: tuple[str, ...],
    cut_at: tuple[str, ...],
    limit: Limit,
    *,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Show what MODEL needs of memory under each strategy, and which one compile would take."""
    calibration = Calibration(input_shapes=parse_shapes(input_shapes), limit=limit, cut_at=cut_at)
    with progress(quiet=as_json) as stage:
        plans = plan_model(model, CompileOptions(calibration=calibration, **options), stage)
    if as_json:
        print_json(plans)
    else:
        show(render_plans(plans))


@cli.command()
@click.argument("directory", type=DIRECTORY)
@input_file
@on_target
@click.option("--require", multiple=True, type=click.Choice(["tflm"]), help="Absence is failure.")
@click.option("--model", type=FILE, help="The compiled ONNX file, for the link to float.")
@arguments.tensor_limit
@as_json
def verify(
    directory: Path,
    input_path: Path | None,
    limit: Limit,
    target: str,
    require: tuple[str, ...],
    model: Path | None,
    *,
    as_json: bool,
) -> None:
    """Hold numpy, host C, TFLM and (with --on qemu) the Cortex-M program against each other.

    With --model also the float network: ONNX Runtime against numpy, and int8 against float.
    """
    with progress(quiet=as_json) as stage:
        verification = verify_directory(
            directory,
            inputs=input_path,
            on_qemu=target == "qemu",
            require=require,
            model=model,
            stage=stage,
            limit=limit,
        )
    if as_json:
        print_json(verification)
    else:
        show(render_verification(verification))
    if not verification.ok:
        sys.exit(VerificationError.exit_code)


@cli.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--input", "input_path", type=FILE, required=True, help="Samples, .npy or .npz.")
@click.option("--labels", "labels_path", type=FILE, required=True, help="Class numbers.")
@click.option("--model", type=FILE, help="The compiled ONNX file, for the float accuracy.")
@arguments.tensor_limit
@as_json
def evaluate(
    directory: Path,
    input_path: Path,
    labels_path: Path,
    model: Path | None,
    limit: Limit,
    *,
    as_json: bool,
) -> None:
    """Measure top-1 accuracy of the int8 C code, and with --model that of the float network."""
    with progress(quiet=as_json) as stage:
        stage("evaluating")
        result = evaluate_directory(directory, input_path, labels_path, model, limit)
    if as_json:
        print_json(result)
    else:
        show(render_evaluation(result))


@cli.command()
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
        _show_report(loaded, CompiledNetwork(directory, loaded))


def _show_report(report: Report, compiled: CompiledNetwork) -> None:
    show(render_report(report, compiled.board, width=console().width))
    if report.quantization is not None:
        show(render_quantization(report.quantization))


for command in (bench, build, explain_command, run):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line and exit.

    0 ok, 1 verification failed, 2 usage, 3 unsupported or unreadable model, 4 does not fit,
    5 toolchain or simulator, 70 internal.
    """
    debug = "--debug" in sys.argv
    # A child process has a group of its own; it is killed as this one leaves by an exception.
    signal.signal(signal.SIGTERM, _stop)
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as finish:
        sys.exit(finish.exit_code)
    except click.ClickException as error:
        message = explain(error, sys.argv[1:])
        if "--json" in sys.argv:
            print_json(_error_document(error, message, error.exit_code))
        show_usage_error(error, message)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has left; Python must not complain when it flushes the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # the last line of defence: whatever is no McuccError exits with 70
        if debug:
            raise
        _fail(error)
    sys.exit(0)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _fail(error: Exception) -> NoReturn:
    internal = not isinstance(error, McuccError) or error.exit_code == _INTERNAL_ERROR
    code = error.exit_code if isinstance(error, McuccError) else _INTERNAL_ERROR
    message = str(error)
    if internal:
        message = (
            f"this is a bug in mcucc, please report it with the model "
            f"(mcucc --debug shows more): {type(error).__name__}: {message}"
        )
    if "--json" in sys.argv:
        print_json(_error_document(error, message, code))
    click.echo(f"mcucc: {message}", err=True)
    sys.exit(code)


def _error_document(error: Exception, message: str, code: int) -> dict[str, object]:
    return {"error": {"type": type(error).__name__, "message": message, "exit_code": code}}
