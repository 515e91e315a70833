"""Unary operators: numpy against TensorFlow Lite Micro on all 256 inputs, bit for bit."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from mcucc.ops import Int8Graph
from tests.graphs import GraphBuilder, all_values, quant
from tests.judging import assert_tflm_agrees, needs_tflm

pytestmark = needs_tflm

ZERO_POINTS = [-128, -127, -3, 0, 90, 127]
EXTREMES = [2.0**-20, 2.0**-11, 0.003, 0.0234375, 0.11, 1.0, 7.9, 300.0]
RATIOS = [1e-6, 0.003, 0.3, 0.5, 0.99, 1.0, 1.7, 33.0, 127.9]

Operator = Callable[[GraphBuilder, str, float], str]
"""Adds the operator to a value; the number is the scale that its output may have."""


def scale_pairs() -> Iterator[tuple[float, float]]:
    """Extremes in every combination, then what networks have: 400 pairs with s_in / s_out < 128."""
    for scale, ratio in itertools.product(EXTREMES, RATIOS):
        yield scale, scale / ratio
    rng = np.random.default_rng(11)
    for scale, ratio in zip(rng.uniform(0.004, 0.2, 328), rng.uniform(0.2, 4, 328), strict=True):
        yield float(scale), float(scale / ratio)


def graphs_of(name: str, operator: Operator) -> list[Int8Graph]:
    graphs: list[Int8Graph] = []
    for seed, (s_in, s_out) in enumerate(scale_pairs()):
        b = GraphBuilder(f"{name} {s_in} {s_out}", seed=seed)
        operator(b, b.input((1, 256), quant(s_in, ZERO_POINTS[seed % 6])), s_out)
        graphs.append(b.build())
    return graphs


def assert_agreement_on_all_inputs(graphs: list[Int8Graph]) -> None:
    assert_tflm_agrees(graphs, inputs=[all_values(graph) for graph in graphs])


def any_output(b: GraphBuilder, scale: float) -> tuple[float, int]:
    return scale, int(b.rng.integers(-128, 128))


OPERATORS: dict[str, Operator] = {
    "logistic": lambda b, x, _: b.logistic(x),
    "tanh": lambda b, x, _: b.tanh(x),
    "hard swish": lambda b, x, s: b.hard_swish(x, q=quant(*any_output(b, s))),
    "table": lambda b, x, s: b.table(x, q=quant(*any_output(b, s))),
    "leaky relu 0.01": lambda b, x, s: b.leaky_relu(x, 0.01, q=quant(*any_output(b, s))),
    "leaky relu 0.3": lambda b, x, s: b.leaky_relu(x, 0.3, q=quant(*any_output(b, s))),
    "leaky relu 1 - 2^-24": lambda b, x, s: b.leaky_relu(
        x, 1 - 2.0**-24, q=quant(*any_output(b, s))
    ),
    "leaky relu 1e-9": lambda b, x, s: b.leaky_relu(x, 1e-9, q=quant(*any_output(b, s))),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_all_inputs_over_many_scales(name: str):
    assert_agreement_on_all_inputs(graphs_of(name, OPERATORS[name]))


@pytest.mark.parametrize("name", ["logistic", "tanh"])
def test_curves_at_the_ends_of_their_scales(name: str):
    """Between 1 and 8 the saturation comes early, from 8 on it takes the zero point too."""
    scales = [2.0**e for e in (-28, -27.5, -20, 0, 0.9, 1, 1.9, 2, 2.5, 2.9, 3, 4, 9, 30)]
    graphs: list[Int8Graph] = []
    for scale, zero_point in itertools.product(scales, ZERO_POINTS):
        b = GraphBuilder(f"{name} {scale} {zero_point}")
        OPERATORS[name](b, b.input((1, 256), quant(scale, zero_point)), 0)
        graphs.append(b.build())
    assert_agreement_on_all_inputs(graphs)


def test_hard_swish_at_the_ends_of_its_scales():
    """Right shifts of 16 and more, the largest ratio, and the largest input scale."""
    pairs = [(2.0**-30, 1.0), (2.0**-30, 2.0**-31), (1.0, 2.0**20), (2.0**23.9, 2.0**20)]
    below_128 = float(np.nextafter(np.float32(1), np.float32(0)))
    pairs += [(2.0**-9, 2.0**-16 / below_128), (below_128, 2.0**-7), (1e-9, 1e-4), (40.0, 2e6)]
    graphs: list[Int8Graph] = []
    for (s_in, s_out), zero_point in itertools.product(pairs, ZERO_POINTS):
        b = GraphBuilder(f"hard swish {s_in} {s_out} {zero_point}")
        b.hard_swish(b.input((1, 256), quant(s_in, zero_point)), q=quant(s_out, 7))
        graphs.append(b.build())
    assert_agreement_on_all_inputs(graphs)


def test_leaky_relu_factors_that_float32_rounds_to_the_other_side_of_a_tie():
    """Ratios (k + 1/2) / j, so that inputs lie on or beside a tie; float32 factors fail here."""
    rng = np.random.default_rng(12)
    graphs: list[Int8Graph] = []
    for number in range(400):
        alpha = float(np.float32(rng.choice([0.01, 0.1, 0.2, 0.3])))
        ratio = (int(rng.integers(0, 120)) + 0.5) / int(rng.integers(3, 250))
        s_out, zero_point = float(rng.uniform(0.01, 300)), (-128, 127)[number % 2]
        s_in = s_out * ratio / (1, alpha)[number % 2]
        b = GraphBuilder(f"leaky relu {s_in} {s_out} {alpha}")
        b.leaky_relu(b.input((1, 256), quant(s_in, zero_point)), alpha, q=quant(s_out))
        graphs.append(b.build())
    assert_agreement_on_all_inputs(graphs)


def test_hard_swish_factors_beside_a_tie_of_15_bits():
    """float32 factors round some of these mantissas to the other side."""
    rng = np.random.default_rng(13)
    graphs: list[Int8Graph] = []
    for number in range(1000):
        ratio = (int(rng.integers(2**14, 2**15)) + 0.5) / 2.0 ** int(rng.integers(10, 16))
        s_out = float(rng.uniform(0.01, 1))
        b = GraphBuilder(f"hard swish {number}")
        b.hard_swish(b.input((1, 256), quant(s_out * ratio, 3)), q=quant(s_out, -20))
        graphs.append(b.build())
    assert_agreement_on_all_inputs(graphs)


@pytest.mark.parametrize(
    ("low", "high"), [(-128, 127), (-20, 127), (-128, 5), (-77, 90), (-3, -3), (127, 127)]
)
def test_clamp(low: int, high: int):
    b = GraphBuilder(f"clamp {low} {high}")
    b.clamp(b.input((1, 256), quant(0.05, -3)), low, high)
    assert_agreement_on_all_inputs([b.build()])


def test_unary_operators_on_maps_of_every_rank():
    graphs: list[Int8Graph] = []
    for shape in [(1, 7), (1, 5, 3), (1, 4, 3, 5)]:
        b = GraphBuilder(f"unary {shape}", seed=2)
        x = b.input(shape, quant(0.06, 4))
        values = [operator(b, x, 0.07) for operator in OPERATORS.values()]
        graphs.append(b.build(*values, b.clamp(x, -9, 11)))
    assert_tflm_agrees(graphs, samples=8)
