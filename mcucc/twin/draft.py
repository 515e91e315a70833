"""A `.tflite` model while it is being put together: tensors get their indices here."""

from dataclasses import dataclass, field, replace

import numpy as np

from mcucc.ir import DType, QParams, Shape
from mcucc.ops import Int8Graph, Int8Node
from mcucc.twin.model import Code, Options, TwinModel, TwinOperator, TwinTensor

TWIN_PREFIX = "P:"
"""Begins the names of tensors that exist only in the twin."""


@dataclass
class Draft:
    """Tensors and operators so far.

    Attributes:
        graph: what is being translated.
        tensors: in the order in which they were first named.
        operators: in order.
        index: position of each tensor by name.
    """

    graph: Int8Graph
    tensors: list[TwinTensor] = field(default_factory=list[TwinTensor])
    operators: list[TwinOperator] = field(default_factory=list[TwinOperator])
    index: dict[str, int] = field(default_factory=dict[str, int])

    def model(self) -> TwinModel:
        """The finished model; states are inputs and outputs behind those of the network."""
        ports = [port.tensor for port in self.graph.outputs]
        left = [state.update for state in self.graph.states]
        left = [name for name in dict.fromkeys(left) if name not in (*ports, *self._sources)]
        return TwinModel(
            self.graph.name,
            tuple(self.tensors),
            tuple(self.operators),
            tuple(self.index[name] for name in self._sources),
            tuple(self.index[name] for name in (*ports, *left)),
        )

    @property
    def _sources(self) -> tuple[str, ...]:
        """What no operator makes."""
        return self.graph.source_tensors

    def operator(self, code: Code, inputs: tuple[int, ...], output: int, options: Options) -> None:
        """Append an operator."""
        self.operators.append(TwinOperator(code, inputs, output, options))

    def value(self, name: str) -> int:
        """Index of an activation of the graph, be it a value or a constant."""
        if name in self.index:
            return self.index[name]
        kind, const = self.graph.type_of(name), self.graph.consts.get(name)
        data = None if const is None else const.data.tobytes()
        if kind.quant is None or kind.dtype == DType.INT32:  # indices stand for themselves
            return self._append(TwinTensor(name, kind.dtype, kind.shape, data=data))
        return self._append(
            TwinTensor(
                name,
                kind.dtype,
                kind.shape,
                kind.q.scales,
                kind.q.zero_point,
                kind.q.axis or 0,
                data,
            )
        )

    def weights(self, node: Int8Node) -> int:
        """Index of the weights of a convolution or dense layer."""
        name = node.inputs[1]
        if name in self.index:
            return self.index[name]
        const = self.graph.const(name)
        quant = const.type.q
        return self._append(
            TwinTensor(
                name,
                DType.INT8,
                const.type.shape,
                quant.scales,
                axis=quant.axis or 0,
                data=const.data.tobytes(),
            )
        )

    def bias(self, node: Int8Node) -> int:
        """Index of the bias of a convolution or dense layer; its scale is s_x * s_w[c].

        A bias that two layers share is written once for each pair of scales.
        """
        name = node.inputs[2]
        const = self.graph.const(name)
        x, weights = self.graph.input_types(node)[:2]
        scales = tuple(float(np.float32(x.q.scale * s)) for s in weights.q.scales)
        tensor = TwinTensor(
            name, DType.INT32, const.type.shape, scales, data=const.data.astype("<i4").tobytes()
        )
        if name in self.index:
            if self.tensors[self.index[name]] == tensor:
                return self.index[name]
            tensor = replace(tensor, name=self.extra_name("bias", node))
        return self._append(tensor)

    def int32(self, purpose: str, node: Int8Node, values: Shape) -> int:
        """Index of a new constant vector for one operator."""
        return self.int32_matrix(purpose, node, values, (len(values),))

    def int32_matrix(self, purpose: str, node: Int8Node, values: Shape, shape: Shape) -> int:
        """Index of a new constant for one operator, of any shape."""
        data = np.array(values, dtype="<i4").tobytes()
        return self._append(
            TwinTensor(self.extra_name(purpose, node), DType.INT32, shape, data=data)
        )

    def table(self, node: Int8Node) -> int:
        """Index of the table of a look-up: plain bytes without a quantization."""
        name = node.inputs[1]
        if name in self.index:
            return self.index[name]
        const = self.graph.const(name)
        data = const.data.tobytes()
        return self._append(TwinTensor(name, DType.INT8, const.type.shape, data=data))

    def int32_value(self, purpose: str, node: Int8Node, shape: Shape) -> int:
        """Index of a new int32 value."""
        return self._append(TwinTensor(self.extra_name(purpose, node), DType.INT32, shape))

    def int16(self, purpose: str, node: Int8Node, shape: Shape, quant: QParams) -> int:
        """Index of a new int16 value."""
        name = self.extra_name(purpose, node)
        tensor = TwinTensor(name, DType.INT16, shape, quant.scales, quant.zero_point)
        return self._append(tensor)

    def int8(self, purpose: str, node: Int8Node, shape: Shape) -> int:
        """Index of a new value with the quantization of a node's first input."""
        return self._like_input(purpose, node, shape)

    def int8_made(self, purpose: str, node: Int8Node, shape: Shape) -> int:
        """Index of a new value with the quantization of a node's output."""
        q = self.graph.tensors[node.output].q
        name = self.extra_name(purpose, node)
        return self._append(TwinTensor(name, DType.INT8, shape, q.scales, q.zero_point))

    def int8_scalar(self, purpose: str, node: Int8Node, value: int) -> int:
        """Index of a new constant of one element, quantized as a node's first input."""
        data = np.array([value], dtype=np.int8).tobytes()
        return self._like_input(purpose, node, (1,), data)

    def extra_name(self, purpose: str, node: Int8Node) -> str:
        """A name that nothing in the graph or the twin has."""
        name = f"{TWIN_PREFIX}{purpose}:{node.output}"
        while name in self.graph.tensors or name in self.graph.consts or name in self.index:
            name = TWIN_PREFIX + name
        return name

    def _like_input(
        self, purpose: str, node: Int8Node, shape: Shape, data: bytes | None = None
    ) -> int:
        name, q = self.extra_name(purpose, node), self.graph.input_types(node)[0].q
        return self._append(TwinTensor(name, DType.INT8, shape, q.scales, q.zero_point, data=data))

    def _append(self, tensor: TwinTensor) -> int:
        self.index[tensor.name] = len(self.tensors)
        self.tensors.append(tensor)
        return self.index[tensor.name]
