"""Fixed-point arithmetic against definitions written out in Python's unbounded integers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcucc.errors import InvariantError
from mcucc.ir import QParams
from mcucc.reference.fixed_point import (
    Multiplier,
    RequantClass,
    classify,
    dequantize,
    multiply,
    quantize,
    quantize_multiplier,
    requantize,
)

int32 = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from([-(2**31), -(2**30), -(2**30) - 1, 2**30 - 1, 2**30, 2**31 - 1, 0, -1, 1]),
)
mantissas = st.one_of(st.integers(2**30, 2**31 - 1), st.sampled_from([0, 2**30, 2**31 - 1]))


def half_away(x: Fraction) -> int:
    """The nearest integer, halves away from zero."""
    magnitude = math.floor(abs(x) + Fraction(1, 2))
    return magnitude if x >= 0 else -magnitude


def oracle(x: int, m: int, shift: int) -> int:
    """M(x, m, shift) from its definition."""
    shifted = (x << max(shift, 0)) & 0xFFFFFFFF
    signed = shifted - 2**32 if shifted >= 2**31 else shifted
    high = math.floor(Fraction(signed * m, 2**31) + Fraction(1, 2))
    return half_away(Fraction(high, 2 ** max(-shift, 0)))


def one(x: int, m: int, shift: int) -> int:
    return int(multiply(np.array([x]), m, shift)[0])


@given(int32, mantissas, st.integers(-31, 30))
def test_multiply_follows_its_definition(x: int, m: int, shift: int):
    assert one(x, m, shift) == oracle(x, m, shift)


def test_multiply_takes_one_multiplier_per_channel():
    x = np.array([[1000, 1000, -1000]])
    m, shift = np.array([2**30, 2**30, 2**30]), np.array([0, -1, 2])
    assert multiply(x, m, shift).tolist() == [[500, 250, -2000]]


def test_both_roundings_are_there():
    """Nearest to 2^-2 * 5.75 = 1.4375 is 1; rounding to 6 first makes it 1.5 and then 2."""
    assert one(23, 2**30, -1) == half_away(Fraction(12, 2)) == 6
    assert one(11, 2**30, -2) == 2
    assert half_away(Fraction(11, 8)) == 1


@given(st.floats(2.0**-31, 2.0**29))
def test_quantized_multiplier_is_the_nearest(real: float):
    multiplier = quantize_multiplier(real)
    value = Fraction(multiplier.m) * Fraction(2) ** (multiplier.shift - 31)
    assert 2**30 <= multiplier.m < 2**31
    assert abs(value - Fraction(real)) <= Fraction(2) ** (multiplier.shift - 32)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (1.0, Multiplier(2**30, 1)),
        (0.5, Multiplier(2**30, 0)),
        (1 - 2.0**-40, Multiplier(2**30, 1)),
        (0.0, Multiplier(0, 0)),
        (2.0**-32, Multiplier(2**30, -31)),
        (2.0**-33, Multiplier(0, 0)),
        (2.0**-32 * (1 - 2.0**-50), Multiplier(2**30, -31)),
    ],
)
def test_quantized_multiplier_at_its_edges(real: float, expected: Multiplier):
    assert quantize_multiplier(real) == expected


@pytest.mark.parametrize("real", [-1.0, math.nan, math.inf, 2.0**31])
def test_impossible_factors_are_refused(real: float):
    with pytest.raises(InvariantError, match="requantization factor"):
        quantize_multiplier(real)


@given(
    st.integers(-(2**30) + 1, 2**30 - 1),
    mantissas,
    st.integers(1, 31),
    st.integers(-128, 127),
)
def test_the_fast_class_is_one_shift_with_the_zero_point(x: int, m: int, e: int, zero_point: int):
    """The two identities of a Cortex-M: SMMULR, then a shift that adds the zero point."""
    assert classify(abs(x), Multiplier(m, -e)) is RequantClass.FAST
    high = ((x << 1) * m + 2**31) >> 32
    rounded = high + (high >> 31)
    assert -(2**31) <= rounded < 2**31
    assert ((rounded >> (e - 1)) + 1 + 2 * zero_point) >> 1 == one(x, m, -e) + zero_point
    last_bit_dropped = (rounded >> (e - 1)) & 1
    assert (rounded >> e) + last_bit_dropped + zero_point == one(x, m, -e) + zero_point


@given(st.integers(-(2**30) + 1, 2**30 - 1), mantissas)
def test_without_a_shift_nothing_is_rounded_twice(x: int, m: int):
    assert classify(abs(x), Multiplier(m, 0)) is RequantClass.WIDE
    assert ((x << 1) * m + 2**31) >> 32 == one(x, m, 0)


@given(st.integers(-(2**25) + 1, 2**25 - 1), mantissas, st.integers(0, 5))
def test_left_shifts_within_the_bound_are_wide(x: int, m: int, left: int):
    assert classify(abs(x), Multiplier(m, left)) is RequantClass.WIDE
    assert one(x, m, left) == ((x << (left + 1)) * m + 2**31) >> 32


@pytest.mark.parametrize(
    ("bound", "shift", "expected"),
    [
        (2**30 - 1, -1, RequantClass.FAST),
        (2**30 - 1, -31, RequantClass.FAST),
        (2**30 - 1, 0, RequantClass.WIDE),
        (2**30, -5, RequantClass.GENERAL),
        (2**29 - 1, 1, RequantClass.WIDE),
        (2**29, 1, RequantClass.GENERAL),
    ],
)
def test_class_boundaries(bound: int, shift: int, expected: RequantClass):
    assert classify(bound, Multiplier(2**30, shift)) is expected


def test_classes_join_to_the_weaker_one():
    assert RequantClass.FAST.join(RequantClass.WIDE) is RequantClass.WIDE
    assert RequantClass.GENERAL.join(RequantClass.FAST) is RequantClass.GENERAL


def test_requantize_adds_the_zero_point_and_clamps():
    x = np.array([-1000, -20, 20, 1000])
    assert requantize(x, (Multiplier(2**30, 0),), 5, (-7, 100)).tolist() == [-7, -5, 15, 100]


def test_quantize_rounds_halves_away_and_clamps():
    x = np.array([0.5, -0.5, 1.5, 2.4999, -2.5, 1e30, -1e30, np.inf, -np.inf, np.nan, 0.0])
    q = quantize(x.astype(np.float32), QParams((1.0,), 3))
    assert q.tolist() == [4, 2, 5, 5, 0, 127, -128, 127, -128, 3, 3]


def test_quantize_does_not_double_round_just_below_a_half():
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert quantize(np.array([below, -below]), QParams((1.0,), 0)).tolist() == [0, 0]


def test_quantize_divides_in_float32():
    x, scale = np.float32(0.35), float(np.float32(0.1))
    assert float(x) / scale < 3.5 - 1e-8
    assert quantize(np.array([x]), QParams((scale,), 0)).tolist() == [4]


def test_quantize_of_a_huge_ratio_clamps():
    tiny = float(np.float32(1e-38))
    x = np.array([3e38, -3e38], dtype=np.float32)
    assert quantize(x, QParams((tiny,), 0)).tolist() == [127, -128]


@given(st.integers(-128, 127), st.integers(-128, 127), st.floats(2.0**-20, 2.0**10, width=32))
def test_dequantize_then_quantize_is_the_identity(q: int, zero_point: int, scale: float):
    quant = QParams((scale,), zero_point)
    values = np.array([q], dtype=np.int8)
    assert quantize(dequantize(values, quant), quant).tolist() == [q]
