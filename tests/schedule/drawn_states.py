"""Random graphs that hand state on: of any value to any that reads one of its shape."""

from dataclasses import replace

from hypothesis import strategies as st

from mcucc.ir import State
from mcucc.ops import Int8Graph
from tests.schedule.drawn_maps import drawn_maps


@st.composite
def drawn_states(draw: st.DrawFn, max_nodes: int) -> Int8Graph:
    """A graph in which nodes read, in place of some values, what the run before left.

    What a run leaves is any value of that shape: one that is made before or after the readers, an
    output, an input, what another state is left, or what a run finds itself.
    """
    graph = draw(drawn_maps(max_nodes=max_nodes, max_inputs=2))
    for number in range(draw(st.integers(1, 2))):
        node = draw(st.sampled_from(graph.nodes))
        values = graph.variable_inputs(node)
        if values:
            graph = _with_state(draw, graph, node.name, draw(st.sampled_from(values)), number)
    return graph


def _with_state(
    draw: st.DrawFn, graph: Int8Graph, reader: str, value: str, number: int
) -> Int8Graph:
    source, kind = f"state{number}", graph.tensors[value]
    nodes = tuple(
        replace(node, inputs=tuple(source if name == value else name for name in node.inputs))
        if node.name == reader
        else node
        for node in graph.nodes
    )
    alike = [name for name, each in graph.tensors.items() if each == kind]
    made = [name for name in alike if name in graph.producers]
    update = draw(st.sampled_from([*made, source]))
    state = State(source, source, update)
    return replace(
        graph,
        nodes=nodes,
        tensors={**graph.tensors, source: kind},
        states=(*graph.states, state),
    )
