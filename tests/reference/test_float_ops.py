"""Float operators against their definitions, written as plain loops in float64."""

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.ops import Pads
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.elementwise import FloatClip
from mcucc.ops.pool import FloatAveragePool2D, FloatMaxPool2D
from mcucc.ops.unary import FloatUnary
from mcucc.reference.conv import float_conv2d, float_dense, float_depthwise_conv2d
from mcucc.reference.elementwise import float_batch_norm, float_clip
from mcucc.reference.float_exact import exact_product, grid_bits, to_grid
from mcucc.reference.pool import float_average_pool2d, float_max_pool2d
from mcucc.reference.softmax import float_softmax
from mcucc.reference.unary import float_unary

FloatArray = NDArray[np.float32]
GEOMETRY = [
    ((1, 1), (1, 1), (0, 0, 0, 0)),
    ((2, 1), (1, 2), (1, 0, 2, 1)),
    ((1, 3), (2, 1), (0, 2, 0, 0)),
]


def draw(*shape: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def window_values(
    x: FloatArray, at: tuple[int, int], kernel: tuple[int, int], dilation: tuple[int, int]
) -> list[tuple[int, int, NDArray[np.float64]]]:
    """The pixels of one sample inside the map that a window meets, with their taps."""
    found: list[tuple[int, int, NDArray[np.float64]]] = []
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        row, column = at[0] + i * dilation[0], at[1] + j * dilation[1]
        if 0 <= row < x.shape[0] and 0 <= column < x.shape[1]:
            found.append((i, j, x[row, column].astype(np.float64)))
    return found


@pytest.mark.parametrize(("stride", "dilation", "pads"), GEOMETRY)
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution(stride: tuple[int, int], dilation: tuple[int, int], pads: Pads, groups: int):
    x, weights, bias = draw(2, 7, 8, 4), draw(6, 3, 2, 4 // groups, seed=1), draw(6, seed=2)
    y = float_conv2d(FloatConv2D(stride, dilation, pads), x, weights, bias)
    for n, row, column, c in np.ndindex(y.shape):
        start = (row * stride[0] - pads[0], column * stride[1] - pads[2])
        first = c // (6 // groups) * (4 // groups)
        expected = bias[c] + sum(
            pixel[first : first + 4 // groups] @ weights[c, i, j]
            for i, j, pixel in window_values(x[n], start, (3, 2), dilation)
        )
        assert y[n, row, column, c] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("stride", "dilation", "pads"), GEOMETRY)
@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_convolution(
    stride: tuple[int, int], dilation: tuple[int, int], pads: Pads, multiplier: int
):
    x, weights, bias = draw(2, 7, 8, 2), draw(1, 3, 2, 2 * multiplier, seed=1), draw(2 * multiplier)
    y = float_depthwise_conv2d(FloatDepthwiseConv2D(stride, dilation, pads), x, weights, bias)
    for n, row, column, c in np.ndindex(y.shape):
        start = (row * stride[0] - pads[0], column * stride[1] - pads[2])
        expected = bias[c] + sum(
            pixel[c // multiplier] * weights[0, i, j, c]
            for i, j, pixel in window_values(x[n], start, (3, 2), dilation)
        )
        assert y[n, row, column, c] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("stride", "pads"), [((1, 1), (0, 0, 0, 0)), ((2, 3), (1, 0, 0, 1))])
def test_pools(stride: tuple[int, int], pads: Pads):
    x = draw(2, 7, 8, 3)
    largest = float_max_pool2d(FloatMaxPool2D((3, 2), stride, pads), x)
    average = float_average_pool2d(FloatAveragePool2D((3, 2), stride, pads), x)
    for n, row, column in np.ndindex(largest.shape[:3]):
        start = (row * stride[0] - pads[0], column * stride[1] - pads[2])
        met = [pixel for _, _, pixel in window_values(x[n], start, (3, 2), (1, 1))]
        assert np.array_equal(largest[n, row, column], np.max(met, axis=0))
        assert np.allclose(average[n, row, column], np.mean(met, axis=0), atol=1e-6)


def test_a_convolution_cut_into_parts_is_the_same():
    x, weights, bias = draw(3, 96, 96, 32), draw(4, 3, 3, 32, seed=1), draw(4, seed=2)
    op = FloatConv2D(pads=(1, 1, 1, 1))
    whole = float_conv2d(op, x, weights, bias)
    lower = float_conv2d(FloatConv2D(pads=(0, 1, 1, 1)), x[2:, 79:], weights, bias)
    assert np.array_equal(whole[2:, 80:], lower)


def test_fused_activations():
    x, weights, bias = 9 * draw(1, 4, 4, 3), draw(2, 1, 1, 3), draw(2)
    plain = float_conv2d(FloatConv2D(), x, weights, bias)
    relu = float_conv2d(FloatConv2D(activation="relu"), x, weights, bias)
    relu6 = float_conv2d(FloatConv2D(activation="relu6"), x, weights, bias)
    assert plain.min() < 0
    assert plain.max() > 6
    assert np.array_equal(relu, plain.clip(0))
    assert np.array_equal(relu6, plain.clip(0, 6))


def test_square_root_and_extremes_raise_no_warning():
    x = np.array([0, 4, 1e4, -1e4], dtype=np.float32)
    assert float_unary(FloatUnary("sqrt"), x)[:2].tolist() == [0, 2]
    assert float_unary(FloatUnary("sigmoid"), x).tolist()[2:] == [1, 0]
    assert float_unary(FloatUnary("exp"), x)[2] == np.inf


def test_clip_batch_norm_and_softmax():
    x = draw(2, 3, 4)
    assert float_clip(FloatClip(None, None), x) is x
    assert np.array_equal(float_clip(FloatClip(-0.5, 0.5), x), x.clip(-0.5, 0.5))
    scale, bias, mean, variance = draw(4), draw(4, seed=1), draw(4, seed=2), draw(4, seed=3) ** 2
    expected = (x - mean) / np.sqrt(variance + 0.1) * scale + bias
    assert np.allclose(float_batch_norm(0.1, x, scale, bias, mean, variance), expected, atol=1e-5)
    power = np.exp(x.astype(np.float64))
    assert np.allclose(float_softmax(x + 100), power / power.sum(axis=-1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("terms", [1, 27, 64, 576, 5760, 25088])
def test_sums_on_the_grid_are_exact_in_any_order(terms: int):
    assert 2 * grid_bits(terms) + math.log2(terms) <= 53
    x, w = to_grid(1e3 * draw(3, terms), terms), to_grid(draw(5, terms, seed=1), terms)
    product = exact_product(x.integers, w.integers)
    for row, column in itertools.product(range(3), range(5)):
        pairs = zip(x.integers[row].tolist(), w.integers[column].tolist(), strict=True)
        assert int(product[row, column]) == sum(int(a) * int(b) for a, b in pairs)


def test_the_grid_is_fine():
    x = draw(4, 10_000)
    fixed = to_grid(x, 2000)
    error = np.abs(fixed.integers * fixed.steps - x).max(axis=1)
    assert np.all(error <= np.abs(x).max(axis=1) * 2.0**-20)
    assert np.array_equal(to_grid(np.zeros((2, 3), np.float32), 3).integers, np.zeros((2, 3)))


def test_dense():
    x, weights, bias = draw(3, 50), draw(7, 50, seed=1), draw(7, seed=2)
    assert np.allclose(float_dense(x, weights, bias), x @ weights.T + bias, atol=1e-5)


_HASH = """
import hashlib, numpy as np
from mcucc.ops.conv import FloatConv2D
from mcucc.reference.conv import float_conv2d, float_dense
draw = np.random.default_rng(0).standard_normal
x, w = (draw(s).astype(np.float32) for s in ((2, 64, 64, 48), (96, 3, 3, 48)))
y = float_conv2d(FloatConv2D(), x, w, np.zeros(96, np.float32))
matrix = w.reshape(1, -1)[:, :40000].repeat(40, axis=0)
z = float_dense(y.reshape(2, -1)[:, :40000], matrix, np.zeros(40, np.float32))
print(hashlib.sha256(y.tobytes() + z.tobytes()).hexdigest())
"""


def test_the_bits_do_not_depend_on_the_number_of_threads():
    root = Path(__file__).resolve().parents[2]
    hashes = {
        subprocess.run(
            [sys.executable, "-c", _HASH],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": str(root)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for threads in ("1", "2", "3")
    }
    assert len(hashes) == 1
