"""Running passes: events, and that a wrong pass is caught."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcucc.errors import InvariantError
from mcucc.ir import print_graph
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import Conv2D
from mcucc.ops.elementwise import Requantize
from mcucc.ops.movement import Pad
from mcucc.passes import INT8, Int8Pass, PassEvent, run_passes
from tests.graphs import GraphBuilder, every_operator_graph, quant


@dataclass(frozen=True)
class _EveryConvolution(Int8Pass):
    """Finds every convolution that has an activation; subclasses rewrite it."""

    name: str = "wrong"

    def pattern(self, graph: Int8Graph) -> Iterator[Int8Node]:
        return (n for n in graph.nodes if isinstance(n.op, Conv2D) and n.op.activation != "none")

    def check(self, graph: Int8Graph, node: Int8Node) -> str | None:
        return None

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        return graph.with_nodes(tuple(self.changed(n) if n is node else n for n in graph.nodes))

    def changed(self, node: Int8Node) -> Int8Node:
        raise NotImplementedError


class DropActivation(_EveryConvolution):
    """Valid graphs, other bits."""

    def changed(self, node: Int8Node) -> Int8Node:
        return replace(node, op=Conv2D())


class ReadUnknown(_EveryConvolution):
    """Reads a value that does not exist."""

    def changed(self, node: Int8Node) -> Int8Node:
        return replace(node, op=Conv2D(), inputs=("nowhere", *node.inputs[1:]))


class OtherShape(_EveryConvolution):
    """Makes another shape than the type of its output says."""

    def changed(self, node: Int8Node) -> Int8Node:
        return replace(node, op=Conv2D(stride=(2, 2)))


class OtherOperator(_EveryConvolution):
    """Breaks a rule of an operator."""

    def changed(self, node: Int8Node) -> Int8Node:
        return replace(node, op=Pad((0, 0, 0, 0)), inputs=node.inputs[:1])


class DropNode(_EveryConvolution):
    """Drops a node that is read."""

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        return graph.with_nodes(tuple(n for n in graph.nodes if n is not node))


class Late(_EveryConvolution):
    """Puts a node after its reader."""

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        others = tuple(n for n in graph.nodes if n is not node)
        return graph.with_nodes((*others, replace(node, op=Conv2D())))


@dataclass(frozen=True)
class DropLastRequantize(Int8Pass):
    """Declines a Requantize by its name, drops the others whose scales are equal."""

    name: str = "drop"

    def pattern(self, graph: Int8Graph) -> Iterator[Int8Node]:
        return (node for node in graph.nodes if isinstance(node.op, Requantize))

    def check(self, graph: Int8Graph, node: Int8Node) -> str | None:
        if graph.tensors[node.output].q != graph.tensors[node.inputs[0]].q:
            return "the scales differ"
        return None

    def rewrite(self, graph: Int8Graph, node: Int8Node) -> Int8Graph:
        return graph.with_nodes(
            tuple(
                replace(
                    n, inputs=tuple(node.inputs[0] if i == node.output else i for i in n.inputs)
                )
                for n in graph.nodes
                if n is not node
            )
        )


def small_graph() -> Int8Graph:
    b = GraphBuilder(seed=3)
    x = b.input((1, 4, 4, 2))
    b.requantize(b.conv(x, 2, (1, 1), activation="relu6", q=quant(0.5, 100)))
    return b.build()


def test_a_pass_that_changes_bits_is_caught_by_the_interpreter():
    with pytest.raises(InvariantError, match="pass 'wrong' changed output 'requantize1_out'"):
        run_passes(small_graph(), [DropActivation()], interpret=True)


def test_without_the_interpreter_only_the_verifier_looks():
    graph, events = run_passes(small_graph(), [DropActivation()])
    assert graph.nodes[0].op == Conv2D()
    assert events == (PassEvent("wrong", "conv2d0", None),)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (ReadUnknown(), "reads 'nowhere' before it is made"),
        (OtherShape(), r"makes \[1, 2, 2, 2\], its type says \[1, 4, 4, 2\]"),
        (OtherOperator(), "input and output must have the same scale and zero point"),
        (DropNode(), "reads 'conv2d0_out' before it is made"),
        (Late(), "reads 'conv2d0_out' before it is made"),
    ],
)
def test_a_pass_that_makes_an_invalid_graph_is_caught(wrong: Int8Pass, message: str):
    with pytest.raises(InvariantError, match=message):
        run_passes(small_graph(), [wrong])


def test_rewrites_are_reported_in_order_then_what_is_left():
    b = GraphBuilder()
    x = b.input((1, 3, 4), quant(0.5, 1))
    other = b.requantize(b.requantize(x, quant(0.5, 1)), quant(0.25, 1))
    b.add(b.requantize(other, quant(0.25, 1)), x)
    graph, events = run_passes(b.build(), [DropLastRequantize()], interpret=True)
    assert events == (
        PassEvent("drop", "requantize0", None),
        PassEvent("drop", "requantize2", None),
        PassEvent("drop", "requantize1", "the scales differ"),
    )
    assert [node.name for node in graph.nodes] == ["requantize1", "add3"]


def test_without_passes_nothing_happens():
    graph = every_operator_graph()
    assert run_passes(graph, []) == (graph, ())


def test_the_pipeline_keeps_every_bit_of_a_graph_with_every_operator():
    graph = every_operator_graph()
    after, events = run_passes(graph, INT8, interpret=True)
    assert print_graph(after) == print_graph(graph)
    assert [event.declined for event in events] == ["'tanh13' is no convolution"]


def test_graphs_are_not_changed_in_place():
    graph = small_graph()
    before = print_graph(graph)
    run_passes(graph, [DropActivation()])
    assert print_graph(graph) == before
    assert all(not np.asarray(c.data).flags.writeable for c in graph.consts.values())
