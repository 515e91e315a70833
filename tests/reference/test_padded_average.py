"""Averages with padding that TensorFlow Lite has not, and so no judge: against float64."""

import itertools

import numpy as np
import pytest

from mcucc.ops import Pads
from mcucc.ops.pool import AveragePool2D
from mcucc.reference.pool import average_pool2d


@pytest.mark.parametrize("pads", [(1, 0, 1, 0), (2, 1, 0, 1), (0, 2, 2, 2), (1, 1, 1, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_means_of_what_lies_inside(pads: Pads, stride: tuple[int, int]) -> None:
    x = np.random.default_rng(1).integers(-128, 128, (3, 7, 8, 2), dtype=np.int8)
    y = average_pool2d(AveragePool2D((3, 3), stride, pads), x)
    for row, column in itertools.product(range(y.shape[1]), range(y.shape[2])):
        top, left = row * stride[0] - pads[0], column * stride[1] - pads[2]
        inside = x[:, max(0, top) : top + 3, max(0, left) : left + 3].astype(np.float64)
        mean = inside.mean(axis=(1, 2))
        away = np.sign(mean) * np.floor(abs(mean) + 0.5)
        assert np.array_equal(y[:, row, column], away), (row, column)
