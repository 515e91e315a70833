"""From what was observed of a value to the range of reals that its int8 form covers."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams
from mcucc.quant.observe import Histogram
from mcucc.reference.fixed_point import dequantize, quantize

Observer = Literal["minmax", "percentile", "mse"]

_POPULATION = 1_000_000
"""Values that a range should hold without clamping."""

_LEAST_WIDTH = 1e-6
"""A narrower range is that of a value that is always 0; its scale is of no consequence."""

Function = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A function of the elements of an array."""

Range = tuple[float, float]
"""Smallest and largest real; they enclose 0."""

PERCENTILE = 99.99
"""Share of the values, in percent, that a percentile range keeps."""

_MANTISSA_BITS = 12
"""Bounds are rounded outward to this precision, so that the last bits of a float sum, which depend
on the number of threads, do not reach the generated code."""


def choose_range(
    histogram: Histogram, observer: Observer, functions: Sequence[Function] = ()
) -> Range:
    """The range that an observer chooses.

    Args:
        histogram: of the value.
        observer: how.
        functions: if nobody reads the value but these functions of its elements. By "mse" it is
            their errors that count: a Sign needs small values told apart, and no large ones.
    """
    if functions and observer == "mse":
        return enclose_zero(*_least_error_behind(histogram, functions))
    match observer:
        case "minmax":
            low, high = histogram.low, histogram.high
        case "percentile":
            low, high = _percentile(histogram)
        case "mse":
            low, high = _least_squared_error(histogram)
    return enclose_zero(low, high)


def enclose_zero(low: float, high: float) -> Range:
    """The smallest range with rounded bounds around [low, high] and 0."""
    return -_round_up(max(0.0, -low)), _round_up(max(0.0, high))


def with_margin(bounds: Range, count: int) -> Range:
    """A range widened for the extremes that a small sample has not shown yet.

    The largest of n values of a normal distribution grows as sqrt(2 ln n); the range is widened as
    if `_POPULATION` values had been seen.

    Args:
        bounds: of the values that were seen.
        count: how many those were.
    """
    factor = max(1.0, float(np.sqrt(np.log(_POPULATION) / np.log(max(2, count)))))
    return enclose_zero(bounds[0] * factor, bounds[1] * factor)


def range_to_quant(bounds: Range) -> QParams:
    """The int8 quantization that covers a range: 0 is exact, the scale a float32."""
    low, high = bounds
    width = high - low if high - low > _LEAST_WIDTH else 1.0
    scale = np.float32(width / 255)
    zero_point = int(np.clip(np.round(-128 - low / float(scale)), -128, 127))
    return QParams((float(scale),), zero_point)


def _round_up(value: float) -> float:
    if value == 0.0:
        return 0.0
    unit = 2.0 ** (np.floor(np.log2(value)) - _MANTISSA_BITS)
    return float(np.ceil(value / unit * (1 - 2.0**-20)) * unit)


def _percentile(histogram: Histogram) -> Range:
    cumulative = np.cumsum(histogram.counts) / max(1, histogram.counts.sum())
    tail = (1 - PERCENTILE / 100) / 2
    centres = histogram.centres()
    low = float(centres[int(np.searchsorted(cumulative, tail))])
    high = float(centres[min(len(centres) - 1, int(np.searchsorted(cumulative, 1 - tail)))])
    return max(low, histogram.low), min(high, histogram.high)


def _least_squared_error(histogram: Histogram) -> Range:
    """The range, among shrunken ones, with the least squared error of rounding and clamping.

    Both ends are shrunk independently in steps; the error of a candidate is estimated on the
    histogram as scale^2 / 12 for values inside and the squared distance for values outside.
    """
    used = np.flatnonzero(histogram.counts)
    centres, counts = histogram.centres()[used], histogram.counts[used].astype(np.float64)
    shrink = np.linspace(1.0, 0.3, 36)
    lows, highs = shrink * min(0.0, histogram.low), shrink * max(0.0, histogram.high)
    # Zero lies between the ends, so no value is outside at both.
    below = np.maximum(lows[:, None] - centres, 0.0)
    above = np.maximum(centres - highs[:, None], 0.0)
    scales = np.maximum(highs - lows[:, None], 1e-100) / 255
    outside = _weighed(below > 0, counts)[:, None] + _weighed(above > 0, counts)
    clamped = _weighed(below**2, counts)[:, None] + _weighed(above**2, counts)
    errors = clamped + (counts.sum() - outside) * scales**2 / 12
    low, high = divmod(int(errors.argmin()), len(shrink))
    return float(lows[low]), float(highs[high])


def _least_error_behind(histogram: Histogram, functions: Sequence[Function]) -> Range:
    """The range, among shrunken ones, with the least squared error behind functions.

    Both ends are shrunk independently, by powers of the root of two to 1/256 and then by a tenth
    root around the best. Each candidate is tried as it will be used: the middles of the bins are
    rounded and clamped to its 256 numbers, and the functions of these are held against those of
    the middles.
    """
    used = np.flatnonzero(histogram.counts)
    centres, counts = histogram.centres()[used].astype(np.float32), histogram.counts[used]
    wanted = [function(centres) for function in functions]
    plain = _least_squared_error(histogram)
    whole = min(0.0, histogram.low), max(0.0, histogram.high)

    def error(bounds: Range) -> float:
        quant = range_to_quant(enclose_zero(*bounds))
        rounded = dequantize(quantize(centres, quant), quant)
        pairs = zip((function(rounded) for function in functions), wanted, strict=True)
        return float(sum((counts * _difference(*pair) ** 2).sum() for pair in pairs))

    with np.errstate(divide="ignore", invalid="ignore"):
        coarse = min([plain, *_shrunk(whole, np.exp2(-np.arange(17) / 2))], key=error)
        return min([coarse, *_shrunk(coarse, np.exp2(np.arange(-4, 5) / 10))], key=error)


def _shrunk(bounds: Range, factors: NDArray[np.float64]) -> list[Range]:
    """The range with each end times each of the factors."""
    return [
        (bounds[0] * float(low), bounds[1] * float(high)) for low in factors for high in factors
    ]


def _difference(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far a function's value is off; at a pole it saturates at the largest that is wanted."""
    inside = np.clip(np.nan_to_num(found, nan=0.0), wanted.min(), wanted.max())
    return inside.astype(np.float64) - wanted


def _weighed(
    values: NDArray[np.float64] | NDArray[np.bool_], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sums of [candidates, bins] over bins; a matrix product would round as its threads do."""
    return (values * counts).sum(axis=1)
