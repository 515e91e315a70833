"""Small float networks for the command line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save_open_model(path: Path) -> Path:
    """A convolution and a global pool; the file leaves batch, height and width open."""
    weights = np.random.default_rng(3).standard_normal((4, 3, 3, 3), dtype=np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["map"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["map"], ["mean"], name="pool"),
    ]
    tensors = [numpy_helper.from_array(weights, "weights")]
    return _save(path, nodes, ["N", 3, "H", "W"], ["N", 4, 1, 1], tensors)


def save_model_with_unread_rows(path: Path) -> Path:
    """A convolution of 9 to 7 rows, of which a max pool reads 6, and a global pool."""
    weights = np.random.default_rng(4).standard_normal((4, 3, 3, 3), dtype=np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["map"], name="conv"),
        helper.make_node(
            "MaxPool", ["map"], ["small"], name="pool", kernel_shape=[2, 2], strides=[2, 2]
        ),
        helper.make_node("GlobalAveragePool", ["small"], ["mean"], name="mean"),
    ]
    tensors = [numpy_helper.from_array(weights, "weights")]
    return _save(path, nodes, [1, 3, 9, 9], [1, 4, 1, 1], tensors)


def save_unsupported_model(path: Path) -> Path:
    """Two operators that mcucc does not have."""
    nodes = [
        helper.make_node("Shrink", ["image"], ["shrunk"], name="shrink"),
        helper.make_node("Det", ["shrunk"], ["mean"], name="det"),
    ]
    return _save(path, nodes, [1, 3, 4, 4], [1, 3], [])


def _save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    input_shape: Sequence[int | str],
    output_shape: Sequence[int | str],
    tensors: Sequence[onnx.TensorProto],
) -> Path:
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("mean", TensorProto.FLOAT, output_shape)],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
