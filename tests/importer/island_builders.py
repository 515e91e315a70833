"""Small QDQ models, one for every shape of island that the lowering recognizes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from tests.importer.qdq_models import Array, QdqModel, scalar


def conv(
    kernel: tuple[int, int],
    *,
    out_c: int = 4,
    depthwise: bool = False,
    axis: int | None = 0,
    bias: bool = True,
    shape: tuple[int, int, int, int] = (1, 3, 12, 7),
    **attributes: Any,
) -> Callable[[], QdqModel]:
    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", shape)
        weights = m.weights((out_c, 1 if depthwise else shape[1], *kernel), axis=axis)
        group = {"group": shape[1]} if depthwise else {}
        biases = [m.bias(weights, out_c)] if bias else []
        m.op("Conv", x, weights, *biases, name="conv", **group, **attributes)
        m.output(m.pair("conv", "y"))
        return m

    return build


def dense(
    kind: str,
    *,
    transposed: bool = False,
    axis: int | None = None,
    bias: bool = True,
    **attributes: Any,
) -> Callable[[], QdqModel]:
    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", (1, 12))
        weights = m.weights((5, 12) if transposed else (12, 5), axis=axis)
        biases = [m.bias(weights, 5)] if bias else []
        layout = {"transB": 1} if transposed else {}
        m.op(kind, x, weights, *biases, name="dense", **layout, **attributes)
        m.output(m.pair("dense", "y"))
        return m

    return build


def unary(
    kind: str,
    *,
    shape: tuple[int, ...] = (1, 3, 6, 8),
    quant: tuple[float, int] = (2**-4, 3),
    opset: int = 13,
    parameters: tuple[Array | None, ...] = (),
    **attributes: Any,
) -> Callable[[], QdqModel]:
    """One operator with constant inputs; its output has the input's quantization by default."""

    def build() -> QdqModel:
        m = QdqModel(opset)
        x = m.input("x", shape)
        more = ["" if p is None else m.constant(p) for p in parameters]
        m.op(kind, x, *more, name="op", **attributes)
        m.output(m.pair("op", "y", *quant))
        return m

    return build


def clipped(
    kind: str,
    quant: tuple[float, int],
    *,
    opset: int = 13,
    bounds: tuple[float, ...] = (),
    producer: str = "Conv",
    **attributes: Any,
) -> Callable[[], QdqModel]:
    """Relu or Clip between an operator and its QuantizeLinear."""

    def build() -> QdqModel:
        m = QdqModel(opset)
        x = m.input("x", (1, 2, 4, 4))
        inputs = [x, m.weights((2, 2, 1, 1), axis=None)] if producer == "Conv" else [x]
        made = m.op(producer, *inputs, name="op")
        m.op(kind, made, *(m.constant(scalar(b)) for b in bounds), name="act", **attributes)
        m.output(m.pair("act", "y", *quant))
        return m

    return build


def flattened(kind: str, **attributes: Any) -> Callable[[], QdqModel]:
    """A map, flattened, before a dense layer."""

    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", (1, 3, 4, 5))
        shape = [m.constant(np.array([1, -1]))] if kind == "Reshape" else []
        m.op(kind, x, *shape, name="flat_real", **attributes)
        m.op(
            "Gemm", m.pair("flat_real", "flat", 2**-4, 3), m.weights((60, 6), axis=1), name="dense"
        )
        m.output(m.pair("dense", "y", 1.0, 0))
        return m

    return build


def added() -> QdqModel:
    m = QdqModel()
    a, b = m.input("a", (1, 2, 3, 4)), m.input("b", (1, 2, 3, 4), 2**-5, -7)
    m.output(m.pair(m.op("Add", a, b, name="add"), "y", 2**-3, 1))
    return m


def mean_twice() -> QdqModel:
    m = QdqModel()
    x = m.input("x", (1, 3, 4, 5))
    rows = m.pair(m.op("ReduceMean", x, axes=[3], keepdims=0, name="mean_1"), "rows", 2**-5, 1)
    m.output(m.pair(m.op("ReduceMean", rows, axes=[2], keepdims=0, name="mean_2"), "y", 2**-6, 2))
    return m


def requantized() -> QdqModel:
    m = QdqModel()
    m.output(m.pair(m.input("x", (1, 2, 3, 4)), "y", 0.05, -9))
    return m


def same_scale_again() -> QdqModel:
    """A second Q/DQ pair at the same scale is nothing."""
    m = QdqModel()
    x = m.pair(m.input("x", (1, 2, 3, 4)), "again", 2**-4, 3)
    m.output(m.pair(x, "y", 0.05, -9))
    return m


def input_quantized_twice() -> QdqModel:
    m = QdqModel()
    first = m.input("x", (1, 2, 3, 4))
    second = m.pair("x_float", "x_again", 2**-4, 3)
    m.output(m.pair(m.op("Add", first, second, name="add"), "y"))
    return m


def int8_ports() -> QdqModel:
    m = QdqModel()
    m.plain_input("x", (1, 2, 3, 4), TensorProto.INT8)
    x = m.dequantize("x", "x_real", 2**-4, 3)
    m.quantize(m.op("GlobalAveragePool", x, name="pool"), "y", 2**-6, 1)
    m.output("y", TensorProto.INT8)
    return m


def fan_out() -> QdqModel:
    """A residual connection: one DequantizeLinear, two readers."""
    m = QdqModel()
    x = m.input("x", (1, 3, 4, 5))
    m.op("Conv", x, m.weights((3, 3, 1, 1)), name="conv")
    m.op("Relu", m.op("Add", x, m.pair("conv", "branch"), name="add"), name="relu")
    m.output(m.pair("relu", "y", 0.25, -100))
    return m


def dynamic_batch() -> QdqModel:
    m = QdqModel()
    x = m.input("x", ("batch", 2, 3, 4))
    m.output(m.pair(m.op("GlobalAveragePool", x, name="pool"), "y", 2**-6, 1))
    return m


def constant_nodes() -> QdqModel:
    """Scales, weights and zero points from Constant nodes instead of initializers."""
    m = conv((1, 1))()
    for tensor in m.initializers:
        m.nodes.insert(0, _constant_node(tensor))
    m.initializers.clear()
    return m


def several_ports() -> QdqModel:
    m = QdqModel()
    a, b = m.input("a", (1, 4)), m.input("b", (1, 2, 3, 3), 2**-5, -7)
    m.output(m.pair(m.op("MatMul", a, m.weights((4, 3), axis=None), name="dense"), "left"))
    m.output(m.pair(m.op("GlobalAveragePool", b, name="pool"), "right", 2**-6, 2))
    m.output("a")
    return m


def one_result_two_scales() -> QdqModel:
    """A float result with two QuantizeLinears: two int8 operators that share their weights."""
    m = QdqModel()
    m.op("Conv", m.input("x", (1, 2, 3, 4)), m.weights((3, 2, 1, 1)), name="conv")
    m.output(m.pair("conv", "fine", 2**-4, 0))
    m.output(m.pair("conv", "coarse", 0.25, 0))
    return m


def two_convolutions() -> QdqModel:
    m = QdqModel()
    x = m.input("x", (1, 2, 3, 4))
    first = m.pair(m.op("Conv", x, m.weights((2, 2, 1, 1)), name="conv_1"), "first")
    m.output(m.pair(m.op("Conv", first, m.weights((2, 2, 1, 1)), name="conv_2"), "y"))
    return m


def _constant_node(tensor: TensorProto) -> NodeProto:
    return helper.make_node("Constant", [], [tensor.name], value=tensor)


AXES = np.array([2, 3])

ISLANDS: dict[str, Callable[[], QdqModel]] = {
    "conv 1x1": conv((1, 1)),
    "conv 10x4": conv((10, 4), strides=[2, 2], pads=[4, 1, 5, 1]),
    "conv per tensor": conv((3, 3), axis=None),
    "conv without bias": conv((3, 3), bias=False),
    "conv depthwise": conv((3, 3), out_c=3, depthwise=True, pads=[1, 1, 1, 1]),
    "conv depthwise multiplier": conv((3, 3), out_c=6, depthwise=True),
    "conv one channel": conv((3, 3), shape=(1, 1, 12, 7)),
    "conv SAME_UPPER": conv((3, 3), strides=[2, 2], auto_pad="SAME_UPPER"),
    "conv SAME_LOWER": conv((3, 3), strides=[2, 2], auto_pad="SAME_LOWER"),
    "conv VALID": conv((3, 3), auto_pad="VALID"),
    "conv asymmetric pads": conv((3, 3), strides=[2, 2], pads=[0, 0, 1, 1]),
    "conv dilation": conv((3, 3), dilations=[3, 2], pads=[3, 2, 3, 2]),
    "conv dilation SAME_UPPER": conv((3, 2), dilations=[2, 3], auto_pad="SAME_UPPER"),
    "conv kernel_shape": conv((3, 3), kernel_shape=[3, 3]),
    "Gemm": dense("Gemm", axis=1),
    "Gemm transB": dense("Gemm", transposed=True, axis=0),
    "Gemm per tensor": dense("Gemm"),
    "Gemm without bias": dense("Gemm", transposed=True, axis=0, bias=False),
    "MatMul": dense("MatMul", axis=1, bias=False),
    "Add": added,
    "Conv, Relu": clipped("Relu", (0.125, -120)),
    "Conv, Relu, range begins at 0": clipped("Relu", (0.125, -128)),
    "Conv, Clip 0..6 inputs": clipped("Clip", (2**-5, -128), bounds=(0.0, 6.0)),
    "Conv, Clip 0..6 attributes": clipped("Clip", (2**-5, -128), opset=10, min=0.0, max=6.0),
    "Conv, Clip 0..6 inside range": clipped("Clip", (0.125, -100), bounds=(0.0, 6.0)),
    "Conv, Clip without bounds": clipped("Clip", (0.125, -100)),
    "Conv, Clip from 0": clipped("Clip", (0.125, -100), bounds=(0.0,)),
    "Conv, Clip absorbed by range": clipped("Clip", (2**-5, 0), bounds=(-4.0, 4.0)),
    "Mean, Relu absorbed by range": clipped("Relu", (2**-6, -128), producer="GlobalAveragePool"),
    "GlobalAveragePool, equal scales": unary("GlobalAveragePool"),
    "GlobalAveragePool, other scale": unary("GlobalAveragePool", quant=(2**-5, 1)),
    "AveragePool": unary("AveragePool", kernel_shape=[2, 3], strides=[2, 1]),
    "AveragePool, other scale": unary("AveragePool", quant=(2**-5, 1), kernel_shape=[2, 2]),
    "AveragePool SAME_UPPER": unary(
        "AveragePool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"
    ),
    "AveragePool, ceil_mode without overhang": unary(
        "AveragePool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1
    ),
    "AveragePool, counted pads that are 0": unary(
        "AveragePool", kernel_shape=[2, 2], count_include_pad=1
    ),
    "ReduceMean axes attribute": unary("ReduceMean", quant=(2**-6, 1), axes=[2, 3], keepdims=1),
    "ReduceMean axes input": unary(
        "ReduceMean", quant=(2**-6, 1), opset=18, parameters=(AXES,), keepdims=0
    ),
    "ReduceMean negative axis": unary("ReduceMean", quant=(2**-6, 1), axes=[-1], keepdims=0),
    "ReduceMean of rows": unary("ReduceMean", quant=(2**-6, 1), axes=[2]),
    "ReduceMean twice": mean_twice,
    "Softmax": unary("Softmax", shape=(1, 10), quant=(1 / 256, -128)),
    "Softmax, 1/255": unary("Softmax", shape=(1, 10), quant=(1 / 255, -128), axis=1),
    "Softmax, older operator set": unary("Softmax", shape=(1, 10), quant=(1 / 256, -128), opset=12),
    "Flatten of a map, Gemm": flattened("Flatten"),
    "Reshape of a map to 1, -1, Gemm": flattened("Reshape"),
    "Flatten of 1x1": unary("Flatten", shape=(1, 7, 1, 1)),
    "Flatten of one channel": unary("Flatten", shape=(1, 1, 4, 5), axis=-3),
    "Reshape with 0 and -1": unary("Reshape", shape=(1, 7, 1, 1), parameters=(np.array([0, -1]),)),
    "Reshape to a map": unary("Reshape", shape=(1, 12), parameters=(np.array([1, 1, 3, -1]),)),
    "Reshape, rows and columns merge": unary("Reshape", parameters=(np.array([1, 3, 48]),)),
    "Reshape, other scale": unary(
        "Reshape", shape=(1, 12), quant=(0.25, 1), parameters=(np.array([1, 12, 1, 1]),)
    ),
    "Pad attribute": unary("Pad", opset=10, pads=[0, 0, 1, 2, 0, 0, 3, 4], value=0.0),
    "Pad input": unary("Pad", parameters=(np.array([0, 0, 1, 2, 0, 0, 3, 4]),)),
    "Pad value input": unary("Pad", parameters=(np.array([0, 0, 1, 0, 0, 0, 0, 1]), scalar(0.0))),
    "Pad axes input": unary(
        "Pad", opset=18, parameters=(np.array([1, 2, 3, 4]), None, np.array([3, -2]))
    ),
    "Q after DQ": requantized,
    "Q after DQ, same scale": same_scale_again,
    "input quantized twice": input_quantized_twice,
    "int8 ports": int8_ports,
    "fan-out of one DequantizeLinear": fan_out,
    "dynamic batch": dynamic_batch,
    "Constant nodes": constant_nodes,
    "several ports": several_ports,
    "one result, two scales": one_result_two_scales,
}
"""Every island by name; what each becomes stands in islands.txt."""
