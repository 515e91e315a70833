"""Reshapes below elementwise operators."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mcucc.ir import Shape
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatBatchNorm, FloatPair
from mcucc.ops.movement import FloatReshape
from mcucc.passes.base import FloatPass, Worth
from mcucc.passes.float_.sinking import other_readers, sunk


@dataclass(frozen=True)
class SinkReshapes(FloatPass):
    """Moves a Reshape below an operator that works element by element, or channel by channel.

    Why: converters view a sequence as a map around each convolution; the batch normalization and
    the activation between two such views then stand right behind the convolution, and the views
    cancel.

    Declines when
        (1) the result is an output of the network,
        (2) not exactly one node reads it, other Reshapes aside,
        (3) the reader works neither element by element nor channel by channel,
        (4) the other operand was not of the same shape before,
        (5) channels are split or merged, but the reader has a constant for each,
        (6) the reader broadcasts it to another shape.

    Before: r = FloatReshape(x, (1, 64)); y = FloatClip(r, 0)
    After:  c = FloatClip(x, 0); y = FloatReshape(c, (1, 64))
    """

    name: str = "sink_reshapes"
    effect: ClassVar[str] = "moves below the operator that reads it"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Every Reshape."""
        return (node for node in graph.nodes if isinstance(node.op, FloatReshape))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 to 6."""
        if node.output in graph.output_tensors:
            return "its result is an output"
        readers = other_readers(graph, node)
        if len(readers) != 1:
            return f"{len(readers)} nodes other than Reshapes read it"
        match readers[0].op:
            case op if op.elementwise:
                return None
            case FloatBatchNorm() | FloatPair():
                return _operand_fault(graph, node, readers[0])
            case _:
                return f"'{readers[0].name}' works neither by element nor by channel"

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """The reader reads what was reshaped; its result is reshaped."""
        (reader,) = other_readers(graph, node)
        constants = {name: graph.const(name) for name in reader.inputs if name in graph.consts}
        return sunk(graph, node, reader, constants)

    def worth(self, graph: FloatGraph, node: FloatNode) -> Worth | None:  # noqa: ARG002
        """A Reshape moves no byte, wherever it stands."""
        return None


def _operand_fault(graph: FloatGraph, node: FloatNode, reader: FloatNode) -> str | None:
    before, after = graph.type_of(node.inputs[0]).shape, graph.tensors[node.output].shape
    if graph.tensors[reader.output].shape != after:
        return f"'{reader.name}' broadcasts it"
    for name in reader.inputs:
        if name in graph.consts:
            one = isinstance(reader.op, FloatPair)  # one number will do for all channels
            if not _fits(graph.const(name).type.shape, before, after, one=one):
                return f"constant '{name}' does not fit the shape before"
            continue
        other = graph.producers.get(name)
        if other is None or other.op != node.op:
            return f"the other operand '{name}' is not reshaped alike"
        if graph.type_of(other.inputs[0]).shape != before:
            return f"the other operand '{name}' had another shape"
    return None


def _fits(constant: Shape, before: Shape, after: Shape, *, one: bool) -> bool:
    """Whether a constant operand means the same before and after: `one` number or one per channel.

    The parameters of a normalization are as many as channels, even if that is one.
    """
    if len(constant) > len(before):
        return False
    size = math.prod(constant)
    return (one and size == 1) or (before[-1] == after[-1] and constant[-1] == size)
