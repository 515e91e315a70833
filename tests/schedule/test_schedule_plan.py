"""Buffers, lives and places together: simulated byte by byte, and on small examples."""

import pytest
from hypothesis import given, settings

from mcucc.errors import InvariantError
from mcucc.ops import Int8Graph
from mcucc.schedule import MemoryPlan, dead_ranges, live_tensors, peak_step, plan_memory
from mcucc.schedule import schedule_layers as layers
from mcucc.schedule.order.inplace import overwritten
from mcucc.schedule.order.memory_graph import MemoryGraph, NodeUse, Storage
from tests.graphs import GraphBuilder
from tests.schedule.drawn import Drawn, Q, drawn_graphs, kernels_for
from tests.schedule.simulator import Simulator


def planned(
    graph: Int8Graph, *, keep_input: bool = False, scratch: dict[str, int] | None = None
) -> MemoryPlan:
    """A plan that was simulated."""
    plan = plan_memory(layers(graph, kernels_for(graph, scratch), keep_input=keep_input))
    Simulator(plan, keep_input).run()
    return plan


@given(drawn_graphs(max_nodes=10))
@settings(max_examples=300, deadline=None)
def test_every_read_finds_its_tensor(drawn: Drawn) -> None:
    schedule = layers(
        drawn.graph,
        kernels_for(drawn.graph, drawn.scratch),
        keep_input=drawn.keep_input,
        alignment=drawn.alignment,
    )
    plan = plan_memory(schedule, budget=200)
    Simulator(plan, drawn.keep_input).run()


def offsets(plan: MemoryPlan, *tensors: str) -> list[int]:
    return [plan.offset(tensor) for tensor in tensors]


def overlap(plan: MemoryPlan, a: str, b: str) -> int | None:
    """How far below `b` the writer of `a` may begin at most, None if they may share no byte."""
    found = {(o.lower, o.upper): o.distance for o in plan.schedule.problem.overlaps}
    return found.get((a, b))


def test_requantization_is_in_place_of_a_dying_input() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    y = builder.requantize(x)
    plan = planned(builder.build())
    assert plan.schedule.home == {x: x, y: y}
    assert overlap(plan, y, x) == 0
    assert offsets(plan, x, y) == [0, 0]
    assert plan.arena_bytes == 8


def test_kept_inputs_are_not_overwritten() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    y = builder.requantize(x)
    z = builder.requantize(y)
    plan = planned(builder.build(), keep_input=True)
    assert (overlap(plan, y, x), overlap(plan, z, x), overlap(plan, z, y)) == (None, None, 0)
    assert plan.offset(z) == plan.offset(y) != plan.offset(x)
    assert plan.arena_bytes == 16
    assert plan.schedule.lives[x] == (0, 2)


def test_outputs_are_not_overwritten() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    y = builder.requantize(x)
    z = builder.requantize(y)
    plan = planned(builder.build(y, z))
    assert (overlap(plan, y, x), overlap(plan, z, y)) == (0, None)
    assert plan.offset(x) == plan.offset(y) != plan.offset(z)
    assert plan.arena_bytes == 16


def add_of_two(builder: GraphBuilder) -> tuple[str, str, str]:
    x = builder.input((1, 4), Q)
    a, b = builder.dense(x, 8, q=Q), builder.dense(x, 8, q=Q)
    return a, b, builder.add(a, b, q=Q)


def test_add_may_be_over_either_of_two_dying_inputs() -> None:
    builder = GraphBuilder()
    a, b, total = add_of_two(builder)
    plan = planned(builder.build())
    assert (overlap(plan, total, a), overlap(plan, total, b)) == (0, 0)
    assert plan.offset(total) in offsets(plan, a, b)
    assert plan.arena_bytes == 4 + 8 + 8


def test_add_takes_the_second_input_if_only_that_dies() -> None:
    builder = GraphBuilder()
    a, b, total = add_of_two(builder)
    last = builder.dense(a, 2, q=Q)
    plan = planned(builder.build(a, total, last))
    assert (overlap(plan, total, a), overlap(plan, total, b)) == (None, 0)
    assert plan.offset(total) == plan.offset(b) != plan.offset(a)
    assert plan.arena_bytes == 4 + 8 + 8


def test_add_needs_fresh_bytes_if_no_input_dies() -> None:
    builder = GraphBuilder()
    a, b, total = add_of_two(builder)
    plan = planned(builder.build(a, b, total))
    assert (overlap(plan, total, a), overlap(plan, total, b)) == (None, None)
    assert plan.arena_bytes == 8 + 8 + 8


@pytest.mark.parametrize("dies", [True, False])
def test_a_tensor_added_to_itself(dies: bool) -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    total = builder.add(x, x, q=Q)
    outputs = (total,) if dies else (x, total)
    plan = planned(builder.build(*outputs))
    assert (plan.offset(total) == plan.offset(x)) == dies
    assert plan.arena_bytes == (8 if dies else 16)


def test_a_tensor_added_to_its_reshape_is_one_input() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    there = builder.reshape(x, (1, 8, 1))
    back = builder.reshape(there, (1, 8))
    total = builder.add(x, back, q=Q)
    plan = planned(builder.build())
    assert plan.schedule.home == {x: x, there: x, back: x, total: total}
    assert offsets(plan, x, there, back, total) == [0, 0, 0, 0]
    assert plan.arena_bytes == 8


def test_add_of_a_constant_is_in_place_of_the_other() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    total = builder.add(builder.constant((1, 8), Q), x, q=Q)
    plan = planned(builder.build())
    assert plan.offset(total) == plan.offset(x)
    assert plan.arena_bytes == 8


@pytest.mark.parametrize(("size", "below"), [(8, 0), (6, None), (9, None)])
def test_only_bytes_of_the_same_size_are_written_over(size: int, below: int | None) -> None:
    read = Storage(("x",), 8, writer=None, readers=1, kept=False)
    written = Storage(("y",), size, writer=0, readers=0, kept=True)
    task = NodeUse(needs=0, reads=(0,), writes=1, in_place=True, scratch=0)
    assert overwritten(MemoryGraph((task,), (read, written)), 0, done=0) == below


def test_a_reshape_shares_bytes_even_if_its_input_lives_on() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    flat = builder.reshape(x, (1, 8, 1))
    late = builder.dense(x, 8, q=Q)
    plan = planned(builder.build(flat, late))
    assert plan.schedule.home == {x: x, flat: x, late: late}
    assert plan.offset(flat) == plan.offset(x)
    assert plan.arena_bytes == 16


def test_in_place_waits_for_every_reader_of_every_reshape() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    shaped = builder.reshape(x, (1, 8, 1))
    other = builder.requantize(x)
    again = builder.requantize(shaped)
    back = builder.reshape(again, (1, 8))
    total = builder.add(other, back, q=Q)
    plan = planned(builder.build())
    assert (overlap(plan, other, x), overlap(plan, again, x)) == (None, 0)
    assert plan.offset(other) != plan.offset(x)
    assert plan.offset(again) == plan.offset(back) == plan.offset(x)
    assert (overlap(plan, total, other), overlap(plan, total, again)) == (0, 0)
    assert plan.arena_bytes == 16


def test_an_output_that_is_an_input_stays() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    y = builder.requantize(x)
    z = builder.requantize(y)
    plan = planned(builder.build(x, z))
    assert (overlap(plan, y, x), overlap(plan, z, y)) == (None, 0)
    assert plan.offset(x) != plan.offset(y) == plan.offset(z)
    assert plan.arena_bytes == 16
    assert plan.schedule.lives == {x: (0, 2), y: (0, 2), z: (1, 2)}


def test_a_network_that_does_nothing_keeps_its_input() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    assert planned(builder.build(x)).arena_bytes == 8


def test_values_that_nobody_reads_live_for_one_step() -> None:
    builder = GraphBuilder()
    x, unread = builder.input((1, 8), Q), builder.input((1, 40), Q)
    dead = builder.dense(x, 20, q=Q)
    y = builder.dense(x, 8, q=Q)
    lives = planned(builder.build(y)).schedule.lives
    # y first: at step 0 the unread input is still there.
    assert (lives[unread], lives[y], lives[dead]) == ((0, 1), (0, 2), (1, 2))


def test_scratch_lives_for_its_step_beside_all_that_is_live() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8), Q)
    y = builder.dense(x, 8, q=Q)
    graph = builder.build(builder.dense(y, 8, q=Q))
    plan = planned(graph, scratch={graph.nodes[1].name: 12})
    assert plan.scratch_offset(plan.schedule.steps[0]) is None
    assert plan.scratch_offset(plan.schedule.steps[1]) is not None
    assert plan.arena_bytes == 8 + 8 + 12
    assert peak_step(plan) == 1
    assert [r.tensors for r in live_tensors(plan, 1) if r.buffer.size == 12] == [()]


def test_dead_ranges_are_what_no_buffer_holds() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 6), Q)
    y = builder.dense(x, 16, q=Q)
    builder.dense(y, 4, q=Q)
    plan = planned(builder.build())
    for step in range(len(plan.schedule.steps) + 1):
        held = {
            address
            for resident in live_tensors(plan, step)
            for address in range(resident.offset, resident.offset + resident.buffer.size)
        }
        dead = [address for range_ in dead_ranges(plan, step) for address in range(*range_)]
        assert sorted(held | set(dead)) == list(range(plan.arena_bytes))
        assert len(held) + len(dead) == plan.arena_bytes


def test_a_node_without_kernel_is_a_bug() -> None:
    builder = GraphBuilder()
    builder.dense(builder.input((1, 6), Q), 16, q=Q)
    graph = builder.build()
    with pytest.raises(InvariantError, match=f"node '{graph.nodes[0].name}' has no kernel"):
        layers(graph, {graph.nodes[0].name: None})


def test_a_reshape_with_kernel_is_a_bug() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 6), Q)
    builder.reshape(builder.requantize(x), (1, 6, 1))
    graph = builder.build()
    kernels = kernels_for(graph)
    moved, reshaped = (node.name for node in graph.nodes)
    with pytest.raises(InvariantError, match=f"node '{reshaped}' executes nothing"):
        layers(graph, {**kernels, reshaped: kernels[moved]})


def test_a_reshaped_constant_is_a_bug() -> None:
    builder = GraphBuilder()
    builder.input((1, 6), Q)
    constant = builder.constant((1, 6), Q)
    builder.tensors[constant] = builder.consts[constant].type
    builder.reshape(constant, (1, 6, 1))
    del builder.tensors[constant]
    graph = builder.build()
    with pytest.raises(InvariantError, match="reshapes a constant"):
        layers(graph, kernels_for(graph))
