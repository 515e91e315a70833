"""Transposes below elementwise operators."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mcucc.ir import Const
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatPair
from mcucc.ops.movement import FloatTranspose
from mcucc.passes.base import FloatPass, Worth
from mcucc.passes.float_.layers import float_const
from mcucc.passes.float_.permutations import Perm, inverse
from mcucc.passes.float_.sinking import other_readers, sunk
from mcucc.passes.rewriting import fresh_value


@dataclass(frozen=True)
class SinkTransposes(FloatPass):
    """Moves a Transpose below an operator that works element by element.

    Why: below, it meets the Transpose that undoes it, or an output; above, nothing stands any more
    between a convolution and its activation.

    Declines when
        (1) the result is an output of the network,
        (2) not exactly one node reads it, other Transposes aside,
        (3) the reader does not work element by element,
        (4) the other operand is neither constant nor transposed alike,
        (5) a constant operand broadcasts the result to more axes,
        (6) it stands at an input of the network, which can absorb it, and meets nothing below.

    Before: t = FloatTranspose(x, (0, 3, 1, 2)); y = FloatClip(t, 0, 6)
    After:  c = FloatClip(x, 0, 6); y = FloatTranspose(c, (0, 3, 1, 2))
    """

    name: str = "sink_transposes"
    effect: ClassVar[str] = "moves below the operator that reads it, where another undoes it"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Every Transpose."""
        return (node for node in graph.nodes if isinstance(node.op, FloatTranspose))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 to 6."""
        if node.output in graph.output_tensors:
            return "its result is an output"
        readers = other_readers(graph, node)
        if len(readers) != 1:
            return f"{len(readers)} nodes other than Transposes read it"
        fault = _reader_fault(graph, node, readers[0])
        if fault is None and node.inputs[0] not in graph.producers:
            return None if _meets_transpose(graph, readers[0]) else "it stands at an input"
        return fault

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """The reader reads what was transposed; its result is transposed."""
        (reader,) = other_readers(graph, node)
        if not isinstance(node.op, FloatTranspose):
            return graph
        constants = [name for name in reader.inputs if name in graph.consts]
        turned = {name: _turned(graph, name, node.op.perm) for name in constants}
        return sunk(graph, node, reader, turned)

    def worth(self, graph: FloatGraph, node: FloatNode) -> Worth | None:  # noqa: ARG002
        """Nothing by itself: it is written all the same, elsewhere."""
        return None


def _reader_fault(graph: FloatGraph, node: FloatNode, reader: FloatNode) -> str | None:
    match reader.op:
        case op if op.elementwise:
            return None
        case FloatPair():
            return _operand_fault(graph, node, reader)
        case _:
            return f"'{reader.name}' does not work element by element"


def _meets_transpose(graph: FloatGraph, node: FloatNode) -> bool:
    """Whether a Transpose or an output follows a node, elementwise operators between aside."""
    while node.op.elementwise or isinstance(node.op, FloatPair):
        readers = graph.readers[node.output]
        if node.output in graph.output_tensors or any(
            isinstance(reader.op, FloatTranspose) for reader in readers
        ):
            return True
        if len(readers) != 1:
            return False
        node = readers[0]
    return False


def _operand_fault(graph: FloatGraph, node: FloatNode, reader: FloatNode) -> str | None:
    for name in reader.inputs:
        other = graph.producers.get(name)
        if name not in graph.consts and (other is None or other.op != node.op):
            return f"the other operand '{name}' is not transposed alike"
    if len(graph.tensors[reader.output].shape) != len(graph.tensors[node.output].shape):
        return "the constant operand has more axes"
    return None


def _turned(graph: FloatGraph, name: str, perm: Perm) -> Const:
    """A constant operand as it must be above the transposition."""
    old = graph.const(name)
    if old.type.size == 1:
        return old
    padded = old.data.reshape((1,) * (len(perm) - old.data.ndim) + old.data.shape)
    turned, inner = padded.transpose(inverse(perm)), fresh_value(graph, f"{name}.inner")
    if old.type.quant is not None:
        return Const(inner, replace(old.type, shape=turned.shape), np.ascontiguousarray(turned))
    return float_const(inner, turned.astype(np.float64))
