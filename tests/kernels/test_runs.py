"""Convolutions of a pixel with the DSP extension, all channels in one loop, inputs as they lie."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.kernels import Kernel, select_kernels
from mcucc.kernels.families.conv import RUNS as CONV_RUNS
from mcucc.kernels.families.pointwise import RUNS as POINTWISE_RUNS
from mcucc.kernels.packing import pack_quad_streams
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import Multiplier
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import BORDERS, DILATIONS, MAPS, STRIDES, ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees
from tests.kernels.products import counted, said
from tests.kernels.test_conv_stream import layer

M4 = CORES["cortex-m4"]
GRID = {
    "map": MAPS,
    "kernel": ((3, 3), (1, 1), (1, 3), (3, 1), (2, 2), (1, 9), (2, 4)),
    "stride": STRIDES,
    "dilation": DILATIONS,
    "border": BORDERS[1:],
    "in_c": (4, 8, 12, 16, 24, 64),
    "out_c": (1, 2, 3, 4, 5, 8, 13, 16),
    "zero_point": ZERO_POINTS,
    "output": (*ZERO_POINTS, -128),
    "factor": (2.0**-9, 0.1),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def pixel(b: GraphBuilder, case: dict[str, Any]) -> str:
    plain = {"kernel": (1, 1), "stride": (1, 1), "dilation": (1, 1), "border": "none"}
    return layer(b, {**case, **plain})


def layers(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("runs", seed=seed)
    cases = latin(GRID, count, seed)
    return b.build(*(layer(b, case) for case in cases), *(pixel(b, case) for case in cases[::2]))


def lean(graph: Int8Graph) -> list[Kernel]:
    kernels = select_kernels(graph, M4).values()
    return [kernel.scratch_free for kernel in kernels if kernel is not None]


@pytest.mark.cc
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool) -> None:
    graph = layers(32, seed=4)
    assert {kernel.variant for kernel in lean(graph)} == {CONV_RUNS, POINTWISE_RUNS}
    made = generate(graph, tmp_path / "c", planned=False, core=M4, lean=True)
    assert_c_agrees(made, tmp_path, samples=2, clang=clang)


@pytest.mark.qemu
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool) -> None:
    """The assembly, which the computer's twin in C stands for above."""
    board = load_board("mps2-an386")
    made = generate(layers(24, seed=5), tmp_path / "c", planned=False, core=M4, lean=True)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
def test_its_products_are_those_of_the_plan(tmp_path: Path) -> None:
    b = GraphBuilder()
    x = b.input((1, 5, 7, 4))
    graph = b.build(b.conv(x, 6, (3, 3), pads=(1, 1, 1, 1)))
    made = generate(graph, tmp_path / "c", planned=False, core=M4, lean=True)
    assert {kernel.variant for kernel in made.kernels.values() if kernel} == {CONV_RUNS}
    assert said(made) == 5 * 7 * 6 * 4 * 9
    assert counted(made, tmp_path)["quads"] == 5 * 7 * 8 * 4 * 9  # of the last four, two are zeros


@pytest.mark.parametrize(
    ("window", "in_c", "given", "name"),
    [
        ((1, 1), 8, {}, "pw_s8_fast_x8_runs_dsp"),
        ((1, 1), 6, {}, "pw_s8_fast_dsp"),
        ((1, 1), 8, {"activation": "relu"}, "pw_s8_fast_clamp_x8_dsp"),
        ((3, 3), 4, {}, "conv_s8_k3x3s1_fast_x4_runs_dsp"),
        ((3, 3), 4, {"weight_scales": [0.8] * 8}, "conv_s8_k3x3s1_wide_x4_dsp"),
        ((2, 5), 4, {}, "conv_s8_k2x5s1_fast_x4_dsp"),
        ((3, 3), 6, {}, "conv_s8_k3x3s1_fast_stack_dsp"),
    ],
)
def test_which_layers_take_it(
    window: tuple[int, int], in_c: int, given: dict[str, Any], name: str
) -> None:
    b = GraphBuilder()
    x = b.input((1, 5, 6, in_c), quant(0.05))
    more: dict[str, Any] = {"q": quant(0.05), "weight_scales": [2.0**-9] * 8, **given}
    (kernel,) = lean(b.build(b.conv(x, 8, window, **more)))
    assert kernel.name == name


def test_what_four_channels_need_stands_together() -> None:
    """Five channels of four inputs: the last three channels are zeros."""
    weights = np.arange(1, 21, dtype=np.int8).reshape(5, 4)
    multipliers = [Multiplier((1 << 30) + each, -9 - each) for each in range(5)]
    words = pack_quad_streams(weights, np.array([1, 2, 3, 4, 5]), multipliers)
    assert words.shape == (2, 4 + 4 + 5)
    half = [[a + 256 * (a + 4) for a in part] for part in ((1, 3), (2, 4), (9, 11), (10, 12))]
    assert words[0].tolist() == [
        *(1, 2 * 256 + 1 + 10, 3, 4 * 256 + 3 + 12),
        *(low | high << 16 for low, high in half),
        *(9 | 11 << 8, 1 << 31, (1 << 31) + 2, (1 << 31) + 4, (1 << 31) + 6),
    ]
    assert words[1].tolist() == [
        *(5, 1, 0, 1),
        *(17 | 19 << 16, 18 | 20 << 16, 0, 0),
        *(13 | 1 << 8, (1 << 31) + 8, 0, 0, 0),
    ]
