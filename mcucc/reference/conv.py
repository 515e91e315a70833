"""Convolutions and dense layers, int8 and float, over a leading axis of samples.

Accumulators of int8 layers are exact integers in int64; whoever requantizes them wraps them to
int32. Products of float matrices are exact sums (see `float_exact`); depthwise windows are
visited tap by tap in float32. The bits of a result thus depend neither on BLAS nor on threads.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import NodeView, clamp_range
from mcucc.ops.conv import (
    BandScale,
    Conv2D,
    DepthwiseConv2D,
    FloatBandScale,
    FloatConv2D,
    FloatDepthwiseConv2D,
    window_output,
)
from mcucc.ops.dense import FloatDense, FullyConnected
from mcucc.reference.fixed_point import requantize
from mcucc.reference.float_exact import exact_product, to_grid
from mcucc.reference.meaning import FloatMeaning, Int8Meaning
from mcucc.reference.parameters import conv_multipliers
from mcucc.reference.windows import (
    CACHED_ELEMENTS,
    FloatArray,
    activate,
    border,
    pad_spatial,
    parts,
    taps,
)

_COLUMN_ELEMENTS = 1 << 21
"""Most elements of the matrix of windows that a convolution lays out at a time."""


def conv2d(
    op: Conv2D,
    x: NDArray[np.int8],
    zero_point: int,
    weights: NDArray[np.int8],
    bias: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Convolution.

    Args:
        op: the attributes; its activation is not applied here.
        x: [N, H, W, in_c].
        zero_point: of x; padding has this value.
        weights: [out_c, kh, kw, in_c / groups].
        bias: [out_c].

    Returns:
        [N, H', W', out_c]. Summed in float64, exactly: partial sums are integers below 2^53.
    """
    centred = pad_spatial(x.astype(np.float64) - zero_point, op.pads, 0)
    groups = x.shape[-1] // weights.shape[-1]
    pairs = zip(
        np.split(centred, groups, axis=-1),
        np.split(weights.astype(np.float64), groups, axis=0),
        strict=True,
    )
    total = np.concatenate([_conv2d_group(op, *pair) for pair in pairs], axis=-1)
    return total.astype(np.int64) + bias


def _conv2d_group(
    op: Conv2D, centred: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The products' sums of one group: padded [N, H, W, in_c], weights [out_c, kh, kw, in_c]."""
    per_tap = weights.transpose(1, 2, 3, 0)
    total = np.zeros(1)
    for i, j, view in taps(centred, weights.shape[1:3], op.stride, op.dilation):
        flat = view.reshape(-1, view.shape[-1])
        total = total + (flat @ per_tap[i, j]).reshape(*view.shape[:-1], -1)
    return total


def depthwise_conv2d(
    op: DepthwiseConv2D,
    x: NDArray[np.int8],
    zero_point: int,
    weights: NDArray[np.int8],
    bias: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Depthwise convolution.

    Args:
        op: the attributes; its activation is not applied here.
        x: [N, H, W, in_c].
        zero_point: of x; padding has this value.
        weights: [1, kh, kw, out_c], out_c a multiple of in_c.
        bias: [out_c].

    Returns:
        [N, H', W', out_c].
    """
    centred = pad_spatial(x.astype(np.int32) - zero_point, op.pads, 0)
    centred = np.repeat(centred, weights.shape[3] // x.shape[3], axis=3)
    per_tap = weights[0].astype(np.int32)
    total = np.zeros(1, dtype=np.int32)
    for i, j, view in taps(centred, weights.shape[1:3], op.stride, op.dilation):
        total = total + view * per_tap[i, j]
    return total.astype(np.int64) + bias


def band_scale(
    x: NDArray[np.int8], zero_point: int, weights: NDArray[np.int8], bias: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Factors and offsets of bands of rows.

    Args:
        x: [N, H, W, C].
        zero_point: of x.
        weights: [1, 1, 1, bands * C].
        bias: [bands * C].

    Returns:
        [N, H / bands, W, bands * C]: the channels of all bands side by side.
    """
    side_by_side = _beside(x, weights.shape[-1] // x.shape[-1])
    return depthwise_conv2d(DepthwiseConv2D(), side_by_side, zero_point, weights, bias)


def _beside(x: NDArray[Any], bands: int) -> NDArray[Any]:
    """Bands of the rows of [N, H, W, C] side by side: [N, H / bands, W, bands * C]."""
    n, height, width, channels = x.shape
    apart = x.reshape(n, bands, height // bands, width, channels).transpose(0, 2, 3, 1, 4)
    return apart.reshape(n, height // bands, width, bands * channels)


def _below(x: NDArray[Any], bands: int) -> NDArray[Any]:
    """The way back, one below the other: [N, H, W, C]."""
    n, height, width, channels = x.shape
    apart = x.reshape(n, height, width, bands, channels // bands).transpose(0, 3, 1, 2, 4)
    return apart.reshape(n, bands * height, width, channels // bands)


def fully_connected(
    x: NDArray[np.int8],
    zero_point: int,
    weights: NDArray[np.int8],
    bias: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Dense layer: x [N, K], weights [M, K], bias [M] make [N, M]; summed in float64, exactly."""
    centred = x.astype(np.float64) - zero_point
    return (centred @ weights.astype(np.float64).T).astype(np.int64) + bias


def float_conv2d(
    op: FloatConv2D, x: FloatArray, weights: FloatArray, bias: FloatArray
) -> FloatArray:
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
    for part in parts(y.shape, _COLUMN_ELEMENTS // terms):
        for group in range(groups):
            made = slice(group * span, (group + 1) * span)
            taken = windows[part][..., group * in_c : (group + 1) * in_c]
            product = exact_product(taken.reshape(-1, terms), matrix.integers[made])
            steps = fixed.steps[part[0]] * matrix.steps[made, 0]
            y[part][..., made] = product.reshape(*taken.shape[:3], span) * steps + bias[made]
    return activate(y, op.activation)


def float_depthwise_conv2d(
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
    for part in parts(y.shape, CACHED_ELEMENTS // out_c):
        total = y[part]
        total[...] = bias
        product = np.empty_like(total)
        for weight, view in views:
            np.multiply(view[part], weight, out=product)
            total += product
    return activate(y, op.activation)


def float_dense(x: FloatArray, weights: FloatArray, bias: FloatArray) -> FloatArray:
    """Dense layer: x [N, K], weights [M, K], bias [M] make [N, M]."""
    fixed, matrix = to_grid(x, x.shape[1]), to_grid(weights, x.shape[1])
    product = exact_product(fixed.integers, matrix.integers)
    return (product * (fixed.steps * matrix.steps.T) + bias).astype(np.float32)


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


_Layer = Conv2D | DepthwiseConv2D | FullyConnected


def _weighted(
    accumulate: Callable[
        [NodeView[_Layer], NDArray[np.int8], NDArray[np.int8], NDArray[np.int32]],
        NDArray[np.int64],
    ],
) -> Int8Meaning:
    """Accumulators, then requantization."""

    def run(view: NodeView[_Layer], operands: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
        weights = cast("NDArray[np.int8]", view.graph.const(view.node.inputs[1]).data)
        bias = cast("NDArray[np.int32]", view.graph.const(view.node.inputs[2]).data)
        sums = accumulate(view, operands[0], weights, bias)
        output = view.output.q
        clamp = clamp_range(view.op.activation, output)
        multipliers = conv_multipliers(view.graph, view.node)
        return requantize(sums, multipliers, output.zero_point, clamp)

    return run


def _band_scale(
    view: NodeView[BandScale], operands: Sequence[NDArray[np.int8]]
) -> NDArray[np.int8]:
    weights, bias = (view.graph.const(name).data for name in view.node.inputs[1:])
    sums = band_scale(
        operands[0], view.x.q.zero_point, weights.astype(np.int8), bias.astype(np.int32)
    )
    multipliers, output = conv_multipliers(view.graph, view.node), view.output.q
    made = requantize(sums, multipliers, output.zero_point, clamp_range("none", output))
    return _below(made, weights.shape[-1] // operands[0].shape[-1])


def _float_band_scale(x: FloatArray, weights: FloatArray, bias: FloatArray) -> FloatArray:
    bands = weights.shape[-1] // x.shape[-1]
    return _below(_beside(x, bands) * weights + bias, bands)


INT8: dict[type, Int8Meaning] = {
    BandScale: _band_scale,
    Conv2D: _weighted(lambda v, x, w, b: conv2d(cast("Conv2D", v.op), x, v.x.q.zero_point, w, b)),
    DepthwiseConv2D: _weighted(
        lambda v, x, w, b: depthwise_conv2d(
            cast("DepthwiseConv2D", v.op), x, v.x.q.zero_point, w, b
        )
    ),
    FullyConnected: _weighted(lambda v, x, w, b: fully_connected(x, v.x.q.zero_point, w, b)),
}
FLOAT: dict[type, FloatMeaning] = {
    FloatBandScale: lambda _, x: _float_band_scale(*x),
    FloatConv2D: lambda op, x: float_conv2d(op, *x),
    FloatDepthwiseConv2D: lambda op, x: float_depthwise_conv2d(op, *x),
    FloatDense: lambda op, x: activate(float_dense(*x), op.activation),
}
