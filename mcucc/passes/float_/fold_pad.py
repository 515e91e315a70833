"""Pad into the operators that read the padded map."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D, Pads
from mcucc.ops.dense import FloatDense
from mcucc.ops.elementwise import FloatBinary, FloatClip
from mcucc.ops.movement import FloatPad
from mcucc.ops.pool import FloatMaxPool2D
from mcucc.ops.unary import FloatUnary
from mcucc.passes.base import FloatPass
from mcucc.passes.rewriting import substitute

_BELOW_ALL = -1e30
"""What is less stands for minus infinity."""
_Padding = FloatConv2D | FloatDepthwiseConv2D | FloatMaxPool2D


@dataclass(frozen=True)
class FoldPad(FloatPass):
    """Adds the pads of a Pad to those of the operators that read it.

    Why: the padded map needs not exist; on a microcontroller it is often the largest tensor.

    A max pool ignores its own padding where a zero would win over negative pixels. It takes a Pad
    over only if there are none (the map comes out of a Relu or the like), or the border is below
    all numbers, and each of its windows holds a real pixel.

    Declines when
        (1) the border is not zero, or is cut off rather than added,
        (2) the padded map is an output of the network,
        (3) a reader is neither a convolution nor a max pool,
        (4) a max pool might see negative pixels,
        (5) a window of a max pool might see the border alone.

    Before: p = FloatPad(x, (1, 1, 1, 1)); y = FloatConv2D(p, pads=(0, 0, 0, 0))
    After:  y = FloatConv2D(x, pads=(1, 1, 1, 1))
    """

    name: str = "fold_pad"
    effect: ClassVar[str] = "is added to the padding of what reads it"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Every Pad."""
        return (node for node in graph.nodes if isinstance(node.op, FloatPad))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 to 5."""
        if not isinstance(node.op, FloatPad):
            return "it is no Pad"
        lowest = node.op.value < _BELOW_ALL
        readers = graph.readers[node.output]
        pools = all(isinstance(reader.op, FloatMaxPool2D) for reader in readers)
        if node.op.value != 0.0 and not (lowest and pools):
            return "the border is not zero"
        if min(node.op.pads) < 0:
            return "it cuts the map"
        if node.output in graph.output_tensors or not readers:
            return "the padded map is an output"
        positive = lowest or _never_negative(graph.producers.get(node.inputs[0]))
        reasons = (_cannot_pad(each, node.op.pads, positive=positive) for each in readers)
        return next((reason for reason in reasons if reason is not None), None)

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """Each reader takes the pads over."""
        new = {each.name: (_padded(each, node),) for each in graph.readers[node.output]}
        return substitute(graph, {**new, node.name: ()})


def _cannot_pad(reader: FloatNode, pads: Pads, *, positive: bool) -> str | None:
    match reader.op:
        case FloatConv2D() | FloatDepthwiseConv2D():
            return None
        case FloatMaxPool2D(kernel):
            if not positive:
                return f"zeros may win over negative pixels in '{reader.name}'"
            rows, columns = kernel
            top, bottom, left, right = _sum(reader.op.pads, pads)
            if max(top, bottom) >= rows or max(left, right) >= columns:
                return f"a window of '{reader.name}' may see the border alone"
            return None
        case _:
            return f"'{reader.name}' is neither a convolution nor a max pool"


def _never_negative(producer: FloatNode | None) -> bool:
    match producer.op if producer is not None else None:
        case (
            FloatConv2D(activation=activation)
            | FloatDepthwiseConv2D(activation=activation)
            | FloatDense(activation=activation)
            | FloatBinary(activation=activation)
        ):
            return activation != "none"
        case FloatClip(low):
            return low is not None and low >= 0
        case FloatUnary(kind):
            return kind in ("abs", "exp", "hard_sigmoid", "sigmoid", "softplus", "sqrt")
        case _:
            return False


def _padded(reader: FloatNode, pad: FloatNode) -> FloatNode:
    if not isinstance(reader.op, _Padding) or not isinstance(pad.op, FloatPad):
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
