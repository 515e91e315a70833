"""The state of one conversion from a float graph to an int8 graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import Violation
from mcucc.ir import Const, DType, Node, QParams, TensorType
from mcucc.ops import FloatGraph, FloatNode, Int8Graph, Int8Node, Int8Op
from mcucc.ops.elementwise import Requantize
from mcucc.quant.observe import Observations
from mcucc.quant.scheme import Scheme
from mcucc.quant.values import Values


class CannotQuantizeError(Exception):
    """Raised by a form; (rule, actual, hint)."""


@dataclass
class Conversion:
    """The state of one conversion."""

    graph: FloatGraph
    scheme: Scheme
    seen: Observations
    correct_bias: bool
    nodes: list[Int8Node] = field(default_factory=list[Int8Node])
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    consts: dict[str, Const] = field(default_factory=dict[str, Const])
    violations: list[Violation] = field(default_factory=list[Violation])
    parameters: dict[tuple[str, ...], tuple[str, str]] = field(
        default_factory=dict[tuple[str, ...], tuple[str, str]]
    )
    taken: set[str] = field(default_factory=set[str])
    values: Values = field(init=False)

    def __post_init__(self) -> None:
        self.values = Values.of(self.graph, self.scheme)
        for port in self.graph.inputs:
            self.tensors[self.values.name(port.tensor)] = self.int8_type(port.tensor)

    def result(self) -> Int8Graph:
        """The whole graph."""
        inputs, outputs = (
            tuple(replace(port, tensor=self.values.name(port.tensor)) for port in ports)
            for ports in (self.graph.inputs, self.graph.outputs)
        )
        nodes = tuple(self.nodes)
        draft = Int8Graph(self.graph.name, inputs, outputs, nodes, self.tensors, self.consts)
        return draft.with_nodes(nodes)

    def emit(self, node: FloatNode, op: Int8Op, inputs: Sequence[str] | None = None) -> None:
        """Append the int8 node of a float one."""
        output = self.values.name(node.output)
        kind = self.int8_type(node.output)
        self.append(node, op, inputs or node.inputs, output, kind, self.values.origins[node.output])

    def append(
        self,
        node: FloatNode,
        op: Int8Op,
        inputs: Sequence[str],
        output: str,
        kind: TensorType,
        origin: tuple[str, ...],
    ) -> None:
        """Append an int8 node that stands for a float one, or for a part of it."""
        label = name = self.values.label(node, output)
        number = 2
        while name in self.taken:
            name, number = f"{label}_{number}", number + 1
        self.taken.add(name)
        self.tensors[output] = kind
        names = tuple(self.values.name(x) for x in inputs)
        self.nodes.append(Node(op, names, output, name, origin))

    def at_scale(self, node: FloatNode, x: str) -> str:
        """An input of a node in the quantization of its output, requantized if need be."""
        wanted, source = self.scheme.of[node.output], self.values.name(x)
        if self.scheme.of[x] == wanted:
            return source
        output, number = f"{source}.rescaled", 2
        while output in self.tensors and self.tensors[output].quant != wanted:
            output, number = f"{source}.rescaled_{number}", number + 1
        if output not in self.tensors:
            kind = TensorType(DType.INT8, self.graph.tensors[x].shape, wanted)
            self.append(node, Requantize(), (x,), output, kind, node.origin)
        return output

    def int8_type(self, name: str) -> TensorType:
        """The type of a value in its quantization."""
        return TensorType(DType.INT8, self.graph.tensors[name].shape, self.scheme.of[name])

    def const(self, base: str, data: NDArray[np.generic], quant: QParams | None) -> str:
        """Add a constant; its name is `base` or close to it."""
        name, number = base, 2
        while name in self.graph.tensors or name in self.consts:
            name, number = f"{base}_{number}", number + 1
        tensor = TensorType(DType(data.dtype.name), tuple(data.shape), quant)
        self.consts[name] = Const(name, tensor, data)
        return name


Form = Callable[[Conversion, FloatNode, Any], None]
"""Writes the int8 nodes of a float one, whose operator is the third argument."""
