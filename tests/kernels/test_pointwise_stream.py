"""Pointwise convolutions of two pixels, all channels in one loop, with the DSP extension."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.kernels import Kernel, Unit, select_kernels
from mcucc.kernels.families.pointwise import STREAM
from mcucc.kernels.packing import pack_pair_streams
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import Multiplier
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees
from tests.kernels.products import counted, said

M4 = CORES["cortex-m4"]
GRID = {
    "map": ((1, 2), (1, 9), (6, 1), (5, 7), (8, 8)),
    "in_c": (1, 3, 4, 5, 8, 12, 14, 16, 24, 32, 40, 65, 72),
    "out_c": (6, 7, 8, 9, 13, 16, 34),
    "zero_point": ZERO_POINTS,
    "output": (*ZERO_POINTS, -128),
    "factor": (2.0**-9, 0.1),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def layer(b: GraphBuilder, case: dict[str, Any]) -> str:
    """With a factor of a tenth most outputs saturate; weights reach both ends but for -128."""
    x = b.input((1, *case["map"], case["in_c"]), quant(0.05, case["zero_point"]))
    scales = [case["factor"]] * case["out_c"]
    return b.conv(x, case["out_c"], (1, 1), q=quant(0.05, case["output"]), weight_scales=scales)


def layers(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("stream", seed=seed)
    return b.build(*(layer(b, case) for case in latin(GRID, count, seed)))


def kernels_of(graph: Int8Graph) -> list[Kernel]:
    return [kernel for kernel in select_kernels(graph, M4).values() if kernel is not None]


@pytest.mark.cc
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool) -> None:
    graph = layers(39, seed=4)
    assert {kernel.variant for kernel in kernels_of(graph)} == {STREAM}
    made = generate(graph, tmp_path / "c", planned=False, core=M4)
    assert_c_agrees(made, tmp_path, samples=3, clang=clang)


@pytest.mark.qemu
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool) -> None:
    """The assembly, which the computer's twin in C stands for above."""
    board = load_board("mps2-an386")
    made = generate(layers(39, seed=5), tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.qemu
def test_the_output_may_lie_on_the_dying_input(tmp_path: Path) -> None:
    """As its family promises: plans put the output close behind the pixels that are read."""
    board = load_board("mps2-an386")
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 9, 9, 10), quant(0.05, 3))
    for channels in (9, 8, 7):
        x = b.conv(x, channels, (1, 1))
    made = generate(b.build(x), tmp_path / "c", core=board.core)
    assert {kernel.variant for kernel in made.kernels.values() if kernel} == {STREAM}
    assert made.plan.arena_bytes < 2 * 9 * 9 * 8
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("width", [10, 11])
def test_its_products_are_those_of_the_plan(width: int, tmp_path: Path) -> None:
    """The last pixel of an odd map is made twice."""
    b = GraphBuilder()
    graph = b.build(b.conv(b.input((1, 9, width, 4)), 8, (1, 1)))
    made = generate(graph, tmp_path / "c", core=M4)
    assert said(made) == (9 * width + width % 2) * 8 * 4
    assert counted(made, tmp_path)["quads"] == said(made)


@pytest.mark.parametrize(
    ("out_c", "activation", "factor", "name"),
    [
        (8, "none", 2.0**-9, "pw_s8_fast_x8_pairs_stream_dsp"),
        (5, "none", 2.0**-9, "pw_s8_fast_x8_runs_dsp"),
        (8, "relu", 2.0**-9, "pw_s8_fast_clamp_x8_pairs_dsp"),
        (8, "none", 0.8, "pw_s8_wide_x8_pairs_dsp"),
    ],
)
def test_which_layers_take_it(out_c: int, activation: Any, factor: float, name: str) -> None:
    b = GraphBuilder()
    x = b.input((1, 4, 4, 8), quant(0.05))
    scales = [factor] * out_c
    made = b.conv(x, out_c, (1, 1), q=quant(0.05), activation=activation, weight_scales=scales)
    (kernel,) = kernels_of(b.build(made))
    assert kernel.name == name
    assert kernel.scratch_free.name == name.replace("_pairs", "").replace("_stream", "_runs")


def test_other_cores_have_none_of_it() -> None:
    graph = layers(13, seed=7)
    for core in ("cortex-m0plus", "cortex-m3", "cortex-m55"):
        kernels = select_kernels(graph, CORES[core]).values()
        assert STREAM not in {kernel.variant for kernel in kernels if kernel}
        assert Unit.DSP not in {kernel.unit for kernel in kernels if kernel}


def test_what_a_pair_of_channels_needs_stands_together() -> None:
    """Three channels of five inputs: the fourth channel is zeros, so are three inputs."""
    weights = np.arange(1, 16, dtype=np.int8).reshape(3, 5)
    multipliers = [Multiplier((1 << 30) + each, -9 - each) for each in (1, 2, 3)]
    words = pack_pair_streams(weights, np.array([-1, 2, 3]), multipliers)
    assert words.shape == (2, 2 + 4 + 3)
    both = [[a + 256 * (a + 5) for a in part] for part in ((1, 3), (2, 4))]
    assert words[0].tolist() == [
        *((1 << 32) - 1, 2 * 256 - 1 + 11),
        *(both[0][0] | both[0][1] << 16, both[1][0] | both[1][1] << 16, 5 + 256 * 10, 0),
        *((1 << 31) + 2, 10, (1 << 31) + 4),
    ]
    assert words[1].tolist() == [
        *(3, 1), *(11 | 13 << 16, 12 | 14 << 16, 15, 0), *((1 << 31) + 6, 12, 0),
    ]  # fmt: skip
