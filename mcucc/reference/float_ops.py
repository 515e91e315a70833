"""The numpy meaning of the float operators with windows or weights, over a leading axis of samples.

Products of matrices are exact sums (see `float_exact`); elsewhere windows are visited tap by tap,
in float32. The bits of a result thus depend neither on BLAS nor on the number of threads.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import Activation, Pads
from mcucc.ops.conv import window_output
from mcucc.ops.float_ops import (
    FloatAveragePool2D,
    FloatConv2D,
    FloatDepthwiseConv2D,
    FloatMaxPool2D,
    FloatMean,
    FloatSlice,
)
from mcucc.reference.float_exact import exact_product, to_grid
from mcucc.reference.windows import taps

FloatArray = NDArray[np.float32]

_COLUMN_ELEMENTS = 1 << 21
"""Most elements of the matrix of windows that a convolution lays out at a time."""
_CACHED_ELEMENTS = 1 << 16
"""Elements of the output that are finished at a time where every tap passes over all of them."""


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


def conv2d(op: FloatConv2D, x: FloatArray, weights: FloatArray, bias: FloatArray) -> FloatArray:
    """Convolution of [N, H, W, C] by [out_c, kh, kw, C / groups]: [N, H', W', out_c].

    Windows are laid out as rows of a matrix (im2col), a bounded number at a time, and multiplied
    by the weights of their group.
    """
    out_c, kh, kw, in_c = weights.shape
    terms = kh * kw * in_c
    fixed, matrix = to_grid(x, terms), to_grid(weights.reshape(out_c, terms), terms)
    windows = _windows(border(fixed.integers, op.pads, 0.0), (kh, kw), op.stride, op.dilation)
    y = np.empty((*windows.shape[:3], out_c), dtype=np.float32)
    groups = x.shape[3] // in_c
    span = out_c // groups
    for part in _parts(y.shape, _COLUMN_ELEMENTS // terms):
        for group in range(groups):
            made = slice(group * span, (group + 1) * span)
            taken = windows[part][..., group * in_c : (group + 1) * in_c]
            product = exact_product(taken.reshape(-1, terms), matrix.integers[made])
            steps = fixed.steps[part[0]] * matrix.steps[made, 0]
            y[part][..., made] = product.reshape(*taken.shape[:3], span) * steps + bias[made]
    return activate(y, op.activation)


def depthwise_conv2d(
    op: FloatDepthwiseConv2D, x: FloatArray, weights: FloatArray, bias: FloatArray
) -> FloatArray:
    """Depthwise convolution of [N, H, W, C] by [1, kh, kw, out_c]: [N, H', W', out_c]."""
    kernel, out_c = weights.shape[1:3], weights.shape[3]
    padded = border(x, op.pads, 0.0)
    if out_c != x.shape[3]:
        padded = np.repeat(padded, out_c // x.shape[3], axis=3)
    views = [
        (weights[0, i, j], view) for i, j, view in taps(padded, kernel, op.stride, op.dilation)
    ]
    y = np.empty(views[0][1].shape, dtype=np.float32)
    for part in _parts(y.shape, _CACHED_ELEMENTS // out_c):
        total = y[part]
        total[...] = bias
        product = np.empty_like(total)
        for weight, view in views:
            np.multiply(view[part], weight, out=product)
            total += product
    return activate(y, op.activation)


def dense(x: FloatArray, weights: FloatArray, bias: FloatArray) -> FloatArray:
    """Dense layer: x [N, K], weights [M, K], bias [M] make [N, M]."""
    fixed, matrix = to_grid(x, x.shape[1]), to_grid(weights, x.shape[1])
    product = exact_product(fixed.integers, matrix.integers)
    return (product * (fixed.steps * matrix.steps.T) + bias).astype(np.float32)


def max_pool2d(op: FloatMaxPool2D, x: FloatArray) -> FloatArray:
    """Largest pixel of each window of [N, H, W, C]."""
    views = [view for _, _, view in taps(border(x, op.pads, -np.inf), op.kernel, op.stride)]
    y = views[0].copy()
    for part in _parts(y.shape, _CACHED_ELEMENTS // y.shape[3]):
        for view in views[1:]:
            np.maximum(y[part], view[part], out=y[part])
    return y


def average_pool2d(op: FloatAveragePool2D, x: FloatArray) -> FloatArray:
    """Average over the pixels of each window of [N, H, W, C] that lie inside the map."""
    views = [view for _, _, view in taps(border(x, op.pads, 0.0), op.kernel, op.stride)]
    y = views[0].copy()
    for view in views[1:]:
        y += view
    inside = border(np.ones((1, *x.shape[1:3], 1), dtype=np.float32), op.pads, 0.0)
    counts = np.zeros((1, *y.shape[1:3], 1), dtype=np.float32)
    for _, _, view in taps(inside, op.kernel, op.stride):
        counts += view
    return y / counts


def mean(op: FloatMean, x: FloatArray) -> FloatArray:
    """Mean over axes, summed in float64."""
    return x.mean(axis=op.axes, keepdims=op.keep_dims, dtype=np.float64).astype(np.float32)


def block(op: FloatSlice, x: FloatArray) -> FloatArray:
    """The block of [N, ...] that a slice takes; the batch is not among its axes."""
    ranges = zip(op.starts[1:], op.sizes[1:], strict=True)
    return x[(slice(None), *(slice(start, start + size) for start, size in ranges))]


def _windows(
    x: FloatArray, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> FloatArray:
    """A view [N, H', W', kh, kw, C] of all windows of x."""
    n, height, width, channels = x.shape
    rows = window_output(height, kernel[0], stride[0], dilation[0], 0)
    columns = window_output(width, kernel[1], stride[1], dilation[1], 0)
    step_n, step_y, step_x, step_c = x.strides
    return np.lib.stride_tricks.as_strided(
        x,
        (n, rows, columns, *kernel, channels),
        (
            step_n,
            step_y * stride[0],
            step_x * stride[1],
            step_y * dilation[0],
            step_x * dilation[1],
            step_c,
        ),
        writeable=False,
    )


def _parts(shape: tuple[int, ...], pixels: int) -> Iterator[tuple[slice, slice]]:
    """Cut [N, H, W, ...] into whole samples, or rows of one, of about so many pixels."""
    count, height, width = shape[:3]
    samples, rows = pixels // (height * width), max(1, pixels // width)
    if samples >= 1:
        yield from ((slice(n, n + samples), slice(None)) for n in range(0, count, samples))
        return
    for n in range(count):
        yield from ((slice(n, n + 1), slice(y, y + rows)) for y in range(0, height, rows))
