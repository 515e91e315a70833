"""Pooling over windows and means over axes, on int8 samples."""

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams
from mcucc.ops import AveragePool2D, MaxPool2D, Mean
from mcucc.reference.fixed_point import INT8_MIN, requantize
from mcucc.reference.parameters import MeanParameters
from mcucc.reference.windows import pad_spatial, taps


def average_pool2d(op: AveragePool2D, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Average of raw int8 values, halves away from zero; padding is not counted.

    Args:
        op: the attributes.
        x: [N, H, W, C].

    Returns:
        [N, H', W', C].
    """
    padded = pad_spatial(x.astype(np.int32), op.pads, 0)
    inside = pad_spatial(np.ones((1, *x.shape[1:3], 1), dtype=np.int32), op.pads, 0)
    total, count = (
        sum((view for _, _, view in taps(each, op.kernel, op.stride)), np.zeros(1, dtype=np.int32))
        for each in (padded, inside)
    )
    rounded = (abs(total) + count // 2) // count
    return (np.sign(total) * rounded).astype(np.int8)


def max_pool2d(op: MaxPool2D, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Largest pixel of each window of [N, H, W, C]; padding is -128."""
    padded = pad_spatial(x, op.pads, INT8_MIN)
    views = [view for _, _, view in taps(padded, op.kernel, op.stride)]
    return np.maximum.reduce(views)


def mean(
    op: Mean,
    x: NDArray[np.int8],
    zero_point: int,
    parameters: MeanParameters,
    output: QParams,
) -> NDArray[np.int8]:
    """Mean over adjacent axes: one integer sum, requantized once."""
    total = x.sum(axis=op.axes, dtype=np.int64, keepdims=op.keep_dims)
    centred = total - parameters.count * zero_point
    return requantize(centred, (parameters.multiplier,), output.zero_point)
