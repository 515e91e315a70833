"""From an ONNX file to the int8 graph that is compiled: taken at its word, or quantized.

A network whose activations are quantized (QDQ) keeps its own scales. A float network is quantized
after training, on calibration inputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.compiled.array_hints import first_index, no_arrays_in_folder
from mcucc.compiled.arrays import ArraySource, GivenArrays, label, read_arrays, room_bytes
from mcucc.compiled.samples import check_shape
from mcucc.errors import InputFileError, UnsupportedModelError, Violation
from mcucc.importer import OnnxModel, cut_at, declare_states, lower_with_notes, split_outputs
from mcucc.ir import UNSIGNED_SHIFT, DType, Port, Shape
from mcucc.ir.limits import DEFAULT_LIMIT, Limit, real_bytes
from mcucc.ops import FloatGraph, Int8Graph
from mcucc.ops.verify import verify
from mcucc.passes import FLOAT, INT8_WHOLE, PRUNE, PassEvent, run_passes
from mcucc.progress import Stage, silent
from mcucc.quant.doubts import doubts
from mcucc.quant.given import given_quants
from mcucc.quant.held_out import MEASURED, halves, held_out_noise, ratios
from mcucc.quant.joined import Part, joins_values, part_ratios
from mcucc.quant.neutral import neutral_form
from mcucc.quant.observe import LARGEST_REAL
from mcucc.quant.ptq import Fitted, Inputs, Noise, PtqOptions, fit, from_file, measure_noise
from mcucc.quant.scheme import brings_scales, demand_scales, uncalibrated
from mcucc.reference.preprocessing import preprocess

_RANDOM_SAMPLES = 8


@dataclass(frozen=True)
class Calibration:
    """What the file does not say: how a float network is quantized, open dimensions, its end.

    Attributes:
        source: .npz, .npy or a directory of such files, or arrays; None for random inputs.
        options: of the quantizer.
        input_shapes: ONNX shapes of inputs that the file leaves open, float or quantized.
        limit: how large tensors and calibration inputs may be.
        cut_at: values that become the outputs, in this order; those of the file if none.
        states: inputs and outputs that are one value, which runs hand on.
        split_output: whether outputs that join values are given out in their parts.
        results_matter: whether what the network computes is of interest. If not, as for memory and
            speed, random inputs will do for a file that quantizes some of its values only.
    """

    source: ArraySource | None = None
    options: PtqOptions = field(default_factory=PtqOptions)
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    limit: Limit = DEFAULT_LIMIT
    cut_at: tuple[str, ...] = ()
    results_matter: bool = True
    states: tuple[tuple[str, str], ...] = ()
    split_output: bool = False


@dataclass(frozen=True)
class Network:
    """An int8 network, ready to be scheduled.

    Attributes:
        graph: after all passes.
        whole: the same before pruning, with all its channels.
        dropped_channels: how many channels of its values pruning dropped.
        model_macs: multiply-accumulates of the network as in the file.
        quantized_here: whether mcucc quantized it.
        calibrated: false if the quantization rests on random inputs.
        samples: how many calibration inputs were used.
        held_out: on how many of them ratios were measured by networks that were not fitted to them;
            0 if too few differ.
        sqnr_db: signal-to-noise ratio of int8 values on these, by name, with the channels that
            pruning drops; empty if nothing was measured.
        parts: of outputs that join values, by their name: what each part has.
        doubts: sentences about calibration inputs that look wrongly prepared.
        events: what the passes did and declined, in the order in which they ran.
        notes: what is not as in the file, as sentences.
    """

    graph: Int8Graph
    whole: Int8Graph
    dropped_channels: int
    model_macs: int
    quantized_here: bool
    calibrated: bool
    samples: int
    held_out: int = 0
    sqnr_db: Mapping[str, float] = field(default_factory=dict[str, float])
    parts: Mapping[str, tuple[Part, ...]] = field(default_factory=dict[str, tuple[Part, ...]])
    doubts: tuple[str, ...] = ()
    events: tuple[PassEvent, ...] = ()
    notes: tuple[str, ...] = ()


@np.errstate(all="ignore")  # what overflows is found where it matters, and named
def load_network(
    model: OnnxModel,
    name: str,
    calibration: Calibration,
    stage: Stage = silent,
    *,
    prune: bool = True,
) -> Network:
    """Lower a model and quantize it if it needs that.

    Args:
        model: float or quantized.
        name: of the graph.
        calibration: what the file does not say.
        stage: is told how far calibration is.
        prune: whether channels are dropped that do not depend on the input, or are not needed.

    Raises:
        UnsupportedModelError: with every reason why the network cannot be compiled.
        UsageError: a given shape contradicts the file.
        InputFileError: the calibration inputs cannot be read or do not fit.
    """
    shapes, limit = calibration.input_shapes, calibration.limit
    model = cut_at(declare_states(model, calibration.states), calibration.cut_at)
    model = split_outputs(model) if calibration.split_output else model
    original, notes = lower_with_notes(model, name, input_shapes=shapes, limit=limit)
    macs = sum(
        node.op.macs(original.input_types(node), original.tensors[node.output])
        for node in original.nodes
    )
    folded, events = run_passes(original, FLOAT)
    if uncalibrated(folded):
        demand_compilable(model, neutral_form(folded), limit)
        blind = calibration.source is None and calibration.results_matter
        if blind and brings_scales(folded):
            demand_scales(folded)
        network = _calibrated(folded, calibration, macs, stage, prune=prune)
    else:
        network = _as_given(model, folded, limit, macs, prune=prune)
    return replace(network, events=(*events, *network.events), notes=notes)


def _as_given(
    model: OnnxModel, folded: FloatGraph, limit: Limit, macs: int, *, prune: bool
) -> Network:
    """The network with the scales of its file; `macs` are those in the file."""
    imported = from_file(folded)
    verify(imported)
    demand_compilable(model, imported, limit)
    whole, graph, events = _after_passes(imported, prune=prune)
    return Network(
        graph,
        whole,
        _channels(whole) - _channels(graph),
        macs,
        quantized_here=False,
        calibrated=True,
        samples=0,
        events=events,
    )


def _calibrated(
    folded: FloatGraph, calibration: Calibration, macs: int, stage: Stage, *, prune: bool
) -> Network:
    """The network quantized on calibration inputs; `macs` are those in the file."""
    inputs = calibration_inputs(folded, calibration.source, calibration.limit)
    parts = halves(inputs, sequence=bool(folded.states))
    fitted = fit(
        *(folded, parts, calibration.options),
        lambda done: stage(f"calibrating {folded.name}", done),
    )
    whole, graph, events = _after_passes(fitted.whole.graph, prune=prune)
    calibrated = calibration.source is not None
    noise = held_out_noise(fitted, parts, lambda each: run_passes(each, INT8_WHOLE)[0])
    return Network(
        graph,
        whole,
        _channels(whole) - _channels(graph),
        macs,
        quantized_here=True,
        calibrated=calibrated,
        samples=len(next(iter(inputs.values()))),
        held_out=MEASURED if fitted.without else 0,
        sqnr_db=ratios(noise),
        parts=_part_ratios(folded, fitted, noise, inputs),
        doubts=doubts(folded, inputs) if calibrated else (),
        events=events,
    )


def _part_ratios(
    folded: FloatGraph, fitted: Fitted, noise: Mapping[str, Noise], inputs: Inputs
) -> Mapping[str, tuple[Part, ...]]:
    """What each part of a joined output has: on held out inputs, or else on those of the fit."""
    if not noise and joins_values(folded):
        noise = measure_noise(fitted.whole, fitted.whole.graph, inputs)
    return part_ratios(folded, noise)


def demand_compilable(model: OnnxModel, graph: Int8Graph, limit: Limit) -> None:
    """Refuse no operators, and more than can be planned in seconds.

    Args:
        model: the file, for the error.
        graph: as imported, or the neutral form of a float network.
        limit: of the number of operators.

    Raises:
        UnsupportedModelError: with every reason.
    """
    if not graph.nodes:
        raise UnsupportedModelError(
            (
                Violation(
                    model.path.name,
                    "Graph",
                    "the network must compute an output from its input",
                    "its outputs are its inputs, at the same scales",
                    "Look whether the file holds the whole network.",
                ),
            )
        )
    if len(graph.nodes) > limit.operators:
        raise UnsupportedModelError(
            (
                Violation(
                    model.path.name,
                    "Graph",
                    f"a network must have at most {limit.operators:,} int8 operators",
                    f"{len(graph.nodes):,}",
                    "Simplify the network, or raise --max-operators: planning will take long.",
                ),
            )
        )


def _after_passes(
    graph: Int8Graph, *, prune: bool
) -> tuple[Int8Graph, Int8Graph, tuple[PassEvent, ...]]:
    """The graph with all its channels, the one that is compiled, and what the passes say."""
    whole, events = run_passes(graph, INT8_WHOLE)
    pruned, more = run_passes(whole, PRUNE if prune else ())
    return whole, pruned, (*events, *more)


def _channels(graph: Int8Graph) -> int:
    return sum(kind.shape[-1] for kind in graph.tensors.values())


def calibration_inputs(
    graph: FloatGraph, source: ArraySource | None, limit: Limit = DEFAULT_LIMIT
) -> Inputs:
    """Calibration inputs in inner layout; seeded normal random numbers without a source.

    Raises:
        InputFileError: a file cannot be read, does not fit the inputs, holds NaN, infinity or
            numbers that are too large, or all files together are larger than the limit allows.
    """
    if source is None:
        random = np.random.default_rng(0)
        each = real_bytes(sum(graph.tensors[port.tensor].size for port in graph.inputs))
        count = max(1, min(_RANDOM_SAMPLES, limit.together_bytes // each))
        return {
            port.tensor: random.standard_normal(
                (count, *graph.tensors[port.tensor].shape[1:]), dtype=np.float32
            )
            for port in graph.inputs
        }
    if isinstance(source, GivenArrays):
        joined = _read(source, graph.inputs, limit)
    else:
        joined = _read_files(source, graph.inputs, limit)
    joined = _as_reals(graph, joined)
    if len({len(values) for values in joined.values()}) != 1:
        raise InputFileError(label(source), "its inputs do not have the same number of samples")
    return joined


def _read_files(path: Path, ports: Sequence[Port], limit: Limit) -> Inputs:
    parts: list[Inputs] = []
    files = _files(path, ports)
    most = room_bytes(limit, files)
    for file in files:
        parts.append(_read(file, ports, limit))
        _demand_room(path, parts, most)
    return parts[0] if len(parts) == 1 else _joined(parts)


def _as_reals(graph: FloatGraph, inputs: Inputs) -> Inputs:
    """What the values of integer inputs stand for; others are reals already."""
    whole = {port.tensor: port.dtype for port in graph.inputs if port.dtype != DType.FLOAT32}
    if not whole:
        return inputs
    given, found = given_quants(graph), dict(inputs)
    for name, dtype in whole.items():
        if name in given:
            quant = given[name]
            zero_point = quant.zero_point + (UNSIGNED_SHIFT if dtype == DType.UINT8 else 0)
            found[name] = (inputs[name] - np.float32(zero_point)) * np.float32(quant.scale)
    return found


def _joined(parts: Sequence[Inputs]) -> Inputs:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _demand_room(path: Path, parts: Sequence[Inputs], most: int) -> None:
    total = sum(array.nbytes for part in parts for array in part.values())
    if total > most:
        raise InputFileError(
            path,
            f"its files hold more than {most:,} bytes as float32, which is too much for their "
            "sizes and --max-tensor-bytes: some hundred samples are enough to calibrate on",
        )


def _files(path: Path, ports: Sequence[Port]) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in (".npy", ".npz"))
    if not found:
        raise InputFileError(path, no_arrays_in_folder(path, _shapes(ports)))
    return found


def _read(source: ArraySource, ports: Sequence[Port], limit: Limit) -> Inputs:
    names = [port.name for port in ports]
    arrays = read_arrays(source, names, shapes=_shapes(ports), limit=limit)
    return {port.tensor: _to_inner(label(source), arrays[port.name], port) for port in ports}


def _shapes(ports: Sequence[Port]) -> Mapping[str, Shape]:
    return {port.name: port.shape for port in ports}


def _to_inner(path: Path, array: NDArray[np.generic], port: Port) -> NDArray[np.float32]:
    check_shape(path, array, port.name, port.shape)
    if array.dtype.kind not in "fiu":
        raise InputFileError(path, f"input '{port.name}' must be numbers, it is {array.dtype}")
    with np.errstate(over="ignore"):
        values = array.astype(np.float32, copy=False)
    bad = ~np.isfinite(values)
    if bad.any():
        raise InputFileError(
            path, f"input '{port.name}' holds NaN or infinity in {first_index(bad)}: mend the data"
        )
    largest = float(np.abs(values).max())
    if largest > LARGEST_REAL:
        raise InputFileError(
            path,
            f"input '{port.name}' holds {largest:.3g}; numbers must be at most "
            f"{LARGEST_REAL:.3g} to be calibrated on: scale them as in training",
        )
    if port.preprocessing:  # what it makes has a scale of the file, and saturates long before
        values = preprocess(port.preprocessing, values).clip(-LARGEST_REAL, LARGEST_REAL)
    return np.ascontiguousarray(values if port.perm is None else values.transpose(port.perm))
