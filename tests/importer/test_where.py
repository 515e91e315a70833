"""Where, Concat with constants, Expand, Tile, constant outputs: ONNX Runtime and TFLM agree."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import ArrayLike
from onnx import TensorProto, helper

import mcucc
from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_network, read_onnx
from mcucc.ops import Int8Graph
from mcucc.ops.choice import FloatPieces, FloatSelect
from mcucc.ops.unary import Table
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.ptq import PtqOptions, quantize_network
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.interpreter import run
from tests.graphs import random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm

SHAPE = (1, 4, 6, 5)


@pytest.mark.parametrize(
    "comparison", ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]
)
@pytest.mark.parametrize("turned", [False, True])
def test_functions_of_one_value(tmp_path: Path, comparison: str, turned: bool) -> None:
    """Softplus with a threshold, and lines on both sides: one table."""
    m = Model(SHAPE)
    x, bound = m.op("Mul", "x0", m.constant(3.0, np.float32)), m.constant(0.5, np.float32)
    condition = m.op(comparison, *((bound, x) if turned else (x, bound)))
    line = m.op("Sub", m.constant(1.0, np.float32), m.op("Div", x, m.constant(4.0, np.float32)))
    y = m.op("Where", condition, line, m.op("Relu", m.op("Add", m.op("Softplus", x), bound)))
    graph = check(m, tmp_path, m.op("Where", m.op("Less", y, bound), bound, y))
    folded, _ = run_passes(graph, FLOAT)
    assert kinds(folded).count("Pieces") == 2
    assert "Unary" not in kinds(folded)


def test_in_int8_it_is_a_table(tmp_path: Path) -> None:
    m = QdqModel()
    x = m.input("x", SHAPE, 0.05, 3)
    condition = m.op("Greater", x, m.constant(np.array(1.5, np.float32)))
    m.output(m.pair(m.op("Where", condition, x, m.op("Tanh", x)), "y", 0.04, -5))
    graph = lower(m, tmp_path)
    (node,) = graph.nodes
    assert isinstance(node.op, Table)
    given = random_inputs(graph, 4)
    reals = dequantize(given[node.inputs[0]], graph.tensors[node.inputs[0]].q).astype(np.float64)
    exact = np.where(reals > 1.5, reals, np.tanh(reals)) / 0.04 - 5
    found = run(graph, given)[node.output]
    assert np.abs(np.clip(exact, -128, 127) - found).max() <= 0.51


@pytest.mark.parametrize("divisor", [(1, 1, 1, 1), (1, 4, 1, 1), SHAPE])
@pytest.mark.parametrize("turned", [False, True])
def test_no_quotient_where_the_divisor_is_zero(
    tmp_path: Path, divisor: tuple[int, ...], turned: bool
) -> None:
    """TensorFlow's div_no_nan: a product with a function that is 0 there."""
    m = Model(SHAPE, divisor)
    zero = m.constant(0.0, np.float32)
    x = m.op("Relu", m.op("Sub", "x1", m.constant(0.3, np.float32)))
    quotient = m.op("Div", "x0", x)
    if turned:
        y = m.op("Where", m.op("Greater", x, zero), quotient, zero)
    else:
        y = m.op("Where", m.op("Equal", x, zero), zero, quotient)
    found = kinds(run_passes(check(m, tmp_path, y), FLOAT)[0])
    assert found.count("Pieces") == 1
    assert "Unary" not in found


def test_in_int8_the_quotient_is_zero_where_the_divisor_is(tmp_path: Path) -> None:
    """A map divided by its largest element: of nothing but zeros comes nothing but zeros."""
    m = Model(SHAPE)
    x = m.op("Relu", "x0")
    peak = m.op("ReduceMax", x, axes=[1, 2, 3], keepdims=1)
    zero = m.constant(0.0, np.float32)
    y = m.op("Where", m.op("Equal", peak, zero), zero, m.op("Div", x, peak))
    graph = lower_network(read_onnx(m.save(tmp_path, y)), "net")
    inputs = np.random.default_rng(0).uniform(-1, 4, (16, 6, 5, 4)).astype(np.float32)
    inputs[:2] = -1
    made = quantize_network(run_passes(graph, FLOAT)[0], {"x0": inputs}, PtqOptions()).graph
    given = {"x0": quantize(inputs, made.tensors["x0"].q)}
    (port,) = made.outputs
    found = dequantize(run(made, given)[port.tensor], made.tensors[port.tensor].q)
    assert not found[:2].any()
    exact = np.maximum(inputs[2:], 0) / inputs[2:].max(axis=(1, 2, 3), keepdims=True)
    assert np.abs(found[2:] - exact).max() < 0.02


def test_other_choices_are_refused(tmp_path: Path) -> None:
    m = Model(SHAPE, SHAPE)
    zero = m.constant(0.0, np.float32)
    path = m.save(tmp_path, m.op("Where", m.op("Greater", "x0", zero), "x0", "x1"))
    with pytest.raises(UnsupportedModelError, match="functions of the one value"):
        lower_network(read_onnx(path), "net")
    m = Model(SHAPE, SHAPE)
    path = m.save(tmp_path, m.op("Where", m.op("Greater", "x0", "x1"), "x0", "x1"))
    with pytest.raises(UnsupportedModelError, match="of an activation and one number"):
        lower_network(read_onnx(path), "net")


MASKS = [SHAPE, (6, 5), (4, 1, 1), (1, 1, 1, 5)]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("second", ["x0", "x1", "constant", "number"])
def test_by_a_constant_mask(tmp_path: Path, mask: tuple[int, ...], second: str) -> None:
    m = Model(SHAPE, SHAPE)
    held = m.constant(m.random.uniform(size=mask) > 0.5)
    operand = {"constant": m.weights(*SHAPE), "number": m.weights()}.get(second, second)
    graph = check(
        m, tmp_path, m.op("Where", held, "x1", operand), m.op("Where", held, operand, "x0")
    )
    assert "Select" in kinds(graph)


def masked(second: str) -> QdqModel:
    m = QdqModel()
    x, y = m.input("x", SHAPE, 0.05, 3), m.input("z", (1, 1, 6, 5), 0.03, -20)
    held = m.constant(m.rng.uniform(size=SHAPE[1:]) > 0.5)
    operand = y if second == "value" else m.constant(np.array(-1.25, np.float32))
    m.output(m.pair(m.op("Where", held, x, operand), "y", 0.06, -5))
    return m


@needs_tflm
@pytest.mark.parametrize("second", ["value", "constant"])
def test_a_mask_in_int8(tmp_path: Path, second: str) -> None:
    """Each element is rounded once; TFLM's MAXIMUM and MINIMUM have the same bits."""
    model = masked(second)
    graph = lower(model, tmp_path)
    assert {"Maximum", "Minimum"} <= {type(node.op).__name__ for node in graph.nodes}
    assert_near_onnx_runtime(model, graph)
    assert_tflm_agrees([graph])


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_concat_with_constants(tmp_path: Path, axis: int, place: int) -> None:
    m = Model(SHAPE, SHAPE)
    parts = [m.op("Relu", "x0"), m.op("Relu", "x1")]
    shape = [int(n) for n in SHAPE]
    shape[axis] = 2
    parts.insert(place, m.weights(*shape))
    check(m, tmp_path, m.op("Concat", *parts, axis=axis))


@needs_tflm
def test_a_class_token_in_int8(tmp_path: Path) -> None:
    m = QdqModel()
    x = m.input("x", (1, 9, 8), 0.05, 3)
    token = m.constant(m.rng.normal(size=(1, 1, 8)).astype(np.float32))
    m.output(m.pair(m.op("Concat", token, x, axis=1), "y", 0.05, 3))
    graph = lower(m, tmp_path)
    assert_near_onnx_runtime(m, graph)
    assert_tflm_agrees([graph])


@pytest.mark.parametrize(
    ("shape", "target"),
    [((1, 4, 1, 5), (1, 4, 6, 5)), ((1, 1, 6), (1, 4, 6)), ((1, 4, 1), (4, 7)),
     ((1, 1, 6, 1), (1, 3, 1, 5)), ((1, 6), (1, 3, 6)), ((1, 4, 6), (1, 1, 1))],
)  # fmt: skip
def test_expand(tmp_path: Path, shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    m = Model(shape)
    y = m.op("Expand", m.op("Relu", "x0"), m.ints(*target))
    check(m, tmp_path, m.op("Sigmoid", y))


@pytest.mark.parametrize(
    ("shape", "repeats"),
    [((1, 4, 3, 5), (1, 1, 2, 3)), ((1, 4, 3, 5), (1, 3, 1, 1)), ((1, 6), (1, 4)),
     ((1, 4, 6), (1, 2, 2)), ((1, 4, 6), (1, 1, 1))],
)  # fmt: skip
def test_tile(tmp_path: Path, shape: tuple[int, ...], repeats: tuple[int, ...]) -> None:
    m = Model(shape)
    y = m.op("Tile", m.op("Relu", "x0"), m.ints(*repeats))
    check(m, tmp_path, m.op("Sigmoid", y))


@needs_tflm
def test_tiles_in_int8(tmp_path: Path) -> None:
    m = QdqModel()
    x = m.input("x", (1, 4, 3, 5), 0.05, 3)
    m.output(m.pair(m.op("Tile", x, m.constant(np.array([1, 2, 1, 3]))), "y", 0.05, 3))
    graph: Int8Graph = lower(m, tmp_path)
    assert_near_onnx_runtime(m, graph, lsb=0)
    assert_tflm_agrees([graph])


def test_repeats_that_are_none_are_refused(tmp_path: Path) -> None:
    m = Model((1, 4, 6))
    path = m.save(tmp_path, m.op("Tile", "x0", m.ints(1, 0, 1)))
    with pytest.raises(UnsupportedModelError, match="positive number of repeats"):
        lower_network(read_onnx(path), "net")


def constant_output(folder: Path) -> Path:
    m = Model((1, 4, 6))
    proto = m.proto(m.op("Relu", "x0"))
    anchors = onnx.numpy_helper.from_array(np.ones((1, 6, 4), np.float32), "held")
    proto.graph.initializer.append(anchors)
    proto.graph.node.append(helper.make_node("Identity", ["held"], ["anchors"]))
    declared = helper.make_tensor_value_info("anchors", TensorProto.FLOAT, (1, 6, 4))
    proto.graph.output.append(declared)
    path = folder / "anchors.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_a_constant_output_is_left_out_with_a_note(tmp_path: Path) -> None:
    path = constant_output(tmp_path)
    model = read_network(path)
    assert [port.name for port in model.outputs] == ["v0"]
    (note,) = model.notes
    assert "'anchors' depends on no input" in note
    assert mcucc.inspect(path).notes == (note,)


def test_what_is_built_of_them_is_named() -> None:
    assert FloatPieces("<", 0.5, (), ()).elementwise
    assert FloatSelect().rescales


@pytest.mark.parametrize(
    ("indices", "axis"),
    [([2, 0], 1), ([[3, 3], [0, 1]], 1), ([4, 1, 2, 0], 2), ([0, 1, 4, -1], 3), ([[2]], 3), (1, 2)],
)
def test_gather(tmp_path: Path, indices: ArrayLike, axis: int) -> None:
    m = Model(SHAPE)
    y = m.op("Gather", m.op("Relu", "x0"), m.constant(np.array(indices)), axis=axis)
    if np.ndim(indices) > 1:
        y = m.op("Reshape", y, m.ints(1, -1))
    check(m, tmp_path, m.op("Sigmoid", y))


def test_a_gather_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for indices in ([4], [0, 2] * 40):
        m = Model(SHAPE)
        path = m.save(tmp_path, m.op("Gather", "x0", m.constant(np.array(indices)), axis=1))
        with pytest.raises(UnsupportedModelError, match="a Gather must take what is there"):
            lower_network(read_onnx(path), "net")
