"""Cross-layer equalization: even channel ranges between consecutive layers.

Dividing output channel c of a layer by a factor and multiplying the next layer's input channel c
by the same changes nothing in real numbers, as long as only a Relu or nothing lies between. In int8
it decides how well each channel fills the one range of the tensor between them (Nagel et al.,
"Data-free quantization through weight equalization and bias correction", 2019).

Weights have a scale for each output channel here, so scaling the first layer costs nothing; neither
does scaling a depthwise second layer. The factors then even out the activations fully. Before an
ordinary convolution, where one scale serves all input channels of an output channel, they are the
geometric middle between even activations and even weights.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Const
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.quant.observe import Observations

_LIMIT = 64.0
"""Factors stay within [1 / _LIMIT, _LIMIT] of the tensor's largest channel."""

_Layer = FloatConv2D | FloatDepthwiseConv2D | FloatDense


def equalize(graph: FloatGraph, seen: Observations) -> FloatGraph:
    """The same network with evened channels; layers that clip at 6 are left alone."""
    consts = dict(graph.consts)
    for first in graph.nodes:
        second = _successor(graph, first)
        if second is None:
            continue
        # Two pairs may share a layer: read the weights as they are by now.
        factors = _factors(seen.largest[first.output], _input_reach(consts, second))
        _scale_outputs(consts, first, 1.0 / factors)
        _scale_inputs(consts, second, factors)
    return replace(graph, consts=consts)


def _successor(graph: FloatGraph, node: FloatNode) -> FloatNode | None:
    """The only reader of a layer, if the pair can be evened."""
    if not isinstance(node.op, _Layer) or node.op.activation == "relu6":
        return None
    readers = graph.readers[node.output]
    if len(readers) != 1 or node.output in graph.output_tensors:
        return None
    reader = readers[0]
    if not isinstance(reader.op, _Layer) or reader.inputs[0] != node.output:
        return None
    weights = graph.type_of(reader.inputs[1]).shape
    channels = graph.tensors[node.output].shape[-1]
    constants = (*node.inputs[1:], *reader.inputs[1:])
    shared = any(len(graph.readers[name]) > 1 for name in constants)
    given = any(graph.const(name).type.quant is not None for name in constants)
    return reader if not shared and not given and weights[-1] == channels else None


def _input_reach(consts: Mapping[str, Const], node: FloatNode) -> NDArray[np.float64] | None:
    """Largest weight per input channel; None where each channel has a scale of its own."""
    if isinstance(node.op, FloatDepthwiseConv2D):
        return None
    weights = np.abs(consts[node.inputs[1]].data.astype(np.float64))
    return weights.reshape(-1, weights.shape[-1]).max(axis=0)


def _factors(
    activations: NDArray[np.float32], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """How much larger than they should be the channels of the first layer are, 1 for the largest.

    Powers of two would change no rounding of the weights; these are plain numbers, because the
    gain is in the activations.
    """
    reach = activations.astype(np.float64)
    reach = np.maximum(reach / max(float(reach.max()), 1e-300), 1.0 / _LIMIT)
    if weights is None:
        return reach
    weight = np.maximum(weights / max(float(weights.max()), 1e-300), 1.0 / _LIMIT)
    factors = np.sqrt(reach / weight)
    return factors / factors.max()


def _scale_outputs(consts: dict[str, Const], node: FloatNode, factors: NDArray[np.float64]) -> None:
    weights = consts[node.inputs[1]]
    axis = 3 if isinstance(node.op, FloatDepthwiseConv2D) else 0
    shape = [1] * weights.data.ndim
    shape[axis] = len(factors)
    _replace(consts, weights, factors.reshape(shape))
    bias = consts[node.inputs[2]]
    _replace(consts, bias, factors)


def _scale_inputs(consts: dict[str, Const], node: FloatNode, factors: NDArray[np.float64]) -> None:
    weights = consts[node.inputs[1]]
    _replace(consts, weights, factors)


def _replace(consts: dict[str, Const], old: Const, factors: NDArray[np.float64]) -> None:
    scaled = old.data.astype(np.float64) * factors
    consts[old.name] = Const(old.name, old.type, scaled.astype(np.float32))
