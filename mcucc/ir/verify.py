"""What must hold of every graph, whatever its operators: names, order, single assignment."""

from collections.abc import Iterator
from typing import TypeVar

from mcucc.errors import InvariantError
from mcucc.ir.graph import Graph

OpT = TypeVar("OpT")


def verify_structure(graph: Graph[OpT]) -> None:
    """Check names, order and single assignment.

    Raises:
        InvariantError: with every broken rule; a graph that reaches this check and fails it is a
            bug in the stage that made it.
    """
    broken = tuple(_broken_rules(graph))
    if broken:
        raise InvariantError(f"graph '{graph.name}' is not well formed: " + "; ".join(broken))


def _broken_rules(graph: Graph[OpT]) -> Iterator[str]:
    yield from _broken_names(graph)
    known = {*graph.source_tensors, *graph.consts}
    for node in graph.nodes:
        for name in node.inputs:
            if name not in known:
                yield f"node '{node.name}' reads '{name}' before it is made"
        if node.output in known:
            yield f"node '{node.name}' makes '{node.output}' a second time"
        if node.output not in graph.tensors:
            yield f"value '{node.output}' of node '{node.name}' has no type"
        known.add(node.output)
    for port in graph.outputs:
        if port.tensor not in known:
            yield f"output '{port.name}' is never made"
    yield from _broken_states(graph, known)
    for name in graph.tensors:
        if name not in known:
            yield f"value '{name}' has a type but is never made"


def _broken_names(graph: Graph[OpT]) -> Iterator[str]:
    names = [node.name for node in graph.nodes]
    if len(set(names)) != len(names):
        yield "two nodes have the same name"
    if set(graph.tensors) & set(graph.consts):
        yield "a name is both a value and a constant"
    for port in graph.inputs:
        if port.tensor not in graph.tensors:
            yield f"input '{port.name}' has no type"
    for state in graph.states:
        if state.source not in graph.tensors:
            yield f"state '{state.name}' has no type"
    for const in graph.consts.values():
        if graph.consts[const.name] is not const:
            yield f"constant '{const.name}' is filed under another name"


def _broken_states(graph: Graph[OpT], known: set[str]) -> Iterator[str]:
    ports = {port.tensor for port in graph.inputs}
    sources = [state.source for state in graph.states]
    if len(set(sources)) != len(sources) or ports & set(sources):
        yield "a value is the source of two states, or of a state and an input"
    for state in graph.states:
        if state.update not in known or state.update not in graph.tensors:
            yield f"the update of state '{state.name}' is never made"
        elif graph.tensors[state.update].shape != graph.tensors[state.source].shape:
            yield f"state '{state.name}' and its update differ in shape"
        if state.initial is not None and (
            state.initial not in graph.consts
            or graph.consts[state.initial].type.shape != graph.tensors[state.source].shape
        ):
            yield f"what state '{state.name}' begins with is no constant of its shape"
