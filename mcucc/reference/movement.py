"""Operators that move elements, int8 and float, over a leading axis of samples."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Shape, TensorType
from mcucc.ops import NodeView
from mcucc.ops.movement import (
    Concat,
    DepthToSpace,
    FloatConcat,
    FloatDepthToSpace,
    FloatPad,
    FloatReshape,
    FloatSlice,
    FloatSpaceToDepth,
    FloatTranspose,
    Pad,
    Reshape,
    Slice,
    SpaceToDepth,
    Transpose,
)
from mcucc.ops.padding import FloatMirrorPad, FloatPadChannels, MirrorPad, PadChannels
from mcucc.ops.stack import ConcatRows
from mcucc.reference.meaning import FloatMeaning, Int8Meaning
from mcucc.reference.windows import border, pad_spatial

ScalarT = TypeVar("ScalarT", bound=np.generic)


def held_shape(kind: TensorType) -> Shape:
    """The shape of the int8 array that holds a value: of an int32 one its bytes."""
    return (*kind.shape[:-1], kind.shape[-1] * kind.dtype.itemsize)


def reshape(op: Reshape | FloatReshape, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """The same elements in the same order; the sample axis stays."""
    return x.reshape(x.shape[0], *op.shape[1:])


def pad_value(view: NodeView[Pad] | NodeView[PadChannels]) -> int:
    """The integer that a border or new channels are made of."""
    return view.output.q.zero_point if view.op.value is None else view.op.value


def pad(op: Pad, x: NDArray[np.int8], value: int) -> NDArray[np.int8]:
    """A border of one integer around each map of [N, H, W, C]."""
    return pad_spatial(x, op.pads, value)


def mirror_pad(op: MirrorPad | FloatMirrorPad, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """A border of the map's own pixels around each map of [N, H, W, C]."""
    top, bottom, left, right = op.pads
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), mode=op.border)


def pad_channels(
    op: PadChannels | FloatPadChannels, x: NDArray[ScalarT], value: float
) -> NDArray[ScalarT]:
    """Channels of one number before and behind those of each pixel of [N, ..., C]."""
    return np.pad(x, (*((0, 0),) * (x.ndim - 1), op.pads), constant_values=value)


def concat(inputs: Sequence[NDArray[ScalarT]]) -> NDArray[ScalarT]:
    """Maps side by side along the last axis; one sample (of a constant) serves all."""
    samples = max(x.shape[0] for x in inputs)
    return np.concatenate([np.broadcast_to(x, (samples, *x.shape[1:])) for x in inputs], axis=-1)


def stack(inputs: Sequence[NDArray[ScalarT]]) -> NDArray[ScalarT]:
    """Maps one below the other; one sample (of a constant) serves all."""
    samples = max(x.shape[0] for x in inputs)
    return np.concatenate([np.broadcast_to(x, (samples, *x.shape[1:])) for x in inputs], axis=1)


def transpose(op: Transpose | FloatTranspose, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """Axes in another order; the sample axis stays first."""
    return np.ascontiguousarray(x.transpose(op.perm))


def block(op: Slice | FloatSlice, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """A block of each sample; the sample axis stays whole."""
    inside = zip(op.starts[1:], op.sizes[1:], strict=True)
    return np.ascontiguousarray(x[:, *(slice(start, start + size) for start, size in inside)])


def depth_to_space(op: DepthToSpace | FloatDepthToSpace, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """The channels of each pixel of [N, H, W, rows * columns * C] as a block of pixels."""
    samples, h, w, channels = x.shape
    rows, columns = op.block
    c = channels // (rows * columns)
    if op.mode == "CRD":
        blocks = x.reshape(samples, h, w, c, rows, columns).transpose(0, 1, 4, 2, 5, 3)
    else:
        blocks = x.reshape(samples, h, w, rows, columns, c).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(samples, h * rows, w * columns, c)


def space_to_depth(op: SpaceToDepth | FloatSpaceToDepth, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """Each block of pixels of [N, H * rows, W * columns, C] as one: channels (row, column, c)."""
    samples, h, w, c = x.shape
    rows, columns = op.block
    blocks = x.reshape(samples, h // rows, rows, w // columns, columns, c)
    moved = blocks.transpose(0, 1, 3, 2, 4, 5)
    return moved.reshape(samples, h // rows, w // columns, rows * columns * c)


INT8: dict[type, Int8Meaning] = {
    Reshape: lambda view, x: x[0].reshape(len(x[0]), *held_shape(view.output)[1:]),
    Pad: lambda view, x: pad(view.op, x[0], pad_value(view)),
    MirrorPad: lambda view, x: mirror_pad(view.op, x[0]),
    PadChannels: lambda view, x: pad_channels(view.op, x[0], pad_value(view)),
    Concat: lambda _, x: concat(x),
    ConcatRows: lambda _, x: stack(x),
    Transpose: lambda view, x: transpose(view.op, x[0]),
    Slice: lambda view, x: block(view.op, x[0]),
    DepthToSpace: lambda view, x: depth_to_space(view.op, x[0]),
    SpaceToDepth: lambda view, x: space_to_depth(view.op, x[0]),
}
FLOAT: dict[type, FloatMeaning] = {
    FloatReshape: lambda op, x: reshape(op, x[0]),
    FloatPad: lambda op, x: border(x[0], op.pads, op.value),
    FloatMirrorPad: lambda op, x: mirror_pad(op, x[0]),
    FloatPadChannels: lambda op, x: pad_channels(op, x[0], op.value),
    FloatConcat: lambda op, x: stack(x) if op.rows else concat(x),
    FloatTranspose: lambda op, x: transpose(op, x[0]),
    FloatSlice: lambda op, x: block(op, x[0]),
    FloatDepthToSpace: lambda op, x: depth_to_space(op, x[0]),
    FloatSpaceToDepth: lambda op, x: space_to_depth(op, x[0]),
}
