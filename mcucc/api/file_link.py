"""The link of the ladder to a `.tflite` file that was compiled: TFLM runs the file itself.

A network that is taken at its word has the bits that TFLM has on the original file, which nothing
of mcucc has touched. Of a float network TFLM says what the file means, as ONNX Runtime does of
ONNX.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mcucc.api.tflm_link import TIMEOUT_S, Heard, Values
from mcucc.compiled.samples import dequantize_inputs
from mcucc.errors import JudgeAbsentError
from mcucc.importer import TfliteValues
from mcucc.ir import QParams
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.index import as_bytes
from mcucc.reference.movement import held_shape
from mcucc.report import Report
from mcucc.report.model import PortReport
from mcucc.sim.tflm import TflmLacksError, run_tflm_file
from mcucc.twin import keep_operators

Reals = Mapping[str, NDArray[np.float32]]
"""Arrays (N, ...) in the layout of the file, by name."""


def hear_file(
    report: Report,
    graph: Int8Graph,
    file: TfliteValues,
    samples: tuple[NDArray[np.int8], ...],
) -> Heard:
    """Run the file that was compiled on the int8 samples of a ladder.

    Args:
        report: of the compilation.
        graph: the compiled network.
        file: that was compiled.
        samples: for each input, int8 in inner layout.

    Returns:
        The outputs of the graph, int8 in inner layout.

    Raises:
        JudgeAbsentError: TFLM is not installed, cannot be loaded, or lacks an operator of the file.
        SimulationError: it crashed, hung or refused the file.
    """
    found = run_file(report, file, dequantize_inputs(report, samples))
    values: Values = {
        port.tensor: _inner(found[port.name], said)
        for port, said in zip(graph.outputs, report.outputs, strict=True)
    }
    shapes = {port.tensor: held_shape(graph.tensors[port.tensor]) for port in graph.outputs}
    return Heard({name: y.reshape(len(y), *shapes[name][1:]) for name, y in values.items()})


def run_file(report: Report, file: TfliteValues, reals: Reals) -> Reals:
    """What TFLM makes of real inputs with the file; int8 and uint8 ports are scaled as there.

    Raises:
        JudgeAbsentError, SimulationError: as `hear_file`.
    """
    ports = {port.name: port for port in report.inputs}
    inputs = [_as_declared(ports[name], file.dtypes[name], reals[name]) for name in file.inputs]
    wanted = [file.index[port.name] for port in report.outputs]
    raw = file.raw
    inner = any(port.name not in file.outputs for port in report.outputs)
    if inner:  # what comes behind is not needed, and TFLM may not know it
        last = max(file.makers.get(port.name, 0) for port in report.outputs)
        raw = keep_operators(raw, last + 1)
    try:
        found = run_tflm_file(raw, inputs, wanted, keep=inner, timeout=TIMEOUT_S)
    except TflmLacksError as error:
        raise JudgeAbsentError(str(error)) from error
    return {
        port.name: _reals(port, found[file.index[port.name]]).reshape(
            len(inputs[0]), *port.shape[1:]
        )
        for port in report.outputs
    }


def _as_declared(port: PortReport, dtype: str, real: NDArray[np.float32]) -> NDArray[np.generic]:
    """An input in the element type of the file."""
    if dtype == "FLOAT32":
        return real
    q = quantize(real, QParams((port.scale,), port.zero_point))
    return q if dtype == "INT8" else (q.astype(np.int16) + 128).astype(np.uint8)


def _reals(port: PortReport, y: NDArray[np.generic]) -> NDArray[np.float32]:
    """The reals that an output of the file stands for."""
    if y.dtype == np.float32 or port.is_index:
        return y.astype(np.float32, copy=False)
    shift = 128 if y.dtype == np.uint8 else 0
    q = (y.astype(np.int16) - shift).astype(np.int8)
    return dequantize(q, QParams((port.scale,), port.zero_point))


def _inner(real: NDArray[np.float32], port: PortReport) -> NDArray[np.int8]:
    """An output as int8 in inner layout; indices as their bytes."""
    if port.is_index:
        inner = real if port.perm is None else real.transpose(port.perm)
        return as_bytes(inner.reshape(len(real), -1).astype(np.int32))
    q = quantize(real, QParams((port.scale,), port.zero_point))
    return q if port.perm is None else np.ascontiguousarray(q.transpose(port.perm))
