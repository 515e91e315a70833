"""The nodes that kernels execute, each with its C structure and its constant arrays, made once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mcucc.kernels import Kernel
from mcucc.kernels.families import OPERATORS
from mcucc.kernels.use import ArrayDef, KernelUse, LayerCode, operand_array
from mcucc.ops import Int8Graph, Int8Node


@dataclass(frozen=True)
class ExecutedNode:
    """A node with what its code is made of.

    Attributes:
        use: the node and its kernel.
        code: the structure that the kernel reads.
    """

    use: KernelUse[Any]
    code: LayerCode

    @property
    def node(self) -> Int8Node:
        """What is computed."""
        return self.use.node

    @property
    def kernel(self) -> Kernel:
        """What executes it."""
        return self.use.kernel

    @cached_property
    def constants(self) -> Mapping[str, ArrayDef]:
        """Arrays for those operands that are constants, by the names of these."""
        if not OPERATORS[type(self.node.op)].constant_operands:
            return {}
        return {
            name: operand_array(self.use, index)
            for index, name in enumerate(self.node.inputs)
            if name in self.use.graph.consts
        }

    @property
    def arrays(self) -> tuple[ArrayDef, ...]:
        """All its constants."""
        return (*self.code.arrays, *self.constants.values())


def execute(
    graph: Int8Graph,
    kernels: Mapping[str, Kernel | None],
    idents: Mapping[str, str],
    pads: Mapping[str, str],
) -> Mapping[str, ExecutedNode]:
    """Every node that a kernel executes, by name, in the order of the graph.

    Args:
        graph: the network.
        kernels: by name of the node, None where nothing is executed.
        idents: C identifiers of the nodes.
        pads: names of the arrays of padding that the windows of a node may fall on, or NULL.
    """
    found: dict[str, ExecutedNode] = {}
    for node in graph.nodes:
        kernel = kernels[node.name]
        if kernel is not None:
            use = KernelUse[Any](graph, node, kernel, idents[node.name], pads[node.name])
            found[node.name] = ExecutedNode(use, OPERATORS[type(node.op)].code(use))
    return found
