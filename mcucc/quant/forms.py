"""Which float operators have an int8 form of their own, and what that demands of shapes."""

import math
from typing import assert_never

from mcucc.ops import FloatGraph, FloatNode, Int8Op
from mcucc.ops.elementwise import FloatBinary
from mcucc.ops.movement import (
    FloatPad,
    FloatReshape,
    FloatResizeNearest,
    FloatSlice,
    FloatTranspose,
    Pad,
    Reshape,
    ResizeNearest,
    Slice,
    Transpose,
)
from mcucc.ops.pool import AveragePool2D, FloatAveragePool2D, FloatMaxPool2D, FloatMean, MaxPool2D
from mcucc.ops.softmax import FloatSoftmax, Softmax

Plain = (
    FloatSoftmax
    | FloatPad
    | FloatMaxPool2D
    | FloatAveragePool2D
    | FloatReshape
    | FloatTranspose
    | FloatResizeNearest
    | FloatSlice
)
"""Operators whose int8 form has the same attributes."""


class CannotQuantizeError(Exception):
    """Raised by a rule; (rule, actual, hint)."""


def check_operands(graph: FloatGraph, node: FloatNode, op: FloatBinary) -> None:
    """Demand two values that the int8 operator takes; what constants allow, passes have folded."""
    shapes = [list(graph.type_of(name).shape) for name in node.inputs]
    actual = f"{op.kind} of {shapes[0]} and {shapes[1]} (inner layout)"
    constant = [name in graph.consts for name in node.inputs]
    if op.kind == "div" and not constant[1]:
        rule = "a divisor must be constant"
        raise CannotQuantizeError(
            rule, actual, "Multiply by a reciprocal, or divide by a constant."
        )
    if any(constant):
        raise CannotQuantizeError(
            "a constant operand must be one number, or one number per channel",
            f"{actual}, the {'first' if constant[0] else 'second'} constant",
            "Use a constant that broadcasts along all axes but the channels.",
        )
    first, second = sorted(shapes, key=math.prod, reverse=True)
    per_channel = [1] * (len(first) - 1) + first[-1:]
    if shapes[0] != shapes[1] and not (op.kind == "mul" and second == per_channel):
        also = ", or one value per channel for the second" if op.kind == "mul" else ""
        raise CannotQuantizeError(
            f"two computed operands must have the same shape{also}",
            actual,
            "mcucc does not broadcast here: make both of one shape before they meet.",
        )


def check_mean(graph: FloatGraph, node: FloatNode, op: FloatMean) -> None:
    """Demand adjacent axes that are not the last one, which holds the channels."""
    shape = graph.type_of(node.inputs[0]).shape
    adjacent = op.axes == tuple(range(min(op.axes), max(op.axes) + 1))
    if not adjacent or max(op.axes) == len(shape) - 1:
        raise CannotQuantizeError(
            "a mean must be over adjacent axes, and not over the channels (the last axis inside)",
            f"axes {list(op.axes)} of {list(shape)} (inner layout)",
            "Transpose before the mean, or use a convolution with equal weights.",
        )


def same_attributes(op: Plain) -> Int8Op:
    """The int8 operator with the attributes of a float one."""
    match op:
        case FloatSoftmax():
            return Softmax()
        case FloatPad():
            if op.value != 0.0:
                raise CannotQuantizeError(
                    "Pad must add zeros", f"{op.value:g}", "Use constant mode with value 0."
                )
            return Pad(op.pads)
        case FloatMaxPool2D():
            return MaxPool2D(op.kernel, op.stride, op.pads)
        case FloatAveragePool2D():
            return AveragePool2D(op.kernel, op.stride, op.pads)
        case FloatReshape():
            return Reshape(op.shape)
        case FloatTranspose():
            return Transpose(op.perm)
        case FloatResizeNearest():
            return ResizeNearest(op.factor)
        case FloatSlice():
            return Slice(op.starts, op.sizes)
        case _:
            assert_never(op)
