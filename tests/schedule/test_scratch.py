"""Scratch of kernels: inside the arena, and never a reason for a larger one where that matters."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.importer import read_onnx
from mcucc.kernels import Kernel, select_kernels
from mcucc.ops import Int8Graph
from mcucc.schedule import MemoryPlan, PlanOptions, Segment, plan_network
from mcucc.schedule.proof.replay import replay
from mcucc.targets.board import CORES
from tests.graphs import GraphBuilder
from tests.lowering import lower_quantized
from tests.schedule.drawn_maps import Q, drawn_maps

DSP = CORES["cortex-m4"]
SMALLEST = PlanOptions(objective="memory")
FASTEST = PlanOptions(objective="speed")


def planned(graph: Int8Graph, options: PlanOptions) -> MemoryPlan:
    """The plan for a core whose fastest kernels need scratch; it is replayed."""
    plan = plan_network(graph, select_kernels(graph, DSP), options)
    replayed = replay(plan, keep_input=options.keep_input)
    assert not replayed.faults, "\n".join(map(str, replayed.faults))
    return plan


def kernels_of(plan: MemoryPlan) -> list[Kernel]:
    found = (step.kernel_of(node) for step in plan.schedule.steps for node in step.nodes)
    return [kernel for kernel in found if kernel is not None]


def narrowing() -> Int8Graph:
    """A wide map that sets the peak, and small ones behind it that leave room."""
    b = GraphBuilder()
    x = b.conv(b.input((1, 16, 16, 8), Q), 16, (3, 3), stride=(2, 2), q=Q)
    x = b.conv(x, 16, (3, 3), stride=(2, 2), q=Q)
    b.conv(x, 8, (1, 1), q=Q)
    return b.build()


def test_the_smallest_arena_has_scratch_where_there_is_room_for_it() -> None:
    graph = narrowing()
    plan = planned(graph, replace(SMALLEST, mode="layer"))
    portable = plan_network(graph, select_kernels(graph), replace(SMALLEST, mode="layer"))
    assert plan.arena_bytes == portable.arena_bytes
    pairs = [kernel.pairs for kernel in kernels_of(plan)]
    assert pairs == [False, True, True]
    assert plan.scratch_offset(plan.schedule.steps[0]) is None
    for step in plan.schedule.steps[1:]:
        offset, kernel = plan.scratch_offset(step), step.kernel_of(step.nodes[0])
        assert offset is not None
        assert kernel is not None
        assert offset % 4 == 0
        assert offset + kernel.scratch_bytes <= plan.arena_bytes


def test_the_fastest_plan_makes_room_within_the_limit() -> None:
    graph = narrowing()
    layers = replace(FASTEST, mode="layer")
    free = planned(graph, layers)
    assert all(kernel.pairs for kernel in kernels_of(free))
    tight = planned(graph, replace(layers, limit=free.arena_bytes - 1))
    assert tight.arena_bytes < free.arena_bytes
    assert not all(kernel.pairs for kernel in kernels_of(tight))


def test_the_stages_of_a_segment_share_their_scratch() -> None:
    b = GraphBuilder()
    x = b.input((1, 12, 8, 8), Q)
    for _ in range(3):
        x = b.conv(x, 8, (3, 3), q=Q)
    plan = planned(b.build(), PlanOptions(mode="stream"))
    (segment,) = plan.schedule.steps
    assert isinstance(segment, Segment)
    buffers = [each for each in plan.schedule.problem.buffers if each.name.endswith(".scratch")]
    assert [buffer.size for buffer in buffers] == [16 * 3 * 3 * 8 // 4]


@given(drawn_maps(max_nodes=6), st.booleans(), st.sampled_from(("auto", "layer", "stream")))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_drawn_networks_need_no_more_than_with_plain_kernels(
    graph: Int8Graph, stream_input: bool, mode: str
) -> None:
    options = replace(SMALLEST, stream_input=stream_input, mode=mode)
    plain = plan_network(graph, select_kernels(graph), options)
    assert planned(graph, options).arena_bytes == plain.arena_bytes
    planned(graph, replace(options, objective="speed"))


@pytest.mark.models
@pytest.mark.parametrize("name", ["vww_96", "kws", "resnet8", "te_vww"])
def test_trained_networks_need_no_more_than_with_plain_kernels(models_dir: Path, name: str) -> None:
    graph = lower_quantized(read_onnx(models_dir / f"{name}_qdq.onnx"), name)
    for stream_input in (False, True):
        options = replace(SMALLEST, stream_input=stream_input)
        plain = plan_network(graph, select_kernels(graph), options)
        assert planned(graph, options).arena_bytes == plain.arena_bytes
