"""What calibration inputs show of their own preparation: sentences about those that look wrong.

Whether inputs were prepared as in training no file says. Three kinds give themselves away: values
that never vary, inputs that are all the same, and numbers as a camera or a converter gives them.
Some networks are trained on such numbers. Whether this one was, its first layer tells: training
makes what a layer computes of its inputs and its biases of one size, within a factor of some ten.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Port
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.quant.ptq import Inputs
from mcucc.reference.conv import float_conv2d, float_dense, float_depthwise_conv2d
from mcucc.reference.float_interpreter import run_float

_SAMPLES = 8
_TRAINED_RATIO = 60.0
"""Largest sums of a first layer, in biases. Five trained networks that were fed right: 1 to 9, and
64 for one whose inputs are no whole numbers; random weights with calibrated normalization: to 36.
Where a division by 255 was left out: 577 and more; by 16: 120."""
_FEWEST_STEPS = 8
"""Whole numbers up to less than that may be classes, counts or bits."""
_PIXEL = 255
_NEARLY_WHITE = 100
_BYTE = 128

_AS_IN_TRAINING = "prepare the calibration inputs exactly as in training"

_Floats = NDArray[np.float32]


def doubts(graph: FloatGraph, inputs: Inputs) -> tuple[str, ...]:
    """A sentence for each input whose calibration values look wrongly prepared.

    Args:
        graph: after the float passes.
        inputs: calibration samples by name of the input value.
    """
    return tuple(sentence for port in graph.inputs if (sentence := _doubt(graph, inputs, port)))


def _doubt(graph: FloatGraph, inputs: Inputs, port: Port) -> str:
    values = inputs[port.tensor]
    name, count = f"calibration input '{port.name}'", len(values)
    useless = f"quantized on it the network is of no use: {_AS_IN_TRAINING}"
    if values.min() == values.max():
        return f"{name} is {values.flat[0]:g} everywhere, in all its {count} samples; {useless}"
    if count > 1 and np.all(values == values[0]):
        return f"{name} is the same in all its {count} samples; {useless}"
    flat = values.reshape(count, -1)
    if flat.shape[1] > 1 and np.all(flat == flat[:, :1]):
        return f"each of the {count} samples of {name} is one number throughout; {useless}"
    looks = _looks_raw(values)
    ratio = _ratio(graph, inputs) if looks else None
    if not looks or (ratio is not None and ratio < _TRAINED_RATIO):
        return ""
    shown = (
        ""
        if ratio is None
        else (
            f", and the first layer makes of it {ratio:,.0f} times its biases (trained ones: 1 to "
            f"{_TRAINED_RATIO:.0f})"
        )
    )
    return (
        f"{name} ranges from {values.min():.7g} to {values.max():.7g} {looks}{shown}. The likely "
        f"cause is a forgotten scaling, such as x / 255: {_AS_IN_TRAINING}"
    )


def _looks_raw(values: _Floats) -> str:
    """What the values look like before any preparation; empty if they look prepared."""
    low, high = float(values.min()), float(values.max())
    whole = bool(np.all(values == np.rint(values)))
    if not whole:
        looks = low >= 0 and _NEARLY_WHITE <= high <= _PIXEL
        return "as pixels of 0 to 255 do" if looks else ""
    if high - low < _FEWEST_STEPS:
        return ""
    if low >= 0 and high <= _PIXEL:
        return "in whole numbers, as pixels of 0 to 255 do"
    if low >= -_BYTE and high < _BYTE:
        return "in whole numbers, as int8 values do"
    return "in whole numbers, as what converters and microphones give does"


def _ratio(graph: FloatGraph, inputs: Inputs) -> float | None:
    """Largest sum over bias, for the middle channel of the first layer that has biases.

    Activations are left out: a clip at 6 would hide how large the sums are. None if no layer has
    biases that could tell.
    """
    layer = next((node for node in graph.nodes if _tells(graph, node)), None)
    if layer is None:
        return None
    some = {name: _spread(values) for name, values in inputs.items()}
    met: list[_Floats] = []

    def watch(name: str, values: _Floats) -> None:
        if name == layer.inputs[0]:
            met.append(values.copy())

    run_float(graph, some, watch)
    sums = _sums(graph, layer, np.concatenate(met))
    bias = np.abs(graph.const(layer.inputs[2]).reals())
    largest = np.abs(sums.reshape(-1, len(bias))).max(axis=0)
    return float(np.median(largest[bias > 0] / bias[bias > 0]))


def _spread(values: _Floats) -> _Floats:
    places = np.linspace(0, len(values) - 1, min(_SAMPLES, len(values))).astype(int)
    return values[places]


def _tells(graph: FloatGraph, node: FloatNode) -> bool:
    """Whether a layer has biases in at least half of its channels."""
    if not isinstance(node.op, FloatConv2D | FloatDepthwiseConv2D | FloatDense):
        return False
    bias = graph.const(node.inputs[2]).data
    return 2 * int(np.count_nonzero(bias)) >= bias.size


def _sums(graph: FloatGraph, node: FloatNode, x: _Floats) -> _Floats:
    """What a layer adds to its biases."""
    weights = graph.const(node.inputs[1]).reals().astype(np.float32)
    bias = np.zeros(graph.const(node.inputs[2]).data.shape, np.float32)
    match node.op:
        case FloatConv2D():
            return float_conv2d(replace(node.op, activation="none"), x, weights, bias)
        case FloatDepthwiseConv2D():
            return float_depthwise_conv2d(replace(node.op, activation="none"), x, weights, bias)
        case _:
            return float_dense(x, weights, bias)
