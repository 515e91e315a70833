"""Multiply-accumulates that a plan is said to execute, held against those that its C executes.

The C for the DSP extension is built for the computer, where each of its instructions is a function
in C; these functions are made to count.
"""

import ctypes
from collections.abc import Mapping
from pathlib import Path

import pytest

from mcucc.build.project import build_host_library
from mcucc.importer import read_onnx
from mcucc.ops import Int8Graph
from mcucc.ops.conv import DepthwiseConv2D
from mcucc.ops.verify import node_macs
from mcucc.passes import INT8, PRUNE, run_passes
from mcucc.schedule import PlanOptions, Segment, executed_macs
from mcucc.sim.host import HostLibrary
from mcucc.targets.board import CORES
from tests.graphs import GraphBuilder, random_inputs
from tests.kernels.compiled import Generated, flat_samples, generate
from tests.lowering import lower_quantized

pytestmark = pytest.mark.cc

M4 = CORES["cortex-m4"]
COUNTED = {
    "sum, mcucc_low_half(a) * mcucc_low_half(b))": ("lanes", 1),
    "sum, mcucc_high_half(a) * mcucc_high_half(b))": ("lanes", 1),
    "mcucc_wrapped_sum(sum, low), high)": ("quads", 2),
}
"""How the functions of `mcucc_dsp.h` end, where their products go, and how many those are. Kernels
of depthwise convolutions use the first two alone, the others the last one, of which two make the
four products of two inputs and two channels."""


def counted(generated: Generated, memory: Path) -> Mapping[str, int]:
    """Multiply-accumulates of one run, by the functions that made them."""
    header = generated.directory / "mcucc_dsp.h"
    text = header.read_text()
    for end, (counter, products) in COUNTED.items():
        line = f"return mcucc_wrapped_sum({end};"
        assert text.count(line) == 1
        text = text.replace(line, f"mcucc_{counter} += {products}; {line}")
    declared = "".join(f"__attribute__((weak)) int64_t mcucc_{name};\n" for name in counters())
    text = text.replace('#include "mcucc_base.h"\n', f'#include "mcucc_base.h"\n{declared}', 1)
    header.write_text(text)
    artifact = build_host_library(generated.directory, generated.network, memory)
    samples = flat_samples(generated.graph, random_inputs(generated.graph, 1))
    HostLibrary(artifact, generated.network).run(samples)
    library = ctypes.CDLL(str(artifact.path))
    return {name: ctypes.c_int64.in_dll(library, f"mcucc_{name}").value for name in counters()}


def counters() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in COUNTED.values()))


def said(generated: Generated) -> int:
    return sum(executed_macs(generated.plan.schedule).values())


@pytest.mark.parametrize("channels", [4, 5, 6, 7, 9, 14])
def test_depthwise_makes_the_last_four_channels_together(channels: int, tmp_path: Path) -> None:
    b = GraphBuilder()
    graph = b.build(b.depthwise(b.input((1, 5, 7, channels))))
    generated = generate(graph, tmp_path / "c", core=M4)
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
    generated = generate(graph, tmp_path / "c", core=M4)
    assert all(each is not None and each.pairs for each in generated.kernels.values())
    assert said(generated) == counted(generated, tmp_path)["quads"]
    twice = (width % 2) * (9 if kernel == (3, 3) else 1)
    assert said(generated) == (9 * width + twice) * 8 * 4 * kernel[0] * kernel[1]


@pytest.mark.parametrize("width", [9, 11, 14, 21])
def test_rows_and_panels_have_runs_of_their_own(width: int, tmp_path: Path) -> None:
    graph = bottleneck(width)
    rows = PlanOptions(objective="speed", mode="stream")
    generated = generate(graph, tmp_path / "c", options=rows, core=M4)
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


@pytest.mark.parametrize("channels", [4, 6, 9])
def test_depthwise_with_many_taps_by_pairs(channels: int, tmp_path: Path) -> None:
    """Of 25 taps the last one is multiplied together with a zero, which does not count."""
    b = GraphBuilder()
    graph = b.build(b.depthwise(b.input((1, 5, 7, channels)), (5, 5)))
    generated = generate(graph, tmp_path / "c", core=M4)
    assert "gather" in _kernel(generated, graph.nodes[0].name)
    fours = -(-channels // 4)
    assert said(generated) == 5 * 7 * 25 * 4 * fours
    assert counted(generated, tmp_path)["quads"] == 5 * 7 * 26 * 4 * fours


def _kernel(generated: Generated, name: str) -> str:
    kernel = generated.kernels[name]
    return "" if kernel is None else kernel.name


@pytest.mark.models
def test_a_trained_network(models_dir: Path, tmp_path: Path) -> None:
    """Some of its depthwise layers have channels that are no whole fours."""
    imported = lower_quantized(read_onnx(models_dir / "te_vww_qdq.onnx"), "te_vww")
    graph, _ = run_passes(imported, (*INT8, *PRUNE))
    generated = generate(graph, tmp_path / "c", core=M4)
    of_node = executed_macs(generated.plan.schedule)
    depthwise = [
        node
        for node in graph.nodes
        if isinstance(node.op, DepthwiseConv2D) and "gather" not in _kernel(generated, node.name)
    ]
    executed = sum(of_node[node.name] for node in depthwise)
    assert depthwise
    assert executed == counted(generated, tmp_path)["lanes"]
    assert executed > sum(node_macs(graph, node) for node in depthwise)
