"""Nodes that nobody reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mcucc.ops import Int8Graph, Int8Node
from mcucc.passes.base import Int8Pass


@dataclass(frozen=True)
class DropUnread(Int8Pass):
    """Removes a node whose value no node and no output reads.

    Why: exporters leave branches behind that only training used; they would cost time and arena.

    Declines never.

    Before: y = Conv2D(x); unused = Softmax(y)
    After:  y = Conv2D(x)
    """

    name: str = "drop_unread"
    effect: ClassVar[str] = "is removed: nobody reads its result"

    def pattern(self, graph: Int8Graph) -> Iterator[Int8Node]:
        """Nodes without readers."""
        return (
            node
            for node in graph.nodes
            if not graph.readers[node.output] and node.output not in graph.output_tensors
        )

    def check(self, graph: Int8Graph, node: Int8Node) -> str | None:  # noqa: ARG002
        """Never declines."""
        return None

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        """The graph without the node."""
        return graph.with_nodes(tuple(each for each in graph.nodes if each is not node))
