"""Lowering rules for float operators that work element by element."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import (
    Perm,
    byte_order,
    channels_last,
    fold_pair,
    identity,
    inner_shape,
)
from mcucc.importer.layout.view import View
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import Constant, RefusalError, Symbol, Weights, describe
from mcucc.importer.walk import FloatArray, Walk
from mcucc.ir import QParams, Shape
from mcucc.ops.elementwise import (
    FloatBinary,
    FloatClip,
    FloatMaximum,
    FloatMinimum,
    FloatPRelu,
    FloatSquaredDifference,
)
from mcucc.ops.unary import FloatUnary

_Pair = FloatBinary | FloatMaximum | FloatMinimum | FloatSquaredDifference
_OF_TWO: Mapping[str, _Pair] = {
    "Add": FloatBinary("add"),
    "Div": FloatBinary("div"),
    "Max": FloatMaximum(),
    "Min": FloatMinimum(),
    "Mul": FloatBinary("mul"),
    "Sub": FloatBinary("sub"),
}
SQUARED = "squared"
"""The attribute of a Sub whose result is squared: TensorFlow Lite's SQUARED_DIFFERENCE, for which
ONNX has no operator."""
_ORDERED = ("Div", "Sub")
"""Of these operators on two values those that tell the first from the second."""
_NUMBERS = (6, 7, 12, 13)
"""Of TensorProto the types int32, int64, uint32 and uint64."""
_FLOAT_LIMIT = float(np.finfo(np.float32).max)


def lower_relu(walk: Walk, node: OnnxNode) -> View:
    """Relu: a Clip without upper bound."""
    return walk.apply(node, FloatClip())


def lower_clip(walk: Walk, node: OnnxNode) -> View:
    """Clip; a bound that no float32 passes is none."""
    low = walk.numbers(node, 1, "min") or (-math.inf,)
    high = walk.numbers(node, 2, "max") or (math.inf,)
    if len(low) != 1 or len(high) != 1 or not low[0] <= high[0]:
        raise RefusalError(
            node,
            "the bounds of a Clip must be two numbers in order",
            f"{list(low)} to {list(high)}",
            "Correct the bounds in the model.",
        )
    bounds = (
        low[0] if low[0] > -_FLOAT_LIMIT else None,
        high[0] if high[0] < _FLOAT_LIMIT else None,
    )
    return walk.apply(node, FloatClip(*bounds))


def lower_cast(walk: Walk, node: OnnxNode) -> View:
    """Cast from float32 to float32 or to the wider float64; of an index to any number."""
    x, to = walk.view(node), node.int("to", 0)
    if to not in (1, 11) and not (x.tensor in walk.indices and to in _NUMBERS):
        raise RefusalError(
            node,
            "a Cast of activations must be from float to float32",
            f"to element type {to}",
            "Export the network in float32.",
        )
    return replace(x, name=node.outputs[0])


def lower_binary(walk: Walk, node: OnnxNode) -> View:
    """Add, Sub, Mul, Div with broadcasting; a computed divisor becomes its reciprocal."""
    found = [_operand(walk, node, index) for index in (0, 1)]
    if node.op == "Div" and isinstance(found[1], View):
        divisor = found[1]
        name = f"{node.outputs[0]}.reciprocal"
        made = walk.emit(node, FloatUnary("reciprocal"), (divisor.tensor,), name)
        found[1] = replace(divisor, tensor=made, name=name)
        node = replace(node, op="Mul")
    _check_divisor(node, found[1])
    match found:
        case [View() as a, View() as b]:
            return _two_views(walk, node, a, b)
        case [View() as a, Weights() as given]:
            return _with_constant(walk, node, a, given, first=False)
        case [Weights() as given, View() as b]:
            return _with_constant(walk, node, b, given, first=True)
        case [View() as a, Constant()]:
            return _with_constant(walk, node, a, walk.constant(node, 1, "an operand"), first=False)
        case [Constant(), View() as b]:
            return _with_constant(walk, node, b, walk.constant(node, 0, "an operand"), first=True)
        case _:
            kinds = " and ".join(describe(symbol) for symbol in found)
            raise RefusalError(
                node,
                "one operand must be an activation, the other an activation or a constant",
                kinds,
                "Export with constant folding.",
            )


def lower_any_number(walk: Walk, node: OnnxNode) -> View:
    """Sum, Max or Min of any number of inputs: an operator on two for each but the first."""
    operator = "Add" if node.op == "Sum" else node.op
    total = walk.view(node) if len(node.inputs) == 1 else None
    names = [node.inputs[0]]
    for place, name in enumerate(node.inputs[1:], start=2):
        last = place == len(node.inputs)
        made = node.outputs[0] if last else f"{node.outputs[0]}.of_{place}"
        part = replace(node, op=operator, inputs=(names[-1], name), outputs=(made,))
        total = lower_binary(walk, part)
        walk.symbols[made] = total
        names.append(made)
    if total is None:
        raise RefusalError(node, "it must have inputs", "none", "Check the exporter.")
    return total.named(node) if len(node.inputs) == 1 else total


def _operand(walk: Walk, node: OnnxNode, index: int) -> Symbol | None:
    """An operand; what stands behind a DequantizeLinear is a constant like any other.

    Of a `.tflite` file, whose arithmetic on integers is to be kept, it keeps its integers.
    """
    found = walk.symbol(node, index)
    if isinstance(found, Weights) and walk.model.format != "tflite":
        return Constant(found.reals())
    return found


def _check_divisor(node: OnnxNode, divisor: object) -> None:
    if node.op != "Div" or (isinstance(divisor, Constant) and np.all(divisor.data)):
        return
    raise RefusalError(
        node,
        "the divisor must be a constant without zeros",
        "zeros" if isinstance(divisor, Constant) else "an activation",
        "Multiply by the reciprocal, or divide by a constant.",
    )


def _two_views(walk: Walk, node: OnnxNode, a: View, b: View) -> View:
    tensors, result = _arrange_pair(walk, node, a, b)
    return replace(result, tensor=walk.emit(node, _of_two(node), tensors))


def _of_two(node: OnnxNode) -> _Pair:
    return FloatSquaredDifference() if node.int(SQUARED, 0) else _OF_TWO[node.op]


def _arrange_pair(walk: Walk, node: OnnxNode, a: View, b: View) -> tuple[tuple[str, str], View]:
    """Both operands in one layout, and a view of the result; what is broadcast goes second."""
    shape = _broadcast(node, a.shape, b.shape)
    if node.op not in _ORDERED and math.prod(a.shape) < math.prod(b.shape):
        a, b = b, a  # the map first, what is broadcast second
    inner = [walk.tensors[view.tensor].shape for view in (a, b)]
    if a.shape == b.shape and a.order == b.order and inner[0] == inner[1]:
        return (a.tensor, b.tensor), replace(a, tensor="", name=node.outputs[0])
    whole = [_of_rank(view, len(shape)) for view in (a, b)]
    largest = max(whole, key=lambda view: math.prod(view.shape))
    smallest = min(whole, key=lambda view: math.prod(view.shape))
    perm = channels_last(len(shape)) if largest.scrambled else _gated(largest, smallest)
    inner = [inner_shape(view.shape, perm) for view in whole]
    if len(perm) > 4:
        inner = fold_pair(*inner)
    first, second = (
        walk.viewed_as(walk.ordered(view, perm, node), size, node)
        for view, size in zip(whole, inner, strict=True)
    )
    return (first, second), View("", shape, perm, shape, node.outputs[0])


def _gated(x: View, gate: View) -> Perm:
    """A layout of a map in which what is broadcast over it lies along the channels, if it can.

    Where the map has axes of one element, several layouts have its bytes.
    """
    rank = len(x.shape)
    for perm in (x.perm, channels_last(rank), identity(rank)):
        per_channel = math.prod(inner_shape(gate.shape, perm)[:-1]) == 1
        if per_channel and byte_order(x.shape, perm) == x.order:
            return perm
    return x.perm


def _with_constant(
    walk: Walk, node: OnnxNode, x: View, given: FloatArray | Weights, *, first: bool
) -> View:
    """An operand is constant: it is brought into the layout of the other one."""
    data = given.data if isinstance(given, Weights) else given
    shape = _broadcast(node, x.shape, data.shape)
    if shape == x.shape and data.size == 1 and node.op in ("Max", "Min"):
        return _bounded(walk, node, x, given)
    if shape == x.shape:
        tensor, view = x.tensor, x
        whole = np.broadcast_to(data, shape).reshape(x.base).transpose(x.perm)
        operand = _narrowed(whole.reshape(walk.tensors[x.tensor].shape))
    else:
        x = walk.in_onnx_order(_of_rank(x, len(shape)), node)
        tensor = walk.read(x, x.perm, node)
        padded = data.reshape((1,) * (len(shape) - data.ndim) + data.shape)
        operand = padded.transpose(x.perm)
        view = replace(x, base=shape, shape=shape)
    suffix = "scale" if node.op in ("Mul", "Div") else "offset"
    quant = given.one_quant(node) if isinstance(given, Weights) else None
    const = walk.add_given(f"{node.name}.{suffix}", np.ascontiguousarray(operand), quant)
    operands = (const, tensor) if first else (tensor, const)
    result = walk.emit(node, _of_two(node), operands)
    return replace(view, tensor=result, name=node.outputs[0])


def _bounded(walk: Walk, node: OnnxNode, x: View, given: FloatArray | Weights) -> View:
    """The larger or smaller of a value and one number: a Clip with one bound."""
    bound = float((given.reals() if isinstance(given, Weights) else given).ravel()[0])
    clip = FloatClip(bound, None) if node.op == "Max" else FloatClip(None, bound)
    return replace(x, tensor=walk.emit(node, clip, (x.tensor,)), name=node.outputs[0])


def _narrowed(data: NDArray[np.generic]) -> NDArray[np.generic]:
    """The smallest array that broadcasts to the same one; the rank stays."""
    for axis in range(data.ndim):
        head = data.take([0], axis=axis)
        if (data == head).all():
            data = head
    return data


def _of_rank(view: View, rank: int) -> View:
    return view.reshaped((1,) * (rank - len(view.shape)) + view.shape)


def _broadcast(node: OnnxNode, a: Shape, b: Shape) -> Shape:
    try:
        return tuple(np.broadcast_shapes(a, b))
    except ValueError:
        raise RefusalError(
            node, "the operands must broadcast", f"{list(a)} and {list(b)}", "Check the exporter."
        ) from None


def channels_inside(walk: Walk, node: OnnxNode, x: View) -> View:
    """The view with channels along the last inner axis."""
    perm = channels_last(len(x.shape))
    inner = walk.tensors[x.tensor].shape
    if x.order == byte_order(x.shape, perm) and inner[-1] == x.shape[1]:
        return x
    return View(walk.read(x, perm, node), x.shape, perm, x.shape, x.name)


def lower_prelu(walk: Walk, node: OnnxNode) -> View:
    """PRelu with one slope for all elements, or one per channel."""
    x, (data, quant) = walk.view(node), _slopes(walk, node)
    wide = (1,) * (len(x.shape) - data.ndim) + data.shape
    channels = x.shape[1] if len(x.shape) > 1 else 0
    if len(wide) != len(x.shape) or data.size not in (1, channels) or wide[1] != data.size:
        raise RefusalError(
            node,
            "a PRelu must have one slope, or one per channel",
            f"slopes {list(data.shape)}, input {list(x.shape)}",
            "Use torch.nn.PReLU() or PReLU(channels), or another activation.",
        )
    if data.size > 1:
        x = channels_inside(walk, node, x)
    slopes = walk.add_given(f"{node.name}.slopes", np.ascontiguousarray(data.ravel()), quant)
    made = walk.emit(node, FloatPRelu(), (x.tensor, slopes))
    return replace(x, tensor=made, name=node.outputs[0])


def _slopes(walk: Walk, node: OnnxNode) -> tuple[NDArray[np.generic], QParams | None]:
    """The slopes in ONNX layout: int8 with the one scale of the file, or float32."""
    found = walk.symbol(node, 1)
    if not isinstance(found, Weights) or found.axis is not None or found.data.dtype != np.int8:
        return walk.constant(node, 1, "the slopes"), None
    zero_point = 0 if found.zero_points is None else int(found.zero_points[0])
    return found.data, QParams((float(found.scales[0]),), zero_point)


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("Add", "Div", "Mul", "Sub"), Rule(lower_binary, wish="any")),
    **dict.fromkeys(("Max", "Min"), Rule(lower_any_number, wish="any", copies=True)),
    "Cast": Rule(lower_cast, wish="any"),
    "Clip": Rule(lower_clip, wish="any", copies=True, numbers=(1, 2)),
    "PRelu": Rule(lower_prelu),
    "Sum": Rule(lower_any_number, wish="any"),
    "Relu": Rule(lower_relu, wish="any", copies=True),
}
