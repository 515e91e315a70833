"""Small networks on which a judge of `mcucc verify` needs care."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

FLOAT, INT8, UINT8 = TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8

Ports = Mapping[str, Sequence[int]]
"""Shapes by name; a name that begins with `q` is int8, with `b` uint8, any other float."""

QUANT: Mapping[str, Any] = {"s": np.float32(0.05), "z": np.int8(3)}
SOFTMAX_QUANT: Mapping[str, Any] = {"t": np.float32(1 / 256), "v": np.int8(-128)}


def save(
    path: Path,
    nodes: Sequence[NodeProto],
    inputs: Ports,
    outputs: Ports,
    constants: Mapping[str, Any] = {},
) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [_port(name, shape) for name, shape in inputs.items()],
        [_port(name, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(data), name) for name, data in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def _port(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, {"q": INT8, "b": UINT8}.get(name[0], FLOAT), shape)


def node(op: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(op, inputs.split(), [output], **attributes)


def pair(source: str, target: str, scale: str = "s", zero: str = "z") -> list[NodeProto]:
    """A QuantizeLinear and its DequantizeLinear."""
    inner = f"{target}_int8"
    return [
        node("QuantizeLinear", f"{source} {scale} {zero}", inner),
        node("DequantizeLinear", f"{inner} {scale} {zero}", target),
    ]


def unused_input(path: Path) -> Path:
    """An input that is read, by a node that no output needs."""
    nodes = [node("Relu", "x", "y"), node("Concat", "x u", "dead", axis=1)]
    return save(path, nodes, {"x": [1, 4], "u": [1, 4]}, {"y": [1, 4]})


def unread_maps(path: Path) -> Path:
    """Two inputs that no node reads at all, before and behind the one that is read."""
    weights = _normal(4, 3, 3, 3)
    nodes = [node("Conv", "x w", "y", pads=[1] * 4)]
    inputs = {"u": [1, 2, 5, 7], "x": [1, 3, 6, 6], "v": [1, 3]}
    return save(path, nodes, inputs, {"y": [1, 4, 6, 6]}, {"w": weights})


def measured_input(path: Path) -> Path:
    """An input of which only the shape is read."""
    nodes = [node("Shape", "u", "s"), node("Reshape", "x s", "r"), node("MatMul", "r w", "y")]
    inputs = {"u": [1, 16], "x": [1, 4, 4]}
    return save(path, nodes, inputs, {"y": [1, 5]}, {"w": _normal(16, 5)})


def unused_quantized_input(path: Path) -> Path:
    """A quantized network; what reads the input is quantized too, and reaches no output."""
    pool = node("MaxPool", "a", "p", kernel_shape=[2, 2], strides=[2, 2])
    dead = [*pair("u", "d"), node("Relu", "d", "dead")]
    nodes = [*pair("x", "a"), pool, *pair("p", "y"), *dead]
    inputs = {"u": [1, 3, 4, 4], "x": [1, 3, 6, 6]}
    return save(path, nodes, inputs, {"y": [1, 3, 3, 3]}, QUANT)


def unread_integers(path: Path) -> Path:
    """A quantized network with unread inputs of every type beside an int8 one."""
    nodes = [
        node("DequantizeLinear", "q s z", "a"),
        node("MaxPool", "a", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("QuantizeLinear", "p s z", "q_out"),
    ]
    inputs = {"q": [1, 3, 6, 6], "q_more": [1, 7], "b": [1, 2, 3], "u": [1, 4]}
    return save(path, nodes, inputs, {"q_out": [1, 3, 3, 3]}, QUANT)


def softmax_flat(path: Path, scale: float = 0.005, classes: int = 1000) -> Path:
    """A softmax over many values, near-equal ones if the scale is small."""
    nodes = [*pair("x", "b"), node("Softmax", "b", "c", axis=-1), *pair("c", "y", "t", "v")]
    constants = {"s": np.float32(scale), "z": np.int8(0), **SOFTMAX_QUANT}
    return save(path, nodes, {"x": [1, classes]}, {"y": [1, classes]}, constants)


def softmax_flat_inside(path: Path) -> Path:
    """A float network: dense layers before and behind a softmax over 600 near-equal values."""
    nodes = [
        node("MatMul", "x w", "a"),
        node("Relu", "a", "b"),
        node("Softmax", "b", "c", axis=-1),
        node("MatMul", "c v", "y"),
    ]
    constants = {"w": _normal(16, 600) / 1000, "v": _normal(600, 8)}
    return save(path, nodes, {"x": [1, 16]}, {"y": [1, 8]}, constants)


def softmax_flat_over_channels(path: Path) -> Path:
    """A softmax of every pixel of a map in channels last, 520 near-equal classes."""
    nodes = [
        *pair("x", "b"),
        node("Transpose", "b", "t1", perm=[0, 2, 3, 1]),
        node("Softmax", "t1", "c", axis=-1),
        *pair("c", "y", "t", "v"),
    ]
    constants = {"s": np.float32(1e-6), "z": np.int8(0), **SOFTMAX_QUANT}
    return save(path, nodes, {"x": [1, 520, 2, 3]}, {"y": [1, 2, 3, 520]}, constants)


def strided_pool(path: Path) -> Path:
    """SAME pads with a stride above kernel + 1, for which ONNX Runtime computes negative pads."""
    nodes = [node("MaxPool", "x", "y", auto_pad="SAME_LOWER", kernel_shape=[1, 1], strides=[3, 3])]
    return save(path, nodes, {"x": [1, 3, 20, 20]}, {"y": [1, 3, 7, 7]})


def strided_mean(path: Path) -> Path:
    """The same of an average pool, at the end of the map."""
    attributes: dict[str, Any] = {"kernel_shape": [1, 2], "strides": [4, 5]}
    nodes = [node("AveragePool", "x", "y", auto_pad="SAME_UPPER", **attributes)]
    return save(path, nodes, {"x": [1, 2, 21, 21]}, {"y": [1, 2, 6, 5]})


def strided_convolution(path: Path) -> Path:
    """The same of a convolution."""
    nodes = [node("Conv", "x w", "y", auto_pad="SAME_UPPER", strides=[3, 3])]
    constants = {"w": _normal(4, 3, 1, 1)}
    return save(path, nodes, {"x": [1, 3, 20, 20]}, {"y": [1, 4, 7, 7]}, constants)


def strided_quantized_pool(path: Path) -> Path:
    """The same in a quantized network."""
    pool = node("MaxPool", "a", "p", auto_pad="SAME_UPPER", kernel_shape=[1, 1], strides=[3, 3])
    nodes = [*pair("x", "a"), pool, *pair("p", "y")]
    return save(path, nodes, {"x": [1, 3, 20, 20]}, {"y": [1, 3, 7, 7]}, QUANT)


def two_pairs(path: Path) -> Path:
    """Fine, coarse and fine again: ONNX Runtime's optimizer drops the coarse rounding."""
    nodes = [*pair("x", "a"), *pair("a", "b", "coarse"), *pair("b", "y")]
    constants = {"s": np.float32(2**-9), "z": np.int8(0), "coarse": np.float32(0.3)}
    return save(path, nodes, {"x": [1, 64]}, {"y": [1, 64]}, constants)


def _normal(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)
