"""Sliding windows over [N, H, W, C]: borders, and one strided view per kernel tap."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import Pads
from mcucc.ops.conv import window_output

ScalarT = TypeVar("ScalarT", bound=np.generic)


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
