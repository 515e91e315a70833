"""Copies where a state's next value cannot be made where the old one lies, or that is shown."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ir import Node, State, TensorType
from mcucc.ops import Aliasing, Int8Graph, Int8Node
from mcucc.ops.movement import Slice
from mcucc.passes.base import Int8Pass
from mcucc.passes.rewriting import fresh_node, fresh_value


@dataclass(frozen=True)
class CopyStates(Int8Pass):
    """Lets a copy be what the next run finds.

    Why: a state stays at its place, so its next value is written over the old one. Where somebody
    reads the old one later, or the value is needed elsewhere too, it is made elsewhere and copied
    in the end. An output that shows the old value is there after the run, so it is a copy, too.

    Declines where the value can be made at its place: all readers of the old value come before its
    maker, or it is made element by element of the old one.

    Before: y = Add(old, x); z = Mul(y, old); the next run finds y
    After:  y = Add(old, x); z = Mul(y, old); new = Slice(y, all of it); the next run finds new

    Before: shown = Reshape(old) is an output; the next run finds another value
    After:  kept = Slice(old, all of it); shown = Reshape(kept)
    """

    name: str = "copy_states"
    effect: ClassVar[str] = "is copied for the next run: it cannot be made in place"

    def pattern(self, graph: Int8Graph) -> Iterator[Int8Node]:
        """The makers of what the next run finds, and what shows an old value."""
        updates = {state.update for state in graph.states}
        return (n for n in graph.nodes if n.output in updates or _shows_old(graph, n))

    def check(self, graph: Int8Graph, node: Int8Node) -> str | None:
        """Whether it shows a state, or one of the states that it makes needs a copy."""
        if _shows_old(graph, node):
            return None
        needy = [state for state in _states_of(graph, node) if _needs_copy(graph, state)]
        return None if needy else "it is made where the old value lies"

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        """The first such state gets a copy, behind all other nodes; what is shown one before it."""
        if _shows_old(graph, node):
            return _shown(graph, node)
        state = next(state for state in _states_of(graph, node) if _needs_copy(graph, state))
        kind = graph.tensors[state.update]
        value = fresh_value(graph, f"{state.source}.next")
        name = fresh_node(graph, f"{node.name}.kept")
        copy: Int8Node = Node(_all_of(kind), (state.update,), value, name, node.origin)
        states = tuple(
            replace(each, update=value) if each is state else each for each in graph.states
        )
        return replace(graph, states=states).with_nodes((*graph.nodes, copy), {value: kind})


def _all_of(kind: TensorType) -> Slice:
    return Slice((0,) * len(kind.shape), kind.shape)


def _shows_old(graph: Int8Graph, node: Int8Node) -> bool:
    """Whether an output lies where a state does that changes."""
    if node.op.aliasing is not Aliasing.SAME_BYTES:
        return False
    written = written_as(graph, node.output)
    changing = (s for s in graph.states if written_as(graph, s.update) != s.source)
    is_output = any(port.tensor == node.output for port in graph.outputs)
    return is_output and any(state.source == written for state in changing)


def _shown(graph: Int8Graph, node: Int8Node) -> Int8Graph:
    """With a copy of what it shows."""
    kind = graph.tensors[node.inputs[0]]
    value = fresh_value(graph, f"{node.output}.kept")
    name = fresh_node(graph, f"{node.name}.kept")
    copy: Int8Node = Node(_all_of(kind), node.inputs, value, name, node.origin)
    at = graph.nodes.index(node)
    nodes = (*graph.nodes[:at], copy, replace(node, inputs=(value,)), *graph.nodes[at + 1 :])
    return graph.with_nodes(nodes, {value: kind})


def _states_of(graph: Int8Graph, node: Int8Node) -> tuple[State, ...]:
    return tuple(state for state in graph.states if state.update == node.output)


def _needs_copy(graph: Int8Graph, state: State) -> bool:
    """Whether a state's next value cannot be made in the bytes of the old one."""
    written = written_as(graph, state.update)
    if written == state.source:
        return False  # it never changes
    if written not in graph.producers:
        return True  # an input's bytes, or another state's
    alike = {name for name in graph.tensors if written_as(graph, name) == written}
    others = [each.update for each in graph.states if each is not state]
    if alike & {*(port.tensor for port in graph.outputs), *others}:
        return True
    position = {node.name: i for i, node in enumerate(graph.nodes)}
    maker = graph.producers[written]
    readers = [
        reader
        for name in graph.tensors
        if written_as(graph, name) == state.source
        for reader in graph.readers[name]
    ]
    late = any(position[reader.name] > position[maker.name] for reader in readers)
    over = maker in readers and not _in_place(graph, maker, state)
    return late or over


def _in_place(graph: Int8Graph, maker: Int8Node, state: State) -> bool:
    same_size = graph.tensors[maker.output].shape == graph.tensors[state.source].shape
    return maker.op.aliasing is Aliasing.IN_PLACE and same_size


def written_as(graph: Int8Graph, name: str) -> str:
    """The value whose bytes a value has: itself, or what it is a reshape of."""
    maker = graph.producers.get(name)
    while maker is not None and maker.op.aliasing is Aliasing.SAME_BYTES:
        name = maker.inputs[0]
        maker = graph.producers.get(name)
    return name
