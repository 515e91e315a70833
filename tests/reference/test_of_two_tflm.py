"""Differences and products of two tensors: numpy against TensorFlow Lite Micro, bit for bit."""

import itertools

import pytest

from mcucc.ops import Activation, Int8Graph
from tests.graphs import GraphBuilder, quant
from tests.judging import assert_tflm_agrees, needs_tflm

pytestmark = needs_tflm

ZERO_POINTS = [-128, -77, 0, 4, 127]
SCALES = [1e-6, 0.003, 0.02, 0.0234375, 0.5, 40.0]
ACTIVATIONS: list[Activation] = ["none", "relu", "relu6"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_sub(activation: Activation):
    graphs: list[Int8Graph] = []
    for seed, scales in enumerate(itertools.product(SCALES, SCALES, SCALES)):
        if 2 * max(scales[:2]) >= 2**20 * scales[2]:
            continue
        zero_points = [ZERO_POINTS[(seed * k) % 5] for k in (1, 2, 3)]
        b = GraphBuilder(f"sub {scales} {zero_points}", seed=seed)
        first, second, out = (quant(*each) for each in zip(scales, zero_points, strict=True))
        x, y = b.input((1, 5, 4, 3), first), b.input((1, 5, 4, 3), second)
        b.sub(x, y, activation=activation, q=out)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=8)


def test_sub_of_one_value_from_itself_and_of_constants():
    b = GraphBuilder("sub itself", seed=1)
    x = b.input((1, 8, 8, 4))
    y = b.sub(x, x)
    z = b.sub(y, b.constant((1, 8, 8, 4)))
    b.sub(b.constant((1, 8, 8, 4)), z)
    assert_tflm_agrees([b.build()], samples=8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(1, 5, 4, 3), (1, 1, 1, 3)])
def test_mul(activation: Activation, shape: tuple[int, ...]):
    """From factors that vanish (below 2^-32) to the largest left shift, 14."""
    graphs: list[Int8Graph] = []
    ratios = [2.0**e for e in (-34, -32.5, -31, -17.3, -12, -9, -7.7, -6, -1, 0, 0.5, 7, 13.9)]
    for seed, (s1, ratio) in enumerate(itertools.product(SCALES, ratios)):
        s2, zero_points = 130.0, [ZERO_POINTS[(seed * k) % 5] for k in (1, 2, 3)]
        b = GraphBuilder(f"mul {s1} {ratio} {zero_points}", seed=seed)
        x = b.input((1, 5, 4, 3), quant(s1, zero_points[0]))
        y = b.input(shape, quant(s2, zero_points[1]))
        b.mul(x, y, activation=activation, q=quant(s1 * s2 / ratio, zero_points[2]))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=8)


def test_mul_rounds_ties_twice():
    """Factors (k + 1/2) / 2^n, whose products lie on ties of the shift or beside them."""
    graphs: list[Int8Graph] = []
    for seed, (k, n) in enumerate(itertools.product(range(0, 40, 3), (2, 5, 8, 11, 14))):
        b = GraphBuilder(f"mul tie {k} {n}", seed=seed)
        x, y = b.input((1, 400), quant((k + 0.5) / 2**n)), b.input((1, 400), quant(0.01, 9))
        b.mul(x, y, q=quant(0.01, 2))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=8)


def test_mul_by_itself_by_constants_and_by_a_gate():
    b = GraphBuilder("gates", seed=4)
    x = b.input((1, 6, 5, 8))
    y = b.mul(b.mul(x, x), b.constant((1, 1, 1, 8)))
    z = b.mul(y, b.logistic(b.mean(y, keep_dims=True)))
    b.mul(z, b.constant((1, 6, 5, 8)))
    assert_tflm_agrees([b.build()], samples=8)


@pytest.mark.parametrize(
    ("shape", "factors"), [((1, 7, 6), (1, 1, 6)), ((1, 9), (1, 9)), ((1, 7, 1, 6), (1, 1, 1, 6))]
)
def test_mul_of_every_rank(shape: tuple[int, ...], factors: tuple[int, ...]):
    b = GraphBuilder(f"mul {shape}", seed=5)
    b.mul(b.input(shape), b.input(factors))
    assert_tflm_agrees([b.build()], samples=8)
