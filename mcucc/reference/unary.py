"""Functions of one int8 element, and the tables of 256 bytes that hold them.

Every table is indexed by q + 128.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams
from mcucc.reference.exponential import logistic, tanh
from mcucc.reference.fixed_point import (
    INT8_MAX,
    INT8_MIN,
    Multiplier,
    effective_scale,
    multiply,
    quantize_multiplier,
    requantize,
    rounding_shift_right,
)

HIRES_BITS = 7
"""Bits by which a hard swish shifts its centred input up, to fill an int16."""

_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_RELUISH_SCALE = 3 / (1 << 15)
_CURVE_FRACTION_BITS = 27
_LOGISTIC_BITS, _TANH_BITS = 8, 7
_LARGEST_SCALE = 8.0
"""From here on every input of a curve saturates, whatever the scale."""


@dataclass(frozen=True)
class LeakyReluParameters:
    """Integers of a LeakyRelu.

    Attributes:
        identity: for inputs not below the zero point, s_in / s_out.
        slope: for the others, s_in * alpha / s_out.
    """

    identity: Multiplier
    slope: Multiplier


@dataclass(frozen=True)
class HardSwishParameters:
    """Integers of a HardSwish; a mantissa is Q15, its factor m * 2^(shift - 15).

    Attributes:
        output: from the centred input shifted up by `HIRES_BITS` to the output's scale; its
            shift is not positive.
        reluish: from the same input to units of 3 / 2^15, so that int16 spans -3 to 3.
    """

    output: Multiplier
    reluish: Multiplier


def all_inputs() -> NDArray[np.int8]:
    """Every int8 value, ascending."""
    return np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int8)


def take(table: NDArray[np.int8], x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Look each element up in a table of 256 by q + 128."""
    return table[x.astype(np.int64) - INT8_MIN]


def leaky_relu_parameters(source: QParams, output: QParams, alpha: float) -> LeakyReluParameters:
    """The integers of a LeakyRelu; alpha is a float32 value, the factors are formed in float64."""
    return LeakyReluParameters(
        quantize_multiplier(source.scale / output.scale),
        quantize_multiplier(effective_scale(source.scale, alpha, output.scale)),
    )


def hard_swish_parameters(source: QParams, output: QParams) -> HardSwishParameters:
    """The integers of a HardSwish."""
    hires_scale = source.scale / (1 << HIRES_BITS)
    return HardSwishParameters(
        _int16_multiplier(hires_scale / output.scale),
        _int16_multiplier(hires_scale / _RELUISH_SCALE),
    )


def logistic_table(source: QParams) -> NDArray[np.int8]:
    """1 / (1 + exp(-x)) at scale 1/256 and zero point -128."""
    return _curve_table(source, logistic, _LOGISTIC_BITS, INT8_MIN)


def tanh_table(source: QParams) -> NDArray[np.int8]:
    """tanh(x) at scale 1/128 and zero point 0."""
    return _curve_table(source, tanh, _TANH_BITS, 0)


def leaky_relu_table(
    source: QParams, parameters: LeakyReluParameters, output: QParams
) -> NDArray[np.int8]:
    """The input requantized by one of two multipliers, according to its sign."""
    centred = all_inputs().astype(np.int64) - source.zero_point
    above, below = (
        requantize(centred, (each,), output.zero_point)
        for each in (parameters.identity, parameters.slope)
    )
    return np.where(centred >= 0, above, below)


def hard_swish_table(
    source: QParams, parameters: HardSwishParameters, output: QParams
) -> NDArray[np.int8]:
    """The product x * relu6(x + 3) / 6 in int16, as TensorFlow Lite's reference computes it."""
    hires = (all_inputs().astype(np.int64) - source.zero_point) << HIRES_BITS
    gate = (_reluish(hires, parameters.reluish) + (1 << 15)) >> 1
    product = gate * _high_multiply_int16(hires, parameters.output.m)
    # The quotient is truncated towards zero where every other high multiply rounds.
    truncated = np.sign(product) * (abs(product) >> 15)
    total = _divide_int16(truncated, parameters.output.right) + output.zero_point
    return np.clip(total, INT8_MIN, INT8_MAX).astype(np.int8)


def clamp_table(low: int, high: int) -> NDArray[np.int8]:
    """The same values, limited to [low, high]."""
    return np.clip(all_inputs(), low, high)


def _curve_table(
    source: QParams,
    curve: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    fraction_bits: int,
    zero_point: int,
) -> NDArray[np.int8]:
    """A curve in fixed point, rounded to `fraction_bits` bits, and saturated far from 0.

    Inputs are brought to Q4.27. What counts as far is 15 over the next power of two above the
    scale, in steps of the input: at scales from 8 on that is every input, 0 included.
    """
    multiplier = quantize_multiplier(
        min(source.scale, _LARGEST_SCALE) * (1 << _CURVE_FRACTION_BITS)
    )
    radius = math.floor(15 * 2.0 ** (_CURVE_FRACTION_BITS - multiplier.shift))
    centred = all_inputs().astype(np.int64) - source.zero_point
    near = np.clip(centred, -radius, radius)
    scaled = multiply(near, multiplier.m, multiplier.shift)
    rounded = rounding_shift_right(curve(scaled), 31 - fraction_bits)
    inside = np.clip(rounded + zero_point, INT8_MIN, INT8_MAX)
    above = np.where(centred >= radius, INT8_MAX, inside)
    return np.where(centred <= -radius, INT8_MIN, above).astype(np.int8)


def _int16_multiplier(real: float) -> Multiplier:
    """The Q31 multiplier with its mantissa rounded to Q15, saturating below 2^15."""
    wide = quantize_multiplier(real)
    return Multiplier(min((wide.m + (1 << 15)) >> 16, _INT16_MAX), wide.shift)


def _reluish(hires: NDArray[np.int64], multiplier: Multiplier) -> NDArray[np.int64]:
    """Scale to units of 3 / 2^15, saturating; the last bit of a left shift comes after the rest."""
    early, late = max(multiplier.shift - 1, 0), min(multiplier.left, 1)
    scaled = _high_multiply_int16(_saturate_int16(hires << early), multiplier.m)
    return _divide_int16(_saturate_int16(scaled << late), multiplier.right)


def _saturate_int16(x: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(x, _INT16_MIN, _INT16_MAX)


def _high_multiply_int16(x: NDArray[np.int64], m: int) -> NDArray[np.int64]:
    """Doubling high multiply of int16 values: x * m / 2^15, rounded, halves upwards."""
    return (x * m + (1 << 14)) >> 15


def _divide_int16(x: NDArray[np.int64], e: int) -> NDArray[np.int64]:
    """Rounded x / 2^e of int16 values, halves away from zero.

    Shifts of 16 and more move the mask of the remainder out of an int16, which leaves 1 and -1
    where 0 were right. Only absurd ratios of scales lead there, but the bits are the judge's.
    """
    return rounding_shift_right(x, e) if e < 16 else np.where(x >= 0, 1, -1)
