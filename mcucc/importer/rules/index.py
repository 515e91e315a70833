"""Lowering rules for operators that make indices."""

from collections.abc import Mapping
from dataclasses import replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.axes import axis_of, moved_last
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError, Refused, Symbol
from mcucc.importer.walk import Walk
from mcucc.ops.index import FloatArgMax, FloatTopKIndices, FloatTopKValues


def lower_arg(walk: Walk, node: OnnxNode) -> View:
    """ArgMax, ArgMin along one axis; the index, an int32 in C, can only be given out."""
    x = walk.in_onnx_order(walk.view(node), node)
    axis = axis_of(node, node.int("axis", 0), len(x.shape))
    if axis == 0:
        raise RefusalError(
            node,
            "the axis must not be the batch",
            f"axis {node.int('axis', 0)} of {list(x.shape)}",
            "Give the axis of the classes: axis=1, or -1.",
        )
    perm = moved_last(x.perm, axis)
    op = FloatArgMax(node.op == "ArgMax", bool(node.int("select_last_index", 0)))
    made = walk.emit(node, op, (walk.read(x, perm, node),))
    walk.indices.add(made)
    kept = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    view = made_by(node, made, kept, perm)
    return view if node.int("keepdims", 1) else view.reshaped((*kept[:axis], *kept[axis + 1 :]))


def lower_top_k(walk: Walk, node: OnnxNode) -> tuple[Symbol, ...]:
    """TopK along one axis: a node for each output that somebody reads; always in order."""
    x = walk.in_onnx_order(walk.view(node), node)
    axis = axis_of(node, node.int("axis", -1), len(x.shape))
    found = walk.integers(node, 1, "k") or ()
    if axis == 0 or len(found) != 1 or not 1 <= found[0] <= x.shape[axis]:
        raise RefusalError(
            node,
            "TopK must keep a constant number k of an axis that is not the batch, at most all",
            f"k {list(found)}, axis {axis} of {list(x.shape)}",
            "Give the axis of the classes, and a k that it has.",
        )
    k, perm, largest = found[0], moved_last(x.perm, axis), bool(node.int("largest", 1))
    kept = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    made: list[Symbol] = []
    ops = (FloatTopKValues(k, largest), FloatTopKIndices(k, largest))
    for name, op in zip(node.outputs, ops, strict=False):
        if not name or not walk.is_read(name):
            made.append(Refused())
            continue
        part = replace(node, outputs=(name,))
        tensor = walk.emit(part, op, (walk.read(x, perm, node),))
        if op.indexes:
            walk.indices.add(tensor)
        made.append(made_by(part, tensor, kept, perm))
    return tuple(made)


_INDEX = Rule(lower_arg, wish="onnx", indexes=True)

RULES: Mapping[str, Rule] = {
    "ArgMax": _INDEX,
    "ArgMin": _INDEX,
    "TopK": Rule(lower_top_k, wish="onnx", copies=True, splits=True),
}
