"""A small QDQ network with two inputs, two outputs and names that need care."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LEFT, RIGHT = "serving/left[/b]:0", "serving/right:0"
SUM, MEAN = "StatefulPartitionedCall:0", "StatefulPartitionedCall/mean:1"
SHAPE = (1, 3, 4, 5)
SCALE = 0.5
"""Of every tensor, with zero point 0: then a sum with zeros is the other operand itself."""


def save_two_port_model(path: Path) -> Path:
    """Write an ONNX file that gives LEFT + RIGHT and the means of that sum, (1, 3, 1, 1)."""
    nodes: list[onnx.NodeProto] = []

    def through_int8(source: str, target: str) -> None:
        quantized = f"{target}.q"
        nodes.append(helper.make_node("QuantizeLinear", [source, "s", "z"], [quantized]))
        nodes.append(helper.make_node("DequantizeLinear", [quantized, "s", "z"], [target]))

    through_int8(LEFT, "left")
    through_int8(RIGHT, "right")
    nodes.append(helper.make_node("Add", ["left", "right"], ["real sum"]))
    through_int8("real sum", SUM)
    nodes.append(helper.make_node("GlobalAveragePool", [SUM], ["real mean"]))
    through_int8("real mean", MEAN)

    def port(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "two_ports",
        [port(LEFT, SHAPE), port(RIGHT, SHAPE)],
        [port(SUM, SHAPE), port(MEAN, (1, 3, 1, 1))],
        [
            numpy_helper.from_array(np.array(SCALE, np.float32), "s"),
            numpy_helper.from_array(np.array(0, np.int8), "z"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
