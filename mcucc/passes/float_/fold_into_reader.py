"""Batch normalization and per-channel arithmetic into the layers after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.errors import InvariantError
from mcucc.ir import Const
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.passes.base import FloatPass
from mcucc.passes.float_.affine import Affine, looks_affine, read_affine
from mcucc.passes.float_.layers import (
    Layer,
    Parameters,
    Reals,
    has_given_scales,
    parameters,
    per_input_channel,
    with_parameters,
)
from mcucc.passes.rewriting import substitute


@dataclass(frozen=True)
class FoldIntoReader(FloatPass):
    """Multiplies a scale and a shift per channel into the layers that read the result.

    Why: it costs nothing there, and the scaled tensor need not exist.

    Declines when
        (1) the constant is neither one number nor one per channel, or the input is a divisor,
        (2) the node has an activation of its own,
        (3) the result is an output of the network,
        (4) a reader is no convolution or dense layer,
        (5) a reader pads with zeros, but what it pads is shifted: the border would not be,
        (6) a reader's weights are int8 with scales of the file.

    Before: n = FloatBatchNorm(x, scale, bias, mean, variance); y = FloatConv2D(n, w, b)
    After:  y = FloatConv2D(x, w * s, b + sum(w * t))
    """

    name: str = "fold_into_reader"
    effect: ClassVar[str] = "is folded into the weights of the layers that read it"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Batch normalizations, and arithmetic with a constant."""
        return (node for node in graph.nodes if looks_affine(graph, node))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 to 6."""
        affine = read_affine(graph, node)
        if isinstance(affine, str):
            return affine
        if affine.activation != "none":
            return "it has an activation"
        if node.output in graph.output_tensors or not graph.readers[node.output]:
            return "its result is an output"
        reasons = (_not_foldable(graph, reader, affine) for reader in graph.readers[node.output])
        return next((reason for reason in reasons if reason is not None), None)

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """Each reader takes the scale and the shift over."""
        affine = read_affine(graph, node)
        if not isinstance(affine, Affine):
            raise InvariantError(f"'{node.name}' cannot be folded: {affine}")
        new: dict[str, tuple[FloatNode, ...]] = {node.name: ()}
        consts: dict[str, Const] = {}
        for reader in graph.readers[node.output]:
            if isinstance(reader.op, Layer):
                layer, stored = _folded(graph, reader, reader.op, affine)
                new[reader.name] = (replace(layer, origin=(*node.origin, *reader.origin)),)
                consts.update(stored)
        return substitute(graph, new, consts=consts)


def _not_foldable(graph: FloatGraph, reader: FloatNode, affine: Affine) -> str | None:
    if not isinstance(reader.op, Layer):
        return f"'{reader.name}' is no convolution or dense layer"
    if not isinstance(reader.op, FloatDense) and any(reader.op.pads) and affine.shift.any():
        return f"'{reader.name}' pads with zeros what is shifted"
    if has_given_scales(graph, reader):
        return f"the weights of '{reader.name}' have scales of the file"
    return None


def _folded(
    graph: FloatGraph, reader: FloatNode, op: Layer, affine: Affine
) -> tuple[FloatNode, Mapping[str, Const]]:
    old = parameters(graph, reader)
    shape = graph.type_of(reader.inputs[1]).shape
    shifts = old.weights * per_input_channel(op, shape, affine.shift)
    new = Parameters(
        old.weights * per_input_channel(op, shape, affine.scale),
        old.bias + _sum_per_output(op, shifts),
    )
    layer, consts = with_parameters(graph, reader, new)
    return replace(layer, inputs=(affine.x, *layer.inputs[1:])), consts


def _sum_per_output(op: Layer, weights: Reals) -> Reals:
    match op:
        case FloatDepthwiseConv2D():
            return weights.sum(axis=(0, 1, 2))
        case FloatConv2D():
            return weights.sum(axis=(1, 2, 3))
        case FloatDense():
            return weights.sum(axis=1)
