"""Operators that move bytes, on int8 samples."""

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import Pad, Reshape
from mcucc.reference.windows import pad_spatial


def reshape(op: Reshape, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The same elements in the same order; the sample axis stays."""
    return x.reshape(x.shape[0], *op.shape[1:])


def pad(op: Pad, x: NDArray[np.int8], zero_point: int) -> NDArray[np.int8]:
    """A border of the zero point around each map of [N, H, W, C]."""
    return pad_spatial(x, op.pads, zero_point)
