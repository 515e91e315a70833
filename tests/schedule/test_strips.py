"""Strips of columns: every one finds the columns that it reads, and no cut makes too much again."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from mcucc.kernels import select_kernels
from mcucc.ops import Int8Graph
from mcucc.ops.verify import total_macs
from mcucc.schedule import MemoryPlan, PlanOptions, Segment, plan_network
from mcucc.schedule.macs import halo_macs
from mcucc.schedule.proof.replay import replay
from mcucc.schedule.strips import Strips
from tests.schedule.drawn_strips import (
    WAYS,
    StripWay,
    inverted_bottleneck,
    plan_in_strips,
    strips_of,
    wide_maps,
)

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def with_strips(plan: MemoryPlan, strips: Strips) -> MemoryPlan:
    first = plan.schedule.steps[0]
    assert isinstance(first, Segment)
    steps = (replace(first, strips=strips), *plan.schedule.steps[1:])
    return replace(plan, schedule=replace(plan.schedule, steps=steps))


@given(wide_maps(), WAYS)
@settings(max_examples=100, suppress_health_check=_SLOW)
def test_every_read_finds_its_columns(graph: Int8Graph, way: StripWay) -> None:
    plan = plan_in_strips(graph, way)
    assume(plan is not None)
    assert plan is not None
    replayed = replay(plan, keep_input=False)
    assert not replayed.faults, "\n".join(map(str, replayed.faults))
    assert replayed.macs == total_macs(graph) + halo_macs(plan.schedule)
    for content, found in strips_of(plan).columns.items():
        made = np.concatenate([np.arange(*columns) for columns in found])
        assert np.array_equal(np.unique(made), np.arange(graph.tensors[content].hwc[1]))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_column_less_is_missed(count: int) -> None:
    """Of each map, in each strip, on either side: it is read, or belongs to the output."""
    graph = inverted_bottleneck()
    plan = plan_in_strips(graph, StripWay(-1, 1, panels=False, count=count))
    assert plan is not None
    assert strips_of(plan).count == count
    assert not replay(plan, keep_input=False).faults
    strips, missed = strips_of(plan), Counter[str]()
    for content, found in strips.columns.items():
        for i, (begin, end) in enumerate(found):
            for narrower in ((begin + 1, end), (begin, end - 1)):
                columns = (*found[:i], narrower, *found[i + 1 :])
                other = replace(strips, columns={**strips.columns, content: columns})
                faults = replay(with_strips(plan, other), keep_input=False).faults
                assert faults, (content, i, narrower)
                missed[content] += 1
    assert len(missed) == 7


def test_a_strip_less_leaves_columns_unmade() -> None:
    plan = plan_in_strips(inverted_bottleneck(), StripWay(-1, 0, panels=False))
    assert plan is not None
    strips = strips_of(plan)
    columns = {content: found[:-1] for content, found in strips.columns.items()}
    shorter = Strips(strips.count - 1, columns, strips.whole)
    assert replay(with_strips(plan, shorter), keep_input=False).faults


@pytest.mark.parametrize("percent", [0, 3, 10, 40])
def test_no_more_is_made_again_than_allowed(percent: float) -> None:
    graph = inverted_bottleneck()
    options = PlanOptions(objective="memory", stream_input=True, input_elsewhere=True)
    kernels = select_kernels(graph)
    plan = plan_network(graph, kernels, replace(options, max_recompute=percent))
    again = halo_macs(plan.schedule)
    assert 100 * again <= percent * total_macs(graph)
    assert (again > 0) == (percent > 3)
    streamed = plan_network(graph, kernels, replace(options, input_elsewhere=False))
    assert plan.arena_bytes <= streamed.arena_bytes
