"""Pools and means in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.errors import Violation
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.pool import AveragePool2D, MaxPool2D, Mean
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin
from mcucc.twin.options import options, padding
from mcucc.twin.windows import NO_PADS, is_same, padded_shape, paddings, same_pads

AVERAGE_POOL_2D = Code(1, 2)
MAX_POOL_2D = Code(17, 2)
MEAN = Code(40, 2)
SUM = Code(74, 2)
PADV2 = Code(60, 2)
_BELOW_ALL = -128
"""What a maximum is padded with."""


def _pool(draft: Draft, node: Int8Node, op: AveragePool2D | MaxPool2D) -> None:
    """Append a pool; only a maximum may have other padding than SAME."""
    shape = draft.graph.input_types(node)[0].shape
    same = is_same(op.pads, same_pads(shape, op.kernel, op.stride))
    source = draft.value(node.inputs[0])
    if op.pads != NO_PADS and not same:
        source = draft.int8("padded", node, padded_shape(shape, op.pads))
        value = draft.int8_scalar("lowest", node, _BELOW_ALL)
        inputs = (draft.value(node.inputs[0]), paddings(draft, node, op.pads), value)
        draft.operator(PADV2, inputs, source, options("PadV2Options"))
    code = MAX_POOL_2D if isinstance(op, MaxPool2D) else AVERAGE_POOL_2D
    opts = options(
        "Pool2DOptions",
        Padding=padding(same=same),
        StrideH=op.stride[0],
        StrideW=op.stride[1],
        FilterHeight=op.kernel[0],
        FilterWidth=op.kernel[1],
    )
    draft.operator(code, (source,), draft.value(node.output), opts)


def _violation(graph: Int8Graph, node: Int8Node, op: AveragePool2D) -> Violation | None:
    """The refusal of an average whose padding TensorFlow Lite has not."""
    same = same_pads(graph.input_types(node)[0].shape, op.kernel, op.stride)
    if op.pads in (NO_PADS, same):
        return None
    return Violation(
        node=", ".join(node.origin) or node.name,
        op="AveragePool",
        rule=f"an average that does not count padding needs no padding or SAME padding {same}",
        actual=f"padding (top, bottom, left, right) {op.pads}",
        hint="Give the pool an explicit Pad before it, or SAME padding.",
    )


def _mean(draft: Draft, node: Int8Node, op: Mean) -> None:
    inputs = (draft.value(node.inputs[0]), draft.int32("axes", node, op.axes))
    opts = options("ReducerOptions", KeepDims=op.keep_dims)
    draft.operator(SUM if op.sums else MEAN, inputs, draft.value(node.output), opts)


TWINS: Mapping[type, Twin] = {
    AveragePool2D: Twin(_pool, _violation),
    MaxPool2D: Twin(_pool),
    Mean: Twin(_mean),
}
