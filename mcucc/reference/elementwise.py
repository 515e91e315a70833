"""Elementwise operators on int8 samples."""

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams
from mcucc.reference.fixed_point import Multiplier, multiply, requantize
from mcucc.reference.parameters import AddParameters


def add(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    zero_points: tuple[int, int],
    parameters: AddParameters,
    output: QParams,
    clamp: tuple[int, int],
) -> NDArray[np.int8]:
    """Sum: both inputs are shifted up and scaled to a common scale, then summed and scaled back.

    Args:
        first: samples of the first input.
        second: samples of the second input, of the same shape.
        zero_points: of the two inputs.
        parameters: the integers.
        output: quantisation of the output.
        clamp: smallest and largest output.
    """
    total = np.zeros(1, dtype=np.int64)
    multipliers = (parameters.first, parameters.second)
    for x, zero_point, scale in zip((first, second), zero_points, multipliers, strict=True):
        shifted = (x.astype(np.int64) - zero_point) << parameters.left_shift
        total = total + multiply(shifted, scale.m, scale.shift)
    return requantize(total, (parameters.output,), output.zero_point, clamp)


def change_scale(
    x: NDArray[np.int8], zero_point: int, multiplier: Multiplier, output: QParams
) -> NDArray[np.int8]:
    """The same values at another scale and zero point."""
    return requantize(x.astype(np.int64) - zero_point, (multiplier,), output.zero_point)
