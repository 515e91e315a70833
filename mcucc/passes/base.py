"""What a pass is, and how passes are run.

A pass takes a valid graph to a valid graph with the same inputs and outputs, bit for bit. It is
written in three parts: `pattern` finds candidates, `check` says why one must be left alone, and
`rewrite` does the work.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.errors import InvariantError
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.verify import verify
from mcucc.reference import interpreter


class Int8Pass(ABC):
    """A rewrite of int8 graphs; subclasses are frozen dataclasses without state."""

    name: str

    @abstractmethod
    def pattern(self, graph: Int8Graph) -> Iterator[Int8Node]:
        """The nodes that the pass would like to rewrite, in graph order."""

    @abstractmethod
    def check(self, graph: Int8Graph, node: Int8Node) -> str | None:
        """The reason why a candidate must stay as it is, None if it may be rewritten."""

    @abstractmethod
    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        """The graph with one candidate rewritten; only called if `check` returned None."""


@dataclass(frozen=True)
class PassEvent:
    """What a pass did to a node.

    Attributes:
        name: of the pass.
        node: the candidate.
        declined: why it was left alone; None if it was rewritten.
    """

    name: str
    node: str
    declined: str | None


def run_passes(
    graph: Int8Graph, passes: Sequence[Int8Pass], *, interpret: bool = False
) -> tuple[Int8Graph, tuple[PassEvent, ...]]:
    """Run passes in order, each until it finds nothing more; the graph is verified after each step.

    Args:
        graph: a valid graph.
        passes: in the order in which they run.
        interpret: also run the graph before and after each rewrite on random inputs and demand
            equal output bits (slow; for tests and for hunting a bug).

    Raises:
        InvariantError: a pass made an invalid graph, or changed an output.
    """
    events: list[PassEvent] = []
    for each in passes:
        graph = _run(graph, each, events, interpret=interpret)
    return graph, tuple(events)


def _run(
    graph: Int8Graph, each: Int8Pass, events: list[PassEvent], *, interpret: bool
) -> Int8Graph:
    while (found := _next(graph, each)) is not None:
        rewritten = each.rewrite(graph, found)
        verify(rewritten)
        if interpret:
            _demand_equal_outputs(graph, rewritten, each)
        events.append(PassEvent(each.name, found.name, None))
        graph = rewritten
    left = each.pattern(graph)
    events += [PassEvent(each.name, node.name, each.check(graph, node)) for node in left]
    return graph


def _next(graph: Int8Graph, each: Int8Pass) -> Int8Node | None:
    return next((node for node in each.pattern(graph) if each.check(graph, node) is None), None)


def _demand_equal_outputs(before: Int8Graph, after: Int8Graph, each: Int8Pass) -> None:
    random = np.random.default_rng(0)
    inputs = {
        port.tensor: random.integers(
            -128, 128, (4, *before.tensors[port.tensor].shape[1:]), dtype=np.int8
        )
        for port in before.inputs
    }
    old, new = interpreter.run(before, inputs), interpreter.run(after, inputs)
    for was, now in zip(before.outputs, after.outputs, strict=True):
        if not np.array_equal(old[was.tensor], new[now.tensor]):
            raise InvariantError(f"pass '{each.name}' changed output '{was.name}'")
