"""Channels that a network can do without: nothing that stays needs them.

Whether a channel can go depends on all who read it, and on what they themselves can do without. So
the search begins with all channels and takes back what some node needs, until no node objects: the
largest set that suits everybody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.dense import FullyConnected
from mcucc.ops.movement import (
    Concat,
    DepthToSpace,
    Reshape,
    Slice,
    SpaceToDepth,
    Transpose,
)
from mcucc.passes.int8_.known_channels import Known, Mask, activations, multiplied, operands
from mcucc.reference.parameters import max_abs_partial_sum

Objections = NDArray[np.intp]
"""One number per channel: 0 if it can go, else the number of the reason why it stays."""


Reads = Mask
"""[outputs, inputs]: whether an output multiplies an input by anything but zero."""


@dataclass(frozen=True)
class Spare:
    """Which channels stay, and why.

    Attributes:
        objections: by name of a value or of a constant that stands where a value may.
        reasons: what the numbers mean.
    """

    objections: Mapping[str, Objections]
    reasons: tuple[str, ...]

    def kept(self, name: str) -> Mask:
        """Which channels of a value stay; at least one of them does."""
        return self.objections[name] > 0

    def why(self, name: str, channels: Mask) -> str:
        """The reasons why some channels of a value stay, each once."""
        numbers: list[int] = self.objections[name][channels].tolist()
        return "; ".join(self.reasons[number] for number in dict.fromkeys(numbers) if number)


def spare_channels(graph: Int8Graph, known: Known) -> Spare:
    """The channels that can go without changing any bit of an output, or of a channel that stays.

    A channel can go if every reader either can drop what it makes of it, or multiplies it by zero,
    or can take it up into its bias.
    """
    search = _Search(graph, known)
    names = (*graph.tensors, *operands(graph))
    search.objections |= {n: np.zeros(graph.type_of(n).shape[-1], np.intp) for n in names}
    for port in graph.inputs:
        search.object(port.tensor, search.all_of(port.tensor, "the network's input holds it"))
    for state in graph.states:
        search.object(state.source, search.all_of(state.source, "the run before left it"))
    for state in graph.states:
        search.object(state.update, search.all_of(state.update, "the next run finds it"))
    for name in graph.output_tensors:
        search.object(name, search.all_of(name, "it is an output of the network"))
    parameters = {name for node in graph.nodes for name in node.inputs} - set(graph.tensors)
    for name in parameters & set(search.objections):
        if any(name in set(node.inputs) - set(activations(node)) for node in graph.readers[name]):
            search.object(name, search.all_of(name, "it is a weight too"))
    search.settle()
    for name in search.objections:
        if not search.objections[name].any():
            first = search.all_of(name, "a map without channels would be no map")
            first[1:] = 0
            search.object(name, first)
            search.settle()
    return Spare(search.objections, tuple(search.reasons))


@dataclass
class _Search:
    """The objections so far; they only ever grow."""

    graph: Int8Graph
    known: Known
    objections: dict[str, Objections] = field(default_factory=dict[str, Objections])
    reasons: list[str] = field(default_factory=lambda: [""])
    layers: dict[str, tuple[Reads, Objections]] = field(
        default_factory=dict[str, tuple[Reads, Objections]]
    )
    changed: bool = False

    def settle(self) -> None:
        """Ask every node until none objects to anything more."""
        self.changed = True
        while self.changed:
            self.changed = False
            # Most objections travel towards the input, some (of an input, of a sum) the other way.
            for node in (*reversed(self.graph.nodes), *self.graph.nodes):
                for name, objections in self._of(node):
                    self.object(name, objections)

    def object(self, name: str, objections: Objections) -> None:
        """Note objections; the first to a channel counts."""
        before = self.objections[name]
        after = np.where(before > 0, before, objections)
        self.changed |= not np.array_equal(before, after)
        self.objections[name] = after

    def all_of(self, name: str, reason: str) -> Objections:
        """The same objection to every channel."""
        return np.full(len(self.objections[name]), self._number(reason), np.intp)

    def _number(self, reason: str) -> int:
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason)

    def _of(self, node: Int8Node) -> Iterator[tuple[str, Objections]]:
        """What a node objects to, given all objections so far."""
        match node.op:
            case Conv2D() | FullyConnected():
                return self._of_layer(node)
            case DepthwiseConv2D():
                return self._of_depthwise(node)
            case Concat():
                return self._of_concat(node)
            case Slice():
                return self._of_slice(node, node.op)
            case Reshape() | SpaceToDepth() | DepthToSpace(mode="DCR"):
                return self._of_reshape(node)
            case op if op.channelwise:
                return self._of_channelwise(node)
            case Transpose():
                return self._refuse(node, f"'{node.name}' moves the channels elsewhere")
            case _:
                return self._refuse(node, f"'{node.name}' is over all channels")

    def _refuse(self, node: Int8Node, reason: str) -> Iterator[tuple[str, Objections]]:
        for name in (*activations(node), node.output):
            yield name, self.all_of(name, reason)

    def _of_layer(self, node: Int8Node) -> Iterator[tuple[str, Objections]]:
        """An input that some output which stays multiplies, and that no bias can take up."""
        x = node.inputs[0]
        if self.graph.type_of(node.inputs[1]).shape[-1] != len(self.objections[x]):
            yield from self._refuse(node, f"'{node.name}' works in groups")
            return
        if node.name not in self.layers:
            self.layers[node.name] = multiplied(self.graph, node), self._to_folding(node)
        reads, objections = self.layers[node.name]
        needed = reads[self.objections[node.output] > 0].any(axis=0)
        yield x, np.where(needed, objections, 0)

    def _to_folding(self, node: Int8Node) -> Objections:
        """Why a layer cannot take inputs up into its bias.

        That never makes the largest partial sum larger: |w * (q - z)| <= 255 * |w|.
        """
        x = node.inputs[0]
        if max(max_abs_partial_sum(self.graph, node)) >= 1 << 31:
            return self.all_of(x, f"the accumulators of '{node.name}' may overflow")
        zero_point = self.graph.type_of(x).q.zero_point
        uniform, known = self.known.uniform[x], self.known.masks[x]
        found = np.zeros(len(known), np.intp)
        if _reaches_padding(self.graph, node):
            reason = f"'{node.name}' pads it with another number"
            found[self.known.numbers[x] != zero_point] = self._number(reason)
        found[~uniform] = self._number(f"at the border it differs, and '{node.name}' has one bias")
        found[~known] = self._number(f"'{node.name}' multiplies it")
        return found

    def _of_depthwise(self, node: Int8Node) -> Iterator[tuple[str, Objections]]:
        """An input and the outputs that are made of it stay or go together."""
        x, y = self.objections[node.inputs[0]], self.objections[node.output]
        joined = np.maximum(x, y.reshape(len(x), -1).max(axis=1))
        yield node.inputs[0], joined
        yield node.output, np.repeat(joined, len(y) // len(x))

    def _of_channelwise(self, node: Int8Node) -> Iterator[tuple[str, Objections]]:
        """The same channel of all operands and of the output."""
        names = (*activations(node), node.output)
        joined = reduce(np.maximum, (self.objections[name] for name in names))
        mixed = self._number(f"'{node.name}' mixes it with what depends on the input")
        for name in names:
            alone = self.known.masks[name] & ~self.known.masks[node.output]
            yield name, np.where(alone & (joined > 0), mixed, joined)

    def _of_concat(self, node: Int8Node) -> Iterator[tuple[str, Objections]]:
        parts = [self.objections[name] for name in node.inputs]
        yield node.output, np.concatenate(parts)
        ends = np.cumsum([len(part) for part in parts])[:-1]
        yield from zip(node.inputs, np.split(self.objections[node.output], ends), strict=True)

    def _of_slice(self, node: Int8Node, op: Slice) -> Iterator[tuple[str, Objections]]:
        """Channels outside of the block are not read."""
        block = slice(op.starts[-1], op.starts[-1] + op.sizes[-1])
        yield node.output, self.objections[node.inputs[0]][block]
        x = np.zeros_like(self.objections[node.inputs[0]])
        x[block] = self.objections[node.output]
        yield node.inputs[0], x

    def _of_reshape(self, node: Int8Node) -> Iterator[tuple[str, Objections]]:
        """Where the shorter last axis divides the longer, it repeats along it."""
        x, y = self.objections[node.inputs[0]], self.objections[node.output]
        short = min(len(x), len(y))
        if len(x) % short or len(y) % short:
            yield from self._refuse(node, f"'{node.name}' mixes channels and pixels")
            return
        joined = np.concatenate([x.reshape(-1, short), y.reshape(-1, short)]).max(axis=0)
        yield node.inputs[0], np.tile(joined, len(x) // short)
        yield node.output, np.tile(joined, len(y) // short)


def _reaches_padding(graph: Int8Graph, node: Int8Node) -> bool:
    """Whether any window of a layer reaches over the edge of its map."""
    types = graph.input_types(node)
    window = node.op.window(types)
    if not isinstance(node.op, Conv2D) or window is None:
        return False
    sizes = zip((window.rows, window.columns), types[0].shape[1:3], strict=True)
    outputs = graph.tensors[node.output].shape[1:3]
    return any(
        axis.first(0) < 0 or axis.end(last - 1) > size
        for (axis, size), last in zip(sizes, outputs, strict=True)
    )
