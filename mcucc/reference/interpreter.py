"""Runs an int8 graph in numpy, many samples at once."""

from collections.abc import Mapping
from typing import assert_never, cast

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UsageError
from mcucc.ops import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Int8Graph,
    Int8Node,
    Mean,
    Pad,
    Requantize,
    Reshape,
    Softmax,
    clamp_range,
)
from mcucc.reference.conv import conv2d, depthwise_conv2d, fully_connected
from mcucc.reference.elementwise import add, change_scale
from mcucc.reference.fixed_point import requantize
from mcucc.reference.movement import pad, reshape
from mcucc.reference.parameters import (
    add_parameters,
    conv_multipliers,
    mean_parameters,
    requantize_multiplier,
)
from mcucc.reference.pool import average_pool2d, mean
from mcucc.reference.softmax import softmax, softmax_table

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
    source, output = graph.input_types(node)[0].q, graph.tensors[node.output].q
    match node.op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            return _weighted(graph, node, x)
        case Add():
            second = _operand(graph, node.inputs[1], values)
            zero_points = (source.zero_point, graph.type_of(node.inputs[1]).q.zero_point)
            clamp = clamp_range(node.op.activation, output)
            return add(x, second, zero_points, add_parameters(graph, node), output, clamp)
        case Requantize():
            return change_scale(x, source.zero_point, requantize_multiplier(graph, node), output)
        case AveragePool2D():
            return average_pool2d(node.op, x)
        case Mean():
            return mean(node.op, x, source.zero_point, mean_parameters(graph, node), output)
        case Softmax():
            return softmax(x, softmax_table(source.scale))
        case Reshape():
            return reshape(node.op, x)
        case Pad():
            return pad(node.op, x, output.zero_point)
        case _:
            assert_never(node.op)


def _weighted(graph: Int8Graph, node: Int8Node, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """A convolution or dense layer: accumulators, then requantisation."""
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
