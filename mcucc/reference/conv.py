"""Accumulators of convolutions and of dense layers, over a leading axis of samples.

They are exact integers in int64; whoever requantizes them wraps them to int32.
"""

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import Conv2D, DepthwiseConv2D
from mcucc.reference.windows import pad_spatial, taps


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


def fully_connected(
    x: NDArray[np.int8],
    zero_point: int,
    weights: NDArray[np.int8],
    bias: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Dense layer: x [N, K], weights [M, K], bias [M] make [N, M]; summed in float64, exactly."""
    centred = x.astype(np.float64) - zero_point
    return (centred @ weights.astype(np.float64).T).astype(np.int64) + bias
