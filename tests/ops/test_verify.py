"""Each rule of each operator, broken once."""

from collections.abc import Callable

import numpy as np
import pytest

from mcucc.errors import InvariantError
from mcucc.ir import DType, QParams, Shape, TensorType
from mcucc.ops import INT8_OPS, Int8Graph, Int8Op
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.dense import FullyConnected
from mcucc.ops.elementwise import Add, Clamp, Mul, Requantize, Sub
from mcucc.ops.movement import Concat, Pad, Reshape, Slice, Transpose
from mcucc.ops.pool import AveragePool2D, MaxPool2D, Mean
from mcucc.ops.resize import ResizeNearest
from mcucc.ops.softmax import SOFTMAX_QUANT, Softmax
from mcucc.ops.unary import HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.ops.verify import node_macs, total_macs, verify
from tests.graphs import GraphBuilder, every_operator_graph, quant
from tests.operators.example import Break, examples
from tests.ops.breaking import int8, with_op, with_output, with_type


def weights(shape: Shape, axis: int | None, count: int, zero_point: int = 0) -> TensorType:
    return TensorType(DType.INT8, shape, QParams((0.5,) * count, zero_point, axis))


MAKE: dict[type[Int8Op], Callable[[GraphBuilder, str], str]] = {
    Conv2D: lambda b, x: b.conv(x, 4),
    DepthwiseConv2D: lambda b, x: b.depthwise(x, multiplier=2),
    FullyConnected: lambda b, x: b.dense(x, 4),
    Add: lambda b, x: b.add(x, b.input((1, 6, 6, 2), quant(0.1))),
    Sub: lambda b, x: b.sub(x, b.input((1, 6, 6, 2), quant(0.1))),
    Mul: lambda b, x: b.mul(x, b.input((1, 1, 1, 2), quant(0.1)), q=quant(0.5)),
    Requantize: lambda b, x: b.requantize(x),
    Clamp: lambda b, x: b.clamp(x, -5, 5),
    Logistic: lambda b, x: b.logistic(x),
    Tanh: lambda b, x: b.tanh(x),
    LeakyRelu: lambda b, x: b.leaky_relu(x),
    HardSwish: lambda b, x: b.hard_swish(x, q=quant(0.1)),
    Table: lambda b, x: b.table(x),
    AveragePool2D: lambda b, x: b.average_pool(x, (2, 2)),
    MaxPool2D: lambda b, x: b.max_pool(x, (2, 2)),
    Mean: lambda b, x: b.mean(x),
    Softmax: lambda b, x: b.softmax(x),
    Reshape: lambda b, x: b.flatten(x),
    Pad: lambda b, x: b.pad(x, (1, 1, 1, 1)),
    Concat: lambda b, x: b.concat(x, b.input((1, 6, 6, 2), quant(0.1))),
    ResizeNearest: lambda b, x: b.resize_nearest(x, (2, 2)),
    Transpose: lambda b, x: b.transpose(x, (0, 2, 1, 3)),
    Slice: lambda b, x: b.slice(x, (0, 1, 2, 0), (1, 5, 3, 2)),
    **{example.op: example.build for example in examples()},
}


def graph_of(kind: type[Int8Op]) -> Int8Graph:
    """A correct graph of one operator; its input is 'x0', a second one 'x1'."""
    b = GraphBuilder(seed=1)
    shape = (1, 6) if kind in (FullyConnected, Softmax) else (1, 6, 6, 2)
    MAKE[kind](b, b.input(shape, quant(0.1)))
    return b.build()


CASES: list[tuple[type[Int8Op], Break, str]] = [
    (Conv2D, with_type("x0", int8(1, 6, 6, 3)), "channels times the groups must equal"),
    (Conv2D, with_type("x0", int8(1, 6, 6, 1)), "channels times the groups must equal"),
    (Conv2D, with_type("x0", int8(1, 6, 6, 6)), "channels times the groups must equal"),
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
    (Conv2D, with_output(TensorType(DType.INT8, (1, 6, 6, 4))), "must be quantized int8"),
    (
        Conv2D,
        with_output(TensorType(DType.INT32, (1, 6, 6, 4), quant(0.1))),
        "must be quantized int8",
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
        "quantized per tensor",
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
    (Softmax, with_output(int8(1, 6, q=quant(2.0**-31))), "of 2\\^-30 at least"),
    (Softmax, with_type("x0", int8(1, 6, q=quant(2.0**-26))), "above 2\\^-26"),
    (Softmax, with_type("x0", int8(1, 4096)), "fewer than 4096"),
    (Reshape, with_op(Reshape((1, 71))), "number of elements"),
    (Reshape, with_output(int8(1, 72, q=quant(0.2))), "same scale and zero point"),
    (Sub, with_type("x1", int8(1, 6, 6, 1)), "both inputs must have the same shape"),
    (Sub, with_type("x1", int8(1, 6, 6, 2, q=quant(2.0**20))), "must be below 1"),
    (Mul, with_type("x1", int8(1, 6, 1, 2)), "one value per channel"),
    (Mul, with_type("x1", int8(1, 1, 1, 1)), "one value per channel"),
    (Mul, with_type("x1", int8(1, 1, 1, 2, q=quant(2.0**17))), "must be below 2\\^14"),
    (Clamp, with_op(Clamp(6, 5)), "ordered int8 values"),
    (Clamp, with_op(Clamp(-129, 5)), "ordered int8 values"),
    (Clamp, with_op(Clamp(0, 128)), "ordered int8 values"),
    (Clamp, with_output(int8(1, 6, 6, 2, q=quant(0.2))), "same scale and zero point"),
    (Logistic, with_output(int8(1, 6, 6, 2, q=QParams((1 / 255,), -128))), "scale 1/256"),
    (Logistic, with_type("x0", int8(1, 6, 6, 2, q=quant(2.0**-28.5))), "between 2\\^-28"),
    (Logistic, with_type("x0", int8(1, 6, 6, 2, q=quant(2.0**31))), "between 2\\^-28"),
    (Tanh, with_output(int8(1, 6, 6, 2, q=QParams((1 / 128,), 1))), "zero point 0"),
    (Tanh, with_type("x0", int8(1, 6, 6, 2, q=quant(2.0**-28.5))), "between 2\\^-28"),
    (LeakyRelu, with_op(LeakyRelu(0.0)), "between 0 and 1"),
    (LeakyRelu, with_op(LeakyRelu(1.0)), "between 0 and 1"),
    (
        HardSwish,
        with_type("x0", TensorType(DType.INT8, (1, 6, 6, 2), QParams((0.1, 0.2), 0, 3))),
        "quantized per tensor",
    ),
    (HardSwish, with_output(int8(1, 6, 6, 2, q=quant(0.1 / 128))), "must be below 128"),
    (HardSwish, with_type("x0", int8(1, 6, 6, 2, q=quant(13.0))), "must be below 128"),
    (Table, with_type("table0", TensorType(DType.INT8, (255,))), "must be int8 \\[256\\]"),
    (Table, with_type("table0", TensorType(DType.UINT8, (256,))), "must be int8 \\[256\\]"),
    (MaxPool2D, with_output(int8(1, 5, 5, 2, q=quant(0.2))), "same scale and zero point"),
    (
        MaxPool2D,
        with_op(MaxPool2D((2, 2), pads=(0, 0, 0, 2))),
        "padding must be smaller than the window",
    ),
    (Concat, with_type("x1", int8(1, 6, 5, 2)), "same rows and pixels"),
    (Concat, with_type("x1", int8(1, 6, 6, 2, q=quant(0.1, 1))), "same scale and zero point"),
    (Concat, with_output(int8(1, 6, 6, 4, q=quant(0.2))), "same scale and zero point"),
    (ResizeNearest, with_op(ResizeNearest((2, 0))), "between 1 and 40"),
    (ResizeNearest, with_op(ResizeNearest((41, 1))), "between 1 and 40"),
    (ResizeNearest, with_output(int8(1, 12, 12, 2, q=quant(0.2))), "same scale and zero point"),
    (Transpose, with_op(Transpose((0, 2, 2, 3))), "permutation of the axes"),
    (Transpose, with_op(Transpose((1, 0, 2, 3))), "leaves the batch first"),
    (Transpose, with_output(int8(1, 6, 6, 2, q=quant(0.2))), "same scale and zero point"),
    (Slice, with_op(Slice((0, 1, 2), (1, 5, 3, 2))), "one number per axis"),
    (Slice, with_op(Slice((0, 1, 2, 0), (1, 5, 3))), "one number per axis"),
    (Slice, with_op(Slice((0, 2, 2, 0), (1, 5, 3, 2))), "inside the input"),
    (Slice, with_op(Slice((0, -1, 2, 0), (1, 5, 3, 2))), "inside the input"),
    (Slice, with_op(Slice((1, 1, 2, 0), (1, 5, 3, 2))), "the whole batch"),
    (Slice, with_op(Slice((0, 1, 2, 0), (1, 5, 0, 2))), "makes an empty tensor"),
    (Slice, with_output(int8(1, 5, 3, 2, q=quant(0.2))), "same scale and zero point"),
    (Pad, with_op(Pad((1, 0, -1, 0))), "must not be negative"),
    (Pad, with_op(Pad((1, 1, 1, 1), 128)), "must be made of an int8 number"),
    (Pad, with_output(int8(1, 8, 8, 2, q=quant(0.2))), "same scale and zero point"),
    *((example.op, *case) for example in examples() for case in example.broken),
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
    graph = with_type(soft, int8(1, 6, 6, 2, q=quant(2.0**-31)))(graph)
    with pytest.raises(InvariantError, match=r"Pad 'pad0'.*; Softmax 'softmax1'"):
        verify(graph)


def test_the_softmax_quantization_is_exact_in_float32():
    assert SOFTMAX_QUANT.scale == float(np.float32(1 / 256))


def test_every_operator_has_a_correct_graph_and_a_broken_one():
    assert set(MAKE) == set(INT8_OPS.values())
    assert {kind for kind, _, _ in CASES} == set(INT8_OPS.values())


def test_scales_of_a_hard_swish_have_an_upper_end():
    graph = graph_of(HardSwish)
    wide = int8(1, 6, 6, 2, q=quant(2.0**24))
    with pytest.raises(InvariantError, match="below 2\\^24"):
        verify(with_output(wide)(with_type("x0", wide)(graph)))


def test_macs_of_a_grouped_convolution_count_the_channels_of_a_group():
    b = GraphBuilder()
    b.conv(b.input((1, 6, 6, 8)), 4, groups=2)
    graph = b.build()
    assert node_macs(graph, graph.nodes[0]) == 6 * 6 * 4 * 9 * 4


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
