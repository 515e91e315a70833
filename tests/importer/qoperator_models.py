"""Builds small models in QOperator form, and runs what they are rewritten to in ONNX Runtime."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mcucc.importer import OnnxModel
from mcucc.sim.onnx_runtime import open_session
from tests.importer.qdq_models import Array, QdqModel, scalar

MICROSOFT = "com.microsoft"
_IMPORTS = [helper.make_opsetid(MICROSOFT, 1)]


class QOperatorModel(QdqModel):
    """Values are integers of one type; an operand is the names of (value, scale, zero point).

    Inputs and outputs are floats, quantized and dequantized at the edges.
    """

    def __init__(self, dtype: str, opset: int = 13) -> None:
        super().__init__(opset)
        self.dtype = dtype

    def parameters(self, scale: float, zero_point: int) -> tuple[str, str]:
        """A scale and a zero point given for int8; uint8 is shifted by 128."""
        zero = self.shifted(np.array(zero_point, np.int8))
        return self.constant(scalar(scale)), self.constant(zero)

    def shifted(self, data: Array) -> Array:
        """Int8 activations in the model's own type."""
        shift = 128 if self.dtype == "uint8" else 0
        return (data.astype(np.int32) + shift).astype(self.dtype)

    def operand(
        self, name: str, shape: tuple[int, ...], scale: float = 2**-4, zero_point: int = 3
    ) -> tuple[str, str, str]:
        self.plain_input(f"{name}_float", shape)
        pair = self.parameters(scale, zero_point)
        return self.op("QuantizeLinear", f"{name}_float", *pair, name=name), *pair

    def weight(self, shape: tuple[int, ...], axis: int | None) -> tuple[str, str, str]:
        """Int8 weights, their scales (one if `axis` is None) and zero points."""
        # Seven bits: with eight, ONNX Runtime's sums of int8 products saturate on processors
        # without VNNI, which no option of it helps against in QOperator form.
        data = self.rng.integers(-63, 64, shape, dtype=np.int8)
        count = () if axis is None else (shape[axis],)
        scale = (2.0 ** -(7 + np.arange(np.prod(count)) % 2)).astype(np.float32).reshape(count)
        zero = self.constant(np.zeros(count, np.int8))
        return self.constant(data), self.constant(scale), zero

    def int_bias(self, length: int) -> str:
        return self.constant(self.rng.integers(-2000, 2000, length, dtype=np.int32))

    def end(self, y: str, pair: tuple[str, str], rank: int = 4) -> "QOperatorModel":
        self.op("DequantizeLinear", y, *pair, name="y")
        # Shape inference stops at operators of other domains: sizes stay open.
        sizes = [f"size{axis}" for axis in range(rank)]
        self.outputs.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, sizes))
        return self

    def proto(self, ir_version: int = 8) -> onnx.ModelProto:
        model = super().proto(ir_version)
        model.opset_import.extend(_IMPORTS)
        return model


Builder = Callable[[str], QOperatorModel]


def unary(
    op: str, quant: tuple[float, int], shape: tuple[int, ...] = (1, 3, 6, 8), **attributes: Any
) -> Builder:
    def build(dtype: str) -> QOperatorModel:
        m = QOperatorModel(dtype)
        x, pair = m.operand("x", shape), m.parameters(*quant)
        m.op(op, *x, *pair, name="op", domain=MICROSOFT, **attributes)
        return m.end("op", pair, len(shape))

    return build


def binary(op: str, quant: tuple[float, int]) -> Builder:
    def build(dtype: str) -> QOperatorModel:
        m = QOperatorModel(dtype)
        a, b = m.operand("a", (1, 3, 4, 5)), m.operand("b", (1, 3, 4, 5), 2**-5, -7)
        pair = m.parameters(*quant)
        m.op(op, *a, *b, *pair, name="op", domain=MICROSOFT)
        return m.end("op", pair)

    return build


def conv(
    kernel: tuple[int, int],
    *,
    axis: int | None = 0,
    group: int = 1,
    bias: bool = True,
    **attributes: Any,
) -> Builder:
    def build(dtype: str) -> QOperatorModel:
        m = QOperatorModel(dtype)
        x, weights = m.operand("x", (1, 4, 9, 7)), m.weight((4, 4 // group, *kernel), axis)
        pair = m.parameters(0.5, -5)
        more = [m.int_bias(4)] if bias else []
        m.op("QLinearConv", *x, *weights, *pair, *more, name="op", group=group, **attributes)
        return m.end("op", pair)

    return build


def gemm(
    *, axis: int | None, trans_b: int = 0, bias: bool = True, result: bool = True, alpha: float = 1
) -> Builder:
    def build(dtype: str) -> QOperatorModel:
        m = QOperatorModel(dtype)
        x, weights = m.operand("x", (1, 12)), m.weight((5, 12) if trans_b else (12, 5), axis)
        pair = m.parameters(0.5, -5)
        more = m.int_bias(5) if bias else ""
        last = pair if result else ()
        attributes = {"transB": trans_b, "alpha": float(alpha)}
        m.op("QGemm", *x, *weights, more, *last, name="op", domain=MICROSOFT, **attributes)
        if result:
            return m.end("op", pair, 2)
        return m.end(m.op("QuantizeLinear", "op", *pair, name="op_quantized"), pair, 2)

    return build


def matmul(axis: int | None) -> Builder:
    def build(dtype: str) -> QOperatorModel:
        m = QOperatorModel(dtype)
        x, weights, pair = m.operand("x", (1, 12)), m.weight((12, 5), axis), m.parameters(0.5, -5)
        m.op("QLinearMatMul", *x, *weights, *pair, name="op")
        return m.end("op", pair, 2)

    return build


def concat(dtype: str) -> QOperatorModel:
    m = QOperatorModel(dtype)
    a, b = m.operand("a", (1, 3, 4, 5)), m.operand("b", (1, 2, 4, 5), 2**-5, -7)
    pair = m.parameters(2**-4, 3)
    m.op("QLinearConcat", *pair, *a, *b, name="op", domain=MICROSOFT, axis=1)
    return m.end("op", pair)


def fan_out(dtype: str) -> QOperatorModel:
    """Two readers of one value, and its own weights without zero points."""
    m = QOperatorModel(dtype)
    x, pair = m.operand("x", (1, 4, 5, 5)), m.parameters(0.25, -5)
    weights, scale, _ = m.weight((4, 4, 1, 1), 0)
    zero = m.constant(np.zeros(4, np.int8))
    m.op("QLinearConv", *x, weights, scale, zero, *pair, name="conv")
    m.op("QLinearAdd", *x, "conv", *pair, *pair, name="op", domain=MICROSOFT)
    return m.end("op", pair)


def moved(op: str, *constants: Array, **attributes: Any) -> Builder:
    """An operator on integers between two QOperator nodes."""

    def build(dtype: str) -> QOperatorModel:
        m = QOperatorModel(dtype)
        x, pair = m.operand("x", (1, 4, 6, 6)), m.parameters(2**-4, 5)
        m.op("QLinearConv", *x, *m.weight((4, 4, 1, 1), 0), *pair, name="conv")
        more = [m.constant(c if c.dtype != np.int8 else m.shifted(c)) for c in constants]
        m.op(op, "conv", *more, name="moved", **attributes)
        if op == "Flatten":
            width = 144
            m.op("QLinearMatMul", "moved", *pair, *m.weight((width, 5), None), *pair, name="op")
        else:
            m.op("QLinearConv", "moved", *pair, *m.weight((4, 4, 1, 1), 0), *pair, name="op")
        return m.end("op", pair, 2 if op == "Flatten" else 4)

    return build


def to_proto(model: OnnxModel) -> onnx.ModelProto:
    """The file that a model could have been read from."""
    types = {port: helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype)) for port in model.inputs}
    nodes: list[onnx.NodeProto] = []
    for index, node in enumerate(model.nodes):
        attributes: dict[str, Any] = dict(node.attributes)
        name = f"{node.name}.{index}"
        nodes.append(helper.make_node(node.op, node.inputs, node.outputs, name, **attributes))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(p.name, types[p], p.shape) for p in model.inputs],
        [helper.make_tensor_value_info(p.name, TensorProto.FLOAT, p.shape) for p in model.outputs],
        [numpy_helper.from_array(data, name) for name, data in model.constants.items()],
    )
    imports = [helper.make_opsetid("", model.opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def run_onnx_runtime(proto: onnx.ModelProto, feed: dict[str, Array]) -> Array:
    """The output of one run, without the optimizations that would fuse the QDQ form again."""
    session = open_session(proto.SerializeToString())
    return session.run(None, feed)[0]


OPERATORS: dict[str, Builder] = {
    "QLinearConv": conv((3, 3), pads=[1, 1, 1, 1], strides=[2, 2]),
    "QLinearConv per tensor, no bias": conv((2, 1), axis=None, bias=False),
    "QLinearConv depthwise": conv((3, 3), group=4),
    "QLinearConv per tensor": conv((1, 1), axis=None),
    "QLinearMatMul": matmul(None),
    "QLinearMatMul per channel": matmul(1),
    "QGemm": gemm(axis=None),
    "QGemm per channel": gemm(axis=1),
    "QGemm transB per channel": gemm(axis=0, trans_b=1),
    "QGemm transB": gemm(axis=None, trans_b=1),
    "QGemm no bias": gemm(axis=None, bias=False),
    "QGemm alpha": gemm(axis=None, alpha=0.5),
    "QGemm to float": gemm(axis=1, result=False),
    "QLinearAdd": binary("QLinearAdd", (2**-3, 1)),
    "QLinearMul": binary("QLinearMul", (2**-2, 1)),
    "QLinearSoftmax": unary("QLinearSoftmax", (1 / 256, -128), (1, 10), axis=-1, opset=13),
    "QLinearSoftmax axis 1": unary("QLinearSoftmax", (1 / 256, -128), (1, 10), axis=1, opset=13),
    "QLinearGlobalAveragePool": unary("QLinearGlobalAveragePool", (2**-6, 2), channels_last=0),
    "QLinearAveragePool": unary(
        "QLinearAveragePool", (2**-4, 3), kernel_shape=[2, 3], strides=[2, 1]
    ),
    "QLinearConcat": concat,
    "QLinearSigmoid": unary("QLinearSigmoid", (1 / 256, -128)),
    "QLinearLeakyRelu": unary("QLinearLeakyRelu", (2**-5, -30), alpha=0.2),
    "QLinearLeakyRelu default": unary("QLinearLeakyRelu", (2**-5, -30)),
    "two readers": fan_out,
    "Flatten": moved("Flatten"),
    "MaxPool": moved("MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
    "Transpose": moved("Transpose", perm=[0, 1, 3, 2]),
    "Pad": moved("Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1]), np.array(5, np.int8)),
}
"""Every form that is rewritten, by name."""
