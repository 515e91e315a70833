"""Pad into convolutions and max pools."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import Conv2D, DepthwiseConv2D, Pads
from mcucc.ops.movement import Pad
from mcucc.ops.pool import MaxPool2D
from mcucc.passes.base import Int8Pass
from mcucc.reference.fixed_point import INT8_MIN

_Padding = Conv2D | DepthwiseConv2D | MaxPool2D


@dataclass(frozen=True)
class FoldPad(Int8Pass):
    """Adds the pads of a Pad to those of the convolutions and max pools that read it.

    Why: the padded map needs not exist; on a microcontroller it is often the largest tensor.

    A convolution pads with the zero point, a max pool with what is below all, -128.

    Declines when
        (1) the padded map is an output of the network,
        (2) a reader is neither a convolution nor a max pool,
        (3) the border is of another number than the reader pads with,
        (4) a window of a max pool might see the border alone.

    Before: p = Pad(x, (1, 1, 1, 1)); y = Conv2D(p, pads=(0, 0, 0, 0))
    After:  y = Conv2D(x, pads=(1, 1, 1, 1))
    """

    name: str = "fold_pad"
    effect: ClassVar[str] = "is added to the padding of what reads it"

    def pattern(self, graph: Int8Graph) -> Iterator[Int8Node]:
        """Every Pad."""
        return (node for node in graph.nodes if isinstance(node.op, Pad))

    def check(self, graph: Int8Graph, node: Int8Node) -> str | None:
        """Cases 1 to 4."""
        if node.output in graph.output_tensors:
            return "the padded map is an output"
        if not isinstance(node.op, Pad):
            return "it is no Pad"
        zero_point = graph.tensors[node.output].q.zero_point
        for reader in graph.readers[node.output]:
            reason = _obstacle(reader, node.op, zero_point)
            if reason is not None:
                return reason
        return None

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        """Each reader takes the pads over."""
        nodes = tuple(
            _padded(each, node) if node.output in each.inputs else each
            for each in graph.nodes
            if each is not node
        )
        return graph.with_nodes(nodes)


def _obstacle(reader: Int8Node, pad: Pad, zero_point: int) -> str | None:
    """Why a reader cannot pad its map itself."""
    border = zero_point if pad.value is None else pad.value
    match reader.op:
        case Conv2D() | DepthwiseConv2D():
            return None if border == zero_point else f"'{reader.name}' pads with the zero point"
        case MaxPool2D((rows, columns)):
            if border != INT8_MIN:
                return f"the border may win over pixels in '{reader.name}'"
            top, bottom, left, right = _sum(reader.op.pads, pad.pads)
            if max(top, bottom) >= rows or max(left, right) >= columns:
                return f"a window of '{reader.name}' may see the border alone"
            return None
        case _:
            return f"'{reader.name}' is no convolution"


def _padded(reader: Int8Node, pad: Int8Node) -> Int8Node:
    if not isinstance(reader.op, _Padding) or not isinstance(pad.op, Pad):
        return reader
    return replace(
        reader,
        op=replace(reader.op, pads=_sum(reader.op.pads, pad.op.pads)),
        inputs=(pad.inputs[0], *reader.inputs[1:]),
        origin=(*pad.origin, *reader.origin),
    )


def _sum(first: Pads, second: Pads) -> Pads:
    top, bottom, left, right = (a + b for a, b in zip(first, second, strict=True))
    return top, bottom, left, right
