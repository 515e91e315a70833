"""Running whole float graphs in numpy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import UsageError
from mcucc.ir import QParams
from mcucc.ops import FLOAT_OPS, FloatGraph
from mcucc.ops.choice import FloatPieces, FloatSelect
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.ops.elementwise import FloatBatchNorm, FloatBinary, FloatClip, FloatFakeQuant
from mcucc.ops.movement import (
    FloatConcat,
    FloatPad,
    FloatReshape,
    FloatSlice,
    FloatTranspose,
)
from mcucc.ops.pool import FloatAveragePool2D, FloatMaxPool2D, FloatMean
from mcucc.ops.resize import FloatResizeNearest
from mcucc.ops.softmax import FloatSoftmax
from mcucc.ops.unary import FloatUnary
from mcucc.reference.float_interpreter import chunk_size, run_float
from tests.float_graphs import FloatBuilder
from tests.operators.example import examples

FloatArray = NDArray[np.float32]


def every_operator_graph() -> FloatGraph:
    b, ends = FloatBuilder((1, 8, 6, 4)), list[str]()
    y = b.add(
        FloatConv2D(pads=(1, 1, 1, 1), activation="relu"), "x0", b.const(4, 3, 3, 4), b.const(4)
    )
    y = b.add(FloatBatchNorm(), y, *(b.const(4) for _ in range(4)))
    y = b.add(FloatBinary("add", "relu6"), y, "x0")
    y = b.add(
        FloatDepthwiseConv2D(), b.add(FloatPad((1, 1, 1, 1)), y), b.const(1, 3, 3, 4), b.const(4)
    )
    y = b.add(FloatConcat(), b.add(FloatUnary("tanh"), y), b.add(FloatClip(0, 3), y))
    y = b.add(FloatPieces(">", 0.25, ((2.0, 0.5),), (FloatUnary("tanh"), FloatClip(-0.5))), y)
    y = b.add(FloatSelect(), y, b.const(1, 1, 1, 8), b.const(1, 8, 6, 8))
    y = b.add(FloatMaxPool2D((2, 2), (2, 2)), y)
    y = b.add(FloatAveragePool2D((3, 3), pads=(1, 1, 1, 1)), y)
    y = b.add(FloatResizeNearest((2, 3)), y)
    for example in examples():
        made = y if example.build_float is None else example.build_float(b, y)
        ends += [made] if b.tensors[made].shape != b.tensors[y].shape else []
        y = y if made in ends else made
    y = b.add(FloatSlice((0, 1, 0, 2), (1, 6, 9, 5)), b.add(FloatTranspose((0, 1, 2, 3)), y))
    y = b.add(FloatReshape((1, 54, 5)), b.add(FloatFakeQuant(QParams((0.05,), 3)), y))
    y = b.add(FloatDense(activation="relu"), b.add(FloatMean((1,)), y), b.const(3, 5), b.const(3))
    return b.build(b.add(FloatSoftmax(), y), *ends)


def draw(*shape: int) -> FloatArray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def test_the_graph_with_every_operator_has_every_operator():
    used = {type(node.op).__name__ for node in every_operator_graph().nodes}
    assert used == set(FLOAT_OPS)


def test_every_value_has_the_shape_and_type_that_its_operator_infers():
    graph = every_operator_graph()
    values = run_float(graph, {"x0": draw(5, 8, 6, 4)})
    assert set(values) == set(graph.tensors)
    for name, value in values.items():
        assert value.shape == (5, *graph.tensors[name].shape[1:]), name
        assert value.dtype == np.float32, name


def test_samples_do_not_meet():
    graph, x = every_operator_graph(), draw(5, 8, 6, 4)
    together, alone = run_float(graph, {"x0": x}), run_float(graph, {"x0": x[3:4]})
    assert all(np.array_equal(together[name][3:4], alone[name]) for name in alone)


def test_inputs_are_left_as_they_are():
    graph, x = every_operator_graph(), draw(2, 8, 6, 4)
    before = x.copy()
    run_float(graph, {"x0": x})
    assert np.array_equal(x, before)


def test_an_observer_sees_every_value_and_outputs_come_back():
    graph, x = every_operator_graph(), draw(3, 8, 6, 4)
    seen: dict[str, FloatArray] = {}
    outputs = run_float(graph, {"x0": x}, lambda name, value: seen.update({name: value.copy()}))
    values = run_float(graph, {"x0": x})
    assert list(seen) == list(graph.tensors)
    assert all(np.array_equal(seen[name], values[name]) for name in values)
    assert set(outputs) == graph.output_tensors


def test_many_samples_are_run_in_chunks():
    b = FloatBuilder((1, 512, 512, 8))
    graph = b.build(b.add(FloatMean((1, 2)), b.add(FloatUnary("neg"), "x0")))
    assert chunk_size(graph) == 4
    sizes: list[int] = []
    x = np.broadcast_to(np.arange(9, dtype=np.float32)[:, None, None, None], (9, 512, 512, 8))
    outputs = run_float(graph, {"x0": x}, lambda name, value: sizes.append(len(value)))
    assert sizes == [4] * 6 + [1] * 3
    assert outputs["v1"].tolist() == [[-n] * 8 for n in range(9)]


def test_an_output_that_is_read_again_survives():
    b = FloatBuilder((1, 4))
    first = b.add(FloatUnary("neg"), "x0")
    second = b.add(FloatUnary("neg"), first)
    b.add(FloatUnary("tanh"), second)
    x = draw(2, 4)
    outputs = run_float(b.build(first, second), {"x0": x}, lambda name, value: None)
    assert np.array_equal(outputs[first], -x)
    assert np.array_equal(outputs[second], x)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "the inputs must be"),
        ({"y": np.zeros((1, 4), np.float32)}, "the inputs must be"),
        ({"x0": np.zeros((1, 5), np.float32), "x1": np.zeros((1, 4), np.float32)}, r"\[N, 4\]"),
        ({"x0": np.zeros((1, 4), np.int8), "x1": np.zeros((1, 4), np.float32)}, "got int8"),
        (
            {"x0": np.zeros((1, 4), np.float32), "x1": np.zeros((2, 4), np.float32)},
            "same number of samples",
        ),
    ],
)
def test_wrong_inputs_are_refused(inputs: dict[str, FloatArray], message: str):
    b = FloatBuilder((1, 4), (1, 4))
    graph = b.build(b.add(FloatBinary("add"), "x0", "x1"))
    with pytest.raises(UsageError, match=message):
        run_float(graph, inputs)
