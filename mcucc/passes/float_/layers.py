"""Layers with weights, and how to give them others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Const, DType, Shape, TensorType
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.passes.rewriting import fresh_value

Layer = FloatConv2D | FloatDepthwiseConv2D | FloatDense
"""Operators of (x, weights, bias)."""

Reals = NDArray[np.float64]
"""Parameters while they are computed with; they are rounded to float32 once, when stored."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """Weights and bias of a layer, in the layout of its operator."""

    weights: Reals
    bias: Reals


def parameters(graph: FloatGraph, node: FloatNode) -> Parameters:
    """The parameters of a layer."""
    weights, bias = (graph.const(name).reals() for name in node.inputs[1:])
    return Parameters(weights, bias)


def has_given_scales(graph: FloatGraph, node: FloatNode) -> bool:
    """Whether the weights of a layer are int8 with the scales of the file."""
    return graph.const(node.inputs[1]).type.quant is not None


def with_parameters(
    graph: FloatGraph, node: FloatNode, new: Parameters
) -> tuple[FloatNode, Mapping[str, Const]]:
    """The layer with other parameters, and the constants that hold them.

    A constant that other nodes read too is left to them.
    """
    stored = [
        _store(graph, node, old, suffix, data)
        for old, suffix, data in zip(
            node.inputs[1:], ("weights", "bias"), (new.weights, new.bias), strict=True
        )
    ]
    names = tuple(const.name for const in stored)
    return replace(node, inputs=(node.inputs[0], *names)), {const.name: const for const in stored}


def float_const(name: str, data: Reals) -> Const:
    """A float32 constant."""
    return Const(name, TensorType(DType.FLOAT32, data.shape), data.astype(np.float32))


def per_output_channel(op: Layer, factors: Reals) -> Reals:
    """One number per output channel, shaped to multiply the weights."""
    match op:
        case FloatDepthwiseConv2D():
            return factors
        case FloatConv2D():
            return factors[:, None, None, None]
        case FloatDense():
            return factors[:, None]


def per_input_channel(op: Layer, weights: Shape, factors: Reals) -> Reals:
    """One number per input channel, shaped to multiply the weights.

    Output channel o of a convolution in groups reads the input channels of its group; output
    channel o of a depthwise convolution reads input channel o // (out_c // in_c).

    Args:
        op: the layer.
        weights: their shape.
        factors: [in_c].
    """
    match op:
        case FloatDense():
            return factors
        case FloatDepthwiseConv2D():
            return np.repeat(factors, weights[3] // len(factors))
        case FloatConv2D():
            groups = factors.reshape(-1, weights[3])
            return np.repeat(groups, weights[0] // len(groups), axis=0)[:, None, None, :]


def _store(graph: FloatGraph, node: FloatNode, old: str, suffix: str, data: Reals) -> Const:
    shared = len(graph.readers[old]) > 1 or node.inputs.count(old) > 1
    name = fresh_value(graph, f"{node.name}.{suffix}") if shared else old
    return float_const(name, data)
