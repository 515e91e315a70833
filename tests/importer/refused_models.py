"""Small models that must be refused, each for one reason."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from tests.importer.island_builders import clipped, conv, dense, unary
from tests.importer.qdq_models import Array, QdqModel, scalar

Build = Callable[[], QdqModel]

WEIGHTS, WEIGHT_SCALE, BIAS, BIAS_SCALE = 4, 5, 6, 7
"""Initializers of the models that `conv` and `dense` build; those of the input come first."""


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


def added(shape: tuple[int, ...], quant: tuple[float, int] = (2**-4, 0)) -> Build:
    def build() -> QdqModel:
        m = QdqModel()
        a, b = m.input("a", (1, 2, 3, 4)), m.input("b", shape)
        m.output(m.pair(m.op("Add", a, b, name="op"), "y", *quant))
        return m

    return build


def quantised_input(shape: tuple[int | str, ...], dtype: int = TensorProto.FLOAT) -> Build:
    def build() -> QdqModel:
        m = QdqModel()
        m.plain_input("x", shape, dtype)
        x = m.dequantize(m.quantize("x", "op", 0.5, 0), "x_real", 0.5, 0)
        m.output(m.pair(m.op("Relu", m.op("GlobalAveragePool", x)), "y"))
        return m

    return build


def quantised_with(scale: Array, zero_point: Array | None, **attributes: Any) -> Build:
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
        m.plain_input("p", (), TensorProto.FLOAT if index == 1 else TensorProto.INT8)
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


def other_dequantisation() -> QdqModel:
    m = QdqModel()
    m.plain_input("x", (1, 2, 3, 4))
    m.dequantize(m.quantize("x", "q", 0.5, 0), "op", 0.25, 0)
    m.output(m.pair(m.op("GlobalAveragePool", "op"), "y"))
    return m


def quantised_constant() -> QdqModel:
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


MAP = (1, 3, 6, 8)

REFUSALS: dict[str, tuple[Build, str, str]] = {
    # Inputs and outputs.
    "rank 5": (quantised_input((1, 2, 3, 4, 5)), "rank 2 to 4", "[1, 2, 3, 4, 5]"),
    "rank 1": (quantised_input((4,)), "rank 2 to 4", "[4]"),
    "open size": (quantised_input((1, 2, "H", 4)), "no open dimension", "[1, 2, ?, 4]"),
    "batch 8": (quantised_input((8, 2, 3, 4)), "batch 1", "[8, 2, 3, 4]"),
    "batch 0": (quantised_input((0, 2, 3, 4)), "batch 1", "[0, 2, 3, 4]"),
    "size 0": (quantised_input((1, 2, 0, 4)), "rank 2 to 4", "[1, 2, 0, 4]"),
    "negative size": (quantised_input((1, 2, -3, 4)), "rank 2 to 4", "[1, 2, -3, 4]"),
    "huge input": (quantised_input((1, 2, 2**15, 2**15)), "fewer than 2^31", "32768"),
    "huge sizes": (quantised_input((1, 2**62, 2**62, 4)), "fewer than 2^31", str(2**62)),
    "float16 input": (quantised_input(MAP, TensorProto.FLOAT16), "float32", "a plain input"),
    "two input scales": (two_input_scales, "quantised one way", "'x_float'"),
    "quantised constant": (quantised_constant, "must be a float32 activation", "a constant"),
    # Scales and zero points.
    "uint8": (quantised_with(scalar(1), np.array(0, np.uint8)), "must be int8", "uint8"),
    "uint8 by default": (quantised_with(scalar(1), None), "must be int8", "uint8"),
    "per channel": (
        quantised_with(np.ones(2, np.float32), np.zeros(2, np.int8)),
        "one scale",
        "2 scale(s)",
    ),
    "scale NaN": (quantised_with(scalar(np.nan), None), "finite and positive", "nan"),
    "scale inf": (quantised_with(scalar(np.inf), None), "finite and positive", "inf"),
    "scale 0": (quantised_with(scalar(0), None), "finite and positive", "0.0"),
    "scale < 0": (quantised_with(scalar(-1), None), "finite and positive", "-1.0"),
    "no scale": (quantised_with(np.ones(0, np.float32), None), "finite and positive", "[]"),
    "float16 scale": (quantised_with(np.array(1, np.float16), None), "float32", "float16"),
    "blocked scale": (
        quantised_with(np.ones((1, 1, 3, 4), np.float32), None, axis=1, block_size=2),
        "one or one per channel",
        "float32[1, 1, 3, 4]",
    ),
    "no zero point": (quantised_with(scalar(1), np.zeros(0, np.int8)), "as many zero points", "0"),
    "scale computed": (not_constant(1), "the scale must be constant", "'p'"),
    "zero point computed": (not_constant(2), "the zero point must be constant", "'p'"),
    "other dequantisation": (other_dequantisation, "must undo", "int8 activations"),
    "weight zero point": (
        weights_with(scalar(1), np.array(-43, np.int8)),
        "weights must have zero point 0",
        "[-43]",
    ),
    "scales along no axis": (weights_with(np.ones(4, np.float32), axis=7), "per index", "axis 7"),
    "too few scales": (weights_with(np.ones(3, np.float32)), "per index", "3 scales"),
    # Convolutions.
    "group": (conv((1, 1), shape=(1, 4, 3, 3), group=2), "group must be 1", "group 2 of 4"),
    "group 0": (conv((1, 1), group=0), "group must be 1", "group 0 of 3"),
    "kernel_shape": (conv((3, 3), kernel_shape=[2, 3]), "shape of the weights", "[2, 3]"),
    "kernel_shape 1-D": (conv((3, 3), kernel_shape=[3]), "kernel_shape must be 2", "[3]"),
    "strides 0": (conv((3, 3), strides=[0, 1]), "strides must be 2", "[0, 1]"),
    "strides < 0": (conv((3, 3), strides=[1, -1]), "strides must be 2", "[1, -1]"),
    "one stride": (conv((3, 3), strides=[2]), "strides must be 2", "[2]"),
    "huge stride": (conv((3, 3), strides=[2**40, 1]), "strides must be 2", str(2**40)),
    "dilations 0": (conv((3, 3), dilations=[1, 0]), "dilations must be 2", "[1, 0]"),
    "pads of 2": (conv((3, 3), pads=[1, 1]), "pads must be 4", "[1, 1]"),
    "pads < 0": (conv((3, 3), pads=[0, 0, 0, -1]), "pads must be 4", "[0, 0, 0, -1]"),
    "auto_pad": (conv((3, 3), auto_pad="SAME"), "auto_pad must be", "SAME"),
    "window too large": (conv((13, 3)), "must fit into", "map of [12, 7]"),
    "dilated window too large": (conv((3, 3), dilations=[1, 4]), "must fit into", "[1, 4]"),
    "input channels": (
        replaced(conv((1, 1), axis=None), WEIGHTS, np.ones((4, 5, 1, 1), np.int8)),
        "the weights must be [output channels",
        "[4, 5, 1, 1]",
    ),
    "no output channel": (
        replaced(conv((1, 1), axis=None, bias=False), WEIGHTS, np.ones((0, 3, 1, 1), np.int8)),
        "the weights must be [output channels",
        "[0, 3, 1, 1]",
    ),
    "weights of rank 3": (
        replaced(conv((1, 1), axis=None), WEIGHTS, np.ones((4, 3, 1), np.int8)),
        "two-dimensional",
        "[4, 3, 1]",
    ),
    "weights int32": (
        replaced(conv((1, 1)), WEIGHTS, np.ones((4, 3, 1, 1), np.int32)),
        "weights must be int8",
        "int32",
    ),
    "scales along input channels": (
        axis_of(conv((1, 1), shape=(1, 4, 5, 5), bias=False), 1, 1),
        "along the output channels",
        "axis 1",
    ),
    "bias length": (
        replaced(conv((1, 1), axis=None), BIAS, np.zeros(5, np.int32)),
        "one per output channel",
        "int32[5]",
    ),
    "bias int8": (
        replaced(conv((1, 1)), BIAS, np.zeros(4, np.int8)),
        "the bias must be int32",
        "int8[4]",
    ),
    "bias scale": (
        replaced(conv((1, 1), axis=None), BIAS_SCALE, scalar(2**-10)),
        "s_input * s_weight",
        "2 times",
    ),
    "float bias": (float_bias, "constants behind a DequantizeLinear", "input 2"),
    "products beyond float32": (
        replaced(conv((1, 1), axis=None, bias=False), WEIGHT_SCALE, scalar(1e-44)),
        "must be a float32 number",
        "6.",
    ),
    "factor beyond 2^30": (
        replaced(conv((1, 1), axis=None, bias=False), WEIGHT_SCALE, scalar(1e12)),
        "grow by less than 2^30",
        "output scale 0.25",
    ),
    # Dense layers.
    "alpha": (dense("Gemm", alpha=0.5), "alpha 1, beta 1", "0.5"),
    "transA": (dense("Gemm", transA=1), "transA 0", "transA"),
    "dense length": (
        replaced(dense("Gemm", bias=False), WEIGHTS, np.ones((7, 5), np.int8)),
        "the same length",
        "7 and 12",
    ),
    "dense of rank 3": (
        replaced(dense("MatMul", bias=False), WEIGHTS, np.ones((2, 12, 5), np.int8)),
        "must read [1, N]",
        "[2, 12, 5]",
    ),
    "dense without rows": (
        replaced(dense("MatMul", bias=False), WEIGHTS, np.ones((12, 0), np.int8)),
        "must read [1, N]",
        "[12, 0]",
    ),
    "dense of a map": (dense_of_map, "must read [1, N]", "input [1, 3, 4, 5]"),
    # Elementwise.
    "broadcast": (added((1, 2, 1, 1)), "the same shape", "[1, 2, 1, 1]"),
    "scales of Add": (added((1, 2, 3, 4), (1e-9, 0)), "2^20 * s_out", "output scale 1e-09"),
    "Clip 1..5": (clipped("Clip", (0.125, 0), bounds=(1.0, 5.0)), "0..6, 0..inf", "1..5"),
    "Clip NaN": (clipped("Clip", (0.125, 0), bounds=(np.nan,)), "0..6, 0..inf", "nan"),
    "Relu of a mean": (
        clipped("Relu", (2**-6, 0), producer="GlobalAveragePool"),
        "0..6, 0..inf",
        "0..inf",
    ),
    "Relu after quantisation": (unary("Relu"), "precede its QuantizeLinear", "dequantised"),
    "Softmax of a map": (unary("Softmax"), "last axis of [1, N]", str(list(MAP))),
    "Softmax axis": (unary("Softmax", shape=(1, 4), axis=0), "last axis of [1, N]", "axis 0"),
    "Softmax length": (unary("Softmax", shape=(1, 5000)), "fewer than 4096", "5000"),
    "Softmax scale": (softmax_of_small, "above 2^-26", "scale 1e-09"),
    # Pools and means.
    "pool of a row": (unary("GlobalAveragePool", shape=(1, 3, 4)), "must be a map", "[1, 3, 4]"),
    "pool kernel": (unary("AveragePool", kernel_shape=[3]), "kernel_shape must be 2", "[3]"),
    "pool kernel 0": (unary("AveragePool", kernel_shape=[0, 1]), "kernel_shape must be", "[0, 1]"),
    "pool pads": (pooled(pads=[1, 1, 0, 0]), "SAME padding", "[1, 0, 1, 0]"),
    "pool pads counted": (pooled(pads=[1] * 4, count_include_pad=1), "SAME padding", "_pad 1"),
    "pool ceil_mode": (pooled(strides=[2, 2], ceil_mode=1), "SAME padding", "ceil_mode 1"),
    "mean of channels": (unary("ReduceMean", axes=[1]), "adjacent spatial axes", "[1]"),
    "mean of all": (unary("ReduceMean"), "adjacent spatial axes", "[0, 1, 2, 3]"),
    "mean of no axis": (unary("ReduceMean", axes=[4]), "adjacent spatial axes", "[4]"),
    "mean twice one axis": (unary("ReduceMean", axes=[2, 2]), "adjacent spatial axes", "[2, 2]"),
    "mean of too many": (
        unary("GlobalAveragePool", shape=(1, 1, 2048, 2048), quant=(2**-6, 1)),
        "fewer than 2^22",
        "[1, 2048, 2048, 1]",
    ),
    # Movement.
    "reshape of a map": (reshaped((1, 4, 2, 3), [1, 2, 2, 6]), "order of bytes", "[1, 4, 2, 3]"),
    "reshape size": (reshaped((1, 12), [1, 3, 5]), "number of elements", "[1, 3, 5]"),
    "reshape batch": (reshaped((1, 12), [2, 6]), "batch 1", "[2, 6]"),
    "reshape to rank 5": (reshaped((1, 12), [1, 1, 1, 3, 4]), "rank 2 to 4", "[1, 1, 1, 3, 4]"),
    "reshape to rank 0": (reshaped((1, 1), []), "rank 2 to 4", "[]"),
    "reshape with -2": (reshaped((1, 12), [1, -2, -6]), "number of elements", "[1, -2, -6]"),
    "reshape with two -1": (reshaped((1, 12), [1, -1, -1]), "number of", "[1, -1, -1]"),
    "reshape by 0": (reshaped((1, 12), [1, 0, -1], allowzero=1), "number of", "[1, 0, 0]"),
    "reshape by floats": (
        unary("Reshape", shape=(1, 12), parameters=(np.ones(2, np.float32),)),
        "constant numbers",
        "float32",
    ),
    "flatten of channels": (unary("Flatten", axis=2), "batch 1", "[3, 48]"),
    "softmax of a flat map": (flat_map_reader("Softmax"), "must be a dense layer", "flattened"),
    "add of a flat map": (flat_map_reader("Add"), "must be a dense layer", "flattened"),
    "pad mode": (padded([0] * 8, mode="edge"), "zeros around", "mode edge"),
    "pad value": (padded([0] * 8, 1.0), "zeros around", "value 1"),
    "pad channels": (padded([0, 1, 0, 0, 0, 1, 0, 0]), "zeros around", "[0, 1, 0, 0"),
    "crop": (padded([0, 0, -1, 0, 0, 0, 0, 0]), "zeros around", "-1"),
    "pad of 4": (padded([1, 1, 1, 1]), "zeros around", "[1, 1, 1, 1]"),
    "pad axis 7": (padded([1, 1], axes=[7]), "zeros around", "axes [7]"),
    "pad axis twice": (padded([1, 1, 1, 1], axes=[2, -2]), "zeros around", "axes [2, 2]"),
    "huge pad": (padded([0, 0, 2**30, 0, 0, 0, 2**30, 0]), "fewer than 2^31", "[1, 6, 8, 3]"),
    # Operators.
    "unknown": (plain_reader("Sin"), "one that mcucc knows", "operator Sin"),
    "not quantised": (plain_reader("GlobalAveragePool"), "from a DequantizeLinear", "'x_float'"),
    "Add, not quantised": (plain_reader("Add", 2), "from a DequantizeLinear", "'x_float'"),
}
"""By name: the model, a part of the rule, a part of the actual value."""
