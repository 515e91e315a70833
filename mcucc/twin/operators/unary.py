"""Functions of one element in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ir import DType
from mcucc.ops import Int8Node
from mcucc.ops.unary import HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.elementwise import ADD
from mcucc.twin.operators.twin import Twin, plain
from mcucc.twin.options import ACTIVATIONS, NO_OPTIONS, TENSOR_TYPES, options

LOGISTIC = Code(14, 2)
TANH = Code(28, 2)
GATHER = Code(36, 2)
CAST = Code(53, 1)
LEAKY_RELU = Code(98, 2)
HARD_SWISH = Code(117, 1)


def _table(draft: Draft, node: Int8Node, _: Table) -> None:
    """The index q + 128 in int32, then a GATHER of it from the table."""
    shape = draft.graph.tensors[node.output].shape
    wide = draft.int32_value("wide", node, shape)
    opts = options(
        "CastOptions",
        InDataType=TENSOR_TYPES[DType.INT8],
        OutDataType=TENSOR_TYPES[DType.INT32],
    )
    draft.operator(CAST, (draft.value(node.inputs[0]),), wide, opts)
    index = draft.int32_value("index", node, shape)
    offset = draft.int32("offset", node, (128,))
    draft.operator(
        ADD,
        (wide, offset),
        index,
        options("AddOptions", FusedActivationFunction=ACTIVATIONS["none"]),
    )
    inputs = (draft.table(node), index)
    draft.operator(GATHER, inputs, draft.value(node.output), options("GatherOptions"))


TWINS: Mapping[type, Twin] = {
    HardSwish: plain(HARD_SWISH, lambda _: options("HardSwishOptions")),
    LeakyRelu: plain(LEAKY_RELU, lambda op: options("LeakyReluOptions", Alpha=op.alpha)),
    Logistic: plain(LOGISTIC, lambda _: NO_OPTIONS),
    Table: Twin(_table),
    Tanh: plain(TANH, lambda _: NO_OPTIONS),
}
