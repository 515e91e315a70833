"""Reads every `.tflite` file of a folder and holds quantized ones against TFLM, tensor by tensor.

    python bench/tflite_files.py             all files: print, write bench/results/tflite.json
    python bench/tflite_files.py tiny__ mltk files whose name begins so: print

A quantized file is imported, and the int8 graph before any pass is held against TFLM on the
original file: every tensor that an operator of the file makes, on eight random inputs. Of a float
file the outputs are: numpy float against TFLM's float. What is refused stands there with its
reasons, in the words of the file.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import SimulationError, UnsupportedModelError, grouped
from mcucc.importer import (
    OnnxModel,
    TfliteValues,
    cut_at,
    lower_network,
    read_network,
    tflite_values,
)
from mcucc.ir import Port, QParams
from mcucc.ops import FloatGraph, Int8Graph
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.ptq import from_file
from mcucc.quant.scheme import uncalibrated
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import quantize
from mcucc.reference.float_interpreter import run_float
from mcucc.sim.tflm import run_tflm_file
from mcucc.twin import keep_operators

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "tflite.json"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
SAMPLES = 8
LIMIT = 1e-4
"""Of the largest difference of floats, as a part of the output's largest magnitude."""

TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Compared:
    """What became of a file.

    Attributes:
        file: its name.
        says: "equal" (bits, or floats within the limit), "differs", "refused" (by mcucc), or
            "absent" (TFLM does not run it).
        kind: "int8" if the file brings all scales, else "float".
        tensors: how many were compared.
        differing: names of those that differ.
        largest: difference of floats; None of integers.
        why: reasons of a refusal, or what TFLM says.
    """

    file: str
    says: str
    kind: str
    tensors: int = 0
    differing: tuple[str, ...] = ()
    largest: float | None = None
    why: tuple[str, ...] = ()


def compare(path: Path, samples: int = SAMPLES) -> Compared:
    """Import a file and hold it against TFLM on seeded random inputs."""
    file, model = tflite_values(path), read_network(path)
    if file is None:
        raise ValueError(f"{path} is no .tflite file")
    if model.notes:  # TFLM need not know what is left to the program
        last = max(file.makers[port.name] for port in model.outputs)
        file = replace(file, raw=keep_operators(file.raw, last + 1))
    try:
        graph = lower_network(model, "network")
        passed = run_passes(graph, FLOAT)[0]
        if uncalibrated(graph):
            return _float_outputs(path.name, file, passed, samples)
        from_file(passed)
    except UnsupportedModelError as refusal:
        dtypes = set(file.dtypes.values())
        kind = "int8" if "INT8" in dtypes else "float"
        return Compared(path.name, "refused", kind, why=grouped(refusal.violations))
    return _every_tensor(path.name, file, model, samples)


def _every_tensor(name: str, file: TfliteValues, model: OnnxModel, samples: int) -> Compared:
    graph = _all_values(file, model)
    try:
        return _held(name, file, graph, samples, keep=True)
    except SimulationError:  # some large networks do not run with all their tensors kept
        whole = from_file(lower_network(model, "network"))
    try:
        return _held(name, file, whole, samples, keep=False)
    except SimulationError as error:
        return Compared(name, "absent", "int8", why=(str(error),))


def _held(name: str, file: TfliteValues, graph: Int8Graph, samples: int, *, keep: bool) -> Compared:
    inputs, feed = _int8_inputs(graph, file, samples)
    ports = {port.name: port for port in graph.outputs}
    indices = [file.index[port] for port in ports]
    theirs = run_tflm_file(file.raw, inputs, indices, keep=keep, timeout=TIMEOUT_S)
    ours = interpreter.run(graph, feed)
    differing = tuple(
        each
        for each, port in ports.items()
        if not np.array_equal(
            _in_file_layout(ours[port.tensor], port),
            _as_int8(theirs[file.index[each]], graph.tensors[port.tensor].q, port),
        )
    )
    return Compared(name, "differs" if differing else "equal", "int8", len(ports), differing)


def _all_values(file: TfliteValues, model: OnnxModel) -> Int8Graph:
    """The int8 graph before any pass; every quantized value of the file that it can give out."""
    wanted = {port.name for port in model.inputs}
    made = {name for node in model.nodes for name in node.outputs} - wanted
    names = [n for n in file.index if n in made and file.dtypes[n] in ("INT8", "UINT8")]
    names += [port.name for port in model.outputs if port.name not in names]
    while True:
        try:
            return from_file(lower_network(cut_at(model, names), "network"))
        except UnsupportedModelError as refusal:
            views = {v.node for v in refusal.violations if v.op == "Output"}
            if not views:
                raise
            names = [n for n in names if n not in views]  # mere views of an input


def _int8_inputs(
    graph: Int8Graph, file: TfliteValues, samples: int
) -> tuple[list[NDArray[np.generic]], dict[str, NDArray[np.int8]]]:
    """Random inputs as the file takes them, and the same as the graph does."""
    random = np.random.default_rng(0)
    ports = {port.name: port for port in graph.inputs}
    given: list[NDArray[np.generic]] = []
    feed: dict[str, NDArray[np.int8]] = {}
    for name in file.inputs:
        port = ports[name]
        shape, quant = (samples, *port.shape[1:]), graph.tensors[port.tensor].q
        if file.dtypes[name] == "FLOAT32":
            low, high = (quant.scale * (end - quant.zero_point) for end in (-140, 140))
            real = random.uniform(low, high, shape).astype(np.float32)
            given.append(real)
            q = quantize(real, quant)
        else:
            q = random.integers(-128, 128, shape).astype(np.int8)
            unsigned = file.dtypes[name] == "UINT8"
            given.append((q.astype(np.int16) + 128).astype(np.uint8) if unsigned else q)
        feed[port.tensor] = np.ascontiguousarray(q if port.perm is None else q.transpose(port.perm))
    return given, feed


def _in_file_layout(values: NDArray[np.generic], port: Port) -> NDArray[np.generic]:
    if port.perm is None:
        return values.reshape(len(values), *port.shape[1:])
    inner = values.reshape(len(values), *(port.shape[axis] for axis in port.perm[1:]))
    return inner.transpose(np.argsort(port.perm))


def _as_int8(values: NDArray[np.generic], quant: QParams, port: Port) -> NDArray[np.int8]:
    if values.dtype == np.float32:
        values = quantize(values.astype(np.float32), quant)
    if values.dtype == np.uint8:
        values = (values.astype(np.int16) - 128).astype(np.int8)
    return values.reshape(len(values), *port.shape[1:]).astype(np.int8, copy=False)


def _float_outputs(name: str, file: TfliteValues, graph: FloatGraph, samples: int) -> Compared:
    random = np.random.default_rng(0)
    given: list[NDArray[np.generic]] = []
    feed: dict[str, NDArray[np.float32]] = {}
    ports = {port.name: port for port in graph.inputs}
    for each in file.inputs:
        port = ports[each]
        x = random.standard_normal((samples, *port.shape[1:]), dtype=np.float32)
        given.append(x)
        feed[port.tensor] = np.ascontiguousarray(x if port.perm is None else x.transpose(port.perm))
    indices = [file.index[port.name] for port in graph.outputs]
    try:
        theirs = run_tflm_file(file.raw, given, indices, keep=False, timeout=TIMEOUT_S)
    except SimulationError as error:
        return Compared(name, "absent", "float", why=(str(error),))
    ours = run_float(graph, feed)
    worst, differing = 0.0, list[str]()
    for port in graph.outputs:
        exact = theirs[file.index[port.name]].astype(np.float64)
        found = _in_file_layout(ours[port.tensor], port).reshape(exact.shape).astype(np.float64)
        each = float(np.abs(exact - found).max() / max(np.abs(exact).max(), 1e-30))
        worst = max(worst, each)
        differing += [] if each <= LIMIT else [port.name]
    says = "differs" if differing else "equal"
    return Compared(name, says, "float", len(graph.outputs), tuple(differing), worst)


def main() -> int:
    """Compare, report; the exit code says whether anything differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix", nargs="*", help="beginnings of file names")
    prefixes: Sequence[str] = parser.parse_args().prefix
    folder = MODELS / "tflite"
    if not folder.is_dir():
        print(f"The files are missing: {folder}; set MCUCC_MODELS.")
        return 2
    found = [
        compare(path)
        for path in sorted(folder.glob("*.tflite"))
        if not prefixes or path.name.startswith(tuple(prefixes))
    ]
    for each in found:
        print(f"{each.file:60} {each.kind:5} {each.says:8} {each.tensors:4}")
        for line in (*each.differing, *each.why):
            print(f"    {line}")
    counts = Counter((each.kind, each.says) for each in found)
    print(", ".join(f"{kind} {says}: {n}" for (kind, says), n in sorted(counts.items())))
    if not prefixes:
        text = json.dumps([asdict(each) for each in found], indent=1)
        RESULTS.write_text(f"{text}\n")
    return int(any(each.says == "differs" for each in found))


if __name__ == "__main__":
    sys.exit(main())
