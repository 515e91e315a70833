"""The state of one conversion from a float graph to an int8 graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import Violation
from mcucc.ir import Const, DType, Node, QParams, State, TensorType
from mcucc.ops import FloatGraph, FloatNode, Int8Graph, Int8Node, Int8Op
from mcucc.ops.elementwise import Requantize
from mcucc.quant.observe import Observations
from mcucc.quant.scheme import Scheme
from mcucc.quant.values import Values
from mcucc.reference.fixed_point import quantize


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
    copies: dict[str, tuple[str, Int8Op]] = field(default_factory=dict[str, tuple[str, Int8Op]])
    taken: set[str] = field(default_factory=set[str])
    values: Values = field(init=False)
    indices: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.values = Values.of(self.graph, self.scheme)
        self.indices = index_values(self.graph)
        for name in self.graph.source_tensors:
            self.tensors[self.values.name(name)] = self.int8_type(name)

    def result(self) -> Int8Graph:
        """The whole graph."""
        inputs, outputs = (
            tuple(replace(port, tensor=self.values.name(port.tensor)) for port in ports)
            for ports in (self.graph.inputs, self.graph.outputs)
        )
        states = tuple(self._state(state) for state in self.graph.states)
        nodes = tuple(self.nodes)
        name, tensors, consts = self.graph.name, self.tensors, self.consts
        draft = Int8Graph(name, inputs, outputs, nodes, tensors, consts, states)
        return draft.with_nodes(nodes)

    def _state(self, state: State) -> State:
        """What a run finds and what it leaves have one quantization."""
        source, update = (self.values.name(name) for name in (state.source, state.update))
        quant = self.scheme.of[state.source]
        maker = self.graph.producers.get(state.update)
        if self.scheme.of[state.update] != quant and maker is not None:
            kind = self.int8_type(state.source)
            name, update = update, self.fresh(f"{source}.next")
            self.append(maker, Requantize(), (name,), update, kind, maker.origin)
        initial = None
        if state.initial is not None:
            reals = self.graph.const(state.initial).reals().astype(np.float32)
            initial = self.const(f"{source}.initial", quantize(reals, quant), quant)
        return replace(state, source=source, update=update, initial=initial)

    def fresh(self, base: str) -> str:
        """A name that no int8 value has."""
        name, number = base, 2
        while name in self.tensors:
            name, number = f"{base}_{number}", number + 1
        return name

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

    def copied(self, node: FloatNode, x: str, source: str, op: Int8Op) -> str:
        """What an operator that copies makes of an int8 value, for a node that reads it.

        Args:
            node: the reader.
            x: the float value that the int8 value is of.
            source: the int8 value.
            op: has one input.
        """
        before = self.tensors[source]
        kind = replace(before, shape=op.infer([before]))
        if kind == before:
            return source
        output, number = f"{self.values.name(x)}.repeated", 2
        while output in self.tensors and self.copies.get(output) != (source, op):
            output, number = f"{self.values.name(x)}.repeated_{number}", number + 1
        if output not in self.tensors:
            self.copies[output] = (source, op)
            self.append(node, op, (source,), output, kind, node.origin)
        return output

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
        """The type of a value in its quantization; an index is an int32."""
        kind = DType.INT32 if name in self.indices else DType.INT8
        return TensorType(kind, self.graph.tensors[name].shape, self.scheme.of[name])

    def const(self, base: str, data: NDArray[np.generic], quant: QParams | None) -> str:
        """Add a constant; its name is `base` or close to it."""
        name, number = base, 2
        while name in self.graph.tensors or name in self.consts:
            name, number = f"{base}_{number}", number + 1
        tensor = TensorType(DType(data.dtype.name), tuple(data.shape), quant)
        self.consts[name] = Const(name, tensor, data)
        return name


def index_values(graph: FloatGraph) -> frozenset[str]:
    """The values of a float graph that are indices, renamed or not."""
    found: set[str] = set()
    for node in graph.nodes:
        if node.op.indexes or (node.op.copies and node.inputs[0] in found):
            found.add(node.output)
    return frozenset(found)


Form = Callable[[Conversion, FloatNode, Any], None]
"""Writes the int8 nodes of a float one, whose operator is the third argument."""
