"""What operators with windows share: borders, one strided view per kernel tap, activations."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import Activation, Pads
from mcucc.ops.conv import window_output

FloatArray = NDArray[np.float32]
ScalarT = TypeVar("ScalarT", bound=np.generic)

CACHED_ELEMENTS = 1 << 16
"""Elements of the output that are finished at a time where every tap passes over all of them."""


def pad_spatial(x: NDArray[ScalarT], pads: Pads, value: int) -> NDArray[ScalarT]:
    """Put a border of `value` around each map of [N, H, W, C]."""
    n, height, width, channels = x.shape
    top, bottom, left, right = pads
    padded = np.full(
        (n, top + height + bottom, left + width + right, channels), value, dtype=x.dtype
    )
    padded[:, top : top + height, left : left + width] = x
    return padded


def taps(
    x: NDArray[ScalarT],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> Iterator[tuple[int, int, NDArray[ScalarT]]]:
    """For each tap (row, column) the view [N, H', W', C] of the pixels that it meets."""
    height = window_output(x.shape[1], kernel[0], stride[0], dilation[0], 0)
    width = window_output(x.shape[2], kernel[1], stride[1], dilation[1], 0)
    for i in range(kernel[0]):
        rows = slice(i * dilation[0], i * dilation[0] + (height - 1) * stride[0] + 1, stride[0])
        for j in range(kernel[1]):
            start = j * dilation[1]
            columns = slice(start, start + (width - 1) * stride[1] + 1, stride[1])
            yield i, j, x[:, rows, columns]


def border(x: FloatArray, pads: Pads, value: float) -> FloatArray:
    """Put a border around each map of [N, H, W, C]; x itself if there is none."""
    if not any(pads):
        return x
    n, height, width, channels = x.shape
    top, bottom, left, right = pads
    shape = (n, top + height + bottom, left + width + right, channels)
    padded = np.full(shape, value, dtype=np.float32)
    padded[:, top : top + height, left : left + width] = x
    return padded


def activate(y: FloatArray, activation: Activation) -> FloatArray:
    """Apply a fused activation in place."""
    if activation != "none":
        np.clip(y, 0.0, 6.0 if activation == "relu6" else None, out=y)
    return y


def parts(shape: tuple[int, ...], pixels: int) -> Iterator[tuple[slice, slice]]:
    """Cut [N, H, W, ...] into whole samples, or rows of one, of about so many pixels."""
    count, height, width = shape[:3]
    samples, rows = pixels // (height * width), max(1, pixels // width)
    if samples >= 1:
        yield from ((slice(n, n + samples), slice(None)) for n in range(0, count, samples))
        return
    for n in range(count):
        yield from ((slice(n, n + 1), slice(y, y + rows)) for y in range(0, height, rows))
