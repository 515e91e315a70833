"""Operators that move bytes in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ir import Shape
from mcucc.ops import Int8Node
from mcucc.ops.movement import (
    Concat,
    DepthToSpace,
    Pad,
    Reshape,
    Slice,
    SpaceToDepth,
    Transpose,
)
from mcucc.ops.padding import MirrorPad, PadChannels
from mcucc.ops.stack import ConcatRows
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin, with_vectors
from mcucc.twin.options import options
from mcucc.twin.windows import PAD, PADV2, paddings

CONCATENATION = Code(2, 2)
DEPTH_TO_SPACE = Code(5, 2)
RESHAPE = Code(22, 1)
SPACE_TO_DEPTH = Code(26, 2)
GATHER = Code(36, 2)
TRANSPOSE = Code(39, 2)
SLICE = Code(65, 2)
MIRROR_PAD = Code(100, 2)
_MOST_JOINED = 10
"""Inputs that TensorFlow Lite Micro's CONCATENATION takes."""


def _pad(draft: Draft, node: Int8Node, op: Pad) -> None:
    _append_pad(draft, node, paddings(draft, node, op.pads), op.value)


def _append_pad(draft: Draft, node: Int8Node, ends: int, value: int | None) -> None:
    """A PAD, which is of the zero point, or a PADV2."""
    x, output = draft.value(node.inputs[0]), draft.value(node.output)
    if value is None:
        draft.operator(PAD, (x, ends), output, options("PadOptions"))
        return
    border = draft.int8_scalar("border", node, value)
    draft.operator(PADV2, (x, ends, border), output, options("PadV2Options"))


def _mirror_pad(draft: Draft, node: Int8Node, op: MirrorPad) -> None:
    """A MIRROR_PAD, or GATHERs of rows and columns where the outermost are repeated."""
    x, output = draft.value(node.inputs[0]), draft.value(node.output)
    if op.border != "edge":
        opts = options("MirrorPadOptions", Mode=int(op.border == "symmetric"))
        draft.operator(MIRROR_PAD, (x, paddings(draft, node, op.pads)), output, opts)
        return
    shape = draft.graph.type_of(node.inputs[0]).shape
    rows, columns = draft.graph.tensors[node.output].shape[1:3]
    tall = draft.int8("tall", node, (1, rows, *shape[2:]))
    window = op.window(draft.graph.input_types(node))
    for source, made, axis, count in ((x, tall, 1, rows), (tall, output, 2, columns)):
        place = window.rows if axis == 1 else window.columns
        picked = draft.int32("picked", node, tuple(place.first(i) for i in range(count)))
        opts = options("GatherOptions", Axis=axis)
        draft.operator(GATHER, (source, picked), made, opts)


def _pad_channels(draft: Draft, node: Int8Node, op: PadChannels) -> None:
    """A PAD of the last axis."""
    rank = len(draft.graph.tensors[node.output].shape)
    ends = draft.int32_matrix("paddings", node, (*(0, 0) * (rank - 1), *op.pads), (rank, 2))
    _append_pad(draft, node, ends, op.value)


def _concat(draft: Draft, node: Int8Node, op: Concat | ConcatRows) -> None:
    """As many CONCATENATIONs as it takes, each of the next inputs to what is there already."""
    axis = 1 if isinstance(op, ConcatRows) else -1
    opts = options("ConcatenationOptions", Axis=axis)
    parts = [draft.value(name) for name in node.inputs]
    sizes = [kind.shape[axis] for kind in draft.graph.input_types(node)]
    shape = list(draft.graph.tensors[node.output].shape)
    while len(parts) > _MOST_JOINED:
        first, parts = parts[:_MOST_JOINED], parts[_MOST_JOINED:]
        sizes = [sum(sizes[:_MOST_JOINED]), *sizes[_MOST_JOINED:]]
        shape[axis] = sizes[0]
        joined = draft.int8("joined", node, tuple(shape))
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


def _depth_to_space(draft: Draft, node: Int8Node, op: DepthToSpace) -> None:
    """A DEPTH_TO_SPACE; blocks that are no squares are rows of pixels that change places.

    Channels (c, row, column) are put into its order first.
    """
    _, h, w, channels = draft.graph.type_of(node.inputs[0]).shape
    (rows, columns), x = op.block, draft.value(node.inputs[0])
    if op.mode == "CRD":
        split = (h, w, channels // (rows * columns), rows * columns)
        x = _turned(draft, node, x, split, (0, 1, 3, 2), (1, h, w, channels))
    if rows == columns:
        opts = options("DepthToSpaceOptions", BlockSize=rows)
        draft.operator(DEPTH_TO_SPACE, (x,), draft.value(node.output), opts)
        return
    lines = (h, w, rows, channels // rows)
    _turned(draft, node, x, lines, (0, 2, 1, 3), draft.graph.tensors[node.output].shape, last=True)


def _space_to_depth(draft: Draft, node: Int8Node, op: SpaceToDepth) -> None:
    """A SPACE_TO_DEPTH; blocks that are no squares are rows of pixels that change places."""
    (rows, columns), x = op.block, draft.value(node.inputs[0])
    if rows == columns:
        opts = options("SpaceToDepthOptions", BlockSize=rows)
        draft.operator(SPACE_TO_DEPTH, (x,), draft.value(node.output), opts)
        return
    _, h, w, channels = made = draft.graph.tensors[node.output].shape
    _turned(draft, node, x, (h, rows, w, channels // rows), (0, 2, 1, 3), made, last=True)


def _turned(
    draft: Draft,
    node: Int8Node,
    x: int,
    shape: Shape,
    perm: Shape,
    made: Shape,
    *,
    last: bool = False,
) -> int:
    """A tensor with its axes in another order, seen as `shape` before and as `made` behind."""
    seen = draft.int8("seen", node, shape)
    _reshaped(draft, node, x, seen, shape)
    turned = draft.int8("turned", node, tuple(shape[axis] for axis in perm))
    order = draft.int32("perm", node, perm)
    draft.operator(TRANSPOSE, (seen, order), turned, options("TransposeOptions"))
    output = draft.value(node.output) if last else draft.int8("ordered", node, made)
    _reshaped(draft, node, turned, output, made)
    return output


def _reshaped(draft: Draft, node: Int8Node, x: int, output: int, shape: Shape) -> None:
    sizes = draft.int32("shape", node, shape)
    draft.operator(RESHAPE, (x, sizes), output, options("ReshapeOptions", NewShape=shape))


TWINS: Mapping[type, Twin] = {
    PadChannels: Twin(_pad_channels),
    Concat: Twin(_concat),
    ConcatRows: Twin(_concat),
    DepthToSpace: Twin(_depth_to_space),
    MirrorPad: Twin(_mirror_pad),
    Pad: Twin(_pad),
    Reshape: Twin(_reshape),
    Slice: Twin(_slice),
    SpaceToDepth: Twin(_space_to_depth),
    Transpose: Twin(_transpose),
}
