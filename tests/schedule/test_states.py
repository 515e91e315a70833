"""What runs hand on stays at its place: plans of graphs with states, replayed byte by byte."""

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.ir import verify_structure
from mcucc.kernels import select_kernels
from mcucc.ops import Int8Graph
from mcucc.passes import run_passes
from mcucc.passes.int8_.copy_states import CopyStates
from mcucc.reference.interpreter import run
from mcucc.schedule import MemoryPlan, PlanOptions, Segment, plan_network
from mcucc.schedule.proof.replay import replay
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import random_inputs
from tests.schedule.drawn_states import drawn_states
from tests.schedule.test_replay import OPTIONS

Q = quant(0.05, -7)


def planned(graph: Int8Graph, options: PlanOptions) -> MemoryPlan:
    if len(graph.inputs) > 1:
        options = replace(options, stream_input=False)
    return plan_network(graph, select_kernels(graph), options)


@given(drawn_states(max_nodes=7), OPTIONS)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_the_next_run_finds_what_was_left(graph: Int8Graph, options: PlanOptions) -> None:
    ready, _ = run_passes(graph, (CopyStates(),))
    plan = planned(ready, options)
    replayed = replay(plan, keep_input=options.keep_input)
    assert not replayed.faults, "\n".join(map(str, replayed.faults))
    states = plan.schedule.state_bytes
    homes = set(plan.schedule.states)
    for buffer in plan.schedule.problem.buffers:
        offset = plan.placement.offset(buffer.name)
        assert (offset + buffer.size <= states) if buffer.name in homes else offset >= states


@given(drawn_states(max_nodes=7), st.integers(1, 3))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_copies_change_no_bit(graph: Int8Graph, steps: int) -> None:
    verify_structure(graph)
    inputs = random_inputs(graph, steps)
    before = run(graph, inputs)
    after = run(run_passes(graph, (CopyStates(),))[0], inputs)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, name)


def test_a_window_needs_no_copy() -> None:
    """The usual form: the oldest row goes, the newest comes."""
    b = GraphBuilder("window")
    x, old = b.input((1, 1, 4, 2), Q), b.state((1, 3, 4, 2), Q)
    rows = b.concat(b.flatten(old), b.flatten(x))
    rows = b.reshape(rows, (1, 4, 4, 2))
    b.hand_on(old, b.slice(rows, (0, 1, 0, 0), (1, 3, 4, 2)))
    y = b.conv(rows, 5, (4, 1), pads="valid")
    graph, events = run_passes(b.build(y), (CopyStates(),))
    assert len(graph.nodes) == 6
    assert [event.declined for event in events] == ["it is made where the old value lies"]
    plan = planned(graph, PlanOptions(objective="memory"))
    assert plan.offset(graph.states[0].update) == plan.offset(old) == 0
    assert plan.schedule.state_bytes == 3 * 4 * 2
    assert not replay(plan, keep_input=False).faults


def test_an_accumulator_is_written_in_place() -> None:
    b = GraphBuilder("sum")
    x, old = b.input((1, 2, 3, 4), Q), b.state((1, 2, 3, 4), Q)
    new = b.add(old, x, q=Q)
    b.hand_on(old, new)
    graph, _ = run_passes(b.build(b.requantize(new)), (CopyStates(),))
    assert len(graph.nodes) == 2
    assert not replay(planned(graph, PlanOptions(mode="stream")), keep_input=False).faults


def test_what_is_read_later_is_copied() -> None:
    b = GraphBuilder("late")
    x, old = b.input((1, 2, 3, 4), Q), b.state((1, 2, 3, 4), Q)
    new = b.conv(old, 4, (1, 1), q=Q)
    b.hand_on(old, new)
    graph, _ = run_passes(b.build(b.add(b.add(new, x), old)), (CopyStates(),))
    assert len(graph.nodes) == 4
    assert graph.states[0].update == "state0.next"


def test_an_output_that_shows_the_old_value_is_copied() -> None:
    """It is there after the run, when the new value lies at the state's place."""
    b = GraphBuilder("shown")
    x, old = b.input((1, 2, 3, 4), Q), b.state((1, 2, 3, 4), Q)
    b.hand_on(old, b.conv(x, 4, (1, 1), q=Q))
    graph, _ = run_passes(b.build(b.flatten(old), b.conv(x, 2)), (CopyStates(),))
    assert len(graph.nodes) == 5
    assert not replay(planned(graph, PlanOptions()), keep_input=False).faults


def test_two_states_change_places() -> None:
    b = GraphBuilder("swap")
    x = b.input((1, 1, 1, 4), Q)
    first, second = b.state((1, 1, 1, 4), Q), b.state((1, 1, 1, 4), Q)
    whole = ((0, 0, 0, 0), (1, 1, 1, 4))
    b.hand_on(first, b.slice(second, *whole))
    b.hand_on(second, b.slice(first, *whole))
    graph, _ = run_passes(b.build(b.add(b.add(x, first), second)), (CopyStates(),))
    plan = planned(graph, PlanOptions())
    assert not replay(plan, keep_input=False).faults


def test_no_segment_reads_what_it_rewrites() -> None:
    b = GraphBuilder("rows")
    x, old = b.input((1, 8, 6, 3), Q), b.state((1, 8, 6, 3), Q)
    mixed = b.add(b.conv(x, 3), b.conv(old, 3))
    b.hand_on(old, b.conv(mixed, 3, q=Q))
    graph, _ = run_passes(b.build(b.max_pool(mixed, (2, 2))), (CopyStates(),))
    plan = planned(graph, PlanOptions(mode="stream"))
    assert not replay(plan, keep_input=False).faults
    for step in plan.schedule.steps:
        if isinstance(step, Segment):
            read = {name for node in step.nodes for name in node.inputs}
            assert not (old in read and graph.states[0].update in {n.output for n in step.nodes})
