"""Softmax, its logarithm, and L2 normalization in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops import Int8Node
from mcucc.ops.softmax import (
    SOFTMAX_QUANT,
    WIDE_SOFTMAX_QUANT,
    L2Normalization,
    LogSoftmax,
    Softmax,
)
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.elementwise import QUANTIZE
from mcucc.twin.operators.twin import Twin, plain
from mcucc.twin.options import options

L2_NORMALIZATION = Code(11, 2)
SOFTMAX = Code(25, 2)
LOG_SOFTMAX = Code(50, 2)


def _softmax(draft: Draft, node: Int8Node, _: Softmax) -> None:
    """A SOFTMAX, at another scale than its own one of 16 bits that a QUANTIZE brings to int8."""
    opts, x = options("SoftmaxOptions", Beta=1.0), draft.value(node.inputs[0])
    kind = draft.graph.tensors[node.output]
    if kind.q == SOFTMAX_QUANT:
        draft.operator(SOFTMAX, (x,), draft.value(node.output), opts)
        return
    wide = draft.int16("wide", node, kind.shape, WIDE_SOFTMAX_QUANT)
    draft.operator(SOFTMAX, (x,), wide, opts)
    draft.operator(QUANTIZE, (wide,), draft.value(node.output), options("QuantizeOptions"))


TWINS: Mapping[type, Twin] = {
    L2Normalization: plain(L2_NORMALIZATION, lambda _: options("L2NormOptions")),
    LogSoftmax: plain(LOG_SOFTMAX, lambda _: options("LogSoftmaxOptions")),
    Softmax: Twin(_softmax),
}
