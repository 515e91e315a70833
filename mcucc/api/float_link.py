"""The float link of the ladder: ONNX Runtime, numpy float and the int8 network.

ONNX Runtime says what the file means. numpy float must agree with it but for the order of sums; how
far int8 is from it is no matter of right and wrong, but of the signal-to-noise ratio.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.api.file_link import run_file
from mcucc.errors import JudgeAbsentError, SimulationError
from mcucc.importer import (
    ModelSource,
    cut_at,
    declare_states,
    is_quantized,
    lower_network,
    path_of,
    read_network,
    tflite_values,
)
from mcucc.ir import QParams
from mcucc.ops import FloatGraph
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.ptq import decibels
from mcucc.reference.fixed_point import quantize
from mcucc.reference.float_interpreter import run_float
from mcucc.report import Report
from mcucc.report.model import PortReport
from mcucc.sim.onnx_runtime import run_onnx

LIMIT = 1e-4
"""How far numpy float may be from ONNX Runtime, as a part of the output's largest magnitude."""

INDEX_LIMIT = 0.01
"""Of indices the part that may differ: where two scores are equal but for the order of sums."""

Reals = Mapping[str, NDArray[np.float32]]
"""Arrays (N, ...) in ONNX layout by ONNX name."""


@dataclass(frozen=True)
class FloatOutput:
    """One output of the float network.

    Attributes:
        name: in the ONNX file.
        largest_difference: between ONNX Runtime and numpy float, as a part of the largest magnitude
            of the output; None without ONNX Runtime.
        sqnr_db: of int8 against float: ONNX Runtime's, or numpy's where that is absent. None on
            random inputs, of which the ratio says nothing, and of indices.
        agreement: the part of the indices that is equal in int8 and float; None of other outputs.
            `largest_difference` is then the part in which ONNX Runtime and numpy float differ.
    """

    name: str
    largest_difference: float | None
    sqnr_db: float | None
    agreement: float | None = None

    @property
    def is_near(self) -> bool:
        """Whether numpy float is within the limit of ONNX Runtime; NaN is not."""
        limit = LIMIT if self.agreement is None else INDEX_LIMIT
        return (self.largest_difference or 0.0) <= limit


@dataclass(frozen=True)
class FloatLink:
    """What the float network says.

    Attributes:
        says: "equal" (within the limit), "differs", "absent" (ONNX Runtime is not installed, or it
            does not run the file), "crashed" (mcucc fed it wrongly: a bug), or "quantized" (the
            file holds no float network).
        limit: of `largest_difference`.
        outputs: in the order of the file; empty for "quantized".
        judge: who runs the float network: "ONNX Runtime", of a `.tflite` file "TFLM".
    """

    says: str
    limit: float
    outputs: tuple[FloatOutput, ...]
    judge: str = "ONNX Runtime"


@dataclass(frozen=True)
class LsbOutput:
    """How far the int8 network is from ONNX Runtime in one output, in steps of its scale.

    Attributes:
        name: in the ONNX file.
        largest: absolute difference.
        histogram: how many elements differ by how much, int8 less ONNX Runtime, ascending.
    """

    name: str
    largest: int
    histogram: Mapping[int, int]


def compare_with_float(
    report: Report, model: ModelSource, inputs: Reals, int8: Reals, *, random: bool
) -> tuple[FloatLink, str]:
    """Hold ONNX Runtime, numpy float and int8 against each other.

    Args:
        report: of the compilation.
        model: the compiled file.
        inputs: real samples.
        int8: what the int8 network made of them, dequantized.
        random: whether the samples are no real ones.

    Returns:
        The link, and a message where it is not complete.

    Raises:
        InputFileError: the file cannot be read.
        UnsupportedModelError: it cannot be lowered, though it was once.
    """
    graph = _float_graph(report, model)
    if graph is None:
        return (
            FloatLink("quantized", LIMIT, ()),
            f"{path_of(model).name} comes quantized: there is no float network to compare with",
        )
    ours = _run_numpy(graph, inputs)
    theirs: Reals | None = None
    broken, message = "", ""
    file = tflite_values(model)
    try:
        theirs = (
            run_onnx(model, inputs, _names(report), _handed_over(report))
            if file is None
            else run_file(report, file, inputs)
        )
    except JudgeAbsentError as error:
        broken, message = "absent", str(error)
    except SimulationError as error:
        broken, message = "crashed", str(error)
    outputs = tuple(
        (_compare_indices if port.is_index else _compare)(
            port.name, ours[port.name], (theirs or {}).get(port.name), int8[port.name]
        )
        for port in report.outputs
    )
    judge = "ONNX Runtime" if file is None else "TFLM"
    link = FloatLink(broken or verdict(outputs), LIMIT, outputs, judge)
    return (_without_ratios(link) if random else link), message


def _without_ratios(link: FloatLink) -> FloatLink:
    """The same without signal-to-noise ratios."""
    return replace(link, outputs=tuple(replace(each, sqnr_db=None) for each in link.outputs))


def _float_graph(report: Report, source: ModelSource) -> FloatGraph | None:
    """The float network as it was quantized, None for one that came quantized."""
    model = read_network(source)
    if is_quantized(model):
        return None
    shapes = {port.name: port.shape for port in report.inputs}
    states = tuple(_handed_over(report).items())
    whole = cut_at(declare_states(model, states), _names(report))
    graph, _ = run_passes(lower_network(whole, report.name, input_shapes=shapes), FLOAT)
    return graph


def _names(report: Report) -> tuple[str, ...]:
    """The outputs: those of the file, or the values at which it was cut."""
    return tuple(port.name for port in report.outputs)


def _handed_over(report: Report) -> Mapping[str, str]:
    """For each input that is a state the output that the next run finds there."""
    return {state.name: state.output for state in report.states if state.output}


def _run_numpy(graph: FloatGraph, inputs: Reals) -> Reals:
    """Outputs in ONNX layout by ONNX name."""
    inner = {
        port.tensor: np.ascontiguousarray(_transposed(inputs[port.name], port.perm))
        for port in graph.inputs
    }
    values = run_float(graph, inner)
    found: dict[str, NDArray[np.float32]] = {}
    for port in graph.outputs:
        back = None if port.perm is None else tuple(int(axis) for axis in np.argsort(port.perm))
        y = _transposed(values[port.tensor], back)
        found[port.name] = y.reshape(len(y), *port.shape[1:])
    return found


def _transposed(x: NDArray[np.float32], perm: Sequence[int] | None) -> NDArray[np.float32]:
    return x if perm is None else x.transpose(perm)


def _compare(
    name: str,
    ours: NDArray[np.float32],
    theirs: NDArray[np.float32] | None,
    int8: NDArray[np.float32],
) -> FloatOutput:
    exact = (ours if theirs is None else theirs.reshape(ours.shape)).astype(np.float64)
    noise = float(((exact - int8.reshape(ours.shape)) ** 2).sum())
    ratio = round(decibels(float((exact**2).sum()), noise), 2)
    if theirs is None:
        return FloatOutput(name, None, ratio)
    largest = max(float(np.abs(exact).max()), 1e-30)
    return FloatOutput(name, float(np.abs(exact - ours).max()) / largest, ratio)


def _compare_indices(
    name: str,
    ours: NDArray[np.float32],
    theirs: NDArray[np.float32] | None,
    int8: NDArray[np.float32],
) -> FloatOutput:
    exact = ours if theirs is None else theirs.reshape(ours.shape)
    differing = None if theirs is None else float((exact != ours).mean())
    return FloatOutput(name, differing, None, float((exact == int8.reshape(ours.shape)).mean()))


def verdict(outputs: Sequence[FloatOutput]) -> str:
    """Whether every output is within the limit: "equal" or "differs". NaN differs."""
    return "equal" if all(output.is_near for output in outputs) else "differs"


def compare_with_onnx_runtime(
    report: Report, model: ModelSource, inputs: Reals, outputs: Mapping[str, NDArray[np.integer]]
) -> tuple[tuple[LsbOutput, ...] | None, str]:
    """How far ONNX Runtime is from the int8 network on a file that comes quantized.

    It computes between the quantizations in float and rounds once, so it is information, no judge.

    Args:
        report: of the compilation.
        model: the compiled file.
        inputs: reals that int8 inputs stand for, so that both begin with the same numbers.
        outputs: int8, in ONNX layout by ONNX name.

    Returns:
        A comparison per output; None and a message if ONNX Runtime is absent or refuses the file.
    """
    declared = {port.name: _as_declared(port, inputs[port.name]) for port in report.inputs}
    try:
        theirs = run_onnx(model, declared, _names(report), _handed_over(report))
    except SimulationError as error:
        return None, str(error)
    return tuple(
        _compare_lsb(port, outputs[port.name], theirs[port.name]) for port in report.outputs
    ), ""


def _as_declared(
    port: PortReport, real: NDArray[np.float32]
) -> NDArray[np.float32] | NDArray[np.int8] | NDArray[np.uint8]:
    """An input in the element type that the file declares."""
    if port.dtype not in ("int8", "uint8"):
        return real
    q = quantize(real, QParams((port.scale,), port.zero_point))
    return q if port.dtype == "int8" else (q.astype(np.int16) + 128).astype(np.uint8)


def _compare_lsb(
    port: PortReport, ours: NDArray[np.integer], theirs: NDArray[np.float32]
) -> LsbOutput:
    exact = theirs.reshape(ours.shape).astype(np.float64)
    if port.dtype not in ("int8", "uint8") and not port.is_index:
        exact = np.clip(np.rint(exact / port.scale) + port.zero_point, -128, 127)
    steps, counts = np.unique(ours.astype(np.int64) - exact.astype(np.int64), return_counts=True)
    histogram = dict(zip(map(int, steps), map(int, counts), strict=True))
    return LsbOutput(port.name, max(map(abs, histogram)), histogram)
