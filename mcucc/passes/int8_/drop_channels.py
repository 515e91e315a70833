"""Channels that do not depend on the input, or that nobody needs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ops import Int8Graph, Int8Node
from mcucc.passes.base import Int8Pass, Worth
from mcucc.passes.int8_.known_channels import Known, known_channels
from mcucc.passes.int8_.narrow import narrow
from mcucc.passes.int8_.spare_channels import Spare, spare_channels


@dataclass(frozen=True)
class _Survey:
    """What was found out about a graph."""

    graph: Int8Graph
    known: Known
    spare: Spare


@dataclass(frozen=True)
class DropChannels(Int8Pass):
    """Drops channels that are constant, or that every reader multiplies by zero.

    A constant channel goes into the biases of the layers that read it. All that can go, goes in one
    rewrite: what a layer can do without depends on what its readers can do without.

    Why: trained networks have dead channels; in MLPerf's visual wake words half of the
    multiply-accumulates work on them. They cost time, flash and arena, and give nothing.

    Declines a constant channel that
        (1) is a channel of the network's input or output,
        (2) some layer with padding reads, unless it is the zero point,
        (3) differs between border and inside (what a depthwise layer with padding makes of one),
            unless what reads it evens it out,
        (4) is added to, or multiplied by, one that depends on the input,
        (5) a Softmax, a grouped convolution, or a Transpose or Reshape that mixes channels and
            pixels reads,
        (6) a layer reads whose accumulators may overflow,
        (7) is the only channel left.

    Before: c = Conv2D(x), weights of channel 3 all zero; y = Conv2D(c)
    After:  c = Conv2D(x) with a channel less; y = Conv2D(c), other bias
    """

    name: str = "drop_channels"
    effect: ClassVar[str] = "loses channels that do not depend on the input, or are not needed"
    survey: _Survey | None = None

    def prepared(self, graph: Int8Graph) -> "DropChannels":
        """With all that it wants to know of a graph."""
        known = known_channels(graph)
        return replace(self, survey=_Survey(graph, known, spare_channels(graph, known)))

    def pattern(self, graph: Int8Graph) -> Iterator[Int8Node]:
        """Nodes that make a constant channel, or one that can go."""
        found = self._at(graph)
        return (
            node
            for node in graph.nodes
            if found.known.masks[node.output].any() or not found.spare.kept(node.output).all()
        )

    def check(self, graph: Int8Graph, node: Int8Node) -> str | None:
        """Cases 1 to 7, if none of its channels can go."""
        found = self._at(graph)
        if not found.spare.kept(node.output).all():
            return None
        return found.spare.why(node.output, found.known.masks[node.output])

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:  # noqa: ARG002
        """The graph without all the channels that can go, of this node and of all others."""
        found = self._at(graph)
        return narrow(graph, found.known, found.spare)

    def worth(self, graph: Int8Graph, node: Int8Node) -> Worth | None:
        """How many channels go, or how many are constant and stay all the same."""
        found = self._at(graph)
        kept = found.spare.kept(node.output)
        constant = found.known.masks[node.output]
        return Worth(int((constant if kept.all() else ~kept).sum()), "channels")

    def _at(self, graph: Int8Graph) -> _Survey:
        survey = self.survey
        if survey is None or survey.graph is not graph:
            survey = self.prepared(graph).survey
        assert survey is not None
        return survey
