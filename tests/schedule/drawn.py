"""Random int8 graphs, and kernels whose scratch a test can choose."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from mcucc.kernels import Kernel, select_kernels
from mcucc.ops import Int8Graph
from tests.graphs import GraphBuilder, quant

Q = quant(0.5, 3)


@dataclass(frozen=True)
class Drawn:
    """A random graph, scratch by the name of the node, and the options of the schedule."""

    graph: Int8Graph
    scratch: Mapping[str, int]
    keep_input: bool
    alignment: int


def kernels_for(
    graph: Int8Graph, scratch: Mapping[str, int] | None = None
) -> dict[str, Kernel | None]:
    """The kernel of every node that executes something, with scratch for some."""
    needed = scratch or {}
    return {
        name: None if kernel is None else replace(kernel, scratch_bytes=needed.get(name, 0))
        for name, kernel in select_kernels(graph).items()
    }


@st.composite
def drawn_graphs(draw: st.DrawFn, max_nodes: int) -> Drawn:
    """Dense layers, adds, requantizations and reshapes on few sizes, so that many of them agree.

    A shape is [1, N] or [1, N, 1]. Any value may be an output, inputs included; any may be unread.
    """
    builder = GraphBuilder()
    for _ in range(draw(st.integers(1, 2))):
        builder.input((1, draw(st.integers(1, 9))), Q)
    for _ in range(draw(st.integers(1, max_nodes))):
        _draw_node(draw, builder)
    outputs = draw(st.lists(st.sampled_from(sorted(builder.tensors)), max_size=2))
    executed = st.sampled_from([node.name for node in builder.nodes])
    needed = draw(st.dictionaries(executed, st.integers(1, 9), max_size=2))
    graph = builder.build(*dict.fromkeys((builder.nodes[-1].output, *outputs)))
    return Drawn(graph, needed, draw(st.booleans()), draw(st.sampled_from((1, 4, 8))))


def _draw_node(draw: st.DrawFn, builder: GraphBuilder) -> None:
    x = draw(st.sampled_from(sorted(builder.tensors)))
    shape = builder.tensors[x].shape
    size = math.prod(shape)
    match draw(st.sampled_from(("dense", "add", "requantize", "reshape"))):
        case "dense" if len(shape) == 2:
            builder.dense(x, draw(st.sampled_from((size, 1, 4, 7, 20))), q=Q)
        case "add":
            alike = sorted(v for v, kind in builder.tensors.items() if kind.shape == shape)
            builder.add(x, draw(st.sampled_from(alike)), q=Q)
        case "requantize":
            builder.requantize(x, Q)
        case _:
            builder.reshape(x, (1, size, 1) if len(shape) == 2 else (1, size))
