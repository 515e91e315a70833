"""Multiply-accumulates that a plan is said to execute, held against those that its C executes.

These are the kernels that families have for the DSP extension. A variant's own test counts what it
makes, with `tests/kernels/products.py`; here none is taken.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.importer import read_onnx
from mcucc.kernels import Kernel, select_kernels
from mcucc.ops import Int8Graph
from mcucc.ops.conv import DepthwiseConv2D
from mcucc.ops.verify import node_macs
from mcucc.passes import INT8, PRUNE, run_passes
from mcucc.schedule import (
    PlanOptions,
    Segment,
    executed_macs,
    plan_memory,
    plan_network,
    schedule_layers,
)
from mcucc.targets.board import CORES
from tests.graphs import GraphBuilder
from tests.kernels.compiled import Generated, generate_plan
from tests.kernels.products import counted, said
from tests.lowering import lower_quantized

pytestmark = pytest.mark.cc

M4 = CORES["cortex-m4"]


def made(graph: Int8Graph, directory: Path, options: PlanOptions | None = None) -> Generated:
    """The C of a graph for kernels that are no variants; of layers without `options`."""
    kernels = {name: _plain(kernel) for name, kernel in select_kernels(graph, M4).items()}
    if options is None:
        return generate_plan(plan_memory(schedule_layers(graph, kernels)), directory)
    return generate_plan(plan_network(graph, kernels, options), directory)


def _plain(kernel: Kernel | None) -> Kernel | None:
    return None if kernel is None else replace(kernel, variant=None)


@pytest.mark.parametrize("channels", [4, 5, 6, 7, 9, 14])
def test_depthwise_makes_the_last_four_channels_together(channels: int, tmp_path: Path) -> None:
    b = GraphBuilder()
    graph = b.build(b.depthwise(b.input((1, 5, 7, channels))))
    generated = made(graph, tmp_path / "c")
    fours = -(-channels // 4)
    assert said(generated) == counted(generated, tmp_path)["lanes"] == 5 * 7 * 9 * 4 * fours


@pytest.mark.parametrize("width", [10, 11])
@pytest.mark.parametrize("kernel", [(3, 3), (1, 1)])
def test_pairs_make_the_last_pixel_of_an_odd_run_twice(
    kernel: tuple[int, int], width: int, tmp_path: Path
) -> None:
    """A row is a run of a convolution, a whole map that of a pointwise one."""
    b = GraphBuilder()
    graph = b.build(b.conv(b.input((1, 9, width, 4)), 8, kernel))
    generated = made(graph, tmp_path / "c")
    assert all(each is not None and each.pairs for each in generated.kernels.values())
    assert said(generated) == counted(generated, tmp_path)["quads"]
    twice = (width % 2) * (9 if kernel == (3, 3) else 1)
    assert said(generated) == (9 * width + twice) * 8 * 4 * kernel[0] * kernel[1]


@pytest.mark.parametrize("width", [9, 11, 14, 21])
def test_rows_and_panels_have_runs_of_their_own(width: int, tmp_path: Path) -> None:
    graph = bottleneck(width)
    rows = PlanOptions(objective="speed", mode="stream")
    generated = made(graph, tmp_path / "c", rows)
    steps = generated.plan.schedule.steps
    assert any(isinstance(step, Segment) and step.panels for step in steps)
    found = counted(generated, tmp_path)
    assert said(generated) == found["lanes"] + found["quads"]
    once = sum(node_macs(graph, node) for node in graph.nodes)
    assert (said(generated) == once) == (width % 2 == 0)


def bottleneck(width: int) -> Int8Graph:
    """Channels by fours throughout, so that no word is filled up with zeros."""
    b = GraphBuilder()
    x = b.conv(b.input((1, 9, width, 4)), 8)
    y = b.conv(b.depthwise(b.conv(x, 16, (1, 1))), 8, (1, 1))
    return b.build(b.add(x, y))


@pytest.mark.models
def test_a_trained_network(models_dir: Path, tmp_path: Path) -> None:
    """Some of its depthwise layers have channels that are no whole fours."""
    imported = lower_quantized(read_onnx(models_dir / "te_vww_qdq.onnx"), "te_vww")
    graph, _ = run_passes(imported, (*INT8, *PRUNE))
    generated = made(graph, tmp_path / "c")
    of_node = executed_macs(generated.plan.schedule)
    depthwise = [node for node in graph.nodes if isinstance(node.op, DepthwiseConv2D)]
    executed = sum(of_node[node.name] for node in depthwise)
    assert depthwise
    assert executed == counted(generated, tmp_path)["lanes"]
    assert executed > sum(node_macs(graph, node) for node in depthwise)
