"""Products of float matrices whose bits depend on nothing but the operands.

A BLAS adds in an order of its own: it differs between libraries, processors and numbers of
threads, and so do the last bits of its sums. Here the operands are first rounded to integers on a
power-of-two grid, coarse enough that every sum of products is an integer below 2^53. In float64
such sums are exact, whatever their order.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_MANTISSA_BITS = 53
"""Of float64: integers up to 2^53 are exact."""
_MOST_BITS = 24
"""Of float32: more would not make the operands more precise."""


@dataclass(frozen=True)
class Fixed:
    """Numbers as integers on a grid of their own for each index of the first axis.

    Attributes:
        integers: whole numbers in float32, |integers| <= 2^bits.
        steps: float64 [n, 1, ...]: the number behind an integer is integer * step.
    """

    integers: FloatArray
    steps: NDArray[np.float64]


def grid_bits(terms: int) -> int:
    """How many bits operands may have so that sums of so many products are exact."""
    return min(_MOST_BITS, (_MANTISSA_BITS - math.ceil(math.log2(max(1, terms)))) // 2)


def to_grid(x: FloatArray, terms: int) -> Fixed:
    """Round to the finest grid on which sums of so many products are exact.

    Args:
        x: [n, ...], finite; each x[i] gets the grid that its largest magnitude allows.
        terms: of the sums.
    """
    bits = grid_bits(terms)
    largest = np.abs(x).max(axis=tuple(range(1, x.ndim)), keepdims=True, initial=0.0)
    exponents = np.frexp(largest)[1]  # largest < 2^exponent
    integers = np.rint(np.ldexp(x, bits - exponents))
    return Fixed(integers, np.ldexp(1.0, exponents - bits))


def exact_product(rows: FloatArray, columns: FloatArray) -> NDArray[np.float64]:
    """The product of [m, k] by [n, k] transposed; both are integers of `to_grid` for k terms."""
    return rows.astype(np.float64, order="C") @ columns.astype(np.float64).T
