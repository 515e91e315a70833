"""Lowering rules for Softmax, its logarithm, and other normalizations along one axis."""

import math
from collections.abc import Callable, Mapping

from mcucc.importer.file.reader import AttributeValue, OnnxNode
from mcucc.importer.layout.layout import inner_shape
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.axes import axis_of, moved_last
from mcucc.importer.rules.elementwise import lower_binary
from mcucc.importer.rules.pool import lower_reduction
from mcucc.importer.rules.rule import Rule
from mcucc.importer.rules.unary import lower_plain
from mcucc.importer.values import RefusalError, Symbol
from mcucc.importer.walk import Walk
from mcucc.ops.softmax import FloatL2Normalization, FloatLogSoftmax, FloatSoftmax


def lower_softmax(walk: Walk, node: OnnxNode) -> View:
    """Softmax along one axis; before operator set 13 along all from that axis on."""
    tensor, result = _arrange_softmax(walk, node, walk.view(node))
    return result(walk.emit(node, FloatSoftmax(), (tensor,)))


def _arrange_softmax(walk: Walk, node: OnnxNode, x: View) -> tuple[str, Callable[[str], View]]:
    """What a softmax over the last inner axis reads, and the view of what it makes."""
    old = walk.model.opset < 13
    axis = axis_of(node, node.int("axis", 1 if old else -1), len(x.shape))
    shape = x.shape
    if old:
        x, axis = x.reshaped((1, math.prod(shape[:axis]), math.prod(shape[axis:]))), 2
    tensor, result = _along(walk, node, x, axis)
    return tensor, lambda made: result(made).reshaped(shape)


def _along(walk: Walk, node: OnnxNode, x: View, axis: int) -> tuple[str, Callable[[str], View]]:
    """What an operator along the last inner axis reads, and the view of what it makes."""
    shape = x.shape
    x = walk.in_onnx_order(x, node)
    if math.prod(x.shape[:axis]) == 1 and math.prod(x.shape[axis + 1 :]) == 1:
        # One row: [1, N], whatever the rank.
        x, perm = x.reshaped((1, x.shape[axis])), (0, 1)
    else:
        perm = moved_last(x.perm, axis)
    inner, flat = inner_shape(x.shape, perm), x.shape
    if len(inner) > 4:
        inner = (1, math.prod(inner[:-1]), inner[-1])
    tensor = walk.viewed_as(walk.ordered(x, perm, node), inner, node)
    return tensor, lambda made: made_by(node, made, flat, perm).reshaped(shape)


def lower_lp_normalization(walk: Walk, node: OnnxNode) -> Symbol:
    """LpNormalization along one axis, p 1 or 2; with p 1 it is a division by a sum."""
    x, p = walk.view(node), node.int("p", 2)
    axis = axis_of(node, node.int("axis", -1), len(x.shape))
    if p == 2:
        tensor, result = _along(walk, node, x, axis)
        return result(walk.emit(node, FloatL2Normalization(), (tensor,)))
    if p != 1:
        raise RefusalError(node, "p of an LpNormalization must be 1 or 2", f"{p}", "Use p = 2.")
    (source, *_), (output, *_) = node.inputs, node.outputs
    part = _parts(walk, node, axis)
    sizes = part("Abs", f"{output}.sizes", source)
    part("Div", output, source, part("ReduceSum", f"{output}.norm", sizes))
    return walk.symbols[output]


def lower_log_softmax(walk: Walk, node: OnnxNode) -> Symbol:
    """LogSoftmax along one axis: x - max(x), less the logarithm of the sum of its powers."""
    if walk.model.format == "tflite":  # in its own fixed point
        tensor, result = _arrange_softmax(walk, node, walk.view(node))
        return result(walk.emit(node, FloatLogSoftmax(), (tensor,)))
    x, (source, *_), (output, *_) = walk.view(node), node.inputs, node.outputs
    old = walk.model.opset < 13
    axis = axis_of(node, node.int("axis", 1 if old else -1), len(x.shape))
    if old and math.prod(x.shape[axis + 1 :]) != 1:
        raise RefusalError(
            node,
            "before operator set 13 LogSoftmax must be along the last axis",
            f"axis {axis} of {list(x.shape)}",
            "Export with operator set 13 or newer.",
        )
    part = _parts(walk, node, axis)
    centred = part("Sub", f"{output}.centred", source, part("ReduceMax", f"{output}.max", source))
    total = part("ReduceSum", f"{output}.sum", part("Exp", f"{output}.powers", centred))
    part("Sub", output, centred, part("Log", f"{output}.log", total))
    return walk.symbols[output]


def _parts(walk: Walk, node: OnnxNode, axis: int) -> Callable[..., str]:
    """What lowers a part of a node, of its operator, name and inputs; sums go along an axis."""
    along: Mapping[str, AttributeValue] = {"axes": (axis,), "keepdims": 1}

    def part(op: str, name: str, *inputs: str) -> str:
        made = OnnxNode(op, node.name, inputs, (name,), along if op.startswith("Reduce") else {})
        walk.symbols[name] = _PARTS[op](walk, made)
        return name

    return part


_PARTS: Mapping[str, Callable[[Walk, OnnxNode], Symbol]] = {
    "Abs": lower_plain,
    "Div": lower_binary,
    "Exp": lower_plain,
    "Log": lower_plain,
    "ReduceMax": lower_reduction,
    "ReduceSum": lower_reduction,
    "Sub": lower_binary,
}

RULES: Mapping[str, Rule] = {
    "LogSoftmax": Rule(lower_log_softmax, wish="onnx"),
    "LpNormalization": Rule(lower_lp_normalization, wish="onnx"),
    "Softmax": Rule(lower_softmax, wish="onnx"),
}
