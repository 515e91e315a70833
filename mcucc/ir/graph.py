"""Graphs: immutable, in static single assignment form, topologically ordered.

A graph is generic in its operators: float and int8 networks use the same containers with
different operator classes, so that a stage for one cannot be given the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InvariantError
from mcucc.ir.preprocessing import Preprocessing
from mcucc.ir.types import DType, Shape, TensorType

OpT = TypeVar("OpT")
OtherOpT = TypeVar("OtherOpT")


@dataclass(frozen=True, eq=False)
class Const:
    """A named constant; `data` is read-only and has the type's shape and element type."""

    name: str
    type: TensorType
    data: NDArray[np.generic]

    def __post_init__(self) -> None:
        data = np.ascontiguousarray(self.data).reshape(self.data.shape)
        if data.shape != self.type.shape or data.dtype.name != self.type.dtype.value:
            raise InvariantError(
                f"constant '{self.name}' is {data.dtype}{list(data.shape)}, "
                f"its type says {self.type.dtype}{list(self.type.shape)}"
            )
        if data is self.data:
            data = data.copy()
        data.flags.writeable = False
        object.__setattr__(self, "data", data)

    def reals(self) -> NDArray[np.float64]:
        """The numbers that it stands for: scale * (q - zero_point) if it is quantized."""
        data, quant = self.data.astype(np.float64), self.type.quant
        if quant is None:
            return data
        shape = [1] * data.ndim
        if quant.axis is not None:
            shape[quant.axis] = -1
        scales = np.asarray(quant.scales, dtype=np.float64).reshape(shape)
        return (data - quant.zero_point) * scales


@dataclass(frozen=True)
class Port:
    """An input or output of the network as the ONNX file declares it.

    Attributes:
        tensor: name of the value inside the graph.
        name: name in the ONNX file.
        dtype: element type in the ONNX file (float32 where a Quantize/DequantizeLinear is folded
            into the port).
        shape: shape in the ONNX file, with batch 1.
        perm: axes order with inner = onnx.transpose(perm); None where layouts agree.
        preprocessing: what the file computes of a float input before it quantizes it; the tensor
            is the result.
    """

    tensor: str
    name: str
    dtype: DType
    shape: Shape
    perm: tuple[int, ...] | None = None
    preprocessing: Preprocessing = ()


@dataclass(frozen=True)
class State:
    """A value that one run leaves for the next one.

    Attributes:
        name: in the model's file: of the variable, or of the input that hands it over.
        source: name of the value that a run finds.
        update: name of the value of the same shape that it leaves; of the source itself where
            nothing changes it.
        initial: name of the constant that the first run finds; None for zero.
        output: name in the model's file of the output that hands it over; empty for a variable.
    """

    name: str
    source: str
    update: str
    initial: str | None = None
    output: str = ""


@dataclass(frozen=True)
class Node(Generic[OpT]):
    """One operator applied to named values; it makes exactly one value.

    Attributes:
        op: the operator with its attributes.
        inputs: names of values or constants, in the operator's order.
        output: name of the value it makes.
        name: unique, stable, readable.
        origin: names of the ONNX nodes it came from.
    """

    op: OpT
    inputs: tuple[str, ...]
    output: str
    name: str
    origin: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph(Generic[OpT]):
    """A network.

    Attributes:
        name: C identifier; prefix of all generated symbols.
        inputs: ports that the caller fills.
        outputs: ports that the caller reads.
        nodes: topologically ordered.
        tensors: type of every value that is not a constant.
        consts: every constant, by name.
        states: what runs hand on to each other; the caller sees none of it.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    nodes: tuple[Node[OpT], ...]
    tensors: Mapping[str, TensorType]
    consts: Mapping[str, Const] = field(default_factory=dict[str, Const])
    states: tuple[State, ...] = ()

    def type_of(self, name: str) -> TensorType:
        """The type of a value or constant.

        Raises:
            InvariantError: there is no such name.
        """
        if name in self.tensors:
            return self.tensors[name]
        return self.const(name).type

    def const(self, name: str) -> Const:
        """A constant by name.

        Raises:
            InvariantError: there is no such constant.
        """
        if name not in self.consts:
            raise InvariantError(f"graph '{self.name}' has no value named '{name}'")
        return self.consts[name]

    def input_types(self, node: Node[OpT]) -> tuple[TensorType, ...]:
        """The types of a node's inputs, constants included."""
        return tuple(self.type_of(name) for name in node.inputs)

    def variable_inputs(self, node: Node[OpT]) -> tuple[str, ...]:
        """A node's inputs that are not constants, in order."""
        return tuple(name for name in node.inputs if name not in self.consts)

    @cached_property
    def readers(self) -> Mapping[str, tuple[Node[OpT], ...]]:
        """For each value and constant the nodes that read it, in order."""
        found: dict[str, list[Node[OpT]]] = {name: [] for name in (*self.tensors, *self.consts)}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @cached_property
    def producers(self) -> Mapping[str, Node[OpT]]:
        """For each value that a node makes, that node."""
        return {node.output: node for node in self.nodes}

    @cached_property
    def output_tensors(self) -> frozenset[str]:
        """Names of the values that outlive the run: outputs, and what it leaves for the next."""
        left = (state.update for state in self.states)
        return frozenset((*(port.tensor for port in self.outputs), *left))

    @cached_property
    def source_tensors(self) -> tuple[str, ...]:
        """Names of the values that no node makes, each once: inputs, then states."""
        found = (state.source for state in self.states)
        return tuple(dict.fromkeys((*(port.tensor for port in self.inputs), *found)))

    def with_nodes(
        self,
        nodes: tuple[Node[OpT], ...],
        tensors: Mapping[str, TensorType] | None = None,
        consts: Mapping[str, Const] | None = None,
    ) -> "Graph[OpT]":
        """The same network with other nodes; values and constants nobody names are dropped."""
        all_tensors = {**self.tensors, **(tensors or {})}
        all_consts = {**self.consts, **(consts or {})}
        used = {name for node in nodes for name in (*node.inputs, node.output)}
        used |= {port.tensor for port in (*self.inputs, *self.outputs)}
        for state in self.states:
            used |= {state.source, state.update, state.initial or state.source}
        return replace(
            self,
            nodes=nodes,
            tensors={name: t for name, t in all_tensors.items() if name in used},
            consts={name: c for name, c in all_consts.items() if name in used},
        )
