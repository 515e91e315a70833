"""`mcucc run`."""

from pathlib import Path

import click
from click.core import ParameterSource

from mcucc.api.measure import RunCounts, profile
from mcucc.cli import options as arguments
from mcucc.cli.measured_tables import render_profile
from mcucc.cli.options import DIRECTORY, FILE, as_json, input_file, on_target
from mcucc.cli.printing import console, print_json, show
from mcucc.cli.tables import render_outputs
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.input_range import input_ranges
from mcucc.compiled.samples import (
    OnnxArrays,
    Samples,
    check_npz,
    flatten,
    load_samples,
    random_samples,
    save_npz,
    to_onnx,
)
from mcucc.errors import UsageError
from mcucc.ir.limits import Limit
from mcucc.progress import progress


@click.command()
@click.argument("directory", type=DIRECTORY)
@input_file
@click.option("--output", "output_path", type=FILE, help="Where the outputs go, an .npz file.")
@click.option("--dequantize", is_flag=True, help="Give float32 outputs instead of int8.")
@click.option("--profile", "profiled", is_flag=True, help="Count instructions; implies --on qemu.")
@on_target
@arguments.tensor_limit
@as_json
def run(
    directory: Path,
    input_path: Path | None,
    output_path: Path | None,
    target: str,
    limit: Limit,
    *,
    dequantize: bool,
    profiled: bool,
    as_json: bool,
) -> None:
    """Run the network in DIRECTORY on samples."""
    target = _target(target, profiled=profiled)
    if output_path is not None:
        check_npz(output_path)
    compiled = CompiledNetwork.open(directory)
    ranges = None if input_path is None else input_ranges(compiled.report, input_path, limit)
    flat = flatten(_samples(compiled, input_path, limit))
    counts: tuple[RunCounts, ...] = ()
    with progress(quiet=as_json) as stage:
        stage(f"running {len(flat)} sample(s) on {target}")
        if profiled:
            result, counts = profile(compiled, flat)
            raw = result.outputs
        else:
            on_host = target == "host"
            raw = compiled.run_host(flat) if on_host else compiled.trace_qemu(flat).outputs
    outputs = to_onnx(compiled.report, raw, dequantized=dequantize)
    if output_path is not None:
        save_npz(output_path, outputs)
    if as_json:
        facts = {"samples": len(flat), "random_input": input_path is None, "on": target}
        print_json(facts | {"input_range": ranges} | _values(outputs) | _profile(counts))
        return
    if input_path is None:
        console().print("No --input: this is what a seeded random sample gives.")
    show(render_outputs(outputs, ranges or (), width=console().width))
    if counts:
        show(render_profile(compiled.report.name, compiled.board, counts))
    if output_path is not None:
        console().print(f"Written to {output_path}")


def _target(target: str, *, profiled: bool) -> str:
    source = click.get_current_context().get_parameter_source("target")
    if profiled and target == "host" and source is not ParameterSource.DEFAULT:
        raise UsageError("--profile: instructions are counted on the simulated core: --on qemu")
    return "qemu" if profiled else target


def _samples(compiled: CompiledNetwork, path: Path | None, limit: Limit) -> Samples:
    if path is not None:
        return load_samples(compiled.report, path, limit)
    graph = compiled.graph
    return random_samples([graph.tensors[p.tensor].shape for p in graph.inputs], 1)


def _values(outputs: OnnxArrays) -> dict[str, object]:
    return {
        "shapes": {name: list(array.shape) for name, array in outputs.items()},
        "outputs": {name: array.tolist() for name, array in outputs.items()},
    }


def _profile(counts: tuple[RunCounts, ...]) -> dict[str, object]:
    return {"profile": counts} if counts else {}
