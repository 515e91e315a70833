"""Running whole float graphs in numpy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import UsageError
from mcucc.ir import Const, DType, Port, QParams, TensorType
from mcucc.ops import FLOAT_OPS, FloatGraph, FloatNode, FloatOp
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.ops.elementwise import FloatBatchNorm, FloatBinary, FloatClip, FloatFakeQuant
from mcucc.ops.movement import (
    FloatConcat,
    FloatPad,
    FloatReshape,
    FloatResizeNearest,
    FloatSlice,
    FloatTranspose,
)
from mcucc.ops.pool import FloatAveragePool2D, FloatMaxPool2D, FloatMean
from mcucc.ops.softmax import FloatSoftmax
from mcucc.ops.unary import FloatUnary
from mcucc.reference.float_interpreter import chunk_size, run_float

FloatArray = NDArray[np.float32]


class Builder:
    def __init__(self, *inputs: tuple[int, ...]) -> None:
        self.tensors = {f"x{i}": TensorType(DType.FLOAT32, s) for i, s in enumerate(inputs)}
        self.inputs = tuple(Port(n, n, DType.FLOAT32, t.shape) for n, t in self.tensors.items())
        self.nodes: list[FloatNode] = []
        self.consts: dict[str, Const] = {}
        self.random = np.random.default_rng(0)

    def const(self, *shape: int) -> str:
        name = f"c{len(self.consts)}"
        data = self.random.uniform(0.5, 1.5, shape).astype(np.float32)
        self.consts[name] = Const(name, TensorType(DType.FLOAT32, shape), data)
        return name

    def add(self, op: FloatOp, *inputs: str) -> str:
        types = [self.tensors[n] if n in self.tensors else self.consts[n].type for n in inputs]
        name = f"v{len(self.nodes)}"
        self.tensors[name] = TensorType(DType.FLOAT32, op.infer(types))
        self.nodes.append(FloatNode(op, inputs, name, name))
        return name

    def build(self, *outputs: str) -> FloatGraph:
        ports = tuple(Port(n, n, DType.FLOAT32, self.tensors[n].shape) for n in outputs)
        return FloatGraph("net", self.inputs, ports, tuple(self.nodes), self.tensors, self.consts)


def every_operator_graph() -> FloatGraph:
    b = Builder((1, 8, 6, 4))
    y = b.add(
        FloatConv2D(pads=(1, 1, 1, 1), activation="relu"), "x0", b.const(4, 3, 3, 4), b.const(4)
    )
    y = b.add(FloatBatchNorm(), y, *(b.const(4) for _ in range(4)))
    y = b.add(FloatBinary("add", "relu6"), y, "x0")
    y = b.add(
        FloatDepthwiseConv2D(), b.add(FloatPad((1, 1, 1, 1)), y), b.const(1, 3, 3, 4), b.const(4)
    )
    y = b.add(FloatConcat(), b.add(FloatUnary("tanh"), y), b.add(FloatClip(0, 3), y))
    y = b.add(FloatMaxPool2D((2, 2), (2, 2)), y)
    y = b.add(FloatAveragePool2D((3, 3), pads=(1, 1, 1, 1)), y)
    y = b.add(FloatResizeNearest((2, 3)), y)
    y = b.add(FloatSlice((0, 1, 0, 2), (1, 6, 9, 5)), b.add(FloatTranspose((0, 1, 2, 3)), y))
    y = b.add(FloatReshape((1, 54, 5)), b.add(FloatFakeQuant(QParams((0.05,), 3)), y))
    y = b.add(FloatDense(activation="relu"), b.add(FloatMean((1,)), y), b.const(3, 5), b.const(3))
    return b.build(b.add(FloatSoftmax(), y))


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
    b = Builder((1, 512, 512, 8))
    graph = b.build(b.add(FloatMean((1, 2)), b.add(FloatUnary("neg"), "x0")))
    assert chunk_size(graph) == 4
    sizes: list[int] = []
    x = np.broadcast_to(np.arange(9, dtype=np.float32)[:, None, None, None], (9, 512, 512, 8))
    outputs = run_float(graph, {"x0": x}, lambda name, value: sizes.append(len(value)))
    assert sizes == [4] * 6 + [1] * 3
    assert outputs["v1"].tolist() == [[-n] * 8 for n in range(9)]


def test_an_output_that_is_read_again_survives():
    b = Builder((1, 4))
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
    b = Builder((1, 4), (1, 4))
    graph = b.build(b.add(FloatBinary("add"), "x0", "x1"))
    with pytest.raises(UsageError, match=message):
        run_float(graph, inputs)
