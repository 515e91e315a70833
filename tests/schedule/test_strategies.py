"""Ways to run a network side by side."""

import pytest

from mcucc.kernels import select_kernels
from mcucc.ops import Int8Graph
from mcucc.ops.verify import node_macs
from mcucc.schedule import PlanOptions
from mcucc.schedule.compare.strategies import compare_strategies
from tests.graphs import GraphBuilder, quant

Q = quant(0.05, 3)


def behind(first: str) -> Int8Graph:
    """Two convolutions and what is pooled of them, behind a layer of some kind."""
    b = GraphBuilder()
    x = b.input((1, 12, 12, 4), Q)
    match first:
        case "transpose":
            x = b.transpose(x, (0, 2, 1, 3))
        case "softmax":
            x = b.softmax(x)
        case "reshape":
            x = b.reshape(x, (1, 12, 12, 4))
        case _:
            x = b.conv(x, 4, (1, 1), q=Q)
    x = b.conv(b.conv(x, 8, (3, 3), q=Q), 8, (3, 3), q=Q)
    return b.build(b.mean(x))


def test_a_patch_may_be_padding_alone() -> None:
    """Two rows of twelve are the map's, and the upper patches need none of what makes it."""
    b = GraphBuilder()
    x = b.conv(b.conv(b.input((1, 2, 12, 4), Q), 4, (1, 1), q=Q), 4, (1, 1), q=Q)
    x = b.conv(b.pad(x, (10, 0, 0, 0)), 8, (1, 1), q=Q)
    graph = b.build(b.mean(x))
    found = compare_strategies(graph, select_kernels(graph), PlanOptions(objective="memory"))
    (patches,) = [each for each in found.strategies if each.modelled]
    once = sum(node_macs(graph, node) for node in graph.nodes)
    assert patches.executed_macs == once


@pytest.mark.parametrize("first", ["convolution", "reshape", "transpose", "softmax"])
def test_patches_begin_where_rows_do(first: str) -> None:
    """A first layer that needs a whole tensor leaves nothing that could run patch by patch."""
    graph = behind(first)
    options = PlanOptions(objective="memory")
    found = compare_strategies(graph, select_kernels(graph), options).strategies
    patches = [each for each in found if each.modelled]
    assert bool(patches) == (first in ("convolution", "reshape"))
    assert sum(each.chosen for each in found) == 1
