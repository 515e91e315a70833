"""Int8 forms of operators on elements."""

import math
from collections.abc import Mapping

import numpy as np

from mcucc.ir import QParams
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import (
    Add,
    Clamp,
    FloatBatchNorm,
    FloatBinary,
    FloatClip,
    FloatFakeQuant,
    FloatPRelu,
    Mul,
    PRelu,
    Requantize,
    Sub,
)
from mcucc.quant.conversion import CannotQuantizeError, Conversion, Form
from mcucc.quant.values import clamp_bounds
from mcucc.reference.fixed_point import quantize


def binary(to: Conversion, node: FloatNode, op: FloatBinary) -> None:
    """Sums and products of two computed values."""
    first, second = node.inputs
    shapes = [to.graph.type_of(name).shape for name in node.inputs]
    _check_operands(to.graph, node, op)
    if op.kind == "mul" and shapes[0] != to.graph.tensors[node.output].shape:
        first, second = second, first
    made = {"add": Add, "sub": Sub, "mul": Mul}[op.kind](op.activation)
    to.emit(node, made, [first, second])


def _check_operands(graph: FloatGraph, node: FloatNode, op: FloatBinary) -> None:
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


def clip(to: Conversion, node: FloatNode, op: FloatClip) -> None:
    """A clip that could not be absorbed limits the int8 values themselves."""
    low, high = clamp_bounds(op, to.scheme.of[node.output])
    if (low, high) == (-128, 127):
        to.emit(node, Requantize())  # which saturates where the clip would
    else:
        to.emit(node, Clamp(low, high), [to.at_scale(node, node.inputs[0])])


def prelu(to: Conversion, node: FloatNode, _: FloatPRelu) -> None:
    """Slopes as the file gives them, or symmetric with one scale."""
    const = to.graph.const(node.inputs[1])
    data, quant = const.data, const.type.quant
    if quant is None:
        reals = const.data.astype(np.float32)
        largest = float(np.abs(reals).max())
        quant = QParams((float(np.float32(largest / 127)) or 1.0,), 0)
        data = quantize(reals, quant)
    channels = to.graph.tensors[node.output].shape[-1]
    slopes = np.broadcast_to(data, (channels,)).astype(np.int8)
    to.emit(node, PRelu(), [node.inputs[0], to.const(f"{node.name}.slopes", slopes, quant)])


def batch_norm(to: Conversion, node: FloatNode, _: FloatBatchNorm) -> None:
    """None: passes make layers of all of them."""
    raise CannotQuantizeError(
        "a batch normalization must have been folded",
        f"on {list(to.graph.tensors[node.output].shape)}",
        "This is a bug in mcucc, please report it.",
    )


FORMS: Mapping[type, Form] = {
    FloatBatchNorm: batch_norm,
    FloatBinary: binary,
    FloatClip: clip,
    FloatPRelu: prelu,
    FloatFakeQuant: lambda to, node, _: to.emit(node, Requantize()),
}
