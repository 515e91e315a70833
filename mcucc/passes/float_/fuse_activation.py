"""Relu and Relu6 into the operator before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.base import Activation
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.ops.elementwise import FloatBinary, FloatClip
from mcucc.passes.base import FloatPass
from mcucc.passes.rewriting import sole_reader, substitute

_Fusing = FloatConv2D | FloatDepthwiseConv2D | FloatDense | FloatBinary

_HIGHEST: Mapping[Activation, float | None] = {"none": None, "relu": None, "relu6": 6.0}


@dataclass(frozen=True)
class FuseActivation(FloatPass):
    """Makes a clip at 0, or at 0 and 6, the activation of the operator that makes its input.

    Why: the operator clamps its int8 results anyway, so the clip is free; and it tells the
    quantizer that the negative half of the range is not needed.

    Declines when
        (1) the bounds are no Relu and no Relu6 of what comes before,
        (2) the input is not made by a convolution, a dense layer or a sum, difference or product,
        (3) the input is read elsewhere or is an output of the network.

    Before: c = FloatConv2D(x, w, b); y = FloatClip(c, 0, 6)
    After:  y = FloatConv2D(x, w, b, activation="relu6")
    """

    name: str = "fuse_activation"
    effect: ClassVar[str] = "becomes the activation of the layer before it, which clamps anyway"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Every clip."""
        return (node for node in graph.nodes if isinstance(node.op, FloatClip))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 2, 1 and 3."""
        producer = graph.producers.get(node.inputs[0])
        if producer is None or not isinstance(producer.op, _Fusing):
            return f"what makes '{node.inputs[0]}' has no activation"
        if _activation(producer, node) is None:
            return "the bounds are no Relu and no Relu6"
        if sole_reader(graph, node.inputs[0]) is None:
            return f"'{node.inputs[0]}' is read elsewhere"
        return None

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """The producer makes what the clip made."""
        producer = graph.producers[node.inputs[0]]
        activation = _activation(producer, node)
        if activation is None or not isinstance(producer.op, _Fusing):
            return graph
        fused = replace(
            producer,
            op=replace(producer.op, activation=activation),
            output=node.output,
            origin=(*producer.origin, *node.origin),
        )
        return substitute(graph, {producer.name: (fused,), node.name: ()})


def _activation(producer: FloatNode, node: FloatNode) -> Activation | None:
    """What the producer's activation and the clip are together, None if neither kind."""
    if not isinstance(producer.op, _Fusing) or not isinstance(node.op, FloatClip):
        return None
    before, low, high = producer.op.activation, node.op.low, node.op.high
    from_zero = low == 0 or (before != "none" and (low is None or low < 0))
    limits = [limit for limit in (_HIGHEST[before], high) if limit is not None]
    if not from_zero or (limits and min(limits) != 6):
        return None
    return "relu6" if limits else "relu"
