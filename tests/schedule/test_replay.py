"""Plans replayed byte by byte: right ones have no faults, corrupted ones are found out."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.importer import read_onnx
from mcucc.kernels import select_kernels
from mcucc.memory import Buffer, Overlap, Placement
from mcucc.ops import Aliasing, Int8Graph
from mcucc.ops.verify import node_macs, total_macs
from mcucc.schedule import MemoryPlan, PlanOptions, Segment, plan_network
from mcucc.schedule.plan import Mode
from mcucc.schedule.proof.replay import Replayed, replay
from mcucc.schedule.proof.shadow import MOST_FAULTS, LostBytes, Run, Shadow
from tests.graphs import GraphBuilder
from tests.lowering import lower_quantized
from tests.schedule.drawn_maps import Q, drawn_maps

FAR = 1 << 13
"""Between buffers that are not to influence each other; more than any of them has."""

OPTIONS = st.builds(
    PlanOptions,
    objective=st.sampled_from(("memory", "speed")),
    mode=st.sampled_from(("auto", "layer", "stream")),
    limit=st.none() | st.integers(50, 2000),
    keep_input=st.booleans(),
    stream_input=st.booleans(),
    alignment=st.sampled_from((1, 4, 8)),
)


def planned(graph: Int8Graph, options: PlanOptions) -> MemoryPlan:
    return plan_network(graph, select_kernels(graph), options)


def proven(graph: Int8Graph, options: PlanOptions) -> Replayed:
    """The replay of a plan that is right and makes each row once."""
    replayed = replay(planned(graph, options), keep_input=options.keep_input)
    assert not replayed.faults, "\n".join(map(str, replayed.faults))
    written = {port.tensor for port in graph.inputs}
    written |= {n.output for n in graph.nodes if n.op.aliasing is not Aliasing.SAME_BYTES}
    assert replayed.rows_made == {value: graph.tensors[value].hwc[0] for value in written}
    assert replayed.macs == total_macs(graph)
    return replayed


# ---- right plans


@given(drawn_maps(max_nodes=8, max_inputs=2), OPTIONS)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_every_read_finds_its_row(graph: Int8Graph, options: PlanOptions) -> None:
    if len(graph.inputs) > 1:
        options = replace(options, stream_input=False)
    proven(graph, options)


@pytest.mark.models
@pytest.mark.parametrize("mode", ["auto", "layer", "stream"])
@pytest.mark.parametrize("stream_input", [False, True])
@pytest.mark.parametrize("name", ["vww_96", "kws", "resnet8", "ad01", "te_vww"])
def test_trained_networks_make_each_row_once(
    models_dir: Path, name: str, stream_input: bool, mode: Mode
) -> None:
    graph = lower_quantized(read_onnx(models_dir / f"{name}_qdq.onnx"), name)
    options = PlanOptions(objective="memory", mode=mode, stream_input=stream_input)
    assert proven(graph, options).macs == total_macs(graph)


# ---- corrupted plans


def inverted_bottlenecks() -> Int8Graph:
    """Expand, filter, project; a residual sum; a stride; a mean and a dense layer."""
    b = GraphBuilder()
    x = b.conv(b.input((1, 12, 10, 3), Q), 8, stride=(2, 2), q=Q)
    y = b.depthwise(b.conv(x, 12, (1, 1), q=Q), q=Q)
    x = b.add(b.conv(y, 8, (1, 1), q=Q), x, q=Q)
    x = b.depthwise(b.conv(x, 16, (1, 1), q=Q), (5, 5), stride=(2, 2), q=Q)
    b.dense(b.mean(b.conv(x, 4, (1, 1), q=Q), q=Q), 3, q=Q)
    return b.build()


def gated() -> Int8Graph:
    """A gate over a map, between convolutions."""
    b = GraphBuilder()
    x = b.conv(b.input((1, 9, 6, 4), Q), 8, q=Q)
    gate = b.logistic(b.conv(b.mean(x, keep_dims=True, q=Q), 8, (1, 1), q=Q))
    b.depthwise(b.mul(x, gate, q=Q), (3, 3), q=Q)
    return b.build()


def branches() -> Int8Graph:
    """Two branches with windows of different heights, side by side, then pooled and enlarged."""
    b = GraphBuilder()
    x = b.input((1, 11, 5, 4), Q)
    tall, flat = b.conv(x, 4, (5, 3), q=Q), b.conv(x, 6, (1, 3), q=Q)
    x = b.max_pool(b.concat(tall, flat), (3, 3), stride=(2, 2))
    b.conv(b.pad(b.resize_nearest(x, (2, 1)), (1, 0, 1, 0)), 5, (3, 3), pads="valid", q=Q)
    return b.build()


def chain_of_pixels() -> Int8Graph:
    """Pointwise operators that run in place, growing and shrinking."""
    b = GraphBuilder()
    x = b.input((1, 6, 5, 8), Q)
    x = b.conv(b.logistic(b.conv(x, 12, (1, 1), q=Q)), 6, (1, 1), q=Q)
    b.softmax(b.dense(b.flatten(b.requantize(x, Q)), 7, q=Q))
    return b.build()


GRAPHS = (inverted_bottlenecks, gated, branches, chain_of_pixels)
OPTION_SETS = tuple(
    PlanOptions(mode=mode, objective="memory", stream_input=stream, alignment=1)
    for mode in ("auto", "layer", "stream")
    for stream in (False, True)
)


@cache
def example_plans() -> tuple[MemoryPlan, ...]:
    return tuple(planned(make(), options) for make in GRAPHS for options in OPTION_SETS)


def placed(plan: MemoryPlan, offsets: Mapping[str, int]) -> MemoryPlan:
    """The same steps with other offsets."""
    sizes = {buffer.name: buffer.size for buffer in plan.schedule.problem.buffers}
    height = max(offsets[name] + size for name, size in sizes.items())
    return replace(plan, placement=Placement(offsets, height, 0, optimal=False))


def apart(plan: MemoryPlan) -> dict[str, int]:
    """Offsets at which no two buffers meet, however one of them is moved by its size."""
    buffers = plan.schedule.problem.buffers
    assert all(2 * buffer.size < FAR for buffer in buffers)
    return {buffer.name: (2 * i + 1) * FAR for i, buffer in enumerate(buffers)}


def faults(plan: MemoryPlan) -> tuple[str, ...]:
    return tuple(map(str, replay(plan, keep_input=False).faults))


def at_distance(plan: MemoryPlan, overlap: Overlap, distance: int) -> MemoryPlan:
    """The pair of an overlap at some distance, all else far away."""
    offsets = apart(plan)
    offsets[overlap.upper] = offsets[overlap.lower] + distance
    return placed(plan, offsets)


def test_a_distance_is_enough_and_one_byte_less_is_not() -> None:
    """Each pair by itself, at its distance and one byte nearer.

    At minus the size of the upper buffer nothing is left of the rule: one byte nearer the two are
    disjoint. All other distances matter: in these networks the oldest row and pixel that a window
    spans is one that is read. Elsewhere a distance may be longer than it must be: where a dilated
    window begins in the padding it can step over the first pixel of the map, and the last pixels of
    a `Pad` read nothing at all.
    """
    checked = 0
    for plan in example_plans():
        sizes = {buffer.name: buffer.size for buffer in plan.schedule.problem.buffers}
        for overlap in plan.schedule.problem.overlaps:
            assert not faults(at_distance(plan, overlap, overlap.distance)), overlap
            if overlap.distance > -sizes[overlap.upper]:
                assert faults(at_distance(plan, overlap, overlap.distance - 1)), overlap
                checked += 1
    assert checked > 50


@given(drawn_maps(max_nodes=5), st.booleans())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_each_distance_is_enough(graph: Int8Graph, stream: bool) -> None:
    options = PlanOptions(objective="memory", stream_input=stream, alignment=1)
    plan = planned(graph, options)
    for overlap in plan.schedule.problem.overlaps:
        assert not faults(at_distance(plan, overlap, overlap.distance)), overlap


def test_rows_that_nobody_makes_are_missed() -> None:
    """A stride leaves the last row of a map unread: it is made at the end, or not at all."""
    b = GraphBuilder()
    x = b.conv(b.input((1, 8, 4, 4), Q), 4, (3, 3), q=Q)
    graph = b.build(b.conv(x, 4, (1, 1), stride=(2, 2), pads="valid", q=Q))
    plan = planned(graph, PlanOptions(mode="stream", objective="memory"))
    (step,) = plan.schedule.steps
    assert isinstance(step, Segment)
    assert len(step.sinks) == 2
    without = replace(plan.schedule, steps=(replace(step, sinks=step.sinks[:1]),))
    found = replay(replace(plan, schedule=without), keep_input=False)
    assert not found.faults
    assert found.rows_made[x] == 7
    first, second = (node_macs(graph, node) for node in graph.nodes)
    assert found.macs == first * 7 // 8 + second


def test_a_ring_with_a_row_less_loses_a_row() -> None:
    checked = 0
    for plan in example_plans():
        for i, step in enumerate(plan.schedule.steps):
            for content, rows in step.rows.items() if isinstance(step, Segment) else ():
                if rows > 1:
                    assert isinstance(step, Segment)
                    smaller = replace(step, rows={**step.rows, content: rows - 1})
                    steps = (*plan.schedule.steps[:i], smaller, *plan.schedule.steps[i + 1 :])
                    assert faults(replace(plan, schedule=replace(plan.schedule, steps=steps)))
                    checked += 1
    assert checked > 20


def both_whole(a: Buffer, b: Buffer) -> bool:
    """Whether some step finds both where earlier steps left them."""
    return max(a.start, b.start) + 1 < min(a.end, b.end)


def test_a_byte_of_two_tensors_that_wait_is_found() -> None:
    checked = 0
    for plan in example_plans():
        buffers = plan.schedule.problem.buffers
        for a in buffers:
            for b in buffers:
                if a is not b and both_whole(a, b):
                    offsets = apart(plan)
                    offsets[b.name] = offsets[a.name] + a.size - 1
                    assert faults(placed(plan, offsets)), (a, b)
                    checked += 1
    assert checked


def test_counters_and_sums_share_with_nothing() -> None:
    checked = 0
    for plan in example_plans():
        buffers = plan.schedule.problem.buffers
        private = [x for x in buffers if x.name.endswith((".counters", ".scratch"))]
        for a in private:
            for b in buffers:
                if a is not b and a.start < b.end and b.start < a.end:
                    offsets = apart(plan)
                    offsets[a.name] = offsets[b.name]
                    assert faults(placed(plan, offsets)), (a, b)
                    checked += 1
    assert checked > 50


@pytest.mark.parametrize("byte", [2, 5, 7])
def test_each_byte_of_a_dead_range_is_looked_at(byte: int) -> None:
    shadow = Shadow(10)
    shadow.write(Run(shadow.add("alive", None), 0, 1, byte), "a step")
    assert list(shadow.touched_in([(2, 8)])) == [byte]
    assert list(shadow.touched_in([(0, 2), (8, 10)])) == []


def test_a_misplaced_buffer_and_a_wrong_height_are_found() -> None:
    plan = planned(inverted_bottlenecks(), PlanOptions(objective="memory"))
    offsets = dict(plan.placement.offsets)
    state = next(name for name in offsets if name.endswith(".counters"))
    shifted = placed(plan, {**apart(plan), state: apart(plan)[state] + 2})
    assert any("no multiple of 4" in fault for fault in faults(shifted))
    high = replace(plan.placement, height=plan.arena_bytes + 4)
    assert any("the arena has" in fault for fault in faults(replace(plan, placement=high)))
    low = replace(plan.placement, height=plan.arena_bytes - 4)
    assert any("no such bytes" in fault for fault in faults(replace(plan, placement=low)))


def test_a_wrong_life_is_found() -> None:
    plan = planned(chain_of_pixels(), PlanOptions(mode="layer"))
    lives = plan.schedule.lives
    last = len(plan.schedule.steps)
    for value, (start, end) in lives.items():
        for wrong in ((start + 1, end), (start, end - 1), (start, last + 1)):
            schedule = replace(plan.schedule, lives={**lives, value: wrong})
            found = faults(replace(plan, schedule=schedule))
            assert found or wrong[1] > end, (value, wrong)


def test_steps_in_a_wrong_order_or_missing_are_found() -> None:
    plan = planned(chain_of_pixels(), PlanOptions(mode="layer"))
    steps = plan.schedule.steps
    for wrong in ((steps[1], steps[0], *steps[2:]), steps[:-1], (*steps, steps[-1])):
        assert faults(replace(plan, schedule=replace(plan.schedule, steps=tuple(wrong))))


def test_inputs_that_must_be_kept_are_missed() -> None:
    plan = planned(chain_of_pixels(), PlanOptions(mode="layer"))
    assert not replay(plan, keep_input=False).faults
    assert replay(plan, keep_input=True).faults


def test_a_fault_names_both_rows() -> None:
    b = GraphBuilder()
    b.conv(b.input((1, 4, 2, 4), Q, "image"), 4, q=Q)
    plan = planned(b.build(), PlanOptions(mode="layer"))
    first = replay(placed(plan, {"image": 0, "conv2d0_out": 0}), keep_input=False).faults[0]
    # While pixel 0 is made its own window is read: from the image's first byte on.
    assert isinstance(first, LostBytes)
    assert str(first) == (
        "step 0, 'conv2d0': row 0 of 'image' is not there, "
        "byte 0 of the arena holds row 0 of 'conv2d0_out'"
    )


def test_many_faults_end_the_replay() -> None:
    plan = planned(inverted_bottlenecks(), PlanOptions(mode="layer"))
    heap = placed(plan, dict.fromkeys(plan.placement.offsets, 0))
    assert len(faults(heap)) == MOST_FAULTS
