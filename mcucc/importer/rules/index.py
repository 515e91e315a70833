"""Lowering rules for operators that make indices."""

from collections.abc import Mapping

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.axes import axis_of, moved_last
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops.index import FloatArgMax


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


_INDEX = Rule(lower_arg, wish="onnx", indexes=True)

RULES: Mapping[str, Rule] = {"ArgMax": _INDEX, "ArgMin": _INDEX}
