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
        output: quantization of the output.
        clamp: smallest and largest output.
    """
    a, b = _at_common_scale((first, second), zero_points, parameters)
    return requantize(a + b, (parameters.output,), output.zero_point, clamp)


def sub(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    zero_points: tuple[int, int],
    parameters: AddParameters,
    output: QParams,
    clamp: tuple[int, int],
) -> NDArray[np.int8]:
    """Difference, first less second: arguments and arithmetic as for `add`."""
    a, b = _at_common_scale((first, second), zero_points, parameters)
    return requantize(a - b, (parameters.output,), output.zero_point, clamp)


def mul(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    zero_points: tuple[int, int],
    multiplier: Multiplier,
    output: QParams,
    clamp: tuple[int, int],
) -> NDArray[np.int8]:
    """Product of the centred inputs, requantized once.

    Args:
        first: samples of the first input.
        second: samples of the second input, of the same shape or one value per channel.
        zero_points: of the two inputs.
        multiplier: s1 * s2 / s_out.
        output: quantization of the output.
        clamp: smallest and largest output.
    """
    a, b = (
        x.astype(np.int64) - zero_point
        for x, zero_point in zip((first, second), zero_points, strict=True)
    )
    return requantize(a * b, (multiplier,), output.zero_point, clamp)


def change_scale(
    x: NDArray[np.int8], zero_point: int, multiplier: Multiplier, output: QParams
) -> NDArray[np.int8]:
    """The same values at another scale and zero point."""
    return requantize(x.astype(np.int64) - zero_point, (multiplier,), output.zero_point)


def _at_common_scale(
    inputs: tuple[NDArray[np.int8], NDArray[np.int8]],
    zero_points: tuple[int, int],
    parameters: AddParameters,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both inputs shifted up and scaled to the common scale of a sum."""
    multipliers = (parameters.first, parameters.second)
    first, second = (
        multiply((x.astype(np.int64) - zero_point) << parameters.left_shift, scale.m, scale.shift)
        for x, zero_point, scale in zip(inputs, zero_points, multipliers, strict=True)
    )
    return first, second
