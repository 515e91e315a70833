"""Requantization classes, each forced: shifts at their limits, accumulators at +-2^30."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.ir import Const
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import RequantClass
from mcucc.reference.parameters import conv_multipliers, max_abs_accumulator
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate

pytestmark = pytest.mark.cc

FAST, WIDE, GENERAL = RequantClass.FAST, RequantClass.WIDE, RequantClass.GENERAL
OUT_C = 6
LIMIT = 1 << 30
BIG = 1 << 29
SIGNS = np.array([1, -1] * (OUT_C // 2))
Layer = Callable[[GraphBuilder, str, list[float], list[int]], str]


@dataclass(frozen=True)
class Case:
    """A layer whose every channel has this shift.

    Attributes:
        shift: of the multipliers; negative is to the right.
        bound: the largest |accumulator| of each channel; the bias is made to meet it.
        expected: class of the kernel.
        shrink: weights are divided by this, so that small shifts do not saturate everything.
    """

    shift: int
    bound: int
    expected: RequantClass
    shrink: int = 1


CASES = (
    Case(-1, 60_000, FAST, 64),
    Case(-1, LIMIT - 1, FAST),
    Case(-1, LIMIT, GENERAL),
    Case(-8, 900_000, FAST),
    Case(-22, LIMIT - 1, FAST),
    Case(-23, LIMIT - 1, FAST),
    Case(-23, LIMIT, GENERAL),
    Case(-24, 2 * LIMIT - 1_000_000, GENERAL),
    Case(-31, LIMIT - 1, FAST),
    Case(-31, LIMIT, GENERAL),
    Case(-31, 2 * LIMIT - 1_000_000, GENERAL),
    Case(0, 60_000, WIDE, 64),
    Case(0, LIMIT - 1, WIDE),
    Case(0, LIMIT, GENERAL),
    Case(0, 2 * LIMIT - 1_000_000, GENERAL),
    Case(1, 60_000, WIDE, 127),
    Case(5, 60_000, WIDE, 127),
    Case(13, (1 << 17) - 1, WIDE, 127),
    Case(13, 1 << 17, GENERAL, 127),
    Case(16, LIMIT, GENERAL),
    Case(31, 0, WIDE, 1000),
    Case(31, 1, GENERAL, 1000),
)


def pointwise(b: GraphBuilder, x: str, scales: list[float], bias: list[int]) -> str:
    return b.conv(x, OUT_C, (1, 1), q=quant(1.0, 3), weight_scales=scales, bias=bias)


def conv(b: GraphBuilder, x: str, scales: list[float], bias: list[int]) -> str:
    return b.conv(x, OUT_C, (2, 2), q=quant(1.0, -128), weight_scales=scales, bias=bias)


def depthwise(b: GraphBuilder, x: str, scales: list[float], bias: list[int]) -> str:
    return b.depthwise(x, (2, 3), q=quant(1.0, 127), weight_scales=scales, bias=bias)


def multiplied(b: GraphBuilder, x: str, scales: list[float], bias: list[int]) -> str:
    x = b.reshape(x, (1, 6, 2, 3))
    q = quant(1.0, 0)
    return b.depthwise(x, (3, 2), multiplier=2, q=q, weight_scales=scales, bias=bias)


def dense(b: GraphBuilder, x: str, scales: list[float], bias: list[int]) -> str:
    return b.dense(b.flatten(x), OUT_C, q=quant(1.0, -41), weight_scales=scales, bias=bias)


LAYERS: tuple[Layer, ...] = (pointwise, conv, depthwise, multiplied, dense)


FRACTIONS = (0.5, 0.75, 1 - 2.0**-24, 0.7071, 0.50001, 0.9)
"""Mantissas of the six channels; each is rounded to float32, so the multipliers are exact."""


def input_scales(shift: int) -> list[float]:
    """Weight scales that make each multiplier a fraction times 2^shift for an input at 1/16."""
    return [fraction * 2.0 ** (shift + 4) for fraction in FRACTIONS]


def with_constants(graph: Int8Graph, data: dict[str, NDArray[np.integer]]) -> Int8Graph:
    changed = {name: Const(name, graph.const(name).type, value) for name, value in data.items()}
    return replace(graph, consts={**graph.consts, **changed})


def meet_bounds(graph: Int8Graph, cases: Mapping[str, Case]) -> Int8Graph:
    """The graph with smaller weights, and with biases that make each bound exact.

    The biases are +-2^29 before: then the bound is 2^29 plus what the products can add.
    """
    nodes = [node for node in graph.nodes if node.output in cases]
    small: dict[str, NDArray[np.integer]] = {}
    for node in nodes:
        weights = graph.const(node.inputs[1]).data.astype(np.float64)
        small[node.inputs[1]] = np.trunc(weights / cases[node.output].shrink).astype(np.int8)
    graph = with_constants(graph, small)
    biases: dict[str, NDArray[np.integer]] = {}
    for node in nodes:
        products = np.array(max_abs_accumulator(graph, node)) - BIG
        size = cases[node.output].bound - products
        biases[node.inputs[2]] = (SIGNS * size).astype(np.int32)
    return with_constants(graph, biases)


def test_every_class_at_its_limits(tmp_path: Path) -> None:
    b = GraphBuilder("classes", seed=7)
    inputs = [b.input((1, 3, 2, 6), quant(1 / 16, zero_point)) for zero_point in (-128, 45)]
    cases = {
        layer(b, inputs[i % 2], input_scales(case.shift), (SIGNS * BIG).tolist()): case
        for i, case in enumerate(CASES)
        for layer in LAYERS
    }
    graph = meet_bounds(b.build(*cases), cases)
    generated = generate(graph, tmp_path / "c", planned=False)
    for name, case in cases.items():
        node = graph.producers[name]
        kernel = generated.kernels[node.name]
        assert {m.shift for m in conv_multipliers(graph, node)} == {case.shift}, case
        assert set(max_abs_accumulator(graph, node)) == {case.bound}, case
        assert kernel is not None
        assert kernel.requant is case.expected, case
    assert_c_agrees(generated, tmp_path)


def test_mixed_channels_take_the_weakest_class(tmp_path: Path) -> None:
    b = GraphBuilder("mixed", seed=8)
    x = b.input((1, 3, 2, 6), quant(1 / 16, 45))
    bias = [-3000, LIMIT - 2_000_000, 2 - LIMIT + 2_000_000, 17, 0, 1]
    fast, wide = [2.0**-5] * 5, 8.0
    expected = {
        layer(b, x, scales, given): requant
        for layer in LAYERS
        for scales, given, requant in (
            ([*fast, 2.0**-9], [0] * 6, FAST),
            ([*fast, wide], bias, WIDE),
            ([wide, *fast], [*bias[:5], LIMIT + 1_000_000], GENERAL),
        )
    }
    generated = generate(b.build(*expected), tmp_path / "c", planned=False)
    for name, requant in expected.items():
        kernel = generated.kernels[generated.graph.producers[name].name]
        assert kernel is not None
        assert kernel.requant is requant
    assert_c_agrees(generated, tmp_path)
