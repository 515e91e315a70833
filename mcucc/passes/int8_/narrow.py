"""A graph without some of its channels."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Const, QParams
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.dense import FullyConnected
from mcucc.ops.movement import Reshape, Slice
from mcucc.passes.int8_.known_channels import Known, Layer, Mask, activations, operands
from mcucc.passes.int8_.spare_channels import Spare
from mcucc.passes.rewriting import fresh_value, substitute


def narrow(graph: Int8Graph, known: Known, spare: Spare) -> Int8Graph:
    """Drop all spare channels of all values; what they gave to the layers goes into the biases.

    Names stay: a narrowed value or constant keeps its own, but a constant that several nodes read
    becomes one for each.
    """
    work = _Narrowing(graph, known, spare)
    new = {node.name: (work.narrowed(node),) for node in graph.nodes}
    tensors = {
        name: replace(kind, shape=(*kind.shape[:-1], _count(spare.kept(name))))
        for name, kind in graph.tensors.items()
    }
    for name in operands(graph):
        const, kept = graph.consts[name], spare.kept(name)
        if not kept.all():
            kind = replace(const.type, shape=(*const.type.shape[:-1], _count(kept)))
            work.consts[name] = Const(name, kind, const.data[..., kept])
    return substitute(graph, new, tensors, work.consts)


@dataclass
class _Narrowing:
    graph: Int8Graph
    known: Known
    spare: Spare
    consts: dict[str, Const] = field(default_factory=dict[str, Const])

    def narrowed(self, node: Int8Node) -> Int8Node:
        """A node that makes what stays of its output of what stays of its inputs."""
        values = (*activations(node), node.output)
        if all(self.spare.kept(name).all() for name in values):
            return node
        kept = self.spare.kept(node.output)
        match node.op:
            case Conv2D() | FullyConnected() | DepthwiseConv2D():
                new = {const.name: const for const in self._layer(node, node.op)}
                self.consts |= new
                return replace(node, inputs=(node.inputs[0], *new))
            case Reshape():
                return replace(node, op=Reshape((*node.op.shape[:-1], _count(kept))))
            case Slice():
                start = _count(self.spare.kept(node.inputs[0])[: node.op.starts[-1]])
                starts = (*node.op.starts[:-1], start)
                return replace(node, op=Slice(starts, (*node.op.sizes[:-1], _count(kept))))
            case _:  # its attributes say nothing of channels
                return node

    def _layer(self, node: Int8Node, op: Layer) -> Iterator[Const]:
        """Weights and bias of the channels that stay."""
        inputs, outputs = self.spare.kept(node.inputs[0]), self.spare.kept(node.output)
        weights, bias = (self.graph.const(name) for name in node.inputs[1:])
        axis = 3 if isinstance(op, DepthwiseConv2D) else 0
        data, sums = weights.data.compress(outputs, axis), bias.data[outputs].astype(np.int64)
        if not isinstance(op, DepthwiseConv2D):
            sums += self._offsets(node)[outputs]
            data = data[..., inputs]
        kind = replace(weights.type, shape=data.shape, quant=_cut(weights.type.q, outputs))
        yield Const(self._name(weights.name, node), kind, data)
        kind = replace(bias.type, shape=sums.shape)
        yield Const(self._name(bias.name, node), kind, sums.astype(np.int32))

    def _offsets(self, node: Int8Node) -> NDArray[np.int64]:
        """What the inputs that go would have added to each output: int64 [output channels]."""
        x = node.inputs[0]
        centred = self.known.numbers[x] - self.graph.type_of(x).q.zero_point
        weights = self.graph.const(node.inputs[1]).data.astype(np.int64)
        per_input = weights.reshape(len(weights), -1, weights.shape[-1]).sum(axis=1)
        return per_input @ np.where(self.spare.kept(x), 0, centred)

    def _name(self, name: str, node: Int8Node) -> str:
        """The name of a constant's narrowed form: its own, unless other nodes read it too."""
        if len(self.graph.readers[name]) == 1:
            return name
        return fresh_value(self.graph, f"{name}.{node.name}")


def _cut(quant: QParams, kept: Mask) -> QParams:
    """The scales of the channels that stay, where each has its own."""
    if quant.axis is None:
        return quant
    return replace(quant, scales=tuple(np.compress(kept, quant.scales).tolist()))


def _count(mask: Mask) -> int:
    return int(mask.sum())
