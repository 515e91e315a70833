"""Each rule of each operator, broken once."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mcucc.errors import InvariantError
from mcucc.ir import Const, DType, QParams, Shape, TensorType
from mcucc.ops import (
    SOFTMAX_QUANT,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Int8Graph,
    Int8Op,
    Mean,
    Pad,
    Requantize,
    Reshape,
    Softmax,
)
from mcucc.ops.verify import node_macs, total_macs, verify
from tests.graphs import GraphBuilder, every_operator_graph, quant

Break = Callable[[Int8Graph], Int8Graph]


def with_type(name: str, kind: TensorType) -> Break:
    """Give a value another type, or a constant zeros of another type."""

    def apply(graph: Int8Graph) -> Int8Graph:
        if name in graph.tensors:
            return replace(graph, tensors={**graph.tensors, name: kind})
        zeros = Const(name, kind, np.zeros(kind.shape, dtype=kind.dtype.value))
        return replace(graph, consts={**graph.consts, name: zeros})

    return apply


def with_op(op: Int8Op) -> Break:
    """Give the only node another operator, and its output the shape that follows."""

    def apply(graph: Int8Graph) -> Int8Graph:
        node = replace(graph.nodes[0], op=op)
        shape = op.infer(graph.input_types(node))
        output = replace(graph.tensors[node.output], shape=shape)
        return replace(graph, nodes=(node,), tensors={**graph.tensors, node.output: output})

    return apply


def int8(*shape: int, q: QParams | None = None) -> TensorType:
    return TensorType(DType.INT8, shape, q or quant(0.1))


def weights(shape: Shape, axis: int | None, count: int, zero_point: int = 0) -> TensorType:
    return TensorType(DType.INT8, shape, QParams((0.5,) * count, zero_point, axis))


def graph_of(kind: type[Int8Op]) -> Int8Graph:
    """A correct graph of one operator; its input is 'x0' and its output 'y'."""
    b = GraphBuilder(seed=1)
    if kind is FullyConnected:
        b.dense(b.input((1, 6), quant(0.1)), 4)
    elif kind is Softmax:
        b.softmax(b.input((1, 6), quant(0.1)))
    else:
        x = b.input((1, 6, 6, 2), quant(0.1))
        if kind is Conv2D:
            b.conv(x, 4)
        elif kind is DepthwiseConv2D:
            b.depthwise(x, multiplier=2)
        elif kind is Add:
            b.add(x, b.input((1, 6, 6, 2), quant(0.1)))
        elif kind is Requantize:
            b.requantize(x)
        elif kind is AveragePool2D:
            b.average_pool(x, (2, 2))
        elif kind is Mean:
            b.mean(x)
        elif kind is Reshape:
            b.flatten(x)
        else:
            b.pad(x, (1, 1, 1, 1))
    return b.build()


def output_of(graph: Int8Graph) -> str:
    return graph.nodes[0].output


def with_output(kind: TensorType) -> Break:
    return lambda graph: with_type(output_of(graph), kind)(graph)


CASES: list[tuple[type[Int8Op], Break, str]] = [
    (Conv2D, with_type("x0", int8(1, 6, 6, 3)), "input channels must equal"),
    (
        Conv2D,
        with_type("x0", TensorType(DType.UINT8, (1, 6, 6, 2), quant(0.1))),
        "input and weights must be int8",
    ),
    (Conv2D, with_type("w0", weights((4, 3, 3, 2), 0, 4, 1)), "must be symmetric"),
    (Conv2D, with_type("w0", weights((4, 3, 3, 2), 3, 4)), "along axis 0"),
    (Conv2D, with_type("w0", weights((4, 3, 3, 2), 0, 2)), "one per output channel"),
    (Conv2D, with_type("b0", TensorType(DType.INT32, (5,))), "bias must be int32 \\[4\\]"),
    (Conv2D, with_type("b0", TensorType(DType.INT8, (4,))), "bias must be int32 \\[4\\]"),
    (Conv2D, with_output(int8(1, 6, 6, 5)), "makes \\[1, 6, 6, 4\\], its type says"),
    (Conv2D, with_output(TensorType(DType.INT8, (1, 6, 6, 4))), "must be quantised int8"),
    (
        Conv2D,
        with_output(TensorType(DType.INT32, (1, 6, 6, 4), quant(0.1))),
        "must be quantised int8",
    ),
    (Conv2D, with_op(Conv2D(dilation=(4, 1))), "makes an empty tensor"),
    (
        DepthwiseConv2D,
        with_type("x0", int8(1, 6, 6, 3)),
        "output channels must be a multiple of the input channels",
    ),
    (DepthwiseConv2D, with_type("w0", weights((1, 3, 3, 4), 0, 4)), "along axis 3"),
    (FullyConnected, with_type("x0", int8(1, 7)), "the input must be \\[1, 6\\]"),
    (FullyConnected, with_type("x0", int8(1, 1, 1, 6)), "the input must be \\[1, 6\\]"),
    (Add, with_type("x1", int8(1, 6, 6, 1)), "both inputs must have the same shape"),
    (Add, with_type("x1", int8(1, 6, 6, 2, q=quant(2.0**20))), "must be below 1"),
    (
        Requantize,
        with_type("x0", TensorType(DType.INT8, (1, 6, 6, 2), QParams((0.1, 0.2), 0, 3))),
        "quantised per tensor",
    ),
    (AveragePool2D, with_output(int8(1, 5, 5, 2, q=quant(0.2))), "same scale and zero point"),
    (AveragePool2D, with_output(int8(1, 5, 5, 2, q=quant(0.1, 1))), "same scale and zero point"),
    (
        AveragePool2D,
        with_op(AveragePool2D((2, 2), pads=(2, 0, 0, 0))),
        "padding must be smaller than the window",
    ),
    (Mean, with_op(Mean(())), "adjacent and ascending"),
    (Mean, with_op(Mean((2, 1))), "adjacent and ascending"),
    (Mean, with_op(Mean((2, 3))), "leave batch and channels alone"),
    (Mean, with_op(Mean((0, 1))), "leave batch and channels alone"),
    (Mean, with_type("x0", int8(1, 2**11, 2**11, 2)), "fewer than 2\\^22"),
    (Softmax, with_output(int8(1, 6, q=QParams((1 / 255,), -128))), "scale 1/256"),
    (Softmax, with_output(int8(1, 6, q=QParams((1 / 256,), 0))), "zero point -128"),
    (Softmax, with_type("x0", int8(1, 6, q=quant(2.0**-26))), "above 2\\^-26"),
    (Softmax, with_type("x0", int8(1, 4096)), "fewer than 4096"),
    (Reshape, with_op(Reshape((1, 71))), "number of elements"),
    (Reshape, with_output(int8(1, 72, q=quant(0.2))), "same scale and zero point"),
    (Pad, with_op(Pad((1, 0, -1, 0))), "must not be negative"),
    (Pad, with_output(int8(1, 8, 8, 2, q=quant(0.2))), "same scale and zero point"),
]


@pytest.mark.parametrize(("kind", "broken", "rule"), CASES)
def test_each_rule(kind: type[Int8Op], broken: Break, rule: str):
    graph = graph_of(kind)
    with pytest.raises(InvariantError, match=rule):
        verify(broken(graph))


def test_all_faults_are_reported_at_once():
    b = GraphBuilder()
    x = b.input((1, 4, 4, 2), quant(0.1))
    b.softmax(b.pad(x, (1, 1, 1, 1)))
    graph = b.build()
    padded, soft = (node.output for node in graph.nodes)
    graph = with_type(padded, int8(1, 6, 6, 2, q=quant(0.3)))(graph)
    graph = with_type(soft, int8(1, 6, 6, 2, q=quant(0.3)))(graph)
    with pytest.raises(InvariantError, match=r"Pad 'pad0'.*; Softmax 'softmax1'"):
        verify(graph)


def test_the_softmax_quantisation_is_exact_in_float32():
    assert SOFTMAX_QUANT.scale == float(np.float32(1 / 256))


@pytest.mark.parametrize(
    ("kind", "macs"),
    [(Conv2D, 6 * 6 * 4 * 9 * 2), (DepthwiseConv2D, 6 * 6 * 4 * 9), (FullyConnected, 24), (Add, 0)],
)
def test_macs(kind: type[Int8Op], macs: int):
    graph = graph_of(kind)
    assert node_macs(graph, graph.nodes[0]) == macs


def test_macs_of_a_graph_are_the_sum():
    graph = every_operator_graph()
    assert total_macs(graph) == sum(node_macs(graph, node) for node in graph.nodes) > 0
