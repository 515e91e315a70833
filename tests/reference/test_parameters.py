"""The integers of each node: bounds that hold and are reached, and the classes they lead to."""

import numpy as np
import pytest

from mcucc.errors import InvariantError
from mcucc.ops import Int8Graph
from mcucc.ops.conv import Conv2D
from mcucc.reference.conv import conv2d
from mcucc.reference.fixed_point import RequantClass
from mcucc.reference.parameters import (
    add_parameters,
    conv_multipliers,
    max_abs_accumulator,
    max_abs_partial_sum,
    mean_parameters,
    requant_classes,
)
from tests.graphs import GraphBuilder, quant


def pointwise(bias: list[int], zero_point: int = 3) -> Int8Graph:
    b = GraphBuilder(seed=4)
    b.conv(b.input((1, 1, 1, 6), quant(0.02, zero_point)), len(bias), (1, 1), bias=bias)
    return b.build()


@pytest.mark.parametrize("zero_point", [-128, 3, 127])
def test_the_bound_is_reached(zero_point: int):
    graph = pointwise([5000, -5000], zero_point)
    weights, bias = graph.consts["w0"].data, graph.consts["b0"].data
    bounds = max_abs_accumulator(graph, graph.nodes[0])
    for channel, bound in enumerate(bounds):
        signs = weights[channel, 0, 0] > 0
        extremes = np.array([np.where(signs, 127, -128), np.where(signs, -128, 127)])
        x = extremes.astype(np.int8).reshape(2, 1, 1, 6)
        reached = conv2d(Conv2D(), x, zero_point, weights.astype(np.int8), bias.astype(np.int32))
        assert np.max(np.abs(reached[..., channel])) == bound


def test_partial_sums_bound_the_folded_bias_too():
    graph = pointwise([5000, -70000], zero_point=100)
    weights = graph.consts["w0"].data.astype(np.int64).reshape(2, 6)
    folded = graph.consts["b0"].data - 100 * weights.sum(axis=1)
    worst = np.abs(folded) + 128 * np.abs(weights).sum(axis=1)
    bounds = np.array(max_abs_partial_sum(graph, graph.nodes[0]))
    assert np.all(np.abs(folded) <= bounds)
    assert np.all(bounds <= worst + 227 * np.abs(weights).sum(axis=1))
    assert np.all(bounds >= np.array(max_abs_accumulator(graph, graph.nodes[0])))


def test_overflow_is_visible():
    graph = pointwise([2**31 - 1, 0])
    assert max_abs_accumulator(graph, graph.nodes[0])[0] >= 2**31


def test_depthwise_bounds_are_per_channel():
    b = GraphBuilder(seed=2)
    b.depthwise(b.input((1, 3, 3, 2), quant(0.1, 0)), (3, 3), bias=[10, -20])
    graph = b.build()
    weights = graph.consts["w0"].data.astype(np.int64).reshape(9, 2)
    high = weights.clip(min=0).sum(axis=0) * 127 - weights.clip(max=0).sum(axis=0) * 128
    low = weights.clip(max=0).sum(axis=0) * 127 - weights.clip(min=0).sum(axis=0) * 128
    bias = np.array([10, -20])
    expected = np.maximum(np.abs(high + bias), np.abs(low + bias))
    assert max_abs_accumulator(graph, graph.nodes[0]) == tuple(expected)


def test_classes_follow_the_channels():
    b = GraphBuilder(seed=2)
    x = b.input((1, 1, 1, 2), quant(0.5, 0))
    scales = [2.0**-10, 2.0**-28, 2.0**-10, 2.0]
    b.conv(x, 4, (1, 1), q=quant(0.5), weight_scales=scales, bias=[0, 0, 2**30 + 2**17, 0])
    graph = b.build()
    assert requant_classes(graph, graph.nodes[0]) == (
        RequantClass.FAST,
        RequantClass.FAST,
        RequantClass.GENERAL,
        RequantClass.WIDE,
    )


def test_one_weight_scale_serves_all_channels():
    b = GraphBuilder()
    b.dense(b.input((1, 4)), 3, weight_scales=[0.01])
    graph = b.build()
    assert len(set(conv_multipliers(graph, graph.nodes[0]))) == 1


def test_add_brings_the_larger_scale_to_one_half():
    b = GraphBuilder()
    b.add(b.input((1, 4), quant(0.5)), b.input((1, 4), quant(0.125)), q=quant(1.0))
    graph = b.build()
    parameters = add_parameters(graph, graph.nodes[0])
    assert (parameters.first.m, parameters.first.shift) == (2**30, 0)
    assert (parameters.second.m, parameters.second.shift) == (2**30, -2)
    assert (parameters.output.m, parameters.output.shift) == (2**30, -19)


@pytest.mark.parametrize(
    ("count", "m", "shift"), [(3, 2**31 // 3, 0), (5, 2**32 // 5, -1), (11, 2**33 // 11, -2)]
)
def test_mean_truncates_the_reciprocal(count: int, m: int, shift: int):
    b = GraphBuilder()
    b.mean(b.input((1, count, 1, 1), quant(0.5)), q=quant(0.5))
    graph = b.build()
    parameters = mean_parameters(graph, graph.nodes[0])
    assert parameters.count == count
    assert (parameters.multiplier.m, parameters.multiplier.shift) == (m, shift)


def test_parameters_of_the_wrong_node_are_refused():
    b = GraphBuilder()
    b.flatten(b.input((1, 2, 2, 1)))
    graph = b.build()
    with pytest.raises(InvariantError, match="no Mean"):
        mean_parameters(graph, graph.nodes[0])
