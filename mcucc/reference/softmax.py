"""Softmax, its logarithm, and L2 normalization, on int8 samples in gemmlowp's fixed point.

Fixed-point numbers are int32; Qi.f has i integer and f fraction bits, i + f = 31.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InvariantError
from mcucc.ir import QParams
from mcucc.ops.softmax import (
    SOFTMAX_QUANT,
    WIDE_SOFTMAX_QUANT,
    FloatL2Normalization,
    FloatLogSoftmax,
    FloatSoftmax,
    L2Normalization,
    LogSoftmax,
    Softmax,
)
from mcucc.reference.exponential import ONE_Q0, exp_of_negative, log_of_sum, reciprocal_of_one_plus
from mcucc.reference.fixed_point import (
    INT8_MAX,
    INT8_MIN,
    Multiplier,
    high_multiply,
    multiply,
    quantize_multiplier,
    requantize,
    rounding_shift_right,
)
from mcucc.reference.meaning import FloatMeaning, Int8Meaning
from mcucc.reference.root import inverse_root
from mcucc.reference.windows import FloatArray

DIFF_INTEGER_BITS = 5
"""Differences to the maximum are Q5.26."""
SUM_INTEGER_BITS = 12
"""Sums of exponentials are Q12.19."""
_LOG_OUTPUT_SHIFT = 22
"""From Q5.26 to sixteenths."""
_L2_OUTPUT_BITS = 7
_SMALLEST_NORM = np.float32(1e-6)
"""What a smaller one counts as, in floats."""
_WIDE_BITS = 16
_LARGEST_SHIFT = 31
"""TensorFlow Lite Micro demands it of the shift after the sum, which is larger from 512 on."""


def softmax_table(scale: float) -> NDArray[np.int32]:
    """exp(scale * -d) in Q0.31 for the distances d = 0 ... 255 below the maximum.

    Args:
        scale: of the int8 input, above 2^-26.

    Returns:
        int32 [256], decreasing from 2^31 - 1. 0 where the distance is beyond the range of Q5.26:
        such an element adds nothing to the sum and its output is -128.

    Raises:
        InvariantError: the scale is too small for the fixed-point format.
    """
    multiplier, limit = difference_multiplier(scale)
    distance = np.arange(256, dtype=np.int64)
    near = np.minimum(distance, limit)
    diff = high_multiply(-near << multiplier.shift, multiplier.m)
    return np.where(distance <= limit, exp_of_negative(diff, DIFF_INTEGER_BITS), 0).astype(np.int32)


def difference_multiplier(scale: float) -> tuple[Multiplier, int]:
    """What brings a difference of integers to Q5.26, and the largest one that it holds.

    Args:
        scale: of the int8 input, above 2^-26.

    Raises:
        InvariantError: the scale is too small for the fixed-point format.
    """
    real = min(scale * (1 << (31 - DIFF_INTEGER_BITS)), float(ONE_Q0))
    if real <= 1:
        raise InvariantError(f"the scale before a softmax must be above 2^-26, got {scale}")
    multiplier = quantize_multiplier(real)
    return multiplier, math.floor(31 * (1 << 26) / (1 << multiplier.shift))


def softmax(x: NDArray[np.int8], table: NDArray[np.int32]) -> NDArray[np.int8]:
    """Softmax over the last axis; the output has scale 1/256 and zero point -128.

    Args:
        x: any shape.
        table: of `softmax_table` for the input's scale.
    """
    exps, total = _exponentials(x, table)
    reciprocal, shift = sum_reciprocal(total)
    product = high_multiply(exps, reciprocal)
    # The judge aborts on larger shifts; they are defined as zero.
    judged = shift <= _LARGEST_SHIFT
    scaled = np.where(judged, rounding_shift_right(product, np.minimum(shift, _LARGEST_SHIFT)), 0)
    return np.clip(scaled + INT8_MIN, INT8_MIN, INT8_MAX).astype(np.int8)


def scaled_softmax(
    x: NDArray[np.int8], table: NDArray[np.int32], output: QParams
) -> NDArray[np.int8]:
    """Softmax over the last axis in 16 bits, then at any scale.

    Args:
        x: any shape.
        table: of `softmax_table` for the input's scale.
        output: quantization of the result, of 2^-30 at least.
    """
    exps, total = _exponentials(x, table)
    reciprocal, shift = sum_reciprocal(total, _WIDE_BITS)
    parts = rounding_shift_right(high_multiply(exps, reciprocal), shift)
    parts = parts.clip(0, (1 << _WIDE_BITS) - 1)
    return requantize(parts, (softmax_multiplier(output),), output.zero_point)


def softmax_multiplier(output: QParams) -> Multiplier:
    """From 16 bits, in which 1 is 65536, to a quantization."""
    return quantize_multiplier(WIDE_SOFTMAX_QUANT.scale / output.scale)


def tflm_aborts(x: NDArray[np.int8], table: NDArray[np.int32]) -> bool:
    """Whether TensorFlow Lite Micro aborts: some sum of exponentials is 512 or more.

    Args:
        x: any shape, as for `softmax`.
        table: of `softmax_table` for the input's scale.
    """
    _, total = _exponentials(x, table)
    _, shift = sum_reciprocal(total)
    return bool((shift > _LARGEST_SHIFT).any())


def _exponentials(
    x: NDArray[np.int8], table: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each exponential in Q0.31, and their sums over the last axis in Q12.19."""
    wide = x.astype(np.int64)
    exps = table.astype(np.int64)[wide.max(axis=-1, keepdims=True) - wide]
    return exps, rounding_shift_right(exps, SUM_INTEGER_BITS).sum(axis=-1, keepdims=True)


def sum_reciprocal(
    total: NDArray[np.int64], bits: int = 8
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The reciprocal of a sum of exponentials.

    Args:
        total: Q12.19, at least 1 (2^19) and below 2^31.
        bits: of the result.

    Returns:
        r in Q0.31 in [1/2, 1), and the rounding shift that brings the high multiply of r and an
        exponential to units of 1 / 2^bits.
    """
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    fraction = (total << headroom) - (1 << 31)
    shift = SUM_INTEGER_BITS - headroom + 31 - bits
    return reciprocal_of_one_plus(fraction), shift


@dataclass(frozen=True)
class LogSoftmaxParameters:
    """Integers of a LogSoftmax.

    Attributes:
        difference: brings a difference of integers to Q5.26.
        limit: the largest difference that it holds.
        reverse: brings Q5.26 back to differences.
    """

    difference: Multiplier
    limit: int
    reverse: Multiplier


def log_softmax_parameters(scale: float) -> LogSoftmaxParameters:
    """The integers of a LogSoftmax, as TensorFlow Lite Micro prepares them.

    Args:
        scale: of the int8 input, at least 2^-25.
    """
    multiplier, limit = difference_multiplier(scale)
    reverse = quantize_multiplier((1 << (31 - multiplier.shift)) / multiplier.m)
    return LogSoftmaxParameters(multiplier, min(limit, 255), reverse)


def log_softmax(x: NDArray[np.int8], scale: float) -> NDArray[np.int8]:
    """Its logarithm over the last axis; the output has scale 1/16 and zero point 127.

    Args:
        x: any shape.
        scale: of the input, at least 2^-25.
    """
    p = log_softmax_parameters(scale)
    _, total = _exponentials(x, softmax_table(scale))
    log = log_of_sum(total)
    # Beyond this distance the difference of both falls out of an int32.
    room = -rounding_shift_right(high_multiply(log - (1 << 31), p.reverse.m), p.reverse.right)
    wide = x.astype(np.int64)
    distance = wide.max(axis=-1, keepdims=True) - wide
    near = np.minimum(distance, p.limit)
    below = high_multiply(-near << p.difference.shift, p.difference.m)
    made = rounding_shift_right(below - log, _LOG_OUTPUT_SHIFT) + INT8_MAX
    inside = distance < np.minimum(room, p.limit + 1)
    return np.where(inside, np.clip(made, INT8_MIN, INT8_MAX), INT8_MIN).astype(np.int8)


def l2_normalization(x: NDArray[np.int8], zero_point: int) -> NDArray[np.int8]:
    """X / sqrt(sum of x^2) over the last axis; the output has scale 1/128 and zero point 0.

    Args:
        x: any shape, of fewer than 2^15 elements along the last axis.
        zero_point: of the input; its scale does not matter.
    """
    centred = x.astype(np.int64) - zero_point
    m, shift = inverse_root((centred**2).sum(axis=-1, keepdims=True))
    made = multiply(centred, m, shift + _L2_OUTPUT_BITS)
    return np.clip(made, INT8_MIN, INT8_MAX).astype(np.int8)


def float_softmax(x: FloatArray) -> FloatArray:
    """Softmax over the last axis."""
    largest: FloatArray = x.max(axis=-1, keepdims=True)
    power: FloatArray = np.exp(x - largest)
    total: FloatArray = power.sum(axis=-1, keepdims=True)
    return power / total


def float_log_softmax(x: FloatArray) -> FloatArray:
    """Its logarithm over the last axis."""
    centred: FloatArray = x - x.max(axis=-1, keepdims=True)
    total: FloatArray = np.exp(centred).sum(axis=-1, keepdims=True)
    return centred - np.log(total)


def float_l2_normalization(x: FloatArray) -> FloatArray:
    """X / sqrt(sum of x^2) over the last axis."""
    squares: FloatArray = np.square(x).sum(axis=-1, keepdims=True)
    return (x / np.maximum(np.sqrt(squares), _SMALLEST_NORM)).astype(np.float32)


def _at_scale(x: NDArray[np.int8], scale: float, output: QParams) -> NDArray[np.int8]:
    table = softmax_table(scale)
    return softmax(x, table) if output == SOFTMAX_QUANT else scaled_softmax(x, table, output)


INT8: dict[type, Int8Meaning] = {
    Softmax: lambda view, x: _at_scale(x[0], view.x.q.scale, view.output.q),
    L2Normalization: lambda view, x: l2_normalization(x[0], view.x.q.zero_point),
    LogSoftmax: lambda view, x: log_softmax(x[0], view.x.q.scale),
}
FLOAT: dict[type, FloatMeaning] = {
    FloatSoftmax: lambda _, x: float_softmax(x[0]),
    FloatL2Normalization: lambda _, x: float_l2_normalization(x[0]),
    FloatLogSoftmax: lambda _, x: float_log_softmax(x[0]),
}
