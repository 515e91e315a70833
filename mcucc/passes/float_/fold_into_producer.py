"""Batch normalization and per-channel arithmetic into the layer before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.errors import InvariantError
from mcucc.ir import Const
from mcucc.ops import FloatGraph, FloatNode
from mcucc.passes.base import FloatPass
from mcucc.passes.float_.affine import Affine, looks_affine, read_affine
from mcucc.passes.float_.given_scales import scale_fault, with_scaled_outputs
from mcucc.passes.float_.layers import (
    Layer,
    Parameters,
    has_given_scales,
    parameters,
    per_output_channel,
    with_parameters,
)
from mcucc.passes.rewriting import sole_reader, substitute


@dataclass(frozen=True)
class FoldIntoProducer(FloatPass):
    """Multiplies a scale and a shift per channel into the weights and bias of the layer before.

    Why: it costs nothing there. This is how a batch normalization vanishes, and how a MatMul and
    an Add become a dense layer with a bias.

    Int8 weights with scales of the file stay as they are where a factor is positive and change sign
    where it is negative; their scales take the factor, and nothing is rounded.

    Declines when
        (1) the constant is neither one number nor one per channel, or the input is a divisor,
        (2) what makes the input is no convolution or dense layer,
        (3) the layer has an activation,
        (4) the layer's output is read elsewhere or is an output of the network,
        (5) weights with scales of the file cannot take a factor.

    Before: c = FloatConv2D(x, w, b); y = FloatBatchNorm(c, scale, bias, mean, variance)
    After:  y = FloatConv2D(x, w * s, b * s + t)
    """

    name: str = "fold_into_producer"
    effect: ClassVar[str] = "is folded into the weights of the layer before it"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Batch normalizations, and arithmetic with a constant."""
        return (node for node in graph.nodes if looks_affine(graph, node))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 to 5."""
        affine = read_affine(graph, node)
        if isinstance(affine, str):
            return affine
        producer = graph.producers.get(affine.x)
        if producer is None or not isinstance(producer.op, Layer):
            return f"'{affine.x}' is not made by a convolution or dense layer"
        if producer.op.activation != "none":
            return f"'{producer.name}' has an activation"
        if sole_reader(graph, affine.x) is None:
            return f"'{affine.x}' is read elsewhere"
        if has_given_scales(graph, producer):
            return scale_fault(graph, producer, affine.scale)
        return None

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """The layer makes what the node made."""
        affine = read_affine(graph, node)
        if not isinstance(affine, Affine):
            raise InvariantError(f"'{node.name}' cannot be folded: {affine}")
        producer = graph.producers[affine.x]
        if not isinstance(producer.op, Layer):
            raise InvariantError(f"'{node.name}' cannot be folded into '{producer.name}'")
        layer, consts = _scaled(graph, producer, producer.op, affine)
        folded = replace(
            layer,
            op=replace(producer.op, activation=affine.activation),
            output=node.output,
            origin=(*producer.origin, *node.origin),
        )
        return substitute(graph, {producer.name: (folded,), node.name: ()}, consts=consts)


def _scaled(
    graph: FloatGraph, node: FloatNode, op: Layer, affine: Affine
) -> tuple[FloatNode, Mapping[str, Const]]:
    if has_given_scales(graph, node):
        return with_scaled_outputs(graph, node, affine.scale, affine.shift)
    old = parameters(graph, node)
    new = Parameters(
        old.weights * per_output_channel(op, affine.scale),
        old.bias * affine.scale + affine.shift,
    )
    return with_parameters(graph, node, new)
