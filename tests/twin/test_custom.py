"""Custom operators: what a twin holds where TensorFlow Lite Micro has none, and what is judged."""

from collections.abc import Callable

import numpy as np
import pytest
from flatbuffers import flexbuffers

from mcucc.api.tflm_link import hear_tflm, tflm_job
from mcucc.errors import SimulationError
from mcucc.ops import Int8Graph
from mcucc.reference.interpreter import run
from mcucc.sim.tflm import run_tflm
from mcucc.twin import (
    read_inputs,
    read_operators,
    read_outputs,
    read_tensors,
    unjudged,
    without_custom,
    write_twin,
)
from tests.graphs import GraphBuilder, every_operator_graph, quant, random_inputs
from tests.judging import needs_tflm
from tests.twin.tables import tables

POOL = "mcucc.AveragePool2D"


def padded_pool(b: GraphBuilder, x: str) -> str:
    """An average whose padding TensorFlow Lite has not."""
    return b.average_pool(x, (2, 2), pads=(1, 0, 1, 0))


def between() -> Int8Graph:
    """Two pools between layers; one is read by both, and what it reads by a later layer too."""
    b = GraphBuilder("between", seed=1)
    first = b.conv(b.input((1, 6, 6, 2)), 4)
    pooled = padded_pool(b, first)
    second = b.conv(pooled, 4, (1, 1))
    last = padded_pool(b, b.add(b.add(first, pooled), second))
    return b.build(b.add(last, b.constant((1, 6, 6, 4))), pooled)


def at_both_ends() -> Int8Graph:
    b = GraphBuilder("ends", seed=2)
    first = padded_pool(b, b.input((1, 5, 5, 3)))
    return b.build(padded_pool(b, b.conv(first, 2)), first)


def beside() -> Int8Graph:
    """A pool that nothing else has to do with, and an input that is given out as it is."""
    b = GraphBuilder("beside", seed=3)
    x, y = b.input((1, 4, 4, 2)), b.input((1, 5))
    return b.build(padded_pool(b, x), b.dense(y, 3), x)


def in_a_sequence() -> Int8Graph:
    """A state that a pool makes, one that it reads, and one that it leaves as it is."""
    b = GraphBuilder("sequence", seed=4)
    x = b.input((1, 4, 4, 3))
    made, read, kept = (b.state((1, 4, 4, 3), b.type(x).q) for _ in range(3))
    pooled = padded_pool(b, x)
    b.hand_on(made, pooled)
    total = b.add(padded_pool(b, read), made, q=b.type(x).q)
    b.hand_on(read, total)
    return b.build(b.add(total, kept))


def alone() -> Int8Graph:
    b = GraphBuilder("alone", seed=5)
    return b.build(padded_pool(b, padded_pool(b, b.input((1, 4, 4, 2)))))


GRAPHS = [between, at_both_ends, beside, in_a_sequence]


def names(twin: bytes, indices: tuple[int, ...]) -> list[str]:
    tensors = read_tensors(twin)
    return [tensors[index].name for index in indices]


def test_the_twin_names_the_operator_and_its_attributes() -> None:
    graph = between()
    twin = write_twin(graph)
    found = read_operators(twin)
    assert [each.name for each in found] == [
        "CONV_2D", POOL, "CONV_2D", "ADD", "ADD", POOL, "ADD",
    ]  # fmt: skip
    assert [each.output for each in found if each.is_custom] == list(unjudged(graph))
    (held,) = tables(twin)["Subgraphs"]
    attributes = flexbuffers.Loads(bytes(held["Operators"][1]["CustomOptions"]))
    assert attributes == {"kernel": [2, 2], "stride": [1, 1], "pads": [1, 0, 1, 0]}
    assert names(twin, tuple(held["Operators"][1]["Inputs"])) == [graph.nodes[0].output]


def test_padding_that_tflite_has_is_no_custom_operator() -> None:
    b = GraphBuilder()
    x = b.input((1, 8, 8, 2))
    b.average_pool(b.average_pool(x, (3, 3), pads="same"), (3, 3), stride=(2, 2))
    graph = b.build()
    assert [each.name for each in read_operators(write_twin(graph))] == ["AVERAGE_POOL_2D"] * 2
    assert unjudged(graph) == ()


def test_a_file_without_custom_operators_stays_as_it_is() -> None:
    twin = write_twin(every_operator_graph(more=()))
    assert without_custom(twin) == twin


@pytest.mark.parametrize("build", GRAPHS)
def test_what_custom_operators_make_is_given(build: Callable[[], Int8Graph]) -> None:
    graph = build()
    twin = write_twin(graph)
    part = without_custom(twin)
    lacked = unjudged(graph)
    assert names(part, read_inputs(part)) == [*graph.source_tensors, *lacked]
    kept = [each.output for each in read_operators(twin) if not each.is_custom]
    assert [each.output for each in read_operators(part)] == kept
    assert names(part, read_outputs(part)) == kept[-1:]
    assert read_tensors(part) == read_tensors(twin)


@needs_tflm
@pytest.mark.parametrize("build", GRAPHS)
def test_everything_else_is_judged(build: Callable[[], Int8Graph]) -> None:
    graph = build()
    expected = run(graph, random_inputs(graph, 4))
    heard = hear_tflm(graph, write_twin(graph), expected)
    assert heard.limit == ""
    assert set(heard.values) == set(expected) - set(unjudged(graph))
    for name, value in heard.values.items():
        assert np.array_equal(value, expected[name]), name


@needs_tflm
def test_each_part_is_judged_by_itself() -> None:
    """A wrong number of numpy's differs, and what TFLM makes of it is held against the rest."""
    graph = between()
    right = run(graph, random_inputs(graph, 4))
    pooled = unjudged(graph)[0]
    wrong = {**right, pooled: right[pooled] ^ 1}
    heard = hear_tflm(graph, write_twin(graph), wrong).values
    differing = [name for name in heard if not np.array_equal(heard[name], wrong[name])]
    readers = [node.output for node in graph.nodes if pooled in node.inputs]
    assert set(readers) <= set(differing)
    assert graph.nodes[0].output not in differing
    assert graph.nodes[-1].output not in differing, "it reads the second pool, which is given"


def test_of_a_network_of_custom_operators_nothing_is_judged() -> None:
    graph = alone()
    expected = run(graph, random_inputs(graph, 2))
    assert unjudged(graph) == tuple(expected)
    heard = hear_tflm(graph, write_twin(graph), expected)
    assert heard.values == {}
    assert "none of the operators" in heard.limit


def test_a_twin_may_not_hide_an_operator() -> None:
    """What TFLM has an operator for is judged, whatever the file says."""
    graphs: list[Int8Graph] = []
    for pads in ((1, 1, 1, 1), (2, 0, 2, 0)):
        b = GraphBuilder("net", seed=1)
        pooled = b.average_pool(b.conv(b.input((1, 6, 6, 2)), 3), (3, 3), pads=pads)
        graphs.append(b.build(b.conv(pooled, 2)))
    graph, other = graphs
    assert graph.tensors == other.tensors
    with pytest.raises(SimulationError, match="wants to be given 'averagepool2d1_out'"):
        tflm_job(graph, write_twin(other), run(graph, random_inputs(graph, 2)))


@needs_tflm
def test_a_known_limit_behind_a_custom_operator() -> None:
    """What is made before the softmax that TFLM aborts in is judged all the same."""
    b = GraphBuilder("limit", seed=6)
    x = b.input((1, 10, 10, 6), quant(0.005))
    made = b.conv(x, 2)
    flat = b.flatten(padded_pool(b, x))
    graph = b.build(b.softmax(flat), made)
    expected = run(graph, random_inputs(graph, 4))
    heard = hear_tflm(graph, write_twin(graph), expected)
    assert "TFLM cannot run operator 2, SOFTMAX" in heard.limit
    assert set(heard.values) == {x, made, flat}


@needs_tflm
def test_tflm_itself_has_no_custom_operator() -> None:
    graph = between()
    inputs = random_inputs(graph, 1)
    with pytest.raises(SimulationError, match="refused"):
        run_tflm(write_twin(graph), [inputs["x0"]], timeout=60)
