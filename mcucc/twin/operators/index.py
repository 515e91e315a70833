"""Operators that make indices in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ir import DType
from mcucc.ops import Int8Node
from mcucc.ops.index import ArgMax, TopKIndices, TopKValues
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.movement import RESHAPE
from mcucc.twin.operators.twin import LACKED, Twin
from mcucc.twin.options import TENSOR_TYPES, options

GATHER = Code(36, 2)
SUB = Code(41, 2)
ARG_MAX = Code(56, 2)
ARG_MIN = Code(79, 2)


def _arg_max(draft: Draft, node: Int8Node, op: ArgMax) -> None:
    """ARG_MAX, which drops the axis; the last of equal ones is the first from behind."""
    x, source = draft.graph.input_types(node)[0], draft.value(node.inputs[0])
    rows, n = x.shape[:-1], x.shape[-1]
    if op.last:
        turned = draft.int8("turned", node, x.shape)
        order = draft.int32("order", node, tuple(range(n - 1, -1, -1)))
        axis = options("GatherOptions", Axis=len(rows))
        draft.operator(GATHER, (source, order), turned, axis)
        source = turned
    axis = draft.int32("axis", node, (len(rows),))
    found = draft.int32_value("found", node, rows)
    table = "ArgMaxOptions" if op.largest else "ArgMinOptions"
    opts = options(table, OutputType=TENSOR_TYPES[DType.INT32])
    draft.operator(ARG_MAX if op.largest else ARG_MIN, (source, axis), found, opts)
    if op.last:
        behind = draft.int32_value("behind", node, rows)
        end = draft.int32("end", node, (n - 1,))
        draft.operator(SUB, (end, found), behind, options("SubOptions"))
        found = behind
    shape = (*rows, 1)
    inputs = (found, draft.int32("shape", node, shape))
    output = draft.value(node.output)
    draft.operator(RESHAPE, inputs, output, options("ReshapeOptions", NewShape=shape))


TWINS: Mapping[type, Twin] = {ArgMax: Twin(_arg_max), TopKIndices: LACKED, TopKValues: LACKED}
