"""Transposes that undo each other, or move nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.movement import FloatReshape, FloatTranspose
from mcucc.passes.base import FloatPass
from mcucc.passes.float_.permutations import composed, is_identity, keeps_order
from mcucc.passes.rewriting import bypass, cannot_bypass, sole_reader, substitute


@dataclass(frozen=True)
class ComposeTransposes(FloatPass):
    """Makes one Transpose of two in a row, none of an identity, a Reshape of one that keeps order.

    Why: a transposition copies a tensor, and needs the arena to hold it twice.

    Declines when
        (1) elements move, and what makes the input is no Transpose,
        (2) it does nothing, but an input and an output of the network, or two outputs, need a name
            each.

    Before: t = FloatTranspose(x, (0, 3, 1, 2)); y = FloatTranspose(t, (0, 2, 3, 1))
    After:  y is x
    """

    name: str = "compose_transposes"
    effect: ClassVar[str] = "becomes one with the transposition before it, or a view"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Every Transpose."""
        return (node for node in graph.nodes if isinstance(node.op, FloatTranspose))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 2 and 1."""
        if not isinstance(node.op, FloatTranspose):
            return "it is no Transpose"
        if is_identity(node.op.perm):
            return cannot_bypass(graph, node)
        shape = graph.type_of(node.inputs[0]).shape
        if keeps_order(shape, node.op.perm) or _transposed_before(graph, node) is not None:
            return None
        return f"it moves elements, and '{node.inputs[0]}' is not transposed"

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """Without it, as a Reshape, or over the Transpose before."""
        if not isinstance(node.op, FloatTranspose):
            return graph
        if is_identity(node.op.perm):
            return bypass(graph, node)
        before = _transposed_before(graph, node)
        if before is None or not isinstance(before.op, FloatTranspose):
            reshape = FloatReshape(graph.tensors[node.output].shape)
            return substitute(graph, {node.name: (replace(node, op=reshape),)})
        both = replace(
            node,
            op=FloatTranspose(composed(before.op.perm, node.op.perm)),
            inputs=before.inputs,
            origin=(*before.origin, *node.origin),
        )
        alone = sole_reader(graph, before.output) is not None
        gone: dict[str, tuple[FloatNode, ...]] = {before.name: ()} if alone else {}
        return substitute(graph, {**gone, node.name: (both,)})


def _transposed_before(graph: FloatGraph, node: FloatNode) -> FloatNode | None:
    before = graph.producers.get(node.inputs[0])
    return before if before is not None and isinstance(before.op, FloatTranspose) else None
