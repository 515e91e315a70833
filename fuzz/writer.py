"""Writes ONNX networks node by node, in float or with a QDQ pair behind every operator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Shape = tuple[int, ...]
OPSETS = (13, 14, 15, 17, 18, 19, 20, 21)
_IR_VERSION = 9
_ENDS = (-128, 127)


@dataclass(frozen=True)
class Value:
    """An activation as later nodes read it.

    Attributes:
        name: of the float value (in QDQ behind its DequantizeLinear).
        shape: in ONNX layout, batch 1.
        scale: of its quantization; 0 in a float network.
        zero_point: as int8.
    """

    name: str
    shape: Shape
    scale: float = 0.0
    zero_point: int = 0


class Writer:
    """Collects the nodes of a network.

    Attributes:
        random: what everything is drawn from.
        quantized: whether there are QDQ pairs.
        opset: of the file.
    """

    def __init__(self, random: np.random.Generator, *, quantized: bool) -> None:
        self.random = random
        self.quantized = quantized
        self.opset = self.one_of(OPSETS)
        self.unsigned = quantized and self.chance(0.25)
        self.per_channel = self.chance(0.6)
        self.inputs: list[Value] = []
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._input_infos: list[onnx.ValueInfoProto] = []

    def chance(self, share: float) -> bool:
        """True in this share of all draws."""
        return bool(self.random.random() < share)

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.random.integers(low, high + 1))

    def one_of(self, choices: Sequence[Any]) -> Any:
        """One of some things."""
        return choices[self.number(0, len(choices) - 1)]

    def input(self, shape: Shape) -> Value:
        """A further input of the network."""
        name = f"x{len(self.inputs)}"
        self._input_infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        value = self.settled(name, shape, float(self.random.uniform(0.01, 0.06)))
        self.inputs.append(replace(value, name=name))
        return value

    def constant(self, data: NDArray[Any]) -> str:
        """An initializer."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(data, name))
        return name

    def ints(self, *values: int) -> str:
        """An initializer of int64."""
        return self.constant(np.array(values, np.int64))

    def reals(self, shape: Shape, low: float = -1.0, high: float = 1.0) -> str:
        """An initializer of float32."""
        return self.constant(self.random.uniform(low, high, shape).astype(np.float32))

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node; returns its output."""
        name = f"v{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(op, list(inputs), [name], name=f"{op}_{name}", **attributes)
        )
        return name

    def settled(
        self, name: str, shape: Shape, scale: float = 0.0, like: Value | None = None
    ) -> Value:
        """A result that is complete: in QDQ its pair is written.

        Args:
            name: of the float result.
            shape: of it.
            scale: about what its scale is to be.
            like: a value whose quantization it must have.
        """
        if not self.quantized:
            return Value(name, shape)
        if like is None:
            drawn = float(np.float32(scale * self.random.uniform(0.7, 1.4)))
            zero = self.one_of(_ENDS) if self.chance(0.25) else self.number(-128, 127)
            like = Value("", shape, drawn, zero)
        q = self.node("QuantizeLinear", name, *self._parameters(like))
        dq = self.node("DequantizeLinear", q, *self._parameters(like))
        return Value(dq, shape, like.scale, like.zero_point)

    def weights(self, shape: Shape, axis: int) -> tuple[str, NDArray[np.float64]]:
        """Constant weights, and their scales (1 in a float network); `axis` is that of outputs."""
        taps = math.prod(shape) // shape[axis]
        if not self.quantized:
            data = self.random.standard_normal(shape) / math.sqrt(taps)
            return self.constant(data.astype(np.float32)), np.ones(1)
        count = shape[axis] if self.per_channel else 1
        scales = self.random.uniform(0.002, 0.02, count).astype(np.float32)
        lowest = -128 if self.chance(0.3) else -127
        data = self.random.integers(lowest, 128, shape).astype(np.int8)
        parameters = [self.constant(scales if count > 1 else scales[0])]
        attributes = {"axis": axis} if count > 1 else {}
        name = self.node("DequantizeLinear", self.constant(data), *parameters, **attributes)
        return name, scales.astype(np.float64)

    def bias(self, x: Value, scales: NDArray[np.float64], count: int) -> str:
        """A constant bias that goes with weights of these scales."""
        if not self.quantized:
            return self.reals((count,))
        whole = np.broadcast_to(scales, (count,)) if self.per_channel and count > 1 else scales
        product = (np.float32(x.scale) * whole.astype(np.float32)).astype(np.float32)
        data = self.random.integers(-3000, 3001, count).astype(np.int32)
        per_axis = product.size > 1
        parameter = self.constant(product if per_axis else product.ravel()[0])
        attributes = {"axis": 0} if per_axis else {}
        return self.node("DequantizeLinear", self.constant(data), parameter, **attributes)

    def proto(self, outputs: Sequence[Value]) -> onnx.ModelProto:
        """The file."""
        infos = [
            helper.make_tensor_value_info(value.name, TensorProto.FLOAT, value.shape)
            for value in outputs
        ]
        graph = helper.make_graph(self._nodes, "drawn", self._input_infos, infos, self._constants)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def _parameters(self, value: Value) -> tuple[str, str]:
        zero = (
            np.array(value.zero_point + 128, np.uint8)
            if self.unsigned
            else np.array(value.zero_point, np.int8)
        )
        return self.constant(np.array(value.scale, np.float32)), self.constant(zero)
