"""Grids of cases: every level of every factor occurs, in random company."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mcucc.ops import Activation, Pads

CHANNELS = (1, 2, 3, 4, 5, 7, 8, 13, 16)
ZERO_POINTS = (-128, 127, 0, -37, 45)
ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "relu6")
MAPS = ((1, 1), (1, 9), (6, 1), (5, 7), (8, 8), (9, 6))
"""Rows and columns."""
KERNELS = (
    (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (10, 4), (1, 3), (3, 1), (2, 5),
)  # fmt: skip
STRIDES = ((1, 1), (1, 1), (2, 2), (3, 3), (1, 2), (2, 1), (3, 1))
DILATIONS = ((1, 1), (1, 1), (1, 1), (2, 2), (1, 3), (3, 1))
BORDERS = ("same", "none", "one", "odd", "wide")
"""Kinds of padding; see `pads_of`."""


def latin(factors: Mapping[str, Sequence[Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """`count` cases in which each factor runs through all its levels again and again, shuffled.

    Args:
        factors: levels by name; none has more than `count`.
        count: how many cases.
        seed: of the shuffling.
    """
    rng = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {}
    for name, levels in factors.items():
        assert len(levels) <= count, f"{count} cases cannot hold every level of {name}"
        repeated = [levels[i % len(levels)] for i in range(count)]
        columns[name] = [repeated[i] for i in rng.permutation(count)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def pads_of(
    border: str, map_size: tuple[int, int], kernel: tuple[int, int], dilation: tuple[int, int]
) -> Pads:
    """Padding of a kind, widened below and to the right until the window fits."""
    kh, kw = kernel
    top, bottom, left, right = {
        "none": (0, 0, 0, 0),
        "one": (1, 1, 1, 1),
        "odd": (2, 0, 1, 3),
        "wide": (kh, kh + 1, kw + 1, kw),
    }[border]
    bottom += max(0, dilation[0] * (kh - 1) + 1 - map_size[0] - top - bottom)
    right += max(0, dilation[1] * (kw - 1) + 1 - map_size[1] - left - right)
    return (top, bottom, left, right)
