"""What a pass is, and how passes are run.

A pass takes a valid graph to a valid graph with the same inputs and outputs: bit for bit in int8,
up to rounding in float. It is written in three parts: `pattern` finds candidates, `check` says why
one must be left alone, and `rewrite` does the work.

`Pass` is generic in the operators. What a valid graph is, and when two graphs do the same, only
its two families know: `Int8Pass` and `FloatPass`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InvariantError
from mcucc.ir import Graph, Node, Port
from mcucc.ops import FloatGraph, FloatOp, Int8Graph, Int8Op
from mcucc.ops.float_verify import verify_float
from mcucc.ops.verify import verify
from mcucc.reference import interpreter
from mcucc.reference.float_interpreter import run_float

OpT = TypeVar("OpT")

_REWRITES_PER_NODE = 16
"""More rewrites of one pass than this for each node of a graph show that it runs in a circle."""
FLOAT_TOLERANCE = 1e-4
"""How far a float output may move, relative to its largest element."""

_SAMPLES = 4
"""Random inputs on which the graphs before and after a rewrite are compared."""


class Worth(NamedTuple):
    """What a rewrite brings, or would bring: an amount and its unit."""

    amount: int
    unit: Literal["bytes written", "channels"]


class Pass(ABC, Generic[OpT]):
    """A rewrite of graphs; subclasses are frozen dataclasses without state.

    Attributes:
        name: of the pass.
        effect: what it does to a candidate, as a sentence whose subject is the node.
    """

    name: str
    effect: ClassVar[str] = "is rewritten"

    def prepared(self, graph: Graph[OpT]) -> "Pass[OpT]":  # noqa: ARG002
        """The same pass with what it finds out once per graph; most have nothing of the kind."""
        return self

    @abstractmethod
    def pattern(self, graph: Graph[OpT]) -> Iterator[Node[OpT]]:
        """The nodes that the pass would like to rewrite, in graph order."""

    @abstractmethod
    def check(self, graph: Graph[OpT], node: Node[OpT]) -> str | None:
        """The reason why a candidate must stay as it is, None if it may be rewritten."""

    @abstractmethod
    def rewrite(self, graph: Graph[OpT], node: Node[OpT]) -> Graph[OpT]:
        """The graph with one candidate rewritten; only called if `check` returned None."""

    def acting(self, graph: Graph[OpT], node: Node[OpT]) -> "Pass[OpT]":  # noqa: ARG002
        """The pass that rewrites a candidate: itself, unless it stands for several."""
        return self

    def refusals(
        self, graph: Graph[OpT], node: Node[OpT]
    ) -> "Iterator[tuple[Pass[OpT], str | None]]":
        """Why a candidate that is left over stays as it is: each pass that declines, and why."""
        yield self, self.check(graph, node)

    def worth(self, graph: Graph[OpT], node: Node[OpT]) -> Worth | None:
        """What rewriting a candidate brings: its output need not be written, if nothing is said."""
        return Worth(graph.tensors[node.output].size, "bytes written")

    @abstractmethod
    def verify(self, graph: Graph[OpT]) -> None:
        """Check a graph that the pass made.

        Raises:
            InvariantError: with every broken rule.
        """

    @abstractmethod
    def changed_output(self, before: Graph[OpT], after: Graph[OpT]) -> str | None:
        """Run both graphs on random inputs; the first output that differs, None if all agree."""


class Int8Pass(Pass[Int8Op]):
    """A rewrite of int8 graphs that keeps every output bit."""

    def verify(self, graph: Int8Graph) -> None:
        """Every rule of the int8 operators."""
        verify(graph)

    def changed_output(self, before: Int8Graph, after: Int8Graph) -> str | None:
        """Outputs must be equal."""
        random = np.random.default_rng(0)
        inputs = {
            port.tensor: random.integers(
                -128, 128, (_SAMPLES, *before.tensors[port.tensor].shape[1:]), dtype=np.int8
            )
            for port in before.inputs
        }
        old, new = interpreter.run(before, inputs), interpreter.run(after, inputs)
        for was, now in zip(before.outputs, after.outputs, strict=True):
            if not np.array_equal(old[was.tensor], new[now.tensor]):
                return was.name
        return None


class FloatPass(Pass[FloatOp]):
    """A rewrite of float graphs that changes outputs by no more than rounding.

    It may change the inner layout of an input or output, if the port's `perm` says so.
    """

    def verify(self, graph: FloatGraph) -> None:
        """Every rule of the float operators."""
        verify_float(graph)

    def changed_output(self, before: FloatGraph, after: FloatGraph) -> str | None:
        """Outputs in ONNX layout must agree up to `FLOAT_TOLERANCE` of their largest element."""
        random = np.random.default_rng(0)
        inputs = {
            port.name: random.normal(size=(_SAMPLES, *port.shape[1:])).astype(np.float32)
            for port in before.inputs
        }
        old, new = _float_outputs(before, inputs), _float_outputs(after, inputs)
        for name, expected in old.items():
            limit = FLOAT_TOLERANCE * max(float(np.abs(expected).max()), 1e-30)
            if not np.allclose(new[name], expected, rtol=0.0, atol=limit):
                return name
        return None


@dataclass(frozen=True)
class PassEvent:
    """What a pass did to a node.

    Attributes:
        name: of the pass.
        node: the candidate.
        declined: why it was left alone; None if it was rewritten.
        did: what was done to it, as a sentence whose subject is the node; empty if it was declined.
        origin: the ONNX nodes that the candidate came from.
        worth: what it brought, or would have; None where that is not known.
    """

    name: str
    node: str
    declined: str | None
    did: str = field(default="", compare=False)
    origin: tuple[str, ...] = field(default=(), compare=False)
    worth: Worth | None = field(default=None, compare=False)


def run_passes(
    graph: Graph[OpT], passes: Sequence[Pass[OpT]], *, interpret: bool = False
) -> tuple[Graph[OpT], tuple[PassEvent, ...]]:
    """Run passes in order, each until it finds nothing more; the graph is verified after each pass.

    Args:
        graph: a valid graph.
        passes: in the order in which they run.
        interpret: also verify the graph after each rewrite, and run it before and after on random
            inputs and demand the same outputs (slow; for tests and for hunting a bug).

    Raises:
        InvariantError: a pass made an invalid graph, changed an output, or comes to no end.
    """
    events: list[PassEvent] = []
    for each in passes:
        graph = _run(graph, each, events, interpret=interpret)
    return graph, tuple(events)


def _run(
    graph: Graph[OpT], each: Pass[OpT], events: list[PassEvent], *, interpret: bool
) -> Graph[OpT]:
    most = _REWRITES_PER_NODE * (len(graph.nodes) + 1)
    for _ in range(most):
        found = _next(graph, ready := each.prepared(graph))
        if found is None:
            break
        rewritten = ready.rewrite(graph, found)
        if interpret:
            each.verify(rewritten)
        changed = each.changed_output(graph, rewritten) if interpret else None
        if changed is not None:
            raise InvariantError(f"pass '{each.name}' changed output '{changed}'")
        events.append(_rewritten(graph, ready, found))
        graph = rewritten
    else:
        raise InvariantError(f"pass '{each.name}' comes to no end after {most} rewrites")
    each.verify(graph)
    events += _declined(graph, ready)
    return graph


def _rewritten(graph: Graph[OpT], each: Pass[OpT], node: Node[OpT]) -> PassEvent:
    """That a candidate of a graph is about to be rewritten."""
    acting = each.acting(graph, node)
    worth = acting.worth(graph, node)
    return PassEvent(acting.name, node.name, None, acting.effect, node.origin, worth)


def _declined(graph: Graph[OpT], each: Pass[OpT]) -> Iterator[PassEvent]:
    """Why each candidate that is left over stays as it is."""
    for node in each.pattern(graph):
        for declining, reason in each.refusals(graph, node):
            worth = declining.worth(graph, node)
            yield PassEvent(declining.name, node.name, reason, "", node.origin, worth)


def _next(graph: Graph[OpT], each: Pass[OpT]) -> Node[OpT] | None:
    return next((node for node in each.pattern(graph) if each.check(graph, node) is None), None)


def _float_outputs(
    graph: FloatGraph, inputs: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """The outputs in ONNX layout, by ONNX name, of inputs given likewise."""
    inner = {port.tensor: inputs[port.name].transpose(_perm(port)) for port in graph.inputs}
    values = run_float(graph, inner)
    return {
        port.name: values[port.tensor].transpose(np.argsort(_perm(port)).tolist())
        for port in graph.outputs
    }


def _perm(port: Port) -> tuple[int, ...]:
    return tuple(range(len(port.shape))) if port.perm is None else port.perm
