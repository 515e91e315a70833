"""Blocks of pixels below what works channel by channel."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir import Const
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatClip
from mcucc.ops.movement import FloatDepthToSpace, FloatSlice
from mcucc.passes.base import FloatPass, Worth
from mcucc.passes.float_.affine import looks_affine, read_affine
from mcucc.passes.float_.layers import Layer, float_const
from mcucc.passes.float_.sinking import sunk
from mcucc.passes.rewriting import fresh_value, sole_reader


@dataclass(frozen=True)
class SinkBlocks(FloatPass):
    """Moves a DepthToSpace behind a convolution, and what crops its map, below scales and Relus.

    Why: a transposed convolution is a convolution that makes blocks of pixels. The batch
    normalization and the activation behind it then stand behind the convolution, and cost nothing.

    Declines when
        (1) not exactly one node reads the result, or it is an output of the network,
        (2) the reader is neither arithmetic with one number, or one per channel, nor limits values,
        (3) what is read is made by no convolution or dense layer, or is read elsewhere too.

    Before: d = FloatDepthToSpace(c, (2, 2)); y = FloatBatchNorm(d, gain, bias, mean, variance)
    After:  b = FloatBatchNorm(c, ...); y = FloatDepthToSpace(b, (2, 2))
    """

    name: str = "sink_blocks"
    effect: ClassVar[str] = "moves below the operator that reads it"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Every DepthToSpace, and every crop of its map."""
        return (
            node
            for node in graph.nodes
            if isinstance(node.op, FloatDepthToSpace) or _crops_blocks(graph, node)
        )

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 to 3."""
        reader = sole_reader(graph, node.output)
        if reader is None:
            return "not exactly one node reads its result"
        affine = read_affine(graph, reader) if looks_affine(graph, reader) else "it is none"
        if isinstance(affine, str) and not isinstance(reader.op, FloatClip):
            return f"'{reader.name}' works not by channel alone"
        return _source_fault(graph, node)

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """The reader reads what was moved, with constants for its channels; its result is moved."""
        (reader,) = graph.readers[node.output]
        turned = {n: _before(graph, node, n) for n in reader.inputs if n in graph.consts}
        return sunk(graph, node, reader, turned)

    def worth(self, graph: FloatGraph, node: FloatNode) -> Worth | None:  # noqa: ARG002
        """It moves as many bytes wherever it stands."""
        return None


def _crops_blocks(graph: FloatGraph, node: FloatNode) -> bool:
    if not isinstance(node.op, FloatSlice):
        return False
    source, shape = graph.producers.get(node.inputs[0]), graph.type_of(node.inputs[0]).shape
    made = source is not None and isinstance(source.op, FloatDepthToSpace)
    return made and node.op.sizes[-1] == shape[-1]


def _source_fault(graph: FloatGraph, node: FloatNode) -> str | None:
    """Why nothing would be gained: only a layer takes scales and limits up."""
    (name,) = graph.variable_inputs(node)
    source = graph.producers.get(name)
    if sole_reader(graph, name) is None:
        return f"'{name}' is read elsewhere"
    if source is None:
        return f"'{name}' is not made by a convolution or dense layer"
    if isinstance(source.op, FloatDepthToSpace) or looks_affine(graph, source):
        return _source_fault(graph, source)
    made = isinstance(source.op, Layer)
    return None if made else f"'{name}' is not made by a convolution or dense layer"


def _before(graph: FloatGraph, node: FloatNode, name: str) -> Const:
    """A constant of the reader as it must be for the channels before the blocks."""
    const = graph.const(name)
    channels = graph.tensors[node.output].shape[-1]
    if not isinstance(node.op, FloatDepthToSpace) or const.type.shape[-1:] != (channels,):
        return const
    count, data = math.prod(node.op.block), const.data.astype(np.float64)
    if node.op.mode == "CRD":
        data = data.repeat(count, axis=-1)
    else:
        data = np.concatenate([data] * count, axis=-1)
    return float_const(fresh_value(graph, f"{name}.blocks"), data)
