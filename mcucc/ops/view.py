"""A node seen with the types and constants around it."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from mcucc.ir import Graph, Node, TensorType
from mcucc.ops.base import Op

OpT_co = TypeVar("OpT_co", bound=Op, covariant=True)


@dataclass(frozen=True)
class NodeView(Generic[OpT_co]):
    """A node with what meaning and kernels must know of it; `NodeView[Conv2D]` is one of a Conv2D.

    Attributes:
        graph: the network.
        node: what is computed.
    """

    graph: Graph[Any]
    node: Node[Any]

    @property
    def op(self) -> OpT_co:
        """Its operator."""
        return cast("OpT_co", self.node.op)

    @property
    def x(self) -> TensorType:
        """The first input."""
        return self.graph.type_of(self.node.inputs[0])

    @property
    def output(self) -> TensorType:
        """What it makes."""
        return self.graph.tensors[self.node.output]
