"""Operators that move bytes in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops import Int8Node
from mcucc.ops.movement import Concat, Pad, Reshape, Slice, Transpose
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin, with_vectors
from mcucc.twin.options import options
from mcucc.twin.windows import append_pad

CONCATENATION = Code(2, 2)
RESHAPE = Code(22, 1)
TRANSPOSE = Code(39, 2)
SLICE = Code(65, 2)
_MOST_JOINED = 10
"""Inputs that TensorFlow Lite Micro's CONCATENATION takes."""


def _pad(draft: Draft, node: Int8Node, op: Pad) -> None:
    append_pad(draft, node, op.pads, draft.value(node.output))


def _concat(draft: Draft, node: Int8Node, _: Concat) -> None:
    """As many CONCATENATIONs as it takes, each of the next inputs to what is there already."""
    opts = options("ConcatenationOptions", Axis=-1)
    parts = [draft.value(name) for name in node.inputs]
    channels = [kind.shape[-1] for kind in draft.graph.input_types(node)]
    rows = draft.graph.tensors[node.output].shape[:-1]
    while len(parts) > _MOST_JOINED:
        first, parts = parts[:_MOST_JOINED], parts[_MOST_JOINED:]
        channels = [sum(channels[:_MOST_JOINED]), *channels[_MOST_JOINED:]]
        joined = draft.int8("joined", node, (*rows, channels[0]))
        draft.operator(CONCATENATION, tuple(first), joined, opts)
        parts = [joined, *parts]
    output = draft.value(node.output)
    draft.operator(CONCATENATION, tuple(parts), output, opts)


def _reshape(draft: Draft, node: Int8Node, op: Reshape) -> None:
    opts = options("ReshapeOptions", NewShape=op.shape)
    with_vectors(draft, node, RESHAPE, opts, shape=op.shape)


def _transpose(draft: Draft, node: Int8Node, op: Transpose) -> None:
    with_vectors(draft, node, TRANSPOSE, options("TransposeOptions"), perm=op.perm)


def _slice(draft: Draft, node: Int8Node, op: Slice) -> None:
    opts = options("SliceOptions")
    with_vectors(draft, node, SLICE, opts, begin=op.starts, size=op.sizes)


TWINS: Mapping[type, Twin] = {
    Concat: Twin(_concat),
    Pad: Twin(_pad),
    Reshape: Twin(_reshape),
    Slice: Twin(_slice),
    Transpose: Twin(_transpose),
}
