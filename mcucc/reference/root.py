"""The reciprocal of a square root in the fixed point of gemmlowp, as TensorFlow Lite has it."""

import numpy as np
from numpy.typing import NDArray

from mcucc.reference.fixed_point import high_multiply, rounding_shift_right

_INT32_MAX = (1 << 31) - 1
_ONE_Q3 = 1 << 28
_THREE_HALVES_Q3 = 3 << 27
_HALF_ROOT_OF_2_Q0 = 1518500250
_STEPS = 5
"""Newton steps from 1."""


def inverse_root(x: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """1 / sqrt(x) of integers, as multipliers.

    Args:
        x: from 0 to 2^31 - 1; 0 counts as 1.

    Returns:
        Q31 mantissas and shifts, which are not positive: m * 2^(shift - 31).
    """
    large = x >= 1 << 29
    value = np.where(large, x >> 2, np.maximum(x, 2))
    pairs = (31 - np.frexp(value.astype(np.float64))[1].astype(np.int64)) // 2 - 1
    right = 11 + large - pairs
    half = (value << (2 * pairs)) >> 1
    root = high_multiply(_newton(half), _HALF_ROOT_OF_2_Q0)
    m = root << np.maximum(-right, 0)
    tiny = x <= 1
    return np.where(tiny, _INT32_MAX, m), np.where(tiny, 0, -np.maximum(right, 0))


def _newton(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 / sqrt(x) of Q3.28 in [1/4, 1): y = (3 - x * y^2) * y / 2, again and again."""
    half = rounding_shift_right(x, 1)
    y = np.full_like(x, _ONE_Q3)
    for _ in range(_STEPS):
        cube = _left(high_multiply(high_multiply(y, y), y), 6)
        y = _left(high_multiply(y, _THREE_HALVES_Q3) - high_multiply(half, cube), 3)
    return y


def _left(x: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Shifted to the left, saturating."""
    return np.clip(x << bits, -_INT32_MAX - 1, _INT32_MAX)
