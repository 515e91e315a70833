"""Resizes, int8 and float, over a leading axis of samples."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import TensorType
from mcucc.ops.resize import (
    STEPS,
    FloatPickNearest,
    FloatResizeBilinear,
    FloatResizeNearest,
    PickNearest,
    Places,
    ResizeBilinear,
    ResizeNearest,
    nearest_axis,
    real_places,
)
from mcucc.reference.meaning import FloatMeaning, Int8Meaning

ScalarT = TypeVar("ScalarT", bound=np.generic)
Integers = NDArray[np.int64]


def resize_nearest(op: ResizeNearest | FloatResizeNearest, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """Each pixel of [N, H, W, C] repeated in rows and columns."""
    return x.repeat(op.factor[0], axis=1).repeat(op.factor[1], axis=2)


def pick_nearest(op: PickNearest | FloatPickNearest, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """The nearest pixels of [N, H, W, C] along rows and columns."""
    for axis, count in enumerate(op.size, start=1):
        places = nearest_axis(x.shape[axis], count, op.coordinates)
        x = x.take(places.first(np.arange(count, dtype=np.int64)), axis)
    return x


def resize_bilinear(op: ResizeBilinear, x: NDArray[np.int8], kind: TensorType) -> NDArray[np.int8]:
    """Between the four pixels around each place; weights in 1/1024, halves away from zero.

    Args:
        op: the operator.
        x: [N, H, W, C].
        kind: of its input.
    """
    rows, columns = op.places(kind)
    tall = _between(x.astype(np.int64), 1, rows, op.size[0])
    total = _between(tall, 2, columns, op.size[1])
    half = np.where(total > 0, STEPS**2 // 2, -(STEPS**2) // 2)
    return (np.abs(total + half) // STEPS**2 * np.sign(total)).astype(np.int8)


def _between(x: Integers, axis: int, places: Places, count: int) -> Integers:
    """1024 times what lies at places along an axis."""
    place, last = places.at(count), x.shape[axis] - 1
    low = np.maximum(place // STEPS, 0)
    high = np.minimum(-(-place // STEPS), last).clip(0)
    shape = [1] * x.ndim
    shape[axis] = count
    part = (place - low * STEPS).reshape(shape)
    return x.take(low, axis) * (STEPS - part) + x.take(high, axis) * part


def resize_bilinear_float(op: FloatResizeBilinear, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between the four pixels around each place."""
    made = x.astype(np.float64)
    for axis, count in enumerate(op.size, start=1):
        size = x.shape[axis]
        place = real_places(size, count, op.coordinates).clip(0, size - 1)
        low = np.floor(place).astype(np.int64)
        part = (place - low).reshape([count if a == axis else 1 for a in range(x.ndim)])
        high = np.minimum(low + 1, size - 1)
        made = made.take(low, axis) * (1 - part) + made.take(high, axis) * part
    return made.astype(np.float32)


INT8: dict[type, Int8Meaning] = {
    PickNearest: lambda view, x: pick_nearest(view.op, x[0]),
    ResizeBilinear: lambda view, x: resize_bilinear(view.op, x[0], view.x),
    ResizeNearest: lambda view, x: resize_nearest(view.op, x[0]),
}
FLOAT: dict[type, FloatMeaning] = {
    FloatPickNearest: lambda op, x: pick_nearest(op, x[0]),
    FloatResizeBilinear: lambda op, x: resize_bilinear_float(op, x[0]),
    FloatResizeNearest: lambda op, x: resize_nearest(op, x[0]),
}
