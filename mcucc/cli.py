"""The command line: argv to calls. The only module that prints and that knows exit codes.

With `--json` exactly one JSON document goes to stdout; an error is then a document
`{"error": {"type", "message", "exit_code"}}`. Everything else for people goes to stdout as rich
text, progress and errors to stderr.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, cast

import click
import msgspec
import numpy as np
from rich.console import Console, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

import mcucc
from mcucc.board import list_boards
from mcucc.compiled import CompiledNetwork
from mcucc.errors import DoesNotFitError, McuccError, VerificationError
from mcucc.measure import Measurement, measure
from mcucc.pipeline import (
    CompileOptions,
    Inspection,
    compile_model,
    inspect_model,
    write_compilation,
)
from mcucc.report import load_report
from mcucc.report.text import render_boards, render_report
from mcucc.samples import flatten, load_samples, random_samples, save_npz, to_onnx
from mcucc.verify import Verification, verify_directory

_INTERNAL_ERROR = 70

_DIRECTORY = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path)

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
on_target = click.option(
    "--on",
    "target",
    type=click.Choice(["host", "qemu"]),
    default="host",
    show_default=True,
    help="Run on this computer or on a simulated Cortex-M.",
)
input_file = click.option(
    "--input",
    "input_path",
    type=_FILE,
    help="Samples (N, ...) as .npy or .npz, float32 or int8; seeded random ones if left out.",
)


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
        _print_json(found)
    else:
        _show(render_boards(found, width=_console().width))


@cli.command()
@click.argument("model", type=_FILE)
@as_json
def inspect(model: Path, *, as_json: bool) -> None:
    """Show operators, shapes, MACs and parameters of MODEL, and what is unsupported in it."""
    inspection = inspect_model(model)
    if as_json:
        _print_json(inspection)
    else:
        _show_inspection(inspection)


@cli.command(name="compile")
@click.argument("model", type=_FILE)
@click.option("--board", required=True, help="Id of a board (`mcucc boards`) or a board file.")
@click.option("-o", "--output", "directory", type=_DIRECTORY, help="Directory; default: the name.")
@click.option("--name", help="Prefix of all symbols; default: the file's stem.")
@click.option("--sram", type=click.IntRange(min=1), help="Bytes that the arena may take.")
@click.option(
    "--objective",
    type=click.Choice(["auto", "memory", "speed"]),
    default="auto",
    show_default=True,
    help="What to prefer where memory and speed disagree.",
)
@click.option("--keep-input", is_flag=True, help="Inputs survive a run.")
@click.option(
    "--selftest",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Also write <name>_selftest.c with N recorded samples.",
)
@as_json
def compile_command(
    model: Path,
    directory: Path | None,
    *,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Compile MODEL (int8 QDQ ONNX) into C for a board."""
    with _progress(as_json) as stage:
        stage(f"compiling {model.name}")
        compilation = compile_model(model, CompileOptions(**options))
    target = directory or Path(compilation.report.name)
    try:
        write_compilation(compilation, target)
    except DoesNotFitError as error:
        if not as_json:
            raise
        document = cast("dict[str, object]", msgspec.to_builtins(compilation.report))
        _print_json(document | _error_document(error, str(error), error.exit_code))
        click.echo(f"mcucc: {error}", err=True)
        sys.exit(error.exit_code)
    if as_json:
        _print_json(compilation.report)
    else:
        report = compilation.report
        _show(render_report(report, CompiledNetwork.open(target).board, width=_console().width))
        _console().print(f"Written to {target}: {', '.join(report.files)}, report.json")


@cli.command()
@click.argument("directory", type=_DIRECTORY)
@input_file
@click.option("--output", "output_path", type=_FILE, help="Where the outputs go, .npz.")
@click.option("--dequantize", is_flag=True, help="Give float32 outputs instead of int8.")
@on_target
@as_json
def run(
    directory: Path,
    input_path: Path | None,
    output_path: Path | None,
    target: str,
    *,
    dequantize: bool,
    as_json: bool,
) -> None:
    """Run the network in DIRECTORY on samples."""
    compiled = CompiledNetwork.open(directory)
    if input_path is None:
        graph = compiled.graph
        samples = random_samples([graph.tensors[p.tensor].shape for p in graph.inputs], 1)
    else:
        samples = load_samples(compiled.report, input_path)
    flat = flatten(samples)
    with _progress(as_json) as stage:
        stage(f"running {len(flat)} sample(s) on {target}")
        raw = compiled.run_host(flat) if target == "host" else compiled.trace_qemu(flat).outputs
    outputs = to_onnx(compiled.report, raw, dequantized=dequantize)
    if output_path is not None:
        save_npz(output_path, outputs)
    if as_json:
        shapes = {name: list(array.shape) for name, array in outputs.items()}
        values = {name: array.tolist() for name, array in outputs.items()}
        _print_json({"samples": len(flat), "on": target, "shapes": shapes, "outputs": values})
        return
    for name, array in outputs.items():
        _console().print(f"{name} {list(array.shape)} {array.dtype}")
        _console().print(np.array2string(array, threshold=100, max_line_width=_console().width))


@cli.command()
@click.argument("directory", type=_DIRECTORY)
@input_file
@on_target
@click.option("--require", multiple=True, type=click.Choice(["tflm"]), help="Absence is failure.")
@as_json
def verify(
    directory: Path,
    input_path: Path | None,
    target: str,
    require: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Hold numpy, host C, TFLM and (with --on qemu) the Cortex-M program against each other."""
    with _progress(as_json) as stage:
        verification = verify_directory(
            directory,
            input_path=input_path,
            on_qemu=target == "qemu",
            require=require,
            stage=stage,
        )
    if as_json:
        _print_json(verification)
    else:
        _show_verification(verification)
    if not verification.ok:
        sys.exit(VerificationError.exit_code)


@cli.command()
@click.argument("directory", type=_DIRECTORY)
@as_json
def report(directory: Path, *, as_json: bool) -> None:
    """Show the memory-budget report of a compiled DIRECTORY."""
    loaded = load_report(directory)
    if as_json:
        _print_json(loaded)
    else:
        board = CompiledNetwork(directory, loaded).board
        _show(render_report(loaded, board, width=_console().width))


@cli.command()
@click.argument("directories", type=_DIRECTORY, nargs=-1, required=True, metavar="DIR...")
@as_json
def bench(directories: tuple[Path, ...], *, as_json: bool) -> None:
    """Count the instructions of one inference, in all and per layer, on the simulated core."""
    found: list[Measurement] = []
    with _progress(as_json) as stage:
        for directory in directories:
            stage(f"measuring {directory}")
            found.append(measure(directory))
    if as_json:
        _print_json(found)
    else:
        _show_measurements(found)


def main() -> NoReturn:
    """Run the command line and exit.

    0 ok, 1 verification failed, 2 usage, 3 unsupported or unreadable model, 4 does not fit,
    5 toolchain or simulator, 70 internal.
    """
    debug = "--debug" in sys.argv
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as finish:
        sys.exit(finish.exit_code)
    except click.ClickException as error:
        if "--json" in sys.argv:
            _print_json(_error_document(error, error.format_message(), error.exit_code))
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has left; Python must not complain when it flushes the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        _fail(error)
    sys.exit(0)


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
        _print_json(_error_document(error, message, code))
    click.echo(f"mcucc: {message}", err=True)
    sys.exit(code)


def _error_document(error: Exception, message: str, code: int) -> dict[str, object]:
    return {"error": {"type": type(error).__name__, "message": message, "exit_code": code}}


def _console() -> Console:
    """Names from models may look like markup or emoji codes; they are printed as they are."""
    return Console(markup=False, emoji=False, highlight=False)


def _show(content: RenderableType) -> None:
    _console().print(content)


def _print_json(value: object) -> None:
    # As bytes: JSON is UTF-8, whatever the terminal's encoding.
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


class _progress:  # noqa: N801 -- used like a function
    """A spinner on stderr with the current stage and its time; silent where nobody watches."""

    def __init__(self, quiet: bool) -> None:  # noqa: FBT001
        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Callable[[str], None]:
        self._progress.start()
        return self._stage

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _stage(self, description: str) -> None:
        self._progress.update(self._task, description=description)


def _show_inspection(inspection: Inspection) -> None:
    console = _console()
    console.print(f"{inspection.model}  opset {inspection.opset}", style="bold")
    for kind, ports in (("input", inspection.inputs), ("output", inspection.outputs)):
        for port in ports:
            shape = "x".join("?" if size is None else str(size) for size in port.shape)
            console.print(f"  {kind}  {port.name}  {port.dtype} {shape}")
    counts = ", ".join(f"{name} {count}" for name, count in inspection.ops.items())
    console.print(f"  operators  {counts}")
    if not inspection.supported:
        console.print("mcucc cannot compile it:", style="bold")
        for violation in inspection.violations:
            console.print(f"  - {violation}")
        return
    table = Table("layer", "operator", "output")
    table.add_column("MACs", justify="right")
    for layer in inspection.layers:
        shape = "x".join(map(str, layer.output_shape))
        table.add_row(layer.name, layer.op, shape, f"{layer.macs:,}" if layer.macs else "")
    console.print(table)
    console.print(f"{inspection.macs:,} MACs, {inspection.params:,} parameters")


def _show_verification(verification: Verification) -> None:
    console = _console()
    table = Table("judge", "says")
    for judge, says in verification.judges.items():
        table.add_row(judge, says)
    console.print(table)
    for message in verification.messages:
        console.print(message)
    first = verification.first_difference
    if first is not None:
        console.print(
            f"{first.judge} differs first in tensor '{first.tensor}', sample {first.sample}, "
            f"element {list(first.index)}: {first.actual} instead of {first.expected} "
            f"({first.differing} elements of it differ)"
        )
    verdict = "equal bits" if verification.ok else "NOT equal"
    console.print(
        f"{verdict}: {verification.tensors_compared} tensors compared on "
        f"{verification.samples} sample(s)"
    )


def _show_measurements(found: list[Measurement]) -> None:
    console = _console()
    table = Table("model", "board", "core")
    for column in ("instructions", "per MAC", "arena B", "code B", "weights B", "stack B"):
        table.add_column(column, justify="right")
    for m in found:
        core = f"{m.core} ({m.simulator}, proxy)" if m.proxy else m.core
        numbers = (m.arena_bytes, m.code_bytes, m.weights_bytes, m.stack_bytes)
        texts = ("?" if number is None else f"{number:,}" for number in numbers)
        table.add_row(
            m.model, m.board, core, f"{m.instructions:,}", f"{m.instructions_per_mac:.3f}", *texts
        )
    console.print(table)
    console.print("Instructions are exact and repeatable; they are not cycles.")
