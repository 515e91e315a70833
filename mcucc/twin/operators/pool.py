"""Pools and means in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.pool import AveragePool2D, MaxPool2D, Mean
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin
from mcucc.twin.options import options, padding
from mcucc.twin.windows import NO_PADS, PADV2, is_same, padded_shape, paddings, same_pads

AVERAGE_POOL_2D = Code(1, 2)
MAX_POOL_2D = Code(17, 2)
MEAN = Code(40, 2)
SUM = Code(74, 2)
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


def _other_padding(graph: Int8Graph, node: Int8Node, op: AveragePool2D) -> bool:
    """An average counts no padding, so none can be put before it: VALID and SAME alone remain."""
    same = same_pads(graph.input_types(node)[0].shape, op.kernel, op.stride)
    return op.pads not in (NO_PADS, same)


def _mean(draft: Draft, node: Int8Node, op: Mean) -> None:
    inputs = (draft.value(node.inputs[0]), draft.int32("axes", node, op.axes))
    opts = options("ReducerOptions", KeepDims=op.keep_dims)
    draft.operator(SUM if op.sums else MEAN, inputs, draft.value(node.output), opts)


TWINS: Mapping[type, Twin] = {
    AveragePool2D: Twin(_pool, lacks=_other_padding),
    MaxPool2D: Twin(_pool),
    Mean: Twin(_mean),
}
