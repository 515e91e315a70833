"""The order: proven against all orders of small graphs, and on examples where it matters."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings

from mcucc.memory import Buffer, Problem, lower_bound
from mcucc.ops import Int8Graph
from mcucc.schedule import schedule_layers
from mcucc.schedule.order.bound import least_peak
from mcucc.schedule.order.cost import CostModel
from mcucc.schedule.order.memory_graph import MemoryGraph, memory_graph_of
from mcucc.schedule.order.search import best_order
from tests.graphs import GraphBuilder
from tests.schedule.drawn import Drawn, Q, drawn_graphs, kernels_for
from tests.schedule.lives import content_lives, shared_homes, value_buffers


def work_for(drawn: Drawn) -> MemoryGraph:
    executed = {name for name, kernel in kernels_for(drawn.graph).items() if kernel is not None}
    scratch = {name: size for name, size in drawn.scratch.items() if name in executed}
    return memory_graph_of(drawn.graph, scratch, keep_input=drawn.keep_input)


def all_orders(graph: Int8Graph) -> Iterator[tuple[int, ...]]:
    """Every topological order, from the names of the inputs alone."""
    made = {node.output for node in graph.nodes}
    needs = [{x for x in node.inputs if x in made} for node in graph.nodes]

    def extend(order: tuple[int, ...], known: frozenset[str]) -> Iterator[tuple[int, ...]]:
        if len(order) == len(needs):
            yield order
        for i, needed in enumerate(needs):
            if i not in order and needed <= known:
                yield from extend((*order, i), known | {graph.nodes[i].output})

    return extend((), frozenset())


def peak_of_buffers(memory: MemoryGraph, order: Sequence[int], alignment: int) -> int:
    """The peak that liveness gives an order."""
    lives = content_lives(memory, order)
    buffers = list(value_buffers(memory, shared_homes(memory, order), lives, alignment))
    for step, task in enumerate(order):
        if memory.tasks[task].scratch:
            size = memory.tasks[task].scratch
            buffers.append(Buffer(f"scratch {step}", size, step, step + 1, alignment))
    return lower_bound(Problem(tuple(buffers)))


@given(drawn_graphs(max_nodes=7))
@settings(max_examples=200, deadline=None)
def test_no_order_has_a_lower_peak(drawn: Drawn) -> None:
    memory = work_for(drawn)
    found = best_order(memory, alignment=drawn.alignment)
    peaks = {o: peak_of_buffers(memory, o, drawn.alignment) for o in all_orders(drawn.graph)}
    assert found.proven
    assert found.peak_bytes == peaks[found.tasks] == min(peaks.values())
    assert least_peak(CostModel(memory, drawn.alignment)) <= found.peak_bytes
    as_given = tuple(range(len(memory.tasks)))
    if peaks[as_given] == found.peak_bytes:
        assert found.tasks == as_given


@given(drawn_graphs(max_nodes=7))
@settings(max_examples=100, deadline=None)
def test_the_cost_of_an_order_is_the_peak_of_its_buffers(drawn: Drawn) -> None:
    memory = work_for(drawn)
    model = CostModel(memory, drawn.alignment)
    for _, order in zip(range(20), all_orders(drawn.graph), strict=False):
        assert model.peak(order) == peak_of_buffers(memory, order, drawn.alignment)


@given(drawn_graphs(max_nodes=12))
@settings(max_examples=100, deadline=None)
def test_beam_search_is_valid_honest_and_no_worse_than_the_order_of_the_graph(drawn: Drawn) -> None:
    memory = work_for(drawn)
    exact = best_order(memory, alignment=drawn.alignment)
    beam = best_order(memory, alignment=drawn.alignment, states=0, width=2)
    assert sorted(beam.tasks) == sorted(exact.tasks)
    assert all(
        set(_needed(memory, task)) <= set(beam.tasks[:i]) for i, task in enumerate(beam.tasks)
    )
    assert beam.peak_bytes == peak_of_buffers(memory, beam.tasks, drawn.alignment)
    as_given = peak_of_buffers(memory, range(len(memory.tasks)), drawn.alignment)
    assert exact.peak_bytes <= beam.peak_bytes <= as_given
    if beam.proven:
        assert beam.peak_bytes == exact.peak_bytes


def _needed(memory: MemoryGraph, task: int) -> list[int]:
    return [i for i in range(len(memory.tasks)) if memory.tasks[task].needs >> i & 1]


def two_branches() -> Int8Graph:
    """Both branches widen to 100 before they narrow; the graph widens both first."""
    builder = GraphBuilder()
    x = builder.input((1, 10))
    wide = [builder.dense(x, 100, q=Q), builder.dense(x, 100, q=Q)]
    narrow = [builder.dense(v, 20, q=Q) for v in wide]
    return builder.build(builder.add(*narrow, q=Q))


@pytest.mark.parametrize("states", [0, 1000])
def test_one_branch_is_finished_before_the_next_begins(states: int) -> None:
    memory = memory_graph_of(two_branches(), {})
    assert CostModel(memory, 4).peak(range(5)) == 100 + 100 + 20
    found = best_order(memory, states=states)
    assert found.tasks == (0, 2, 1, 3, 4)
    assert found.peak_bytes == 100 + 20 + 20
    assert found.proven == (states > 0)


def test_the_padding_of_the_topmost_buffer_is_not_thrown_away() -> None:
    builder = GraphBuilder()
    odd, x = builder.input((1, 5)), builder.input((1, 4))
    even = builder.dense(odd, 8, q=Q)
    narrow = builder.dense(builder.dense(x, 100, q=Q), 4, q=Q)
    found = best_order(memory_graph_of(builder.build(even, narrow), {}))
    # While the wide tensor is made, 5 bytes on top of the arena are better than 8.
    assert (found.tasks, found.peak_bytes, found.proven) == ((1, 2, 0), 4 + 100 + 5, True)


def test_the_schedule_has_the_better_order() -> None:
    graph = two_branches()
    schedule = schedule_layers(graph, kernels_for(graph))
    ordered = tuple(graph.nodes[i] for i in (0, 2, 1, 3, 4))
    assert tuple(node for step in schedule.steps for node in step.nodes) == ordered
    assert schedule.order_proven
    assert lower_bound(schedule.problem) == 140


def many_branches(count: int) -> Int8Graph:
    """Branches of two layers, all widened first, with widths that differ, summed at the end."""
    builder = GraphBuilder()
    x = builder.input((1, 4))
    wide = [builder.dense(x, 40 + 8 * i, q=Q) for i in range(count)]
    narrow = [builder.dense(v, 8, q=Q) for v in wide]
    total = narrow[0]
    for v in narrow[1:]:
        total = builder.add(total, v, q=Q)
    return builder.build(total)


def test_a_graph_too_wide_for_the_exact_search_is_ordered_by_beam_search() -> None:
    memory = memory_graph_of(many_branches(40), {})
    found = best_order(memory, states=100)
    # The best orders take the wider branches first, each 8 narrower than the one before: 364. No
    # order is below the widest branch on its own: 360.
    assert least_peak(CostModel(memory, 4)) == 352 + 8
    assert 364 <= found.peak_bytes <= 368
    assert not found.proven


def test_a_long_chain_is_no_search() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4), Q)
    for _ in range(2000):
        x = builder.requantize(x, Q)
    found = best_order(memory_graph_of(builder.build(), {}), states=0, width=0)
    assert (found.tasks, found.proven) == (tuple(range(2000)), True)
    assert found.peak_bytes == 4
