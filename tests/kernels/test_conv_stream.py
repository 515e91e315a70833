"""Convolutions of two pixels, all channels in one loop, with the DSP extension."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.kernels import Kernel, select_kernels
from mcucc.kernels.families.conv import STREAM
from mcucc.ops import Int8Graph
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import BORDERS, ZERO_POINTS, latin, pads_of
from tests.kernels.on_core import assert_core_agrees
from tests.kernels.products import counted, said

M4 = CORES["cortex-m4"]
GRID = {
    "map": ((6, 12), (8, 17), (14, 14), (5, 23)),
    "kernel": ((3, 3), (1, 3), (10, 4), (2, 2), (5, 5)),
    "stride": ((1, 1), (2, 2), (1, 2)),
    "dilation": ((1, 1), (1, 1), (1, 2)),
    "border": BORDERS[1:],
    "in_c": (1, 2, 3, 4, 7, 8, 12, 16, 24),
    "out_c": (6, 7, 8, 13, 16),
    "zero_point": ZERO_POINTS,
    "output": (*ZERO_POINTS, -128),
    "factor": (2.0**-9, 0.1),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def layer(b: GraphBuilder, case: dict[str, Any]) -> str:
    """With a factor of a tenth most outputs saturate; weights reach both ends but for -128."""
    x = b.input((1, *case["map"], case["in_c"]), quant(0.05, case["zero_point"]))
    return b.conv(
        x,
        case["out_c"],
        case["kernel"],
        stride=case["stride"],
        dilation=case["dilation"],
        pads=pads_of(case["border"], case["map"], case["kernel"], case["dilation"]),
        q=quant(0.05, case["output"]),
        weight_scales=[case["factor"]] * case["out_c"],
    )


def layers(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("stream", seed=seed)
    return b.build(*(layer(b, case) for case in latin(GRID, count, seed)))


def kernels_of(graph: Int8Graph) -> list[Kernel]:
    return [kernel for kernel in select_kernels(graph, M4).values() if kernel is not None]


def streamed(graph: Int8Graph) -> float:
    kernels = kernels_of(graph)
    return sum(kernel.variant is STREAM for kernel in kernels) / len(kernels)


@pytest.mark.cc
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool) -> None:
    graph = layers(30, seed=4)
    assert streamed(graph) > 0.8
    made = generate(graph, tmp_path / "c", planned=False, core=M4)
    assert_c_agrees(made, tmp_path, samples=2, clang=clang)


@pytest.mark.qemu
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool) -> None:
    """The assembly, which the computer's twin in C stands for above."""
    board = load_board("mps2-an386")
    graph = layers(30, seed=5)
    assert streamed(graph) > 0.8
    made = generate(graph, tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.parametrize("width", [10, 11])
def test_its_products_are_those_of_the_plan(width: int, tmp_path: Path) -> None:
    """The last pixel of an odd row is made twice."""
    b = GraphBuilder()
    x = b.input((1, 9, width, 4))
    graph = b.build(b.conv(x, 8, (3, 3), pads=(1, 1, 1, 1)))
    made = generate(graph, tmp_path / "c", core=M4)
    assert {kernel.variant for kernel in made.kernels.values() if kernel} == {STREAM}
    assert said(made) == 9 * (width + width % 2) * 8 * 4 * 9
    assert counted(made, tmp_path)["quads"] == said(made)


@pytest.mark.parametrize(
    ("width", "out_c", "activation", "factor", "name"),
    [
        (4, 8, "none", 2.0**-9, "conv_s8_k3x3s1_fast_x8_pairs_stream_dsp"),
        (5, 8, "none", 2.0**-9, "conv_s8_k3x3s1_fast_x8_pairs_stream_dsp"),
        (3, 8, "none", 2.0**-9, "conv_s8_k3x3s1_fast_x8_runs_dsp"),
        (4, 5, "none", 2.0**-9, "conv_s8_k3x3s1_fast_x8_runs_dsp"),
        (4, 8, "relu", 2.0**-9, "conv_s8_k3x3s1_fast_clamp_x8_pairs_dsp"),
        (5, 8, "relu", 2.0**-9, "conv_s8_k3x3s1_fast_clamp_x8_dsp"),
        (4, 8, "none", 0.8, "conv_s8_k3x3s1_wide_x8_pairs_dsp"),
    ],
)
def test_which_layers_take_it(
    width: int, out_c: int, activation: Any, factor: float, name: str
) -> None:
    b = GraphBuilder()
    x = b.input((1, 4, width, 8), quant(0.05))
    scales = [factor] * out_c
    pads = (1, 1, 1, 1)
    made = b.conv(
        x, out_c, (3, 3), q=quant(0.05), pads=pads, activation=activation, weight_scales=scales
    )
    (kernel,) = kernels_of(b.build(made))
    assert kernel.name == name
    assert kernel.scratch_free.name == name.replace("_pairs", "").replace("_stream", "_runs")
