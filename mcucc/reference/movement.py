"""Operators that move bytes, on int8 samples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import Pad, Reshape, ResizeNearest, Slice, Transpose
from mcucc.reference.windows import pad_spatial


def reshape(op: Reshape, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The same elements in the same order; the sample axis stays."""
    return x.reshape(x.shape[0], *op.shape[1:])


def pad(op: Pad, x: NDArray[np.int8], zero_point: int) -> NDArray[np.int8]:
    """A border of the zero point around each map of [N, H, W, C]."""
    return pad_spatial(x, op.pads, zero_point)


def concat(inputs: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    """Maps side by side along the last axis; one sample (of a constant) serves all."""
    samples = max(x.shape[0] for x in inputs)
    return np.concatenate([np.broadcast_to(x, (samples, *x.shape[1:])) for x in inputs], axis=-1)


def resize_nearest(op: ResizeNearest, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Each pixel of [N, H, W, C] repeated in rows and columns."""
    return x.repeat(op.factor[0], axis=1).repeat(op.factor[1], axis=2)


def transpose(op: Transpose, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Axes in another order; the sample axis stays first."""
    return np.ascontiguousarray(x.transpose(op.perm))


def block(op: Slice, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """A block of each sample; the sample axis stays whole."""
    inside = zip(op.starts[1:], op.sizes[1:], strict=True)
    return np.ascontiguousarray(x[:, *(slice(start, start + size) for start, size in inside)])
