"""Small QDQ models as other exporters write them: uint8, layouts, functions, several operators."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto

from tests.importer.island_builders import conv, unary
from tests.importer.qdq_models import Array, QdqModel, scalar

MAP = (1, 3, 6, 8)
NHWC, NCHW = [0, 2, 3, 1], [0, 3, 1, 2]


class Uint8Model(QdqModel):
    """The same models with uint8 activations."""

    def quantize(self, x: str, name: str, scale: float, zero_point: int) -> str:
        point = self.constant(np.array(zero_point + 128, np.uint8))
        return self.op("QuantizeLinear", x, self.constant(scalar(scale)), point, name=name)

    def dequantize(self, x: str, name: str, scale: float, zero_point: int) -> str:
        point = self.constant(np.array(zero_point + 128, np.uint8))
        return self.op("DequantizeLinear", x, self.constant(scalar(scale)), point, name=name)


def uint8_conv() -> QdqModel:
    m = Uint8Model()
    x = m.input("x", (1, 3, 12, 7))
    weights = m.weights((4, 3, 3, 3))
    m.op("Conv", x, weights, m.bias(weights, 4), name="conv", pads=[1, 1, 1, 1])
    m.output(m.pair("conv", "y"))
    return m


def uint8_ports() -> QdqModel:
    m = Uint8Model()
    m.plain_input("x", MAP, TensorProto.UINT8)
    x = m.dequantize("x", "x_real", 2**-4, 3)
    m.quantize(m.op("MaxPool", x, kernel_shape=[2, 2], name="pool"), "y", 2**-4, 3)
    m.output("y", TensorProto.UINT8)
    return m


def uint8_weights() -> QdqModel:
    m = QdqModel()
    x = m.input("x", MAP)
    data = m.constant(m.rng.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8))
    names = m.constant(scalar(2**-7)), m.constant(np.array(128, np.uint8))
    m.op("Conv", x, m.op("DequantizeLinear", data, *names), name="conv")
    m.output(m.pair("conv", "y"))
    return m


def vector_scales() -> QdqModel:
    """Scales and zero points of shape [1]."""
    m = conv((3, 3), axis=None)()
    for tensor in m.initializers:
        if not tensor.dims:
            tensor.dims.append(1)
    return m


def float_bias() -> QdqModel:
    m = QdqModel()
    x, bias = m.input("x", MAP), m.constant(m.rng.normal(size=4).astype(np.float32))
    m.output(m.pair(m.op("Conv", x, m.weights((4, 3, 3, 3)), bias, name="conv"), "y"))
    return m


def grouped(
    shape: tuple[int, ...], weights: tuple[int, ...], **attributes: Any
) -> Callable[[], QdqModel]:
    def build() -> QdqModel:
        m = QdqModel()
        made = m.op("Conv", m.input("x", shape), m.weights(weights), name="conv", **attributes)
        m.output(m.pair(made, "y"))
        return m

    return build


def weights_on_the_fly(clip: tuple[int, int] | None = None) -> Callable[[], QdqModel]:
    """Float weights behind a Q/DQ pair, with Brevitas' narrow range between them or not."""

    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", MAP)
        floats = m.constant(m.rng.normal(size=(4, 3, 3, 3)).astype(np.float32) / 2)
        scales = np.array([2**-7, 2**-6, 2**-7, 2**-8], np.float32)
        names = m.constant(scales), m.constant(np.zeros(4, np.int8))
        q = m.op("QuantizeLinear", floats, *names, name="wq", axis=0)
        if clip is not None:
            q = m.op("Clip", q, *(m.constant(np.array(b, np.int8)) for b in clip))
        m.op("Conv", x, m.op("DequantizeLinear", q, *names, axis=0), name="conv")
        m.output(m.pair("conv", "y"))
        return m

    return build


def biased(quantized: bool, kind: str = "MatMul") -> Callable[[], QdqModel]:
    """MatMul or Conv, then Add of a constant, with nothing quantized between them."""

    def build() -> QdqModel:
        m = QdqModel()
        if kind == "Conv":
            x, weights, shape = m.input("x", MAP), m.weights((5, 3, 1, 1)), (5, 1, 1)
        else:
            x, weights, shape = m.input("x", (1, 12)), m.weights((12, 5), axis=1), (5,)
        made = m.op(kind, x, weights, name="dense")
        if quantized:
            bias = m.bias(weights, 5)
        else:
            bias = m.constant(m.rng.normal(size=shape).astype(np.float32))
        m.output(m.pair(m.op("Add", made, bias, name="add"), "y"))
        return m

    return build


def rows() -> QdqModel:
    m = QdqModel()
    x = m.input("x", (1, 6, 8))
    m.output(m.pair(m.op("MatMul", x, m.weights((8, 4), axis=1), name="dense"), "y"))
    return m


def transposed_weights() -> QdqModel:
    m = QdqModel()
    x = m.input("x", (1, 12))
    weights = m.op("Transpose", m.weights((5, 12), axis=0), perm=[1, 0])
    m.output(m.pair(m.op("MatMul", x, weights, name="dense"), "y"))
    return m


def operand(kind: str, values: Array, *, first: bool = False) -> Callable[[], QdqModel]:
    """Arithmetic with a constant."""

    def build() -> QdqModel:
        m = QdqModel()
        x, c = m.input("x", MAP), m.constant(values)
        m.op(kind, *((c, x) if first else (x, c)), name="op")
        m.output(m.pair("op", "y", 0.1, -5))
        return m

    return build


def quantized_operand() -> QdqModel:
    m = QdqModel()
    x, data = m.input("x", (1, 5)), m.constant(np.array([3, -7, 120, -128, 0], np.int8))
    names = m.constant(scalar(0.03)), m.constant(np.array(-43, np.int8))
    m.op("Add", x, m.op("DequantizeLinear", data, *names), name="op")
    m.output(m.pair("op", "y", 0.1, -5))
    return m


def two(kind: str, other: tuple[int, ...] = MAP) -> Callable[[], QdqModel]:
    def build() -> QdqModel:
        m = QdqModel()
        a, b = m.input("a", MAP), m.input("b", other, 2**-5, -7)
        m.output(m.pair(m.op(kind, a, b, name="op"), "y", 0.2, 1))
        return m

    return build


def concat(axis: int, *, alike: bool) -> Callable[[], QdqModel]:
    def build() -> QdqModel:
        m = QdqModel()
        b = m.input("b", MAP) if alike else m.input("b", MAP, 2**-5, -7)
        m.op("Concat", m.input("a", MAP), b, name="op", axis=axis)
        m.output(m.pair("op", "y", 2**-4, 3))
        return m

    return build


def nhwc(kind: str = "Conv") -> Callable[[], QdqModel]:
    """As tf2onnx writes it: Transposes around a convolution, before and after quantization."""

    def build() -> QdqModel:
        m = QdqModel()
        m.plain_input("x", (1, 6, 8, 3), TensorProto.INT8)
        turned = m.op("Transpose", "x", perm=NCHW)
        x = m.dequantize(turned, "x_real", 2**-4, 3)
        more = [m.weights((4, 3, 3, 3))] if kind == "Conv" else []
        attributes: dict[str, Any] = {} if kind == "Conv" else {"kernel_shape": [2, 2]}
        made = m.op(kind, x, *more, name="op", **attributes)
        m.quantize(m.op("Transpose", made, perm=NHWC), "y", 2**-4, 3)
        m.output("y", TensorProto.INT8)
        return m

    return build


def reshaped_input() -> QdqModel:
    m = QdqModel()
    m.plain_input("x", ("N", 60))
    shape = m.constant(np.array([-1, 1, 12, 5]))
    x = m.pair(m.op("Reshape", "x", shape), "x_map", 2**-4, 3)
    m.output(m.pair(m.op("Conv", x, m.weights((4, 1, 3, 3)), name="conv"), "y"))
    return m


def mean_reshaped() -> QdqModel:
    """What ONNX Runtime leaves of a mean and a flatten."""
    m = QdqModel()
    mean = m.op("ReduceMean", m.input("x", MAP), axes=[2, 3], keepdims=1, name="mean")
    flat = m.op("Reshape", mean, m.constant(np.array([1, 3])), name="flat")
    m.output(m.pair(flat, "y", 2**-6, 1))
    return m


def pool_then_conv() -> QdqModel:
    """Nothing between a pool and what reads it: a pool keeps the scale."""
    m = QdqModel()
    pool = m.op("MaxPool", m.input("x", MAP), kernel_shape=[2, 2], name="pool")
    flat = m.op("Conv", m.op("Relu", pool), m.weights((4, 3, 3, 3)), name="conv")
    m.output(m.pair(flat, "y"))
    return m


def clip_of_int8() -> QdqModel:
    m = QdqModel()
    m.plain_input("x", MAP)
    q = m.quantize("x", "q", 2**-4, 3)
    q = m.op("Clip", q, *(m.constant(np.array(b, np.int8)) for b in (-100, 90)), name="clip")
    x = m.dequantize(q, "x_real", 2**-4, 3)
    m.output(m.pair(m.op("Conv", x, m.weights((4, 3, 3, 3)), name="conv"), "y"))
    return m


def at_the_end(kind: str) -> Callable[[], QdqModel]:
    """An operator after the last DequantizeLinear."""

    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", (1, 12))
        y = m.pair(m.op("MatMul", x, m.weights((12, 8), axis=1), name="dense"), "y", 0.05, 3)
        shape = [m.constant(np.array([1, 2, 4]))] if kind == "Reshape" else []
        m.output(m.op(kind, y, *shape, name="last"))
        return m

    return build


def gate(kind: str, **attributes: Any) -> Callable[[], QdqModel]:
    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", MAP)
        m.output(m.pair(m.op("Mul", x, m.op(kind, x, **attributes), name="op"), "y", 2**-4, 3))
        return m

    return build


def flat_map_softmax() -> QdqModel:
    m = QdqModel()
    flat = m.pair(m.op("Flatten", m.input("x", MAP)), "flat", 2**-4, 3)
    m.output(m.pair(m.op("Softmax", flat, name="op"), "y", 1 / 256, -128))
    return m


CHANNELS = np.array([0.5, -1.5, 2.0], np.float32).reshape(3, 1, 1)
PADS = np.array([0, 0, 1, 2, 0, 0, 3, 4])
FACTORS = np.array([1, 1, 2, 3], np.float32)

MORE_ISLANDS: dict[str, Callable[[], QdqModel]] = {
    "uint8 activations": uint8_conv,
    "uint8 ports": uint8_ports,
    "uint8 weights": uint8_weights,
    "scales of shape [1]": vector_scales,
    "float bias": float_bias,
    "weights quantized on the fly": weights_on_the_fly(),
    "weights quantized on the fly, narrow": weights_on_the_fly((-127, 127)),
    "conv groups": grouped((1, 4, 6, 5), (6, 2, 3, 3), group=2),
    "conv of a sequence": grouped((1, 4, 9), (6, 4, 3), strides=[2], pads=[1, 0]),
    "MaxPool of a sequence": unary("MaxPool", shape=(1, 3, 9), kernel_shape=[3], strides=[2]),
    "MatMul, Add int32": biased(quantized=True),
    "MatMul, Add float": biased(quantized=False),
    "Conv, Add float": biased(quantized=False, kind="Conv"),
    "MatMul of rows": rows,
    "MatMul by transposed weights": transposed_weights,
    "Add constant per channel": operand("Add", CHANNELS),
    "Sub constant": operand("Sub", scalar(0.75)),
    "Sub from constant": operand("Sub", CHANNELS, first=True),
    "Mul constant per channel": operand("Mul", CHANNELS),
    "Div constant": operand("Div", scalar(3.0)),
    "Add quantized constant": quantized_operand,
    "Sub": two("Sub"),
    "Mul": two("Mul"),
    "Mul per channel": two("Mul", (1, 3, 1, 1)),
    "Concat of channels": concat(1, alike=True),
    "Concat of other scales": concat(1, alike=False),
    "Concat of rows": concat(2, alike=True),
    "Transposes around Conv": nhwc(),
    "Transposes around MaxPool": nhwc("MaxPool"),
    "Reshape before quantization": reshaped_input,
    "Reshape of a map": unary("Reshape", parameters=(np.array([1, 6, 3, 8]),)),
    "ReduceMean, Reshape": mean_reshaped,
    "ReduceMean of channels": unary("ReduceMean", quant=(2**-5, 1), axes=[1]),
    "ReduceMean of all": unary("ReduceMean", quant=(2**-6, 1)),
    "MaxPool": unary("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "MaxPool, ceil_mode": unary("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "MaxPool, other scale": unary("MaxPool", quant=(0.05, 1), kernel_shape=[2, 2]),
    "MaxPool, Relu, Conv": pool_then_conv,
    "AveragePool, counted pads": unary(
        "AveragePool", kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1
    ),
    "Pad, other scale": unary("Pad", quant=(0.05, 1), parameters=(PADS,)),
    "Resize": unary(
        "Resize",
        parameters=(None, FACTORS),
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    ),
    "Slice": unary("Slice", parameters=(np.array([1]), np.array([3]), np.array([1]))),
    "Softmax of a map": unary("Softmax", quant=(1 / 256, -128), axis=1),
    "Softmax of a flat map": flat_map_softmax,
    "Sigmoid": unary("Sigmoid", quant=(1 / 256, -128)),
    "Sigmoid, 1/255": unary("Sigmoid", quant=(1 / 255, -128)),
    "Tanh": unary("Tanh", quant=(1 / 128, 0)),
    "LeakyRelu": unary("LeakyRelu", quant=(0.05, -20), alpha=0.2),
    "HardSwish": unary("HardSwish", quant=(0.05, -100), opset=14),
    "HardSigmoid": unary("HardSigmoid", quant=(1 / 255, -128)),
    "x * Sigmoid(x)": gate("Sigmoid"),
    "x * HardSigmoid(x)": gate("HardSigmoid", alpha=1 / 6, beta=0.5),
    "Relu alone, same scale": unary("Relu"),
    "Relu alone, range from 0": unary("Relu", quant=(2**-5, -128)),
    "Clip alone": unary("Clip", quant=(0.05, 2), parameters=(scalar(-1.0), scalar(2.5))),
    "Clip of int8 values": clip_of_int8,
    "Softmax at the end": at_the_end("Softmax"),
    "Sigmoid at the end": at_the_end("Sigmoid"),
    "Tanh at the end": at_the_end("Tanh"),
    "Reshape at the end": at_the_end("Reshape"),
}
"""Every island by name; what each becomes stands in islands.txt."""
