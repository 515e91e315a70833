"""Exponential, reciprocal and logarithm in the fixed point of gemmlowp, and curves made of them.

Fixed-point numbers are int32 held in int64; Qi.f has i integer and f fraction bits, i + f = 31.
The exponential follows gemmlowp's `exp_on_negative_values` (a Taylor polynomial on [-1/4, 0), then
one multiplication per bit of the rest), the reciprocals its functions of x in [0, 1] (three Newton
steps).
"""

import numpy as np
from numpy.typing import NDArray

from mcucc.reference.fixed_point import high_multiply, rounding_shift_right

ONE_Q0 = (1 << 31) - 1
"""The largest Q0.31 number stands for 1."""

_ONE_Q2 = 1 << 29
_EXP_FACTORS_Q0 = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""(k, exp(-2^k) in Q0.31)."""
_EXP_EIGHTH_Q0 = 1895147668
_LOG_2_Q0 = 1488522236
_ROOT_HALF_Q0 = 1518500250
_CENTER_Q0 = 1805811301
"""sqrt(sqrt(1/2)): around it the logarithm is a quotient of polynomials."""
_LOG_Q0 = (117049297, 1057819769, 127690142, 638450708)
"""With c = sqrt(sqrt(2)): 11/240 * c, 2/c - c, c/20 and c/4."""
_SUM_BITS, _POWER_SHIFT = 12, 25
_QUARTER_Q6 = 1 << 23
_THIRD_Q0 = 715827883
_48_OVER_17_Q2 = 1515870810
_MINUS_32_OVER_17_Q2 = -1010580540


def exp_of_negative(a: NDArray[np.int64], integer_bits: int) -> NDArray[np.int64]:
    """exp(a) in Q0.31 for a <= 0 with 4 or 5 integer bits."""
    quarter = 1 << (31 - integer_bits - 2)
    fraction = (a & (quarter - 1)) - quarter
    result = _exp_between_minus_quarter_and_0(fraction << integer_bits)
    remainder = fraction - a
    for exponent, factor in _EXP_FACTORS_Q0[: integer_bits + 2]:
        bit = 1 << (31 - integer_bits + exponent)
        result = np.where(remainder & bit != 0, high_multiply(result, factor), result)
    return np.where(a == 0, ONE_Q0, result)


def reciprocal_of_one_plus(a: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 / (1 + a) in Q0.31 for 0 <= a <= 1 in Q0.31."""
    return np.minimum(_twice_reciprocal_of_one_plus(a) << 1, ONE_Q0)


def logistic(a: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 / (1 + exp(-a)) in Q0.31 for a in Q4.27."""
    above = reciprocal_of_one_plus(exp_of_negative(-abs(a), 4))
    return np.where(a == 0, 1 << 30, np.where(a > 0, above, ONE_Q0 - above))


def log_of_sum(total: NDArray[np.int64]) -> NDArray[np.int64]:
    """log(a) in Q5.26 for a >= 1 in Q12.19.

    a = 2^k * r: of two ways to split it, of which one has r in [1/2, sqrt(1/2)), that with the
    smaller r and the larger k.
    """
    zeros = _leading_zeros(total)
    half = high_multiply(total, _ROOT_HALF_Q0)
    half_zeros = _leading_zeros(half) - 1
    first = np.minimum(high_multiply(total << (zeros - 1), _ROOT_HALF_Q0) << 1, ONE_Q0)
    second = np.minimum(total << half_zeros, ONE_Q0)
    power = np.maximum(
        ((_SUM_BITS - zeros) << _POWER_SHIFT) + _QUARTER_Q6,
        ((_SUM_BITS - half_zeros) << _POWER_SHIFT) - _QUARTER_Q6,
    )
    quotient = _log_near_center(np.minimum(first, second))
    return np.clip((high_multiply(power, _LOG_2_Q0) + quotient) << 1, -ONE_Q0 - 1, ONE_Q0)


def _log_near_center(r: NDArray[np.int64]) -> NDArray[np.int64]:
    """log(r * sqrt(sqrt(2))) in Q6.25 for r in Q0.31."""
    numerator, constant, quadratic, linear = _LOG_Q0
    middle, q = (r + _CENTER_Q0 + 1) >> 1, (r - _CENTER_Q0) << 1
    square = high_multiply(q, q)
    above = high_multiply(q, r) + high_multiply(high_multiply(q, square), numerator)
    below = high_multiply(middle, constant + q + high_multiply(square, quadratic))
    reciprocal = reciprocal_of_one_plus(below + high_multiply(q, linear))
    return high_multiply(rounding_shift_right(above, 6), reciprocal)


def _leading_zeros(a: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of int32 numbers that are not negative."""
    return 32 - np.frexp(a.astype(np.float64))[1].astype(np.int64)


def tanh(a: NDArray[np.int64]) -> NDArray[np.int64]:
    """The hyperbolic tangent in Q0.31 of a in Q4.27: (1 - x) / (1 + x) with x = exp(-2 |a|).

    The same bits with one integer bit more are twice the number.
    """
    x = exp_of_negative(-abs(a), 5)
    return np.sign(a) * np.minimum((_twice_reciprocal_of_one_plus(x) - _ONE_Q2) << 2, ONE_Q0)


def _exp_between_minus_quarter_and_0(a: NDArray[np.int64]) -> NDArray[np.int64]:
    """exp(a) in Q0.31 for -1/4 <= a < 0 in Q0.31: Taylor of order 4 around -1/8."""
    x = a + (1 << 28)
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4_over_4 = rounding_shift_right(high_multiply(x2, x2), 2)
    tail = rounding_shift_right(high_multiply(x4_over_4 + x3, _THIRD_Q0) + x2, 1)
    return _EXP_EIGHTH_Q0 + high_multiply(x + tail, _EXP_EIGHTH_Q0)


def _twice_reciprocal_of_one_plus(a: NDArray[np.int64]) -> NDArray[np.int64]:
    """2 / (1 + a) in Q2.29 for 0 <= a <= 1 in Q0.31: three Newton steps."""
    half_denominator = (a + ONE_Q0 + 1) >> 1
    x = _48_OVER_17_Q2 + high_multiply(half_denominator, _MINUS_32_OVER_17_Q2)
    for _ in range(3):
        error = _ONE_Q2 - high_multiply(half_denominator, x)
        x = x + (high_multiply(x, error) << 2)
    return x
