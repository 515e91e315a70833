"""Pad into convolution."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.movement import Pad
from mcucc.passes.base import Int8Pass


@dataclass(frozen=True)
class FoldPad(Int8Pass):
    """Adds the pads of a Pad to those of the convolutions that read it.

    Why: the padded map needs not exist; on a microcontroller it is often the largest tensor.

    Declines when
        (1) the padded map is an output of the network,
        (2) a reader is no convolution.

    Before: p = Pad(x, (1, 1, 1, 1)); y = Conv2D(p, pads=(0, 0, 0, 0))
    After:  y = Conv2D(x, pads=(1, 1, 1, 1))
    """

    name: str = "fold_pad"
    effect: ClassVar[str] = "is added to the padding of the convolutions that read it"

    def pattern(self, graph: Int8Graph) -> Iterator[Int8Node]:
        """Every Pad."""
        return (node for node in graph.nodes if isinstance(node.op, Pad))

    def check(self, graph: Int8Graph, node: Int8Node) -> str | None:
        """Cases 1 and 2."""
        if node.output in graph.output_tensors:
            return "the padded map is an output"
        for reader in graph.readers[node.output]:
            if not isinstance(reader.op, Conv2D | DepthwiseConv2D):
                return f"'{reader.name}' is no convolution"
        return None

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        """Each reader takes the pads over."""
        nodes = tuple(
            _padded(each, node) if node.output in each.inputs else each
            for each in graph.nodes
            if each is not node
        )
        return graph.with_nodes(nodes)


def _padded(reader: Int8Node, pad: Int8Node) -> Int8Node:
    if not isinstance(reader.op, Conv2D | DepthwiseConv2D) or not isinstance(pad.op, Pad):
        return reader
    top, bottom, left, right = (
        mine + more for mine, more in zip(reader.op.pads, pad.op.pads, strict=True)
    )
    return replace(
        reader,
        op=replace(reader.op, pads=(top, bottom, left, right)),
        inputs=(pad.inputs[0], *reader.inputs[1:]),
        origin=(*pad.origin, *reader.origin),
    )
