"""What turns a node into a C structure: the node with its kernel, and the literals they share."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcucc.codegen.algorithms import kernel_ctype
from mcucc.codegen.literals import c_int
from mcucc.codegen.parts import ArrayDef, LayerSpec
from mcucc.errors import InvariantError
from mcucc.ir import TensorType
from mcucc.kernels import Family, Kernel
from mcucc.ops import Activation, Int8Graph, Int8Node, clamp_range
from mcucc.reference.fixed_point import Multiplier

Field = tuple[str, str]
"""A member of a C structure and its initializer."""


@dataclass(frozen=True)
class LayerCode:
    """A layer's structure and the arrays that only it uses."""

    spec: LayerSpec
    arrays: tuple[ArrayDef, ...] = ()


@dataclass(frozen=True)
class Layer:
    """A node and what its code is made of.

    Attributes:
        graph: the network.
        node: what is computed.
        kernel: how; None where nothing is executed.
        ident: C identifier of the node.
        pad: name of the array of padding that its windows may fall on, or NULL.
    """

    graph: Int8Graph
    node: Int8Node
    kernel: Kernel | None
    ident: str
    pad: str

    @property
    def executed(self) -> Kernel:
        """Its kernel, of which there must be one."""
        if self.kernel is None:
            raise InvariantError(f"node '{self.node.name}' executes nothing")
        return self.kernel

    @property
    def family(self) -> Family:
        """The family of its kernel."""
        return self.executed.family

    @property
    def x(self) -> TensorType:
        """The first input."""
        return self.graph.type_of(self.node.inputs[0])

    @property
    def output(self) -> TensorType:
        """What it makes."""
        return self.graph.tensors[self.node.output]

    def array_name(self, array: ArrayDef) -> str:
        """An array's name in C, which has the network's prefix."""
        return f"{self.graph.name}_{array.name}"

    def code(self, fields: Sequence[Field], *arrays: ArrayDef) -> LayerCode:
        """Its structure, of the type that its kernel reads."""
        spec = LayerSpec(f"spec_{self.ident}", kernel_ctype(self.executed), tuple(fields))
        return LayerCode(spec, arrays)

    def output_literal(self, activation: Activation = "none") -> str:
        """The initializer of an `mcucc_output_t`."""
        low, high = clamp_range(activation, self.output.q)
        return f"{{.zero_point = {self.output.q.zero_point}, .min = {low}, .max = {high}}}"


def channel_literal(bias: int, multiplier: Multiplier) -> str:
    """The initializer of an `mcucc_channel_t`."""
    return (
        f"{{.bias = {c_int(bias)}, .multiplier = {c_int(multiplier.m)}, "
        f".right = {-multiplier.shift}}}"
    )
