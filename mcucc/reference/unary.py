"""Functions of one int8 element, and the tables of 256 bytes that hold them.

Every table is indexed by q + 128.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams
from mcucc.ops.unary import FloatUnary, UnaryKind
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
from mcucc.reference.root import inverse_root

FloatArray = NDArray[np.float32]

HIRES_BITS = 7
"""Bits by which a hard swish shifts its centred input up, to fill an int16."""

_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_RELUISH_SCALE = 3 / (1 << 15)
_CURVE_FRACTION_BITS = 27
_LOGISTIC_BITS, _TANH_BITS = 8, 7
_ROOT_BITS = 20
"""Bits behind the point of 1 / sqrt(q) before it is requantized."""
ROOT_FACTORS = (2.0**-11, 2.0**30)
"""Between them lies 1 / (sqrt(s_in) * s_out), or TensorFlow Lite's RSQRT shifts too far."""
LARGEST_RATIO = 2.0**22
"""Of an input's scale to the output's: what an int8 is shifted to the left by it fits an int32."""
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


def absolute_table(source: QParams, output: QParams) -> NDArray[np.int8]:
    """|x| as TensorFlow Lite's ABS computes it: the distance from the zero point, requantized.

    Args:
        source: of the input; its scale is less than `LARGEST_RATIO` times the output's.
        output: of the output.
    """
    multiplier = quantize_multiplier(effective_scale(source.scale, 1.0, output.scale))
    distance = np.abs(all_inputs().astype(np.int64) - source.zero_point)
    return requantize(distance, (multiplier,), output.zero_point)


def rsqrt_factor(source: QParams, output: QParams) -> float:
    """The real factor from 1 / sqrt(q - zero point) to the output."""
    return 1.0 / (math.sqrt(source.scale) * output.scale)


def rsqrt_table(source: QParams, output: QParams) -> NDArray[np.int8]:
    """1 / sqrt(x) as TensorFlow Lite's RSQRT computes it; 127 for 0, the zero point below.

    Args:
        source: of the input.
        output: of the output; `rsqrt_factor` lies within `ROOT_FACTORS`.
    """
    distance = all_inputs().astype(np.int64) - source.zero_point
    m, shift = inverse_root(np.maximum(distance, 1))
    root = multiply(np.ones_like(distance), m, shift + _ROOT_BITS)
    factor = quantize_multiplier(rsqrt_factor(source, output))
    above = requantize(root, (Multiplier(factor.m, factor.shift - _ROOT_BITS),), output.zero_point)
    made = np.where(distance == 0, INT8_MAX, above)
    return np.where(distance < 0, output.zero_point, made).astype(np.int8)


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


def float_unary(op: FloatUnary, x: FloatArray) -> FloatArray:
    """A function of each element; NaN and infinities where it has no value."""
    with np.errstate(all="ignore"):
        return FUNCTIONS[op.kind](op, x).astype(np.float32)


def clip(x: FloatArray, low: float | None, high: float | None) -> FloatArray:
    """Each element limited to [low, high]; None is no limit."""
    return np.clip(x, None if low is None else np.float32(low), high, dtype=np.float32)


def _sigmoid(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)) without overflow: exp is only taken of negative numbers."""
    power = np.exp(-np.abs(x))
    top = np.where(x < 0, power, np.float32(1.0))
    return np.divide(top, np.float32(1.0) + power, dtype=np.float32)


def _elu(x: FloatArray, factor: float, divisor: float = 1.0) -> FloatArray:
    """x, below 0 factor * (exp(x / divisor) - 1)."""
    below = np.expm1(np.minimum(x, np.float32(0)) / np.float32(divisor))
    return np.where(x < 0, np.float32(factor) * below, x)


def _softplus(x: FloatArray) -> FloatArray:
    """log(1 + exp(x)) without overflow."""
    return np.maximum(x, np.float32(0)) + np.log1p(np.exp(-np.abs(x)))


_ERF_END, _ERF_STEPS = 6, 256
"""From 6 on erf is 1 in float64; below, steps of a table per unit."""


@cache
def _erf_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Erf and its change by one step, if it went on as it does there, at each step."""
    at = np.arange(_ERF_END * _ERF_STEPS + 1) / _ERF_STEPS
    values = np.array([math.erf(float(x)) for x in at])
    return values, 2 / math.sqrt(math.pi) * np.exp(-at * at) / _ERF_STEPS


def _erf(x: FloatArray) -> NDArray[np.float64]:
    """The error function within 1e-11: cubic interpolation between steps of 1 / 256."""
    values, slopes = _erf_table()
    place = np.abs(x.astype(np.float64)) * _ERF_STEPS
    low = np.clip(np.nan_to_num(place), 0, len(values) - 2).astype(np.int64)
    t = np.minimum(place - low, 1.0)
    change = values[low + 1] - values[low]
    bend = (slopes[low] - change) * (1 - t) - (slopes[low + 1] - change) * t
    return np.sign(x) * (values[low] + t * (change + (1 - t) * bend))


def _gelu(x: FloatArray) -> NDArray[np.float64]:
    """X * (1 + erf(x / sqrt(2))) / 2."""
    return 0.5 * x * (1 + _erf(x / np.float32(math.sqrt(2))))


def _gelu_tanh(x: FloatArray) -> FloatArray:
    """The same with erf(z / sqrt(2)) as tanh(sqrt(2 / pi) * (z + 0.044715 * z^3))."""
    inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (1 + np.tanh(inner))


FUNCTIONS: Mapping[UnaryKind, Callable[[FloatUnary, FloatArray], NDArray[np.floating]]] = {
    "abs": lambda _, x: np.abs(x),
    "ceil": lambda _, x: np.ceil(x),
    "celu": lambda op, x: _elu(x, op.alpha, op.alpha),
    "cos": lambda _, x: np.cos(x),
    "elu": lambda op, x: _elu(x, op.alpha),
    "erf": lambda _, x: _erf(x),
    "exp": lambda _, x: np.exp(x),
    "floor": lambda _, x: np.floor(x),
    "gelu": lambda _, x: _gelu(x),
    "gelu_tanh": lambda _, x: _gelu_tanh(x),
    "hard_sigmoid": lambda op, x: clip(np.float32(op.alpha) * x + np.float32(op.beta), 0.0, 1.0),
    "hard_swish": lambda _, x: x * clip(x + np.float32(3.0), 0.0, 6.0) * np.float32(1.0 / 6.0),
    "leaky_relu": lambda op, x: np.where(x < 0, np.float32(op.alpha) * x, x),
    "log": lambda _, x: np.log(x),
    "mish": lambda _, x: x * np.tanh(_softplus(x)),
    "neg": lambda _, x: -x,
    "pow": lambda op, x: np.power(x, np.float32(op.alpha)),
    "reciprocal": lambda _, x: np.float32(1.0) / x,
    "round": lambda _, x: np.rint(x),
    "rsqrt": lambda _, x: np.float32(1.0) / np.sqrt(x),
    "selu": lambda op, x: np.float32(op.beta) * _elu(x, op.alpha),
    "sigmoid": lambda _, x: _sigmoid(x),
    "sign": lambda _, x: np.sign(x),
    "silu": lambda _, x: x * _sigmoid(x),
    "sin": lambda _, x: np.sin(x),
    "softplus": lambda _, x: _softplus(x),
    "softsign": lambda _, x: x / (np.float32(1.0) + np.abs(x)),
    "sqrt": lambda _, x: np.sqrt(x),
    "tanh": lambda _, x: np.tanh(x),
    "thresholded_relu": lambda op, x: np.where(x > np.float32(op.alpha), x, np.float32(0)),
}
"""What each function is, in float32; halves are rounded to even."""
