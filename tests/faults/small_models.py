"""Small files that ask for much: builders of ONNX models whose numbers or sizes are hostile."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NEAREST: dict[str, Any] = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int],
    constants: dict[str, Any] | None = None,
    rank: int | None = None,
) -> Path:
    """A model from `x` to `y`; the shape of `y` is left open."""
    made = [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()]
    y = [f"d{i}" for i in range(len(shape) if rank is None else rank)]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)],
        made,
    )
    imports = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


Parts = tuple[list[onnx.NodeProto], dict[str, Any]]
"""Nodes, and constants by name."""

node = helper.make_node


def memory_bomb(path: Path, kind: str, size: int) -> Path:
    """A file of some hundred bytes that asks for `size` elements, or so many times its input."""
    if kind == "input":
        return save(path, [node("Relu", ["x"], ["y"])], [1, 1, size, size])
    for build in (_constants, _maps, _many_nodes):
        found = build(kind, size)
        if found is not None:
            shape = [1, 1, 128, 128] if kind == "outgrown" else [1, 1, 4, 4]
            return save(path, found[0], shape, found[1])
    raise ValueError(kind)


def _constants(kind: str, size: int) -> Parts | None:
    """Arithmetic on constants that are not in the file."""
    sized = {"s": np.array([size], np.int64), "o": np.zeros(1, np.float32)}
    bounds = {"a": np.int64(0), "b": np.int64(size), "c": np.int64(1)}
    side = size if kind == "outer" else 1
    sides = {"a": np.ones((side, 1), np.float32), "b": np.ones((1, side), np.float32)}
    makers: dict[str, tuple[list[onnx.NodeProto], Any]] = {
        "cos": ([node("ConstantOfShape", ["s"], ["k"])], sized),
        "expand": ([node("Expand", ["o", "s"], ["k"])], sized),
        "tile": ([node("Tile", ["o", "s"], ["k"])], sized),
        "range": (
            [node("Range", ["a", "b", "c"], ["r"]), node("Cast", ["r"], ["k"], to=1)],
            bounds,
        ),
        # A column by a row: each is small, their product large.
        "outer": ([node("MatMul", ["a", "b"], ["k"])], sides),
        # Each constant is within the limit, all together are not.
        "many": (
            [
                *(node("ConstantOfShape", ["s"], [f"k{i}"]) for i in range(20)),
                node("Add", ["k18", "k19"], ["k"]),
                *(node("Add", [f"k{i}", "k"], [f"j{i}"]) for i in range(18)),
            ],
            sized,
        ),
    }
    if kind not in makers:
        return None
    nodes, constants = makers[kind]
    used = {name for each in nodes for name in each.input}
    mean = [node("ReduceMean", ["k"], ["m"], keepdims=0), node("Add", ["x", "m"], ["y"])]
    return [*nodes, *mean], {name: data for name, data in constants.items() if name in used}


def _maps(kind: str, size: int) -> Parts | None:
    """Operators on maps that make large ones, or need large padding."""
    pads = np.array([0, 0, 0, 0, 0, 0, size, size], np.int64)
    pool: dict[str, Any] = {"kernel_shape": [size, size], "strides": [size, size]}
    wide: dict[str, Any] = {"dilations": [size, size], "strides": [size, size]}
    weights = np.ones((1, 1, 3, 3), np.float32)
    makers: dict[str, tuple[onnx.NodeProto, dict[str, Any]]] = {
        "resize": (
            node("Resize", ["x", "", "c"], ["y"], **NEAREST),
            {"c": np.array([1, 1, 1, size], np.float32)},
        ),
        "resize_sizes": (
            node("Resize", ["x", "", "", "c"], ["y"], **NEAREST),
            {"c": np.array([1, 1, 4, size], np.int64)},
        ),
        "pad": (node("Pad", ["x", "c"], ["y"]), {"c": pads}),
        # The padded map alone is large.
        "pool": (node("MaxPool", ["x"], ["y"], pads=[size - 1] * 4, **pool), {}),
        "conv": (node("Conv", ["x", "c"], ["y"], pads=[size] * 4, **wide), {"c": weights}),
    }
    if kind == "outgrown":  # few weights, many channels, a large map
        return [node("Conv", ["x", "c"], ["y"])], {"c": np.ones((size, 1, 1, 1), np.float32)}
    return None if kind not in makers else ([makers[kind][0]], makers[kind][1])


def _many_nodes(kind: str, size: int) -> Parts | None:
    if kind == "wide":
        nodes = [node("Sigmoid", ["x"], [f"t{i}"]) for i in range(size)]
        return [*nodes, node("Concat", [f"t{i}" for i in range(size)], ["y"], axis=1)], {}
    if kind not in ("deep", "deep_sigmoid"):
        return None
    names = ["x", *(f"t{i}" for i in range(1, size)), "y"]
    op = "Relu" if kind == "deep" else "Sigmoid"
    return [node(op, [names[i]], [names[i + 1]]) for i in range(size)], {}
