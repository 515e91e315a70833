"""Histograms and the ranges that observers choose from them."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcucc.ops.unary import FloatUnary
from mcucc.quant.observe import BINS, Histogram
from mcucc.quant.ranges import (
    Function,
    Observer,
    choose_range,
    enclose_zero,
    range_to_quant,
    with_margin,
)
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.unary import float_unary

OBSERVERS: tuple[Observer, ...] = ("minmax", "percentile", "mse")


def histogram(values: np.ndarray) -> Histogram:
    seen = Histogram()
    seen.add(values.astype(np.float32))
    return seen


def test_counts_do_not_depend_on_the_order_of_chunks() -> None:
    random = np.random.default_rng(0)
    chunks = [(random.standard_normal(1000) * scale).astype(np.float32) for scale in (0.01, 3, 90)]
    forward, backward = Histogram(), Histogram()
    for chunk in chunks:
        forward.add(chunk)
    for chunk in reversed(chunks):
        backward.add(chunk)
    assert forward.reach == backward.reach
    assert forward.count == backward.count == 3000
    # Values near a bin's edge may fall on either side before bins are merged, no further.
    assert np.abs(np.cumsum(forward.counts) - np.cumsum(backward.counts)).max() <= 3


def test_every_value_lies_in_its_bin() -> None:
    values = np.linspace(-7, 5, 997, dtype=np.float32)
    seen = histogram(values)
    nearest = np.abs(values[:, None] - seen.centres()[None]).argmin(axis=1)
    assert np.abs(np.bincount(nearest, minlength=BINS) - seen.counts).max() <= 1


@pytest.mark.parametrize("observer", OBSERVERS)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=50))
def test_ranges_enclose_zero(observer: Observer, values: list[float]) -> None:
    low, high = choose_range(histogram(np.array(values)), observer)
    assert low <= 0.0 <= high
    quant = range_to_quant((low, high))
    assert -128 <= quant.zero_point <= 127
    zero = np.zeros(1, dtype=np.float32)
    assert dequantize(quantize(zero, quant), quant)[0] == 0.0


def test_minmax_keeps_every_value() -> None:
    values = np.random.default_rng(1).standard_normal(10_000)
    low, high = choose_range(histogram(values), "minmax")
    assert low <= values.min()
    assert high >= values.max()


def test_percentile_cuts_an_outlier_off() -> None:
    values = np.concatenate([np.random.default_rng(2).standard_normal(100_000), [500.0]])
    assert choose_range(histogram(values), "percentile")[1] < 10


def test_mse_is_no_worse_than_minmax() -> None:
    values = np.random.default_rng(3).laplace(size=50_000).astype(np.float32)
    seen = histogram(values)

    def error(observer: Observer) -> float:
        quant = range_to_quant(choose_range(seen, observer))
        return float(((values - dequantize(quantize(values, quant), quant)) ** 2).sum())

    assert error("mse") < error("minmax")


@pytest.mark.parametrize(
    ("op", "share"),
    [
        (FloatUnary("sign"), 0.15),
        (FloatUnary("erf"), 0.15),
        (FloatUnary("elu", 1.0), 0.7),
        (FloatUnary("gelu"), 0.6),
        (FloatUnary("exp"), 0.01),
        (FloatUnary("abs"), 1.0),
        (FloatUnary("reciprocal"), 0.15),
    ],
)
def test_what_functions_make_of_a_value_counts(op: FloatUnary, share: float) -> None:
    """Least squared errors behind a function, as a share of those of the range for the value.

    A Sign wants a narrow range, an Exp one that is exact where it is steep.
    """
    values = (np.random.default_rng(0).standard_normal(50_000) * 2).astype(np.float32)
    function, seen = partial(float_unary, op), histogram(values)
    wanted = function(values)

    def error(functions: Sequence[Function]) -> float:
        quant = range_to_quant(choose_range(seen, "mse", functions))
        with np.errstate(divide="ignore"):
            found = function(dequantize(quantize(values, quant), quant))
        off = np.clip(found, wanted.min(), wanted.max()).astype(np.float64) - wanted
        return float((off**2).mean())

    assert 0 < error((function,)) <= share * error(())


def test_only_mse_asks_what_functions_make_of_a_value() -> None:
    seen, sign = histogram(np.linspace(-3, 5, 1000)), partial(float_unary, FloatUnary("sign"))
    assert choose_range(seen, "minmax", (sign,)) == choose_range(seen, "minmax")
    assert choose_range(seen, "percentile", (sign,)) == choose_range(seen, "percentile")


def test_bounds_hide_the_last_bits_of_a_sum() -> None:
    """A bound that differs by what the order of a float32 sum does gives the same scale."""
    for bound in (1.0, 3.1415926, 1e-3, 77.7):
        nearby = float(np.nextafter(np.float32(bound), np.float32(np.inf)))
        assert enclose_zero(-bound, bound) == enclose_zero(-nearby, nearby)


def test_few_scores_get_a_margin() -> None:
    low, high = with_margin((-1.0, 2.0), 64)
    assert low < -1.5
    assert high > 3.0
    assert with_margin((-1.0, 1.0), 2_000_000) == enclose_zero(-1.0, 1.0)


@pytest.mark.parametrize(("low", "zero_point"), [(-0.994, -29), (-0.996, -28), (-1.004, -28)])
def test_the_zero_point_is_the_nearest(low: float, zero_point: int) -> None:
    """At a scale of 0.01."""
    assert range_to_quant((low, 2.55 + low)).zero_point == zero_point


def test_a_value_that_is_always_zero_has_a_scale() -> None:
    quant = range_to_quant(choose_range(histogram(np.zeros(10)), "mse"))
    assert quant.scale > 1e-4
