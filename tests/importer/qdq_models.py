"""Builds small QDQ models node by node, and runs them in ONNX Runtime."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mcucc.importer import read_onnx
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.verify import verify
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import dequantize
from mcucc.sim.onnx_runtime import open_session
from tests.graphs import random_inputs
from tests.lowering import lower_quantized

Array = NDArray[Any]
Sizes = tuple[int | str, ...]


def scalar(value: float) -> Array:
    return np.array(value, dtype=np.float32)


class QdqModel:
    """Collects nodes; each method returns the name of the value that it makes.

    `x` is dequantized to "x" from the int8 value "x_quantized". Weights are drawn from a seed.
    """

    def __init__(self, opset: int = 13) -> None:
        self.opset = opset
        self.domains: list[str] = []
        self.rng = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def input(self, name: str, shape: Sizes, scale: float = 2**-4, zero_point: int = 3) -> str:
        """A float input and its Q/DQ pair."""
        self.plain_input(f"{name}_float", shape)
        return self.pair(f"{name}_float", name, scale, zero_point)

    def plain_input(self, name: str, shape: Sizes, dtype: int = TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, dtype: int = TensorProto.FLOAT) -> None:
        """Declared with the shape that ONNX infers, or as a map of unknown size."""
        graph = helper.make_graph(self.nodes, "draft", self.inputs, [], self.initializers)
        opset = self._opsets()
        inferred = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opset))
        shapes = [v.type.tensor_type.shape for v in inferred.graph.value_info if v.name == name]
        sizes = [d.dim_value if d.dim_value else "?" for d in shapes[0].dim] if shapes else "NCHW"
        self.outputs.append(helper.make_tensor_value_info(name, dtype, list(sizes)))

    def constant(self, data: Array, name: str = "") -> str:
        name = name or f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(data, name))
        return name

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """A node; its name is that of its output."""
        name = name or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def quantize(self, x: str, name: str, scale: float, zero_point: int) -> str:
        parameters = self.constant(scalar(scale)), self.constant(np.array(zero_point, np.int8))
        return self.op("QuantizeLinear", x, *parameters, name=name)

    def dequantize(self, x: str, name: str, scale: float, zero_point: int) -> str:
        parameters = self.constant(scalar(scale)), self.constant(np.array(zero_point, np.int8))
        return self.op("DequantizeLinear", x, *parameters, name=name)

    def pair(self, x: str, name: str, scale: float = 0.25, zero_point: int = -5) -> str:
        quantized = self.quantize(x, f"{name}_quantized", scale, zero_point)
        return self.dequantize(quantized, name, scale, zero_point)

    def weights(
        self, shape: tuple[int, ...], *, axis: int | None = 0, data: Array | None = None
    ) -> str:
        """Int8 weights behind a DequantizeLinear; `axis` None is one scale."""
        if data is None:
            data = self.rng.integers(-127, 128, shape, dtype=np.int8)
        scale = scalar(2**-7)
        if axis is not None:
            scale = (2.0 ** -(7 + np.arange(shape[axis]) % 2)).astype(np.float32)
        attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
        names = self.constant(data), self.constant(scale)
        return self.op("DequantizeLinear", *names, **attributes)

    def bias(self, weights: str, length: int, x_scale: float = 2**-4) -> str:
        """Int32 bias behind a DequantizeLinear, at the scale that the weights ask for."""
        scales = self._scale_of(weights) * np.float32(x_scale)
        data = self.rng.integers(-2000, 2000, length, dtype=np.int32)
        attributes: dict[str, Any] = {"axis": 0} if scales.ndim else {}
        names = self.constant(data), self.constant(scales)
        return self.op("DequantizeLinear", *names, **attributes)

    def proto(self, ir_version: int = 8) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes, "network", self.inputs, self.outputs, self.initializers
        )
        opset = self._opsets()
        return helper.make_model(graph, opset_imports=opset, ir_version=ir_version)

    def _opsets(self) -> list[onnx.OperatorSetIdProto]:
        return [
            helper.make_opsetid("", self.opset),
            *(helper.make_opsetid(d, 1) for d in self.domains),
        ]

    def _scale_of(self, weights: str) -> Array:
        node = next(node for node in self.nodes if node.output[0] == weights)
        found = next(t for t in self.initializers if t.name == node.input[1])
        return numpy_helper.to_array(found)


def lower(
    model: QdqModel | onnx.ModelProto,
    folder: Path,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Int8Graph:
    """Write, read and lower a model, as a user's would be; the graph is verified."""
    path = folder / "model.onnx"
    proto = model.proto() if isinstance(model, QdqModel) else model
    path.write_bytes(proto.SerializeToString())
    graph = lower_quantized(read_onnx(path), "net", input_shapes=input_shapes)
    verify(graph)
    return graph


def node_text(graph: Int8Graph, node: Int8Node) -> str:
    """`output = Op(attributes that are not the default)(inputs): type`."""
    attributes = ", ".join(
        f"{f.name}={getattr(node.op, f.name)!r}"
        for f in dataclasses.fields(node.op)
        if getattr(node.op, f.name) != f.default
    )
    kind = graph.tensors[node.output]
    quant = f"q({kind.q.scale:g}, {kind.q.zero_point})"
    head = f"{node.output} = {type(node.op).__name__}({attributes})({', '.join(node.inputs)})"
    return f"{head}: {list(kind.shape)} {quant}"


def assert_near_onnx_runtime(model: QdqModel, graph: Int8Graph, lsb: int = 1) -> None:
    """The numpy reference is within some LSB of ONNX Runtime, in ONNX names and layout."""
    session = open_session(model.proto().SerializeToString())
    inputs = random_inputs(graph, 4)
    values = interpreter.run(graph, inputs)
    for sample in range(4):
        feed: dict[str, Array] = {}
        for port in graph.inputs:
            q = _to_onnx(inputs[port.tensor][sample], port.shape, port.perm)
            real = dequantize(q, graph.tensors[port.tensor].q)
            feed[port.name] = _as_port(q, real, port.dtype)
        theirs = session.run([port.name for port in graph.outputs], feed)
        for port, expected in zip(graph.outputs, theirs, strict=True):
            ours = _to_onnx(values[port.tensor][sample], port.shape, port.perm)
            quant = graph.tensors[port.tensor].q
            q = expected.astype(np.float64) - (128 if port.dtype == "uint8" else 0)
            if port.dtype == "float32":
                q = np.clip(np.round(expected / quant.scale) + quant.zero_point, -128, 127)
            assert q.shape == ours.shape
            assert np.abs(q.astype(np.int32) - ours).max() <= lsb


def _as_port(q: NDArray[np.int8], real: NDArray[np.float32], dtype: str) -> Array:
    """An input in the element type of its port."""
    if dtype == "uint8":
        return (q.astype(np.int16) + 128).astype(np.uint8)
    return q if dtype == "int8" else real


def _to_onnx(
    inner: NDArray[np.int8], shape: tuple[int, ...], perm: tuple[int, ...] | None
) -> NDArray[np.int8]:
    """One sample in inner layout, without its batch axis, in the ONNX layout."""
    if perm is None:
        return inner.reshape(shape)
    whole = inner.reshape([shape[axis] for axis in perm])
    return whole.transpose(np.argsort(perm))
