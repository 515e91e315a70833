"""Operators on elements, int8 and float, over a leading axis of samples."""

from collections.abc import Callable, Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams
from mcucc.ops import NodeView, clamp_range
from mcucc.ops.elementwise import (
    Add,
    BinaryKind,
    Clamp,
    FloatBatchNorm,
    FloatBinary,
    FloatClip,
    FloatFakeQuant,
    FloatMaximum,
    FloatMinimum,
    FloatPRelu,
    FloatSquaredDifference,
    Maximum,
    Minimum,
    Mul,
    PRelu,
    Requantize,
    SquaredDifference,
    Sub,
)
from mcucc.ops.unary import FloatUnary, HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.reference.fixed_point import Multiplier, dequantize, multiply, quantize, requantize
from mcucc.reference.meaning import FloatMeaning, Int8Meaning
from mcucc.reference.parameters import (
    AddParameters,
    add_parameters,
    lookup_table,
    mul_parameters,
    requantize_multiplier,
    squared_difference_parameters,
)
from mcucc.reference.unary import clip, float_unary, take
from mcucc.reference.windows import FloatArray, activate


def add(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    zero_points: tuple[int, int],
    parameters: AddParameters,
    output: QParams,
    clamp: tuple[int, int],
) -> NDArray[np.int8]:
    """Sum: both inputs are shifted up and scaled to a common scale, then summed and scaled back.

    Args:
        first: samples of the first input.
        second: samples of the second input, of the same shape.
        zero_points: of the two inputs.
        parameters: the integers.
        output: quantization of the output.
        clamp: smallest and largest output.
    """
    a, b = _at_common_scale((first, second), zero_points, parameters)
    return requantize(a + b, (parameters.output,), output.zero_point, clamp)


def sub(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    zero_points: tuple[int, int],
    parameters: AddParameters,
    output: QParams,
    clamp: tuple[int, int],
) -> NDArray[np.int8]:
    """Difference, first less second: arguments and arithmetic as for `add`."""
    a, b = _at_common_scale((first, second), zero_points, parameters)
    return requantize(a - b, (parameters.output,), output.zero_point, clamp)


def squared_difference(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    zero_points: tuple[int, int],
    parameters: AddParameters,
    output: QParams,
) -> NDArray[np.int8]:
    """Square of the difference: the common scale as for `add`, with fewer bits shifted up."""
    a, b = _at_common_scale((first, second), zero_points, parameters)
    return requantize((a - b) ** 2, (parameters.output,), output.zero_point)


def mul(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    zero_points: tuple[int, int],
    multiplier: Multiplier,
    output: QParams,
    clamp: tuple[int, int],
) -> NDArray[np.int8]:
    """Product of the centred inputs, requantized once.

    Args:
        first: samples of the first input.
        second: samples of the second input, of the same shape or one value per channel.
        zero_points: of the two inputs.
        multiplier: s1 * s2 / s_out.
        output: quantization of the output.
        clamp: smallest and largest output.
    """
    a, b = (
        x.astype(np.int64) - zero_point
        for x, zero_point in zip((first, second), zero_points, strict=True)
    )
    return requantize(a * b, (multiplier,), output.zero_point, clamp)


def change_scale(
    x: NDArray[np.int8], zero_point: int, multiplier: Multiplier, output: QParams
) -> NDArray[np.int8]:
    """The same values at another scale and zero point."""
    return requantize(x.astype(np.int64) - zero_point, (multiplier,), output.zero_point)


def prelu(
    x: NDArray[np.int8],
    slopes: NDArray[np.int8],
    zero_points: tuple[int, int],
    multipliers: tuple[Multiplier, Multiplier],
    output: QParams,
) -> NDArray[np.int8]:
    """X where x >= 0, x times its channel's slope elsewhere; each side is requantized once.

    Args:
        x: samples (N, ..., C).
        slopes: [C].
        zero_points: of x and of the slopes.
        multipliers: s_in / s_out for x >= 0, s_in * s_slope / s_out for the others.
        output: quantization of the output.
    """
    centred = x.astype(np.int64) - zero_points[0]
    sloped = centred * (slopes.astype(np.int64) - zero_points[1])
    positive, negative = (
        requantize(values, (multiplier,), output.zero_point)
        for values, multiplier in zip((centred, sloped), multipliers, strict=True)
    )
    return np.where(centred >= 0, positive, negative)


def _at_common_scale(
    inputs: tuple[NDArray[np.int8], NDArray[np.int8]],
    zero_points: tuple[int, int],
    parameters: AddParameters,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both inputs shifted up and scaled to the common scale of a sum."""
    multipliers = (parameters.first, parameters.second)
    first, second = (
        multiply((x.astype(np.int64) - zero_point) << parameters.left_shift, scale.m, scale.shift)
        for x, zero_point, scale in zip(inputs, zero_points, multipliers, strict=True)
    )
    return first, second


def float_clip(op: FloatClip, x: FloatArray) -> FloatArray:
    """Each element limited to [low, high]."""
    return x if op.low is None and op.high is None else clip(x, op.low, op.high)


def float_binary(kind: BinaryKind, a: FloatArray, b: FloatArray) -> FloatArray:
    """Elementwise arithmetic with broadcasting; a new array."""
    match kind:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return a / b
        case _:
            assert_never(kind)


def float_batch_norm(
    epsilon: float,
    x: FloatArray,
    scale: FloatArray,
    bias: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
) -> FloatArray:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias along the last axis."""
    factor = (scale / np.sqrt(variance + np.float32(epsilon))).astype(np.float32)
    y: FloatArray = x * factor
    y += bias - mean * factor
    return y


def _of_two(
    function: Callable[..., NDArray[np.int8]], parameters: Callable[..., object]
) -> Int8Meaning:
    """An operator on two activations."""

    def run(view: NodeView[Add | Sub | Mul], x: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
        zero_points = tuple(kind.q.zero_point for kind in view.graph.input_types(view.node))
        clamp = clamp_range(view.op.activation, view.output.q)
        integers = parameters(view.graph, view.node)
        return function(*x, zero_points, integers, view.output.q, clamp)

    return run


def _squared_difference(
    view: NodeView[SquaredDifference], x: Sequence[NDArray[np.int8]]
) -> NDArray[np.int8]:
    first, second = (kind.q.zero_point for kind in view.graph.input_types(view.node))
    integers = squared_difference_parameters(view.graph, view.node)
    return squared_difference(x[0], x[1], (first, second), integers, view.output.q)


def _prelu(view: NodeView[PRelu], x: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    slopes = view.graph.const(view.node.inputs[1])
    return prelu(
        x[0],
        slopes.data.astype(np.int8),
        (view.x.q.zero_point, slopes.type.q.zero_point),
        (requantize_multiplier(view.graph, view.node), mul_parameters(view.graph, view.node)),
        view.output.q,
    )


def _by_table(view: NodeView[Table], x: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    return take(lookup_table(view.graph, view.node), x[0])


INT8: dict[type, Int8Meaning] = {
    Add: _of_two(add, add_parameters),
    Sub: _of_two(sub, add_parameters),
    SquaredDifference: _squared_difference,
    Mul: _of_two(mul, mul_parameters),
    Maximum: lambda _, x: np.maximum(*x),
    Minimum: lambda _, x: np.minimum(*x),
    Requantize: lambda view, x: change_scale(
        *(x[0], view.x.q.zero_point, requantize_multiplier(view.graph, view.node)), view.output.q
    ),
    PRelu: _prelu,
    Clamp: _by_table,
    Logistic: _by_table,
    Tanh: _by_table,
    LeakyRelu: _by_table,
    HardSwish: _by_table,
    Table: _by_table,
}
FLOAT: dict[type, FloatMeaning] = {
    FloatBinary: lambda op, x: activate(float_binary(op.kind, x[0], x[1]), op.activation),
    FloatSquaredDifference: lambda _, x: np.square(x[0] - x[1]),
    FloatMaximum: lambda _, x: np.maximum(*x),
    FloatMinimum: lambda _, x: np.minimum(*x),
    FloatClip: lambda op, x: float_clip(op, x[0]),
    FloatUnary: lambda op, x: float_unary(op, x[0]),
    FloatBatchNorm: lambda op, x: float_batch_norm(op.epsilon, *x),
    FloatPRelu: lambda _, x: np.where(x[0] < 0, x[0] * x[1], x[0]),
    FloatFakeQuant: lambda op, x: dequantize(quantize(x[0], op.quant), op.quant),
}
