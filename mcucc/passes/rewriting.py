"""Small edits of graphs that passes are made of."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from mcucc.ir import Const, Graph, Node, TensorType

OpT = TypeVar("OpT")


def sole_reader(graph: Graph[OpT], name: str) -> Node[OpT] | None:
    """The node that alone reads a value; None if others do, nobody does, or it is an output."""
    readers = graph.readers[name]
    return readers[0] if len(readers) == 1 and name not in graph.output_tensors else None


def substitute(
    graph: Graph[OpT],
    new: Mapping[str, tuple[Node[OpT], ...]],
    tensors: Mapping[str, TensorType] | None = None,
    consts: Mapping[str, Const] | None = None,
) -> Graph[OpT]:
    """The graph with some nodes replaced, in place, by none, one or several.

    Args:
        graph: what is edited.
        new: by name of an old node, what stands there from now on.
        tensors: types of new values.
        consts: new constants, and new contents of old ones.
    """
    nodes = tuple(each for node in graph.nodes for each in new.get(node.name, (node,)))
    return graph.with_nodes(nodes, tensors, consts)


def renamed_input(node: Node[OpT], old: str, new: str) -> Node[OpT]:
    """The node with one value read in place of another."""
    if old not in node.inputs:
        return node
    return replace(node, inputs=tuple(new if name == old else name for name in node.inputs))


def cannot_bypass(graph: Graph[OpT], node: Node[OpT]) -> str | None:
    """Why the first input of a node cannot take the place of its output, None if it can."""
    source = node.inputs[0]
    if node.output not in graph.output_tensors:
        return None
    if source not in graph.producers:
        return "it stands between an input and an output"
    if source in graph.output_tensors:
        return f"'{source}' is an output too"
    return None


def bypass(graph: Graph[OpT], node: Node[OpT]) -> Graph[OpT]:
    """The graph without a node, whose first input takes the place of its output."""
    source = node.inputs[0]
    nodes = tuple(
        renamed_input(each, node.output, source) for each in graph.nodes if each is not node
    )
    outputs = tuple(
        replace(port, tensor=source) if port.tensor == node.output else port
        for port in graph.outputs
    )
    states = tuple(
        replace(state, update=source) if state.update == node.output else state
        for state in graph.states
    )
    return replace(graph, outputs=outputs, states=states).with_nodes(nodes)


def fresh_value(graph: Graph[OpT], base: str) -> str:
    """A name that no value and no constant has: the base, or the base and a number."""
    return _fresh(base, {*graph.tensors, *graph.consts})


def fresh_node(graph: Graph[OpT], base: str) -> str:
    """A name that no node has: the base, or the base and a number."""
    return _fresh(base, {node.name for node in graph.nodes})


def _fresh(base: str, taken: set[str]) -> str:
    name, number = base, 2
    while name in taken:
        name, number = f"{base}.{number}", number + 1
    return name
