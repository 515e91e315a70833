"""Resizes, int8 and float, over a leading axis of samples."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.ops.resize import FloatResizeNearest, ResizeNearest
from mcucc.reference.meaning import FloatMeaning, Int8Meaning

ScalarT = TypeVar("ScalarT", bound=np.generic)


def resize_nearest(op: ResizeNearest | FloatResizeNearest, x: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """Each pixel of [N, H, W, C] repeated in rows and columns."""
    return x.repeat(op.factor[0], axis=1).repeat(op.factor[1], axis=2)


INT8: dict[type, Int8Meaning] = {
    ResizeNearest: lambda view, x: resize_nearest(view.op, x[0]),
}
FLOAT: dict[type, FloatMeaning] = {
    FloatResizeNearest: lambda op, x: resize_nearest(op, x[0]),
}
