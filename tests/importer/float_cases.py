"""Small float ONNX models, and the comparison of their lowering with ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mcucc.importer import read_onnx
from mcucc.importer.lower import lower_network
from mcucc.ops import FloatGraph
from mcucc.reference.float_interpreter import run_float

FloatArray = NDArray[np.float32]
TOLERANCE = 1e-4
"""Relative to the largest magnitude of an output."""


class Model:
    """Builds an ONNX model node by node; values are named v0, v1, ... and inputs x0, x1, ..."""

    def __init__(self, *inputs: Sequence[int | str], opset: int = 17) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs = [f"x{i}" for i in range(len(inputs))]
        self.input_infos = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in zip(self.inputs, inputs, strict=True)
        ]
        self.random = np.random.default_rng(0)

    def constant(self, data: Any, dtype: type[np.generic] | None = None) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(data, dtype=dtype), name))
        return name

    def weights(self, *shape: int) -> str:
        return self.constant(self.random.standard_normal(shape), np.float32)

    def positive(self, *shape: int) -> str:
        return self.constant(self.random.uniform(0.5, 2, shape), np.float32)

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        made = f"v{len(self.nodes)}"
        names = [made, *(f"{made}_{i}" for i in range(1, outputs))]
        node = helper.make_node(kind, inputs, names, name=f"{kind}_{made}", **attributes)
        self.nodes.append(node)
        return made

    def proto(self, *outputs: str) -> onnx.ModelProto:
        imports = [helper.make_opsetid("", self.opset)]
        draft = helper.make_graph(self.nodes, "g", self.input_infos, [], self.constants)
        typed = onnx.shape_inference.infer_shapes(
            helper.make_model(draft, opset_imports=imports), data_prop=True
        )
        found = (info for info in typed.graph.value_info if info.type.tensor_type.HasField("shape"))
        known = {info.name: info for info in found}
        fallback = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, "?") for n in outputs}
        infos = [known.get(name, fallback[name]) for name in outputs]
        graph = helper.make_graph(self.nodes, "g", self.input_infos, infos, self.constants)
        return helper.make_model(graph, opset_imports=imports, ir_version=8)

    def save(self, folder: Path, *outputs: str) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(self.proto(*outputs).SerializeToString())
        return path


def runtime(path: Path, feed: Mapping[str, FloatArray], outputs: Sequence[str]) -> list[FloatArray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(outputs, feed)


def random_feed(graph: FloatGraph, seed: int = 0) -> dict[str, FloatArray]:
    """Random inputs in ONNX layout, by the names of the ports."""
    random = np.random.default_rng(seed)
    return {p.name: random.standard_normal(p.shape).astype(np.float32) for p in graph.inputs}


def run_onnx_layout(graph: FloatGraph, feed: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The outputs of the float reference in ONNX layout, by the names of the ports."""
    inputs = {
        p.tensor: feed[p.name] if p.perm is None else feed[p.name].transpose(p.perm)
        for p in graph.inputs
    }
    values = run_float(graph, inputs)
    found = {p.name: values[p.tensor] for p in graph.outputs}
    for port in graph.outputs:
        if port.perm is not None:
            found[port.name] = found[port.name].transpose(np.argsort(port.perm))
        found[port.name] = found[port.name].reshape(-1, *port.shape[1:])
    return found


def assert_close(found: FloatArray, expected: FloatArray, tolerance: float = TOLERANCE) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def check(model: Model, folder: Path, *outputs: str) -> FloatGraph:
    """Lower a model and compare its outputs with ONNX Runtime's; returns the graph."""
    path = model.save(folder, *outputs)
    graph = lower_network(read_onnx(path), "net")
    feed = random_feed(graph)
    found = run_onnx_layout(graph, feed)
    for name, expected in zip(outputs, runtime(path, feed, outputs), strict=True):
        assert_close(found[name], expected)
    return graph


def kinds(graph: FloatGraph) -> list[str]:
    """The operators of a graph, in order."""
    return [type(node.op).__name__.removeprefix("Float") for node in graph.nodes]
