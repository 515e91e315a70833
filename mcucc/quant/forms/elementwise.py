"""Int8 forms of operators on elements."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Const, DType, Node, Port, QParams, Shape
from mcucc.ops import FloatNode, Int8Graph, Int8Op
from mcucc.ops.elementwise import (
    Add,
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
from mcucc.ops.movement import Reshape
from mcucc.ops.resize import ResizeNearest
from mcucc.ops.unary import Table
from mcucc.quant.conversion import CannotQuantizeError, Conversion, Form
from mcucc.quant.ranges import range_to_quant
from mcucc.quant.values import clamp_bounds
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import quantize

_INT8: Mapping[str, type[Add] | type[Sub] | type[Mul]] = {"add": Add, "sub": Sub, "mul": Mul}


def binary(to: Conversion, node: FloatNode, op: FloatBinary) -> None:
    """Sums and products of two computed values, or of one and a constant."""
    if any(name in to.graph.consts for name in node.inputs):
        _with_constant(to, node, op)
        return
    if op.kind == "div":
        raise CannotQuantizeError(
            "a divisor must be constant",
            _operands(to, node, op),
            "Multiply by a reciprocal, or divide by a constant.",
        )
    first, second = node.inputs
    wanted = to.graph.tensors[node.output].shape
    if op.kind == "mul" and to.graph.tensors[first].shape != wanted:
        first, second = second, first
    gates = op.kind == "mul" and to.graph.tensors[second].shape == _per_channel(wanted)
    names = [repeated(to, node, first), second if gates else repeated(to, node, second)]
    to.emit(node, _INT8[op.kind](op.activation), names)


def squared_difference(to: Conversion, node: FloatNode, _: FloatSquaredDifference) -> None:
    """Of two computed values, or of one and a constant."""
    found = [to.graph.const(name) for name in node.inputs if name in to.graph.consts]
    if found:
        _of_constant(to, node, _quantized(found[0]), SquaredDifference())
    else:
        to.emit(node, SquaredDifference(), [repeated(to, node, x) for x in node.inputs])


def extreme(to: Conversion, node: FloatNode, op: FloatMaximum | FloatMinimum) -> None:
    """Both operands at the scale of the output: the order of numbers outlives a rounding."""
    quant, shape = to.scheme.of[node.output], to.graph.tensors[node.output].shape
    names: list[str] = []
    for x in node.inputs:
        const = to.graph.consts.get(x)
        if const is None:
            names.append(repeated(to, node, x, to.at_scale(node, x)))
            continue
        given = const.data if const.type.quant == quant else quantize(_reals(const), quant)
        data = np.ascontiguousarray(np.broadcast_to(given, shape))
        names.append(to.const(f"{node.name}.operand", data, quant))
    to.emit(node, Maximum() if isinstance(op, FloatMaximum) else Minimum(), names)


def _reals(const: Const) -> NDArray[np.float32]:
    return const.reals().astype(np.float32)


def _operands(to: Conversion, node: FloatNode, op: FloatBinary) -> str:
    shapes = [list(to.graph.type_of(name).shape) for name in node.inputs]
    return f"{op.kind} of {shapes[0]} and {shapes[1]} (inner layout)"


def _per_channel(shape: Shape) -> Shape:
    return (*(1,) * (len(shape) - 1), shape[-1])


def repeated(to: Conversion, node: FloatNode, x: str, source: str | None = None) -> str:
    """A value in the shape of a node's output, repeated along axes of one element.

    Nearest-neighbour enlargement repeats it: it copies, and makes rows of rows.

    Args:
        to: the state.
        node: who reads it.
        x: the float value.
        source: the int8 value that holds it, where that is another than its own.
    """
    wanted, shape = to.graph.tensors[node.output].shape, to.graph.tensors[x].shape
    if shape == wanted:
        return source or x
    name, shape = source or to.values.name(x), (*(1,) * (len(wanted) - len(shape)), *shape)
    name = to.copied(node, x, name, Reshape(shape))
    if len(wanted) == 4:  # rows and columns of a map stay rows and columns
        rows, columns = (wanted[axis] // shape[axis] for axis in (1, 2))
        name = to.copied(node, x, name, ResizeNearest((rows, columns)))
        shape = (shape[0], *wanted[1:3], shape[3])
    for axis, size in enumerate(wanted):
        if shape[axis] != size:
            before, behind = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
            name = to.copied(node, x, name, Reshape((1, before, 1, behind)))
            name = to.copied(node, x, name, ResizeNearest((1, size)))
            shape = (*shape[:axis], size, *shape[axis + 1 :])
            name = to.copied(node, x, name, Reshape(shape))
    return name


def _quantized(const: Const) -> Const:
    """A constant with the quantization of the file, or with that of its range."""
    if const.type.quant is not None:
        return const
    reals = const.data.astype(np.float32)
    quant = range_to_quant((min(0.0, float(reals.min())), max(0.0, float(reals.max()))))
    kind = replace(const.type, dtype=DType.INT8, quant=quant)
    return Const(const.name, kind, quantize(reals, quant))


def _with_constant(to: Conversion, node: FloatNode, op: FloatBinary) -> None:
    """Arithmetic with a constant that no pass has folded; with one number it is a table."""
    found = next(to.graph.const(name) for name in node.inputs if name in to.graph.consts)
    (x,) = to.graph.variable_inputs(node)
    first, kind = node.inputs[0] != x, op.kind
    if kind == "div":
        if first or found.type.quant is not None or not found.data.all():
            raise CannotQuantizeError(
                "a divisor must be a float constant without zeros",
                _operands(to, node, op),
                "Multiply by a reciprocal.",
            )
        reciprocals = np.float32(1.0) / found.data.astype(np.float32)
        found, kind = replace(found, data=reciprocals), "mul"
    _of_constant(to, node, _quantized(found), _INT8[kind](op.activation))


def _of_constant(to: Conversion, node: FloatNode, const: Const, made: Int8Op) -> None:
    """An operator on two values, of which a constant is one; with one number it is a table."""
    (x,) = to.graph.variable_inputs(node)
    first = node.inputs[0] != x and not isinstance(made, Mul)  # of a product the map stands first
    shape = to.graph.tensors[node.output].shape
    if const.data.size == 1 and to.graph.tensors[x].shape == shape:
        table = to.const(f"{node.name}.table", _table(to, node, made, const, first=first), None)
        to.emit(node, Table(), [x, table])
        return
    wanted = shape
    if isinstance(made, Mul) and const.type.shape == _per_channel(shape):
        wanted = _per_channel(shape)
    data = np.ascontiguousarray(np.broadcast_to(const.data, wanted))
    operand, value = to.const(f"{node.name}.operand", data, const.type.quant), repeated(to, node, x)
    to.emit(node, made, [operand, value] if first else [value, operand])


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
    FloatMaximum: extreme,
    FloatMinimum: extreme,
    FloatPRelu: prelu,
    FloatSquaredDifference: squared_difference,
    FloatFakeQuant: lambda to, node, _: to.emit(node, Requantize()),
}
