"""Tables of unary operators beside exact arithmetic."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import InvariantError
from mcucc.ir import QParams
from mcucc.reference.fixed_point import quantize_multiplier
from mcucc.reference.interpreter import run
from mcucc.reference.parameters import lookup_table
from mcucc.reference.unary import (
    all_inputs,
    hard_swish_parameters,
    hard_swish_table,
    leaky_relu_parameters,
    leaky_relu_table,
    logistic_table,
    take,
    tanh_table,
)
from tests.graphs import GraphBuilder, all_values, quant

Curve = Callable[[QParams], NDArray[np.int8]]
SCALES = [0.001, 0.02, 0.047, 0.25, 0.9]


def reals(q: QParams) -> NDArray[np.float64]:
    return (all_inputs().astype(np.float64) - q.zero_point) * q.scale


def quantized(x: NDArray[np.float64], q: QParams) -> NDArray[np.float64]:
    return np.clip(np.sign(x) * np.floor(abs(x / q.scale) + 0.5) + q.zero_point, -128, 127)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("zero_point", [-128, 5, 127])
def test_curves_below_scale_1_are_correctly_rounded(scale: float, zero_point: int):
    source = quant(scale, zero_point)
    sigmoid = quantized(1 / (1 + np.exp(-reals(source))), QParams((1 / 256,), -128))
    assert np.array_equal(logistic_table(source), sigmoid)
    assert np.array_equal(
        tanh_table(source), quantized(np.tanh(reals(source)), QParams((1 / 128,)))
    )


@pytest.mark.parametrize("curve", [logistic_table, tanh_table])
@pytest.mark.parametrize("scale", [8.0, 9.5, 1e6])
def test_curves_of_huge_scales_are_steps(curve: Curve, scale: float):
    values = curve(quant(scale, 3))
    assert values.tolist() == [-128] * 132 + [127] * 124


def test_curves_of_zero_are_in_the_middle():
    assert logistic_table(quant(0.1, 7))[7 + 128] == 0
    assert tanh_table(quant(0.1, 7))[7 + 128] == 0


@pytest.mark.parametrize("scale", SCALES)
def test_a_leaky_relu_bends_at_the_zero_point(scale: float):
    source, output = quant(scale, 20), quant(scale / 2, -7)
    table = leaky_relu_table(source, leaky_relu_parameters(source, output, 0.25), output)
    x = reals(source)
    exact = quantized(np.where(x >= 0, x, 0.25 * x), output)
    assert np.max(np.abs(table - exact)) <= 1
    assert table[20 + 128] == -7


def test_leaky_relu_factors_are_formed_in_float64():
    source, output, alpha = quant(0.0173), quant(0.0311), float(np.float32(0.01))
    parameters = leaky_relu_parameters(source, output, alpha)
    assert parameters.identity == quantize_multiplier(source.scale / output.scale)
    assert parameters.slope == quantize_multiplier(source.scale * alpha / output.scale)
    in_float32 = np.float32(source.scale) * np.float32(alpha) / np.float32(output.scale)
    assert parameters.slope != quantize_multiplier(float(in_float32))


@pytest.mark.parametrize("scale", [0.02, 0.047, 0.1])
def test_hard_swish_is_near_the_real_function(scale: float):
    source, output = quant(scale, -10), quant(scale, -100)
    table = hard_swish_table(source, hard_swish_parameters(source, output), output)
    x = reals(source)
    exact = quantized(x * np.clip(x + 3, 0, 6) / 6, output)
    assert np.max(np.abs(table - exact)) <= 1


def test_hard_swish_of_an_absurd_ratio_is_off_by_one():
    source, output = quant(1e-6), quant(1.0, 40)
    table = hard_swish_table(source, hard_swish_parameters(source, output), output)
    assert set(table.tolist()) == {39, 41}


def test_the_interpreter_takes_from_the_table():
    b = GraphBuilder(seed=3)
    x = b.input((1, 256), quant(0.04, 6))
    made = [b.logistic(x), b.tanh(x), b.leaky_relu(x), b.hard_swish(x), b.clamp(x, -5, 90)]
    graph = b.build(*made, b.table(x))
    values = run(graph, all_values(graph))
    for node in graph.nodes:
        assert np.array_equal(values[node.output][0], lookup_table(graph, node))


def test_a_table_is_indexed_from_minus_128():
    table = np.arange(256).astype(np.uint8).view(np.int8)
    x = np.array([[-128, -127, 0, 127]], dtype=np.int8)
    assert take(table, x).view(np.uint8).tolist() == [[0, 1, 128, 255]]


def test_a_function_of_a_window_has_no_table():
    b = GraphBuilder()
    b.max_pool(b.input((1, 4, 4, 2)), (2, 2))
    graph = b.build()
    with pytest.raises(InvariantError, match="no function of one element"):
        lookup_table(graph, graph.nodes[0])
