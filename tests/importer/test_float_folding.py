"""Folding of shapes and constants, over the operator sets."""

from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

from mcucc.importer import read_onnx
from mcucc.importer.file.fold import fold
from mcucc.importer.layout.layout import byte_order, common_axes, find_layout, merge_transposition
from mcucc.importer.lower import is_quantized, lower_network
from tests.importer.float_cases import Model, check, kinds, random_feed, run_onnx_layout

SETS = (8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 21, 22, 23)


def flatten_by_arithmetic(m: Model, x: str) -> str:
    """What PyTorch writes for `x.view(x.shape[0], -1)`."""
    shape = m.op("Shape", x)
    batch = m.op("Gather", shape, m.constant(0, np.int64))
    if m.opset >= 13:
        batch = m.op("Unsqueeze", batch, m.ints(0))
    else:
        batch = m.op("Unsqueeze", batch, axes=[0])
    return m.op("Reshape", x, m.op("Concat", batch, m.ints(-1), axis=0))


@pytest.mark.parametrize("opset", SETS)
def test_shape_arithmetic_folds_in_every_operator_set(tmp_path: Path, opset: int):
    m = Model(["batch", 3, 4, 5], opset=opset)
    y = m.op("Conv", "x0", m.weights(2, 3, 1, 1))
    y = m.op("Gemm", flatten_by_arithmetic(m, y), m.weights(40, 4), m.weights(4))
    assert kinds(check(m, tmp_path, y)) == ["Conv2D", "Reshape", "Dense"]


def test_pads_computed_as_pytorch_does_fold(tmp_path: Path):
    m = Model([1, 3, 7], opset=13)
    zeros = m.op("ConstantOfShape", m.ints(4), value=numpy_helper.from_array(np.zeros(1, np.int64)))
    pairs = m.op("Reshape", m.op("Concat", m.ints(2, 1), zeros, axis=0), m.ints(-1, 2))
    pairs = m.op("Slice", pairs, m.ints(-1), m.ints(-9223372036854775807), m.ints(0), m.ints(-1))
    pads = m.op("Reshape", m.op("Transpose", pairs, perm=[1, 0]), m.ints(-1))
    y = m.op("Pad", "x0", m.op("Cast", pads, to=7))
    assert kinds(check(m, tmp_path, y)) == ["Reshape", "Pad", "Reshape"]


def test_range_size_and_shape_slices_fold(tmp_path: Path):
    m = Model([1, 3, 4, 5], opset=15)
    tail = m.op("Shape", "x0", start=2)
    count = m.op("Div", m.op("Size", "x0"), m.op("ReduceProd", tail, keepdims=0))
    steps = m.op("Range", m.constant(1, np.int64), count, m.constant(1, np.int64))
    y = m.op("Reshape", m.op("Relu", "x0"), m.op("Concat", m.ints(1, 3), m.ints(-1), axis=0))
    y = m.op("Add", y, m.op("Cast", m.op("ReduceSum", steps, keepdims=1), to=1))
    assert kinds(check(m, tmp_path, y)).count("Binary") == 1


@pytest.mark.parametrize("opset", [10, 13, 19, 21])
def test_dequantized_weights_fold_and_leave_the_network_float(tmp_path: Path, opset: int):
    # A Conv: ONNX Runtime quantizes the activations of a MatMul with such weights.
    m = Model([1, 6, 2, 2], opset=opset)
    weights = m.constant(np.arange(-12, 12).reshape(4, 6, 1, 1), np.int8)
    scale, zero = m.constant(0.25, np.float32), m.constant(3, np.int8)
    y = m.op("Conv", "x0", m.op("DequantizeLinear", weights, scale, zero))
    graph = check(m, tmp_path, y)
    assert not is_quantized(read_onnx(m.save(tmp_path, y)))
    data = graph.consts[graph.nodes[0].inputs[1]].data
    assert np.array_equal(data.ravel(), (np.arange(-12, 12) - 3) * 0.25)


def test_weights_dequantized_per_channel_fold(tmp_path: Path):
    m = Model([1, 6], opset=13)
    weights = m.constant(np.arange(-12, 12).reshape(4, 6), np.int8)
    scales, zeros = m.positive(4), m.constant(np.zeros(4), np.int8)
    y = m.op("DequantizeLinear", weights, scales, zeros, axis=0)
    check(m, tmp_path, m.op("Gemm", "x0", y, transB=1))


def test_open_dimensions_may_be_given(tmp_path: Path):
    m = Model(["n", 3, "h", "w"])
    y = m.op("Flatten", m.op("Conv", "x0", m.weights(2, 3, 1, 1)))
    model = read_onnx(m.save(tmp_path, y))
    graph = lower_network(model, "net", input_shapes={"x0": (1, 3, 4, 6)})
    assert graph.outputs[0].shape == (1, 48)
    assert run_onnx_layout(graph, random_feed(graph))[y].shape == (1, 48)


def test_what_reaches_no_output_is_dropped_but_inputs_stay(tmp_path: Path):
    m = Model([1, 6], [1, 3])
    m.op("Softplus", "x1")
    y = m.op("Relu", "x0")
    graph = lower_network(read_onnx(m.save(tmp_path, y)), "net")
    assert [port.name for port in graph.inputs] == ["x0", "x1"]


def test_a_constant_that_would_fill_the_memory_is_not_computed(tmp_path: Path):
    m = Model([1, 6])
    huge = m.op("ConstantOfShape", m.ints(1 << 20, 1 << 12))
    model = read_onnx(m.save(tmp_path, m.op("Add", "x0", m.op("ReduceSum", huge, keepdims=0))))
    (found,) = fold(model, {}).violations
    assert found.op == "ConstantOfShape"


def test_arithmetic_that_fails_is_reported(tmp_path: Path):
    m = Model([1, 6])
    wrong = m.op("Gather", m.ints(1, 2), m.constant(7, np.int64))
    model = read_onnx(m.save(tmp_path, m.op("Reshape", "x0", wrong)))
    (found,) = fold(model, {}).violations
    assert found.op == "Gather"


def test_the_byte_order_tells_layouts_apart_that_differ():
    assert byte_order((1, 3, 4, 5), (0, 2, 3, 1)) == ((20, 1), (3, 20))
    assert byte_order((1, 1, 4, 5), (0, 2, 3, 1)) == byte_order((1, 20), (0, 1))
    assert find_layout(((20, 1), (3, 20)), (1, 3, 20)) == (0, 2, 1)
    assert find_layout(((20, 1), (3, 20)), (1, 60)) is None


def test_transpositions_are_merged():
    assert merge_transposition((1, 2, 3, 1, 5), (0, 4, 1, 2, 3)) == ((1, 6, 5), (0, 2, 1))
    assert merge_transposition((1, 2, 3, 4), (0, 1, 3, 2)) == ((1, 2, 3, 4), (0, 1, 3, 2))
    assert common_axes((1, 6, 4), (2, 3, 4)) == (2, 3, 4)
    assert common_axes((6, 4), (4, 6)) is None
