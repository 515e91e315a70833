"""Pooling over windows and means over axes, int8 and float, over a leading axis of samples."""

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams
from mcucc.ops.pool import (
    AveragePool2D,
    FloatAveragePool2D,
    FloatMaxPool2D,
    FloatMean,
    MaxPool2D,
    Mean,
)
from mcucc.reference.fixed_point import INT8_MIN, requantize
from mcucc.reference.meaning import FloatMeaning, Int8Meaning
from mcucc.reference.parameters import MeanParameters, mean_parameters
from mcucc.reference.windows import (
    CACHED_ELEMENTS,
    FloatArray,
    border,
    pad_spatial,
    parts,
    taps,
)


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
    """Mean or sum over adjacent axes: one integer sum, requantized once."""
    total = x.sum(axis=op.axes, dtype=np.int64, keepdims=op.keep_dims)
    centred = total - parameters.count * zero_point
    return requantize(centred, (parameters.multiplier,), output.zero_point)


def float_max_pool2d(op: FloatMaxPool2D, x: FloatArray) -> FloatArray:
    """Largest pixel of each window of [N, H, W, C]."""
    views = [view for _, _, view in taps(border(x, op.pads, -np.inf), op.kernel, op.stride)]
    y = views[0].copy()
    for part in parts(y.shape, CACHED_ELEMENTS // y.shape[3]):
        for view in views[1:]:
            np.maximum(y[part], view[part], out=y[part])
    return y


def float_average_pool2d(op: FloatAveragePool2D, x: FloatArray) -> FloatArray:
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


def float_mean(op: FloatMean, x: FloatArray) -> FloatArray:
    """Mean or sum over axes, in float64."""
    if op.sums:
        return x.sum(axis=op.axes, keepdims=op.keep_dims, dtype=np.float64).astype(np.float32)
    return x.mean(axis=op.axes, keepdims=op.keep_dims, dtype=np.float64).astype(np.float32)


INT8: dict[type, Int8Meaning] = {
    AveragePool2D: lambda view, x: average_pool2d(view.op, x[0]),
    MaxPool2D: lambda view, x: max_pool2d(view.op, x[0]),
    Mean: lambda view, x: mean(
        *(view.op, x[0], view.x.q.zero_point, mean_parameters(view.graph, view.node)),
        view.output.q,
    ),
}
FLOAT: dict[type, FloatMeaning] = {
    FloatAveragePool2D: lambda op, x: float_average_pool2d(op, x[0]),
    FloatMaxPool2D: lambda op, x: float_max_pool2d(op, x[0]),
    FloatMean: lambda op, x: float_mean(op, x[0]),
}
