"""Operators that move bytes in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ir import Shape
from mcucc.ops import Int8Node
from mcucc.ops.movement import Concat, Pad, Reshape, ResizeNearest, Slice, Transpose
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code, Options
from mcucc.twin.operators.twin import Twin
from mcucc.twin.options import options
from mcucc.twin.windows import append_pad

CONCATENATION = Code(2, 2)
RESHAPE = Code(22, 1)
TRANSPOSE = Code(39, 2)
SLICE = Code(65, 2)
RESIZE_NEAREST_NEIGHBOR = Code(97, 2)
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


def _with_vectors(
    draft: Draft, node: Int8Node, code: Code, opts: Options, **vectors: Shape
) -> None:
    """One operator whose attributes are further inputs, in order, by what they say."""
    further = (draft.int32(purpose, node, values) for purpose, values in vectors.items())
    inputs = (draft.value(node.inputs[0]), *further)
    draft.operator(code, inputs, draft.value(node.output), opts)


def _reshape(draft: Draft, node: Int8Node, op: Reshape) -> None:
    opts = options("ReshapeOptions", NewShape=op.shape)
    _with_vectors(draft, node, RESHAPE, opts, shape=op.shape)


def _resize_nearest(draft: Draft, node: Int8Node, _: ResizeNearest) -> None:
    """With the defaults: neither aligned corners nor pixel centres."""
    size = draft.graph.tensors[node.output].shape[1:3]
    opts = options("ResizeNearestNeighborOptions")
    _with_vectors(draft, node, RESIZE_NEAREST_NEIGHBOR, opts, size=size)


def _transpose(draft: Draft, node: Int8Node, op: Transpose) -> None:
    _with_vectors(draft, node, TRANSPOSE, options("TransposeOptions"), perm=op.perm)


def _slice(draft: Draft, node: Int8Node, op: Slice) -> None:
    opts = options("SliceOptions")
    _with_vectors(draft, node, SLICE, opts, begin=op.starts, size=op.sizes)


TWINS: Mapping[type, Twin] = {
    Concat: Twin(_concat),
    Pad: Twin(_pad),
    Reshape: Twin(_reshape),
    ResizeNearest: Twin(_resize_nearest),
    Slice: Twin(_slice),
    Transpose: Twin(_transpose),
}
