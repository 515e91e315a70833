"""Runs an int8 graph in numpy, many samples at once."""

from collections.abc import Mapping
from typing import assert_never, cast

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UsageError
from mcucc.ops import (
    Add,
    AveragePool2D,
    Clamp,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    Int8Graph,
    Int8Node,
    LeakyRelu,
    Logistic,
    MaxPool2D,
    Mean,
    Mul,
    Pad,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Table,
    Tanh,
    Transpose,
    clamp_range,
)
from mcucc.reference.conv import conv2d, depthwise_conv2d, fully_connected
from mcucc.reference.elementwise import add, change_scale, mul, sub
from mcucc.reference.fixed_point import requantize
from mcucc.reference.movement import block, concat, pad, reshape, resize_nearest, transpose
from mcucc.reference.parameters import (
    add_parameters,
    conv_multipliers,
    lookup_table,
    mean_parameters,
    mul_parameters,
    requantize_multiplier,
)
from mcucc.reference.pool import average_pool2d, max_pool2d, mean
from mcucc.reference.softmax import softmax, softmax_table
from mcucc.reference.unary import take

Values = dict[str, NDArray[np.int8]]
"""Samples of the values of a graph by name, each (N, ...) in place of its batch of 1."""


def run(graph: Int8Graph, inputs: Mapping[str, NDArray[np.int8]]) -> Values:
    """Run a graph on N samples.

    Args:
        graph: a verified graph.
        inputs: for each input value (by its name inside the graph) int8 (N, ...) in the layout
            of the graph (NHWC).

    Returns:
        Every value of the graph, inputs included.

    Raises:
        UsageError: an input is missing, unknown, not int8 or of another shape, or the inputs
            differ in their number of samples.
    """
    values = _checked_inputs(graph, inputs)
    for node in graph.nodes:
        values[node.output] = _execute(graph, node, values)
    return values


def _checked_inputs(graph: Int8Graph, inputs: Mapping[str, NDArray[np.int8]]) -> Values:
    expected = {port.tensor: graph.tensors[port.tensor].shape for port in graph.inputs}
    if set(inputs) != set(expected):
        raise UsageError(f"the inputs must be {sorted(expected)}, got {sorted(inputs)}")
    for name, shape in expected.items():
        given = inputs[name]
        if given.dtype != np.int8 or given.shape[1:] != shape[1:]:
            raise UsageError(
                f"input '{name}' must be int8 [N, {', '.join(map(str, shape[1:]))}], "
                f"got {given.dtype} {list(given.shape)}"
            )
    if len({len(given) for given in inputs.values()}) > 1:
        raise UsageError("all inputs must have the same number of samples")
    return dict(inputs)


def _execute(graph: Int8Graph, node: Int8Node, values: Values) -> NDArray[np.int8]:
    x = _operand(graph, node.inputs[0], values)
    match node.op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            return _weighted(graph, node, x)
        case Add() | Sub() | Mul():
            return _of_two(graph, node, node.op, x, _operand(graph, node.inputs[1], values))
        case Clamp() | Logistic() | Tanh() | LeakyRelu() | HardSwish() | Table():
            return take(lookup_table(graph, node), x)
        case Requantize() | Mean() | Softmax():
            return _rescaled(graph, node, node.op, x)
        case AveragePool2D():
            return average_pool2d(node.op, x)
        case MaxPool2D():
            return max_pool2d(node.op, x)
        case Concat():
            return concat([_operand(graph, name, values) for name in node.inputs])
        case Reshape() | Pad() | ResizeNearest() | Transpose() | Slice():
            return _moved(node.op, x, graph.tensors[node.output].q.zero_point)
        case _:
            assert_never(node.op)


def _of_two(
    graph: Int8Graph,
    node: Int8Node,
    op: Add | Sub | Mul,
    first: NDArray[np.int8],
    second: NDArray[np.int8],
) -> NDArray[np.int8]:
    """An operator on two activations."""
    left, right = (kind.q.zero_point for kind in graph.input_types(node))
    output = graph.tensors[node.output].q
    clamp = clamp_range(op.activation, output)
    if isinstance(op, Mul):
        return mul(first, second, (left, right), mul_parameters(graph, node), output, clamp)
    function = add if isinstance(op, Add) else sub
    return function(first, second, (left, right), add_parameters(graph, node), output, clamp)


def _rescaled(
    graph: Int8Graph, node: Int8Node, op: Requantize | Mean | Softmax, x: NDArray[np.int8]
) -> NDArray[np.int8]:
    """An operator on one activation whose arithmetic depends on the scales."""
    source, output = graph.input_types(node)[0].q, graph.tensors[node.output].q
    match op:
        case Requantize():
            return change_scale(x, source.zero_point, requantize_multiplier(graph, node), output)
        case Mean():
            return mean(op, x, source.zero_point, mean_parameters(graph, node), output)
        case Softmax():
            return softmax(x, softmax_table(source.scale))


def _moved(
    op: Reshape | Pad | ResizeNearest | Transpose | Slice, x: NDArray[np.int8], zero_point: int
) -> NDArray[np.int8]:
    """An operator that moves bytes."""
    match op:
        case Reshape():
            return reshape(op, x)
        case Pad():
            return pad(op, x, zero_point)
        case ResizeNearest():
            return resize_nearest(op, x)
        case Transpose():
            return transpose(op, x)
        case Slice():
            return block(op, x)


def _weighted(graph: Int8Graph, node: Int8Node, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """A convolution or dense layer: accumulators, then requantization."""
    weights = cast("NDArray[np.int8]", graph.const(node.inputs[1]).data)
    bias = cast("NDArray[np.int32]", graph.const(node.inputs[2]).data)
    zero_point = graph.input_types(node)[0].q.zero_point
    match node.op:
        case Conv2D():
            accumulators = conv2d(node.op, x, zero_point, weights, bias)
        case DepthwiseConv2D():
            accumulators = depthwise_conv2d(node.op, x, zero_point, weights, bias)
        case _:
            accumulators = fully_connected(x, zero_point, weights, bias)
    output = graph.tensors[node.output].q
    op = cast("Conv2D | DepthwiseConv2D | FullyConnected", node.op)
    clamp = clamp_range(op.activation, output)
    return requantize(accumulators, conv_multipliers(graph, node), output.zero_point, clamp)


def _operand(graph: Int8Graph, name: str, values: Values) -> NDArray[np.int8]:
    """Samples of a value, or a constant as the one sample that serves all."""
    if name in values:
        return values[name]
    return cast("NDArray[np.int8]", graph.const(name).data)
