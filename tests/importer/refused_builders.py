"""Builders of small models that break one rule each; refused_models.py lists them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from tests.importer.island_builders import unary
from tests.importer.qdq_models import Array, QdqModel, scalar

Build = Callable[[], QdqModel]

WEIGHTS, WEIGHT_SCALE, BIAS, BIAS_SCALE = 4, 5, 6, 7
"""Initializers of the models that `conv` and `dense` build; those of the input come first."""

MAP = (1, 3, 6, 8)


def replaced(build: Build, index: int, data: Array) -> Build:
    """The same model with other data in one initializer."""

    def changed() -> QdqModel:
        m = build()
        name = m.initializers[index].name
        m.initializers.pop(index)
        m.constant(data, name)
        return m

    return changed


def plain_reader(kind: str, count: int = 1) -> Build:
    """An operator that reads the float input itself."""

    def build() -> QdqModel:
        m = QdqModel()
        m.input("x", (1, 2, 3, 4))
        m.output(m.pair(m.op(kind, *["x_float"] * count, name="op"), "y"))
        return m

    return build


def dropped(*options: np.ndarray) -> Build:
    """A Dropout between quantized values, with a ratio and a mode."""

    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", (1, 2, 3, 4))
        constants = [m.constant(data) for data in options]
        m.output(m.pair(m.op("Dropout", x, *constants, name="drop"), "y"))
        return m

    return build


def added(shape: tuple[int, ...], quant: tuple[float, int] = (2**-4, 0)) -> Build:
    def build() -> QdqModel:
        m = QdqModel()
        a, b = m.input("a", (1, 2, 3, 4)), m.input("b", shape)
        m.output(m.pair(m.op("Add", a, b, name="op"), "y", *quant))
        return m

    return build


def quantized_input(shape: tuple[int | str, ...], dtype: int = TensorProto.FLOAT) -> Build:
    def build() -> QdqModel:
        m = QdqModel()
        m.plain_input("x", shape, dtype)
        x = m.dequantize(m.quantize("x", "op", 0.5, 0), "x_real", 0.5, 0)
        m.output(m.pair(m.op("Relu", m.op("GlobalAveragePool", x)), "y"))
        return m

    return build


def quantized_with(scale: Array, zero_point: Array | None, **attributes: Any) -> Build:
    def build() -> QdqModel:
        m = QdqModel(21)
        m.plain_input("x", (1, 2, 3, 4))
        more = [] if zero_point is None else [m.constant(zero_point)]
        m.op("QuantizeLinear", "x", m.constant(scale), *more, name="op", **attributes)
        m.output("op", TensorProto.INT8)
        return m

    return build


def weights_with(scale: Array, zero_point: Array | None = None, axis: int = 0) -> Build:
    """A convolution whose weights [4, 2, 1, 1] have these parameters."""

    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", (1, 2, 3, 4))
        data = m.constant(np.ones((4, 2, 1, 1), np.int8))
        more = [] if zero_point is None else [m.constant(zero_point)]
        m.op("DequantizeLinear", data, m.constant(scale), *more, name="op", axis=axis)
        m.output(m.pair(m.op("Conv", x, "op", name="conv"), "y"))
        return m

    return build


def not_constant(index: int) -> Build:
    """A QuantizeLinear whose scale (1) or zero point (2) is computed."""

    def build() -> QdqModel:
        m = QdqModel()
        m.plain_input("x", (1, 4))
        m.plain_input("p", (1, 1), TensorProto.FLOAT if index == 1 else TensorProto.INT8)
        parameters = [m.constant(scalar(0.5)), m.constant(np.array(0, np.int8))]
        parameters[index - 1] = "p"
        m.op("QuantizeLinear", "x", *parameters, name="op")
        m.output("op", TensorProto.INT8)
        return m

    return build


def two_input_scales() -> QdqModel:
    m = QdqModel()
    a = m.input("x", (1, 2, 3, 4))
    b = m.dequantize(m.quantize("x_float", "op", 0.5, 0), "b", 0.5, 0)
    m.output(m.pair(m.op("Add", a, b), "y"))
    return m


def other_dequantization() -> QdqModel:
    m = QdqModel()
    m.plain_input("x", (1, 2, 3, 4))
    m.dequantize(m.quantize("x", "q", 0.5, 0), "op", 0.25, 0)
    m.output(m.pair(m.op("GlobalAveragePool", "op"), "y"))
    return m


def quantized_constant() -> QdqModel:
    m = QdqModel()
    m.input("x", (1, 4))
    m.quantize(m.constant(np.ones((1, 4), np.float32)), "op", 0.5, 0)
    m.output("op", TensorProto.INT8)
    return m


def flat_map_reader(kind: str) -> Build:
    """A flattened map is in another order inside; only a dense layer may read it."""

    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", (1, 3, 4, 5))
        flat = m.pair(m.op("Flatten", x), "flat", 2**-4, 3)
        m.op(kind, *([flat, flat] if kind == "Add" else [flat]), name="op")
        m.output(m.pair("op", "y", 1 / 256, -128))
        return m

    return build


def float_bias() -> QdqModel:
    m = QdqModel()
    x, bias = m.input("x", (1, 2, 3, 4)), m.constant(np.zeros(3, np.float32))
    m.output(m.pair(m.op("Conv", x, m.weights((3, 2, 1, 1)), bias, name="op"), "y"))
    return m


def dense_of_map() -> QdqModel:
    m = QdqModel()
    made = m.op("MatMul", m.input("x", (1, 3, 4, 5)), m.weights((5, 2), axis=None))
    m.output(m.pair(made, "y"))
    return m


def softmax_of_small() -> QdqModel:
    m = QdqModel()
    m.output(m.pair(m.op("Softmax", m.input("x", (1, 4), 1e-9)), "y", 1 / 256, -128))
    return m


def axis_of(build: Build, index: int, axis: int) -> Build:
    """The same model with another axis in one DequantizeLinear."""

    def changed() -> QdqModel:
        m = build()
        node = [node for node in m.nodes if node.op_type == "DequantizeLinear"][index]
        del node.attribute[:]
        node.attribute.append(helper.make_attribute("axis", axis))
        return m

    return changed


def pooled(**attributes: Any) -> Build:
    return unary("AveragePool", kernel_shape=[3, 3], **attributes)


def reshaped(shape: tuple[int, ...], target: list[int], **attributes: Any) -> Build:
    return unary(
        "Reshape", shape=shape, opset=14, parameters=(np.array(target, np.int64),), **attributes
    )


def padded(pads: list[int], value: float = 0.0, axes: list[int] | None = None, **a: Any) -> Build:
    more = () if axes is None else (np.array(axes),)
    return unary("Pad", opset=18, parameters=(np.array(pads), scalar(value), *more), **a)


def dialect(domain: str, kind: str, inputs: int = 1, outputs: int = 1) -> Build:
    """An operator of another form of quantization, between a Q/DQ pair and an output."""

    def build() -> QdqModel:
        m = QdqModel()
        x = m.input("x", (1, 4, 4))
        made = ["op", *(f"op_{i}" for i in range(1, outputs))]
        node = helper.make_node(kind, [x] * inputs, made, name="op", domain=domain)
        m.nodes.append(node)
        m.domains += [domain] if domain else []
        m.output("op")
        return m

    return build


def integer(kind: str) -> Build:
    """An integer product without scales."""

    def build() -> QdqModel:
        m = QdqModel()
        m.plain_input("x", (1, 2, 4, 4))
        q = m.quantize("x", "q", 0.5, 0)
        m.op(kind, q, m.constant(np.ones((4, 2, 4, 4), np.int8)), name="op")
        m.output("op", TensorProto.INT32)
        return m

    return build


def int4_weights() -> QdqModel:
    m = QdqModel(21)
    x = m.input("x", (1, 4))
    m.initializers.append(helper.make_tensor("w", TensorProto.INT4, (4, 2), [1] * 8))
    m.op("DequantizeLinear", "w", m.constant(scalar(0.5)), name="op")
    m.output(m.pair(m.op("MatMul", x, "op", name="dense"), "y"))
    return m


def two_floats() -> QdqModel:
    """A mean of a mean: what is between them has no scale."""
    m = QdqModel()
    first = m.op("ReduceMean", m.input("x", MAP), axes=[3], name="first")
    m.output(m.pair(m.op("ReduceMean", first, axes=[2], name="op"), "y"))
    return m


def float_end(kind: str) -> Build:
    def build() -> QdqModel:
        m = QdqModel()
        m.output(m.op(kind, m.input("x", MAP), name="op"))
        return m

    return build
