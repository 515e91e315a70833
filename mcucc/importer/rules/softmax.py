"""Lowering rule for Softmax."""

import math
from collections.abc import Callable, Mapping

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.axes import axis_of, moved_last
from mcucc.importer.rules.rule import Rule
from mcucc.importer.walk import Walk
from mcucc.ops.softmax import FloatSoftmax


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
    x = walk.in_onnx_order(x, node)
    if math.prod(x.shape[:axis]) == 1 and math.prod(x.shape[axis + 1 :]) == 1:
        # One row: [1, N], whatever the rank.
        x, perm = x.reshaped((1, x.shape[axis])), (0, 1)
    else:
        perm = moved_last(x.perm, axis)
    tensor, flat = walk.read(x, perm, node), x.shape
    return tensor, lambda made: made_by(node, made, flat, perm).reshaped(shape)


RULES: Mapping[str, Rule] = {"Softmax": Rule(lower_softmax, wish="onnx")}
