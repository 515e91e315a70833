"""Fixed-point arithmetic: how an int32 accumulator becomes an int8 activation.

The meaning is TensorFlow Lite Micro's: a real factor becomes a Q31 multiplier and a power of two;
applying it rounds twice, first in the doubling high multiply, then in the right shift.
"""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InvariantError
from mcucc.ir import QParams

INT8_MIN, INT8_MAX = -128, 127
MIN_SHIFT, MAX_SHIFT = -31, 31
"""Shifts that a multiplier may have; a factor too small for them is 0."""

_FAST_BOUND = 1 << 30
_FAST_MAX_RIGHT_SHIFT = 31
_MANTISSA_BITS = 31


@dataclass(frozen=True)
class Multiplier:
    """The real factor m * 2^(shift - 31).

    Attributes:
        m: Q31 mantissa in [2^30, 2^31), or 0 with shift 0 where the factor is too small.
        shift: power of two, in [-31, 31]; positive is to the left.
    """

    m: int
    shift: int

    @property
    def left(self) -> int:
        """Bits to shift to the left before the multiplication."""
        return max(self.shift, 0)

    @property
    def right(self) -> int:
        """Bits to shift to the right, rounding, after it."""
        return max(-self.shift, 0)


class RequantClass(enum.Enum):
    """How cheaply a Cortex-M can apply a multiplier, the cheapest first.

    With l and e the left and right shift and a the accumulator:
    """

    FAST = enum.auto()
    """|a << l| < 2^30 and 1 <= e <= 31: high multiply, then one shift that adds the zero point."""
    WIDE = enum.auto()
    """|a << l| < 2^30 and 0 <= e <= 31: the same, with a branch where e = 0."""
    GENERAL = enum.auto()
    """The accumulator may break the bound: the plain routine."""

    def join(self, other: "RequantClass") -> "RequantClass":
        """The cheapest class that serves both."""
        return max(self, other, key=lambda each: each.value)


def quantize_multiplier(real: float) -> Multiplier:
    """The multiplier nearest to a real factor; the mantissa rounds half away from zero.

    Args:
        real: not negative.

    Raises:
        InvariantError: the factor is negative, not finite, or 2^31 and more.
    """
    if not (math.isfinite(real) and real >= 0):
        raise InvariantError(f"a requantization factor must be finite and >= 0, got {real}")
    fraction, shift = math.frexp(real)
    m = math.floor(math.ldexp(fraction, _MANTISSA_BITS) + 0.5)
    if m == 1 << _MANTISSA_BITS:
        m, shift = m // 2, shift + 1
    if m == 0 or shift < MIN_SHIFT:
        return Multiplier(0, 0)
    if shift > MAX_SHIFT:
        raise InvariantError(f"a requantization factor must be below 2^{MAX_SHIFT}, got {real}")
    return Multiplier(m, shift)


def effective_scale(s_in: float, s_weight: float, s_out: float) -> float:
    """The real factor from an accumulator to an output, in float64 from float32 scales."""
    return s_in * s_weight / s_out


def wrap_int32(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """The value that x has modulo 2^32 as an int32, held in int64."""
    return x.astype(np.int32).astype(np.int64)


def high_multiply(
    x: NDArray[np.int64], y: NDArray[np.int64] | NDArray[np.int32] | int
) -> NDArray[np.int64]:
    """Doubling high multiply of int32 values: x * y / 2^31, rounded, halves upwards.

    -2^31 times itself saturates to 2^31 - 1.
    """
    product = x * np.asarray(y, dtype=np.int64)
    return np.minimum((product + (1 << 30)) >> 31, (1 << 31) - 1)


def rounding_shift_right(
    x: NDArray[np.int64], e: NDArray[np.int64] | NDArray[np.int32] | int
) -> NDArray[np.int64]:
    """Rounded x / 2^e, halves away from zero; 0 <= e <= 31."""
    e = np.asarray(e, dtype=np.int64)
    half = (np.int64(1) << e) >> 1
    negative = (x >> 63) & -(e > 0).astype(np.int64)
    return (x + negative + half) >> e


def multiply(
    x: NDArray[np.integer],
    m: NDArray[np.int64] | int,
    shift: NDArray[np.int64] | int,
) -> NDArray[np.int64]:
    """Apply multipliers to int32 values, rounding twice.

    Args:
        x: int32 values in any integer array; wider ones wrap as an int32 would.
        m: mantissas, broadcast against x (one, or one per channel of the last axis).
        shift: shifts likewise.

    Returns:
        int32 values held in int64. The left shift wraps like a shift of an int32.
    """
    shift = np.asarray(shift, dtype=np.int64)
    shifted = wrap_int32(x.astype(np.int32).astype(np.int64) << np.maximum(shift, 0))
    return rounding_shift_right(high_multiply(shifted, m), np.maximum(-shift, 0))


def requantize(
    x: NDArray[np.integer],
    multipliers: Sequence[Multiplier],
    zero_point: int,
    clamp: tuple[int, int] = (INT8_MIN, INT8_MAX),
) -> NDArray[np.int8]:
    """Accumulators to activations: multiply, add the zero point, clamp.

    Args:
        x: int32 values.
        multipliers: one, or one per index of the last axis.
        zero_point: of the output.
        clamp: smallest and largest output.
    """
    m = np.array([each.m for each in multipliers], dtype=np.int64)
    shift = np.array([each.shift for each in multipliers], dtype=np.int64)
    return np.clip(multiply(x, m, shift) + zero_point, *clamp).astype(np.int8)


def classify(max_abs_accumulator: int, multiplier: Multiplier) -> RequantClass:
    """The cheapest class that is exact for every accumulator up to a bound.

    Args:
        max_abs_accumulator: bound of |accumulator|, the bias included.
        multiplier: what is applied to it.
    """
    if max_abs_accumulator << multiplier.left >= _FAST_BOUND:
        return RequantClass.GENERAL
    if 1 <= multiplier.right <= _FAST_MAX_RIGHT_SHIFT:
        return RequantClass.FAST
    return RequantClass.WIDE


def quantize(x: NDArray[np.float32], quant: QParams) -> NDArray[np.int8]:
    """Float inputs to int8: x / scale in float32, halves away from zero, zero point, clamp.

    NaN becomes the zero point. Written so that C without a maths library gives the same bits:
    clamp, truncate, then compare the fraction (exact in float32) with one half.
    """
    with np.errstate(over="ignore"):
        ratio = x.astype(np.float32) / np.float32(quant.scale)
    ratio = np.where(np.isnan(ratio), np.float32(0), np.clip(ratio, -512, 512)).astype(np.float32)
    whole = ratio.astype(np.int32)
    fraction = ratio - whole.astype(np.float32)
    half = np.float32(0.5)
    rounded = whole + (fraction >= half) - (fraction <= -half)
    return np.clip(rounded + quant.zero_point, INT8_MIN, INT8_MAX).astype(np.int8)


def dequantize(q: NDArray[np.int8], quant: QParams) -> NDArray[np.float32]:
    """Int8 outputs to float32: scale * (q - zero point), multiplied in float32."""
    centred = (q.astype(np.int32) - quant.zero_point).astype(np.float32)
    return centred * np.float32(quant.scale)
