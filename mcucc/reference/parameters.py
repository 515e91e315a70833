"""The integers that each node's arithmetic is made of, computed from scales, weights and shapes.

The numpy reference and the C that is generated take them from here, so they cannot disagree.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InvariantError
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import channel_scales as scales_per_channel
from mcucc.ops.elementwise import Clamp
from mcucc.ops.pool import Mean
from mcucc.ops.unary import HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.reference.fixed_point import (
    INT8_MAX,
    INT8_MIN,
    Multiplier,
    RequantClass,
    classify,
    effective_scale,
    quantize_multiplier,
)
from mcucc.reference.unary import (
    clamp_table,
    hard_swish_parameters,
    hard_swish_table,
    leaky_relu_parameters,
    leaky_relu_table,
    logistic_table,
    tanh_table,
)

ADD_LEFT_SHIFT = 20
"""Bits of headroom that both inputs of an Add or Sub get before they are scaled."""
SQUARE_LEFT_SHIFT = 7
"""The same of a SquaredDifference: the square of 255 * 2^7 is below 2^30."""


@dataclass(frozen=True)
class AddParameters:
    """Integers of an Add or Sub, or of a SquaredDifference.

    Attributes:
        left_shift: applied to both inputs minus their zero points.
        first: brings the shifted first input to the common scale 2 * max(s1, s2).
        second: the same for the second input.
        output: brings their sum or difference, or its square, to the output's scale.
    """

    left_shift: int
    first: Multiplier
    second: Multiplier
    output: Multiplier


@dataclass(frozen=True)
class MeanParameters:
    """Integers of a Mean.

    Attributes:
        count: how many elements each mean is over.
        multiplier: brings sum(q) - count * zero_point to the output's scale; it holds 1 / count.
    """

    count: int
    multiplier: Multiplier


def conv_multipliers(graph: Int8Graph, node: Int8Node) -> tuple[Multiplier, ...]:
    """One multiplier per output channel of a convolution or dense layer."""
    x, weights, bias = graph.input_types(node)
    output = graph.tensors[node.output]
    scales = scales_per_channel(weights.q, bias.size)
    return tuple(quantize_multiplier(effective_scale(x.q.scale, s, output.q.scale)) for s in scales)


def accumulator_range(
    graph: Int8Graph, node: Int8Node
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Smallest and largest bias + sum of w * (q - zero_point) over all int8 inputs.

    Exact for outputs whose window lies inside the map, bounds for the others.

    Returns:
        Two arrays [output channels].
    """
    weights, bias = _weights_by_channel(graph, node), _bias(graph, node)
    zero_point = graph.input_types(node)[0].q.zero_point
    rise, fall = INT8_MAX - zero_point, zero_point - INT8_MIN
    positive = np.maximum(weights, 0).sum(axis=1)
    negative = np.maximum(-weights, 0).sum(axis=1)
    return bias - positive * fall - negative * rise, bias + positive * rise + negative * fall


def max_abs_accumulator(graph: Int8Graph, node: Int8Node) -> tuple[int, ...]:
    """Largest |bias + sum of w * (q - zero_point)| over all int8 inputs, per output channel.

    Exact for outputs whose window lies inside the map, an upper bound for the others. The
    accumulator is an int32: a bound of 2^31 or more means that some input can overflow it.
    """
    low, high = accumulator_range(graph, node)
    return tuple(np.maximum(abs(high), abs(low)).tolist())


def max_abs_partial_sum(graph: Int8Graph, node: Int8Node) -> tuple[int, ...]:
    """|bias| + 255 * sum|w| per output channel.

    No sum that a kernel passes through can exceed it, whatever the order of the products and
    whether the input's zero point is subtracted at each tap or folded into the bias.
    """
    weights = _weights_by_channel(graph, node)
    return tuple((abs(_bias(graph, node)) + 255 * abs(weights).sum(axis=1)).tolist())


def requant_classes(graph: Int8Graph, node: Int8Node) -> tuple[RequantClass, ...]:
    """The class of each output channel of a convolution or dense layer."""
    bounds, multipliers = max_abs_accumulator(graph, node), conv_multipliers(graph, node)
    return tuple(
        classify(bound, multiplier) for bound, multiplier in zip(bounds, multipliers, strict=True)
    )


def add_parameters(graph: Int8Graph, node: Int8Node) -> AddParameters:
    """The integers of an Add or Sub, as TensorFlow Lite prepares them."""
    first, second = (t.q.scale for t in graph.input_types(node))
    twice_max = 2 * max(first, second)
    s_out = graph.tensors[node.output].q.scale
    return AddParameters(
        ADD_LEFT_SHIFT,
        quantize_multiplier(first / twice_max),
        quantize_multiplier(second / twice_max),
        quantize_multiplier(twice_max / ((1 << ADD_LEFT_SHIFT) * s_out)),
    )


def squared_difference_parameters(graph: Int8Graph, node: Int8Node) -> AddParameters:
    """The integers of a SquaredDifference, as TensorFlow Lite Micro prepares them."""
    first, second = (t.q.scale for t in graph.input_types(node))
    twice_max = 2 * max(first, second)
    steps = 1 << (2 * SQUARE_LEFT_SHIFT)
    return AddParameters(
        SQUARE_LEFT_SHIFT,
        quantize_multiplier(first / twice_max),
        quantize_multiplier(second / twice_max),
        quantize_multiplier(twice_max * twice_max / (steps * graph.tensors[node.output].q.scale)),
    )


def mul_parameters(graph: Int8Graph, node: Int8Node) -> Multiplier:
    """The multiplier from a product of centred inputs to the output's scale, s1 * s2 / s_out."""
    first, second = (t.q.scale for t in graph.input_types(node))
    return quantize_multiplier(effective_scale(first, second, graph.tensors[node.output].q.scale))


def mean_parameters(graph: Int8Graph, node: Int8Node) -> MeanParameters:
    """The integers of a Mean: 1 / count enters the mantissa by truncating division.

    The mantissa is first shifted up by as many bits as keep it below 2^63 and the shift in range.
    A sum is not divided.
    """
    if not isinstance(node.op, Mean):
        raise InvariantError(f"node '{node.name}' is no Mean")
    inputs = graph.input_types(node)
    count = node.op.count(inputs)
    base = quantize_multiplier(inputs[0].q.scale / graph.tensors[node.output].q.scale)
    if node.op.sums:
        return MeanParameters(count, base)
    headroom = min(count.bit_length() - 1, 32, 31 + base.shift)
    mantissa = (base.m << headroom) // count
    return MeanParameters(count, Multiplier(mantissa, base.shift - headroom))


def requantize_multiplier(graph: Int8Graph, node: Int8Node) -> Multiplier:
    """The multiplier from the input's scale to the output's."""
    s_in = graph.input_types(node)[0].q.scale
    return quantize_multiplier(s_in / graph.tensors[node.output].q.scale)


def lookup_table(graph: Int8Graph, node: Int8Node) -> NDArray[np.int8]:
    """What a unary operator makes of each int8 input: int8 [256], indexed by q + 128.

    Raises:
        InvariantError: the node is no function of one element.
    """
    source, output = graph.input_types(node)[0].q, graph.tensors[node.output].q
    match node.op:
        case Clamp():
            return clamp_table(node.op.low, node.op.high)
        case Logistic():
            return logistic_table(source)
        case Tanh():
            return tanh_table(source)
        case LeakyRelu():
            integers = leaky_relu_parameters(source, output, node.op.alpha)
            return leaky_relu_table(source, integers, output)
        case HardSwish():
            return hard_swish_table(source, hard_swish_parameters(source, output), output)
        case Table():
            return graph.const(node.inputs[1]).data.astype(np.int8)
        case _:
            raise InvariantError(f"node '{node.name}' is no function of one element")


def _weights_by_channel(graph: Int8Graph, node: Int8Node) -> NDArray[np.int64]:
    """The weights as [output channels, products per output]."""
    axis = node.op.channel_axis
    if axis is None:
        raise InvariantError(f"node '{node.name}' has no weights")
    data = np.moveaxis(graph.const(node.inputs[1]).data.astype(np.int64), axis, 0)
    return data.reshape(len(data), -1)


def _bias(graph: Int8Graph, node: Int8Node) -> NDArray[np.int64]:
    return graph.const(node.inputs[2]).data.astype(np.int64)
