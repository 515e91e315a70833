"""Operators that move elements, int8 and float, over a leading axis of samples."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.ops.movement import (
    Concat,
    FloatConcat,
    FloatPad,
    FloatReshape,
    FloatSlice,
    FloatTranspose,
    Pad,
    Reshape,
    Slice,
    Transpose,
)
from mcucc.reference.meaning import FloatMeaning, Int8Meaning
from mcucc.reference.windows import border, pad_spatial

ScalarT = TypeVar("ScalarT", bound=np.generic)


def reshape(op: Reshape | FloatReshape, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """The same elements in the same order; the sample axis stays."""
    return x.reshape(x.shape[0], *op.shape[1:])


def pad(op: Pad, x: NDArray[np.int8], zero_point: int) -> NDArray[np.int8]:
    """A border of the zero point around each map of [N, H, W, C]."""
    return pad_spatial(x, op.pads, zero_point)


def concat(inputs: Sequence[NDArray[ScalarT]]) -> NDArray[ScalarT]:
    """Maps side by side along the last axis; one sample (of a constant) serves all."""
    samples = max(x.shape[0] for x in inputs)
    return np.concatenate([np.broadcast_to(x, (samples, *x.shape[1:])) for x in inputs], axis=-1)


def transpose(op: Transpose | FloatTranspose, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """Axes in another order; the sample axis stays first."""
    return np.ascontiguousarray(x.transpose(op.perm))


def block(op: Slice | FloatSlice, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """A block of each sample; the sample axis stays whole."""
    inside = zip(op.starts[1:], op.sizes[1:], strict=True)
    return np.ascontiguousarray(x[:, *(slice(start, start + size) for start, size in inside)])


INT8: dict[type, Int8Meaning] = {
    Reshape: lambda view, x: reshape(view.op, x[0]),
    Pad: lambda view, x: pad(view.op, x[0], view.output.q.zero_point),
    Concat: lambda _, x: concat(x),
    Transpose: lambda view, x: transpose(view.op, x[0]),
    Slice: lambda view, x: block(view.op, x[0]),
}
FLOAT: dict[type, FloatMeaning] = {
    FloatReshape: lambda op, x: reshape(op, x[0]),
    FloatPad: lambda op, x: border(x[0], op.pads, op.value),
    FloatConcat: lambda _, x: np.concatenate(x, axis=-1),
    FloatTranspose: lambda op, x: transpose(op, x[0]),
    FloatSlice: lambda op, x: block(op, x[0]),
}
