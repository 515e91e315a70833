"""Operands that are broadcast: computed ones are repeated, constants are stored whole."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.ops import Int8Graph
from mcucc.ops.elementwise import Mul
from mcucc.ops.resize import ResizeNearest
from tests.graphs import GraphBuilder, quant
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import assert_c_agrees, generate

MAP = (1, 4, 6, 5)
SHAPES = [
    (1, 4, 1, 1),
    (1, 1, 6, 5),
    (1, 1, 6, 1),
    (1, 1, 1, 5),
    (1, 4, 6, 1),
    (1, 4, 1, 5),
    (1, 1, 1, 1),
    (1, 6, 5),
]


def two(operator: str, shape: tuple[int, ...], other: tuple[int, ...], *, first: bool) -> QdqModel:
    """An operator on two computed values."""
    m = QdqModel()
    x, y = m.input("x", shape, 2**-4, 3), m.input("z", other, 2**-5, -20)
    made = m.op(operator, *((y, x) if first else (x, y)))
    m.output(m.pair(made, "y", 0.11, -5))
    return m


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("other", SHAPES[:7])
def test_computed_operands(
    tmp_path: Path, other: tuple[int, ...], operator: str, first: bool
) -> None:
    model = two(operator, MAP, other, first=first)
    graph = lower(model, tmp_path)
    assert_near_onnx_runtime(model, graph)
    gates = operator == "Mul" and other == (1, 4, 1, 1)
    assert any(isinstance(node.op, ResizeNearest) for node in graph.nodes) != gates


@pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((1, 3, 7), (1, 3, 1)),
        ((1, 3, 7), (1, 1, 7)),
        ((1, 9), (1, 1)),
        ((1, 4, 1, 5), (1, 1, 6, 1)),
    ],
)
@pytest.mark.parametrize("operator", ["Add", "Mul"])
def test_at_every_rank_and_both_at_once(
    tmp_path: Path, shape: tuple[int, ...], other: tuple[int, ...], operator: str
) -> None:
    model = two(operator, shape, other, first=False)
    assert_near_onnx_runtime(model, lower(model, tmp_path))


def with_constant(operator: str, shape: tuple[int, ...], *, first: bool, small: bool) -> QdqModel:
    """An operator on a computed value and a float constant."""
    m = QdqModel()
    x = m.input("x", (1, 4, 6, 1) if small else MAP, 2**-4, 3)
    low = 0.5 if operator == "Div" else -2.0
    constant = m.constant(m.rng.uniform(low, 2, shape).astype(np.float32))
    made = m.op(operator, *((constant, x) if first else (x, constant)))
    m.output(m.pair(made, "y", 0.11, -5))
    return m


@pytest.mark.parametrize("small", [False, True], ids=["map", "repeated map"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("shape", [MAP, *SHAPES])
def test_constants(
    tmp_path: Path, shape: tuple[int, ...], operator: str, first: bool, small: bool
) -> None:
    model = with_constant(operator, shape, first=first, small=small)
    assert_near_onnx_runtime(model, lower(model, tmp_path))


def test_a_constant_divisor(tmp_path: Path) -> None:
    model = with_constant("Div", (1, 1, 6, 5), first=False, small=False)
    assert_near_onnx_runtime(model, lower(model, tmp_path))


def test_a_computed_divisor_becomes_its_reciprocal(tmp_path: Path) -> None:
    m = Model((1, 4, 6, 5), (1, 4, 1, 1))
    divisor = m.op("Exp", "x1")
    y = m.op("Add", m.op("Div", "x0", divisor), m.op("Div", m.weights(1), divisor))
    assert kinds(check(m, tmp_path, y)).count("Unary") == 3


def test_one_operand_is_repeated_once_for_two_readers(tmp_path: Path) -> None:
    m = QdqModel()
    x, y = m.input("x", MAP, 2**-4, 3), m.input("z", (1, 4, 1, 1), 2**-5, -20)
    total = m.pair(m.op("Add", x, y), "a", 0.11, -5)
    m.output(m.pair(m.op("Sub", total, y), "b", 0.1, 1))
    graph = lower(m, tmp_path)
    assert [type(node.op).__name__ for node in graph.nodes] == ["ResizeNearest", "Add", "Sub"]


def network() -> Int8Graph:
    """Gates of each kind in one network, in int8."""
    b = GraphBuilder("broadcast", seed=3)
    x = b.input((1, 6, 5, 4))
    rows, columns = b.mean(x, (2,), keep_dims=True), b.mean(x, (1,), keep_dims=True)
    wide = b.add(b.resize_nearest(rows, (1, 5)), b.resize_nearest(columns, (6, 1)))
    return b.build(b.mul(x, wide))


@pytest.mark.cc
def test_in_c(tmp_path: Path) -> None:
    assert_c_agrees(generate(network(), tmp_path / "c"), tmp_path)


@needs_tflm
def test_tflm_repeats_one_pixel_by_any_factor() -> None:
    """Where there are several pixels, it picks another one at a factor of 41."""
    graphs: list[Int8Graph] = []
    for factor in (41, 47, 255, 500):
        b = GraphBuilder(f"by {factor}", seed=factor)
        b.resize_nearest(b.resize_nearest(b.input((1, 1, 1, 3)), (1, factor)), (factor, 1))
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_sums_of_any_number_of_inputs(tmp_path: Path, count: int) -> None:
    m = Model(*[(1, 4, 6, 5)] * count)
    graph = check(m, tmp_path, m.op("Relu", m.op("Sum", *(f"x{i}" for i in range(count)))))
    assert kinds(graph).count("Binary") == count - 1


def test_a_gate_of_one_value_per_channel_is_read_in_place(tmp_path: Path) -> None:
    graph = lower(two("Mul", MAP, (1, 4, 1, 1), first=True), tmp_path)
    (node,) = graph.nodes
    assert isinstance(node.op, Mul)
    assert graph.type_of(node.inputs[0]).shape == (1, 6, 5, 4)
    assert quant(2**-5, -20) == graph.type_of(node.inputs[1]).quant
