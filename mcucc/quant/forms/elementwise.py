"""Int8 forms of operators on elements."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Const, DType, Node, Port, QParams
from mcucc.ops import FloatGraph, FloatNode, Int8Graph, Int8Op
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
from mcucc.ops.unary import Table
from mcucc.quant.conversion import CannotQuantizeError, Conversion, Form
from mcucc.quant.values import clamp_bounds
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import quantize


def binary(to: Conversion, node: FloatNode, op: FloatBinary) -> None:
    """Sums and products of two computed values."""
    constants = [to.graph.const(name) for name in node.inputs if name in to.graph.consts]
    if any(const.type.quant is not None for const in constants):
        _with_given(to, node, op)
        return
    first, second = node.inputs
    shapes = [to.graph.type_of(name).shape for name in node.inputs]
    _check_operands(to.graph, node, op)
    if op.kind == "mul" and shapes[0] != to.graph.tensors[node.output].shape:
        first, second = second, first
    made = {"add": Add, "sub": Sub, "mul": Mul}[op.kind](op.activation)
    to.emit(node, made, [first, second])


def _with_given(to: Conversion, node: FloatNode, op: FloatBinary) -> None:
    """Arithmetic on integers with a constant of the file; with one number it is a table."""
    const = next(to.graph.const(name) for name in node.inputs if name in to.graph.consts)
    (x,) = to.graph.variable_inputs(node)
    shape = to.graph.tensors[node.output].shape
    if to.graph.tensors[x].shape != shape or op.kind == "div":
        raise CannotQuantizeError(
            "a constant operand must not be larger than the computed one, nor be a divisor",
            f"{op.kind} of {list(to.graph.tensors[x].shape)} and {list(const.type.shape)}",
            "Multiply by a reciprocal, or make both of one shape before they meet.",
        )
    made = {"add": Add, "sub": Sub, "mul": Mul}[op.kind](op.activation)
    first = node.inputs[0] != x and op.kind != "mul"  # of a product the map stands first
    if const.data.size == 1:
        table = to.const(f"{node.name}.table", _table(to, node, made, const, first=first), None)
        to.emit(node, Table(), [x, table])
        return
    per_channel = (*(1,) * (len(shape) - 1), shape[-1])
    wanted = per_channel if op.kind == "mul" and const.type.shape == per_channel else shape
    data = np.ascontiguousarray(np.broadcast_to(const.data, wanted))
    operand = to.const(f"{node.name}.operand", data, const.type.quant)
    to.emit(node, made, [operand, x] if first else [x, operand])


def _table(
    to: Conversion, node: FloatNode, op: Int8Op, const: Const, *, first: bool
) -> NDArray[np.int8]:
    """What an operator makes of every int8 value and one number."""
    (x,) = to.graph.variable_inputs(node)
    shape = (1, 1, 1, 256)
    every = np.arange(-128, 128).astype(np.int8).reshape(shape)
    kinds = {name: replace(to.int8_type(name), shape=shape) for name in (x, node.output)}
    number = np.broadcast_to(const.data.reshape(1, 1, 1, 1), shape)
    operand = Const("number", replace(const.type, shape=shape), np.ascontiguousarray(number))
    inputs = ("number", x) if first else (x, "number")
    graph: Int8Graph = Int8Graph(
        "table",
        (Port(x, x, DType.INT8, shape),),
        (Port(node.output, node.output, DType.INT8, shape),),
        (Node(op, inputs, node.output, node.name, ()),),
        kinds,
        {"number": operand},
    )
    return interpreter.run(graph, {x: every})[node.output].reshape(256)


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
