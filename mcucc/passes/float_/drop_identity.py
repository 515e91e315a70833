"""Nodes that do nothing, or that nobody reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import Pads
from mcucc.ops.elementwise import FloatBinary, FloatClip
from mcucc.ops.movement import FloatConcat, FloatPad, FloatReshape, FloatSlice
from mcucc.ops.pool import FloatAveragePool2D, FloatMaxPool2D, FloatMean
from mcucc.ops.resize import FloatResizeNearest
from mcucc.passes.base import FloatPass, Worth
from mcucc.passes.float_.affine import keeps_integers
from mcucc.passes.rewriting import bypass, cannot_bypass, substitute

_NO_PADS: Pads = (0, 0, 0, 0)


@dataclass(frozen=True)
class DropIdentity(FloatPass):
    """Removes nodes whose output is their input, nodes that nobody reads, and Reshapes of Reshapes.

    Why: exporters leave them behind. Each would be a copy of a tensor in time and arena.

    A node does nothing if it is
        - a Reshape to the same shape, or a mean over axes of one element that keeps them,
        - a product with 1, a quotient by 1, a sum with 0 or a difference from 0,
        - a clip without bounds, or one to wider bounds than a clip right before,
        - a pool of one pixel, a Pad of none, a Resize by 1, a slice of everything,
          a concatenation of one input.

    Declines when
        (1) an input and an output of the network, or two outputs, need a name each.

    Before: y = FloatBinary("mul", x, 1); z = FloatConv2D(y, w, b)
    After:  z = FloatConv2D(x, w, b)
    """

    name: str = "drop_identity"
    effect: ClassVar[str] = "is removed: it does nothing, or what it does is done again"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Nodes that are idle, unread, or Reshapes of Reshapes."""
        return (
            node
            for node in graph.nodes
            if _is_unread(graph, node) or _is_idle(graph, node) or _reshapes_again(graph, node)
        )

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Case 1."""
        if _is_unread(graph, node) or not _is_idle(graph, node):
            return None
        return cannot_bypass(graph, _variable_first(graph, node))

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """Without the node; a second Reshape reads what the first one read."""
        if _is_unread(graph, node):
            return substitute(graph, {node.name: ()})
        if _is_idle(graph, node):
            return _without(graph, self._idle_run(graph, node))
        before = graph.producers[node.inputs[0]]
        direct = replace(node, inputs=before.inputs, origin=(*before.origin, *node.origin))
        return substitute(graph, {node.name: (direct,)})

    def worth(self, graph: FloatGraph, node: FloatNode) -> Worth | None:
        """A copy of its input; a Reshape is none."""
        return None if isinstance(node.op, FloatReshape) else super().worth(graph, node)

    def _idle_run(self, graph: FloatGraph, node: FloatNode) -> tuple[FloatNode, ...]:
        """The node, and those behind it of which each alone reads the one before and is idle too.

        All of a chain go at once: one by one, long chains would take time with their square.
        """
        run = [node]
        while run[-1].output not in graph.output_tensors:
            readers = graph.readers[run[-1].output]
            following = readers[0] if len(readers) == 1 else None
            if following is None or not _is_idle(graph, following):
                break
            if self.check(graph, following) is not None:
                break
            run.append(following)
        return tuple(run)


def _without(graph: FloatGraph, run: tuple[FloatNode, ...]) -> FloatGraph:
    """The graph without a chain of idle nodes."""
    first = _variable_first(graph, run[0])
    whole = replace(first, output=run[-1].output)
    gone: dict[str, tuple[FloatNode, ...]] = {node.name: () for node in run[1:]}
    return bypass(substitute(graph, {**gone, first.name: (whole,)}), whole)


def _is_unread(graph: FloatGraph, node: FloatNode) -> bool:
    return not graph.readers[node.output] and node.output not in graph.output_tensors


def _reshapes_again(graph: FloatGraph, node: FloatNode) -> bool:
    before = graph.producers.get(node.inputs[0])
    return isinstance(node.op, FloatReshape) and isinstance(
        before.op if before is not None else None, FloatReshape
    )


def _variable_first(graph: FloatGraph, node: FloatNode) -> FloatNode:
    """The node with its one variable input in front."""
    return replace(node, inputs=tuple(sorted(node.inputs, key=lambda name: name in graph.consts)))


def _is_idle(graph: FloatGraph, node: FloatNode) -> bool:
    op = node.op
    match op:
        case FloatReshape() | FloatMean() | FloatSlice():
            return graph.type_of(node.inputs[0]).shape == graph.tensors[node.output].shape
        case FloatBinary():
            return _is_idle_arithmetic(graph, node, op)
        case FloatClip():
            return _is_idle_clip(graph, node, op)
        case FloatMaxPool2D() | FloatAveragePool2D():
            return (op.kernel, op.stride, op.pads) == ((1, 1), (1, 1), _NO_PADS)
        case FloatPad():
            return op.pads == _NO_PADS
        case FloatResizeNearest():
            return op.factor == (1, 1)
        case _:
            return isinstance(op, FloatConcat) and len(node.inputs) == 1


def _is_idle_arithmetic(graph: FloatGraph, node: FloatNode, op: FloatBinary) -> bool:
    variables = graph.variable_inputs(node)
    if len(variables) != 1 or op.activation != "none" or keeps_integers(graph, node):
        return False
    first = node.inputs[0] in graph.consts
    constant = graph.const(node.inputs[0 if first else 1]).data
    neutral = 0.0 if op.kind in ("add", "sub") else 1.0
    if first and op.kind in ("sub", "div"):
        return False
    shape = graph.tensors[node.output].shape
    return graph.tensors[variables[0]].shape == shape and bool(np.all(constant == neutral))


def _is_idle_clip(graph: FloatGraph, node: FloatNode, op: FloatClip) -> bool:
    before = graph.producers.get(node.inputs[0])
    inner = before.op if before is not None and isinstance(before.op, FloatClip) else None
    low, high = (None, None) if inner is None else (inner.low, inner.high)
    below = op.low is None or (low is not None and low >= op.low)
    above = op.high is None or (high is not None and high <= op.high)
    return below and above
