"""Depthwise windows by gathered taps, with the DSP extension and in 16-bit Thumb instructions:
shapes, strides, borders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.kernels import Kernel, Unit, select_kernels
from mcucc.kernels.families.depthwise import GATHER, GATHER_THUMB1, pack_tap_pairs
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import Multiplier, RequantClass
from mcucc.targets.board import CORES, Core, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import (
    ACTIVATIONS,
    BORDERS,
    DILATIONS,
    STRIDES,
    ZERO_POINTS,
    latin,
    pads_of,
)
from tests.kernels.on_core import assert_core_agrees
from tests.kernels.products import counted, said

M0, M4 = CORES["cortex-m0plus"], CORES["cortex-m4"]
GRID = {
    "map": ((1, 1), (1, 9), (6, 1), (5, 7), (8, 8)),
    "channels": (4, 5, 7, 8, 13, 16),
    "kernel": ((5, 5), (3, 3), (7, 7), (4, 7), (25, 1), (1, 25), (2, 2), (1, 3), (3, 5), (1, 1)),
    "stride": STRIDES,
    "dilation": DILATIONS,
    "border": BORDERS,
    "zero_point": ZERO_POINTS,
    "activation": ACTIVATIONS,
    "factor": (2.0**-9, 0.8),
}


def layer(b: GraphBuilder, case: dict[str, Any]) -> str:
    """With a factor of a half and more there is nothing to shift to the right."""
    x = b.input((1, *case["map"], case["channels"]), quant(0.05, case["zero_point"]))
    pads = case["border"]
    if pads != "same":
        pads = pads_of(pads, case["map"], case["kernel"], case["dilation"])
    return b.depthwise(
        x,
        case["kernel"],
        stride=case["stride"],
        dilation=case["dilation"],
        pads=pads,
        activation=case["activation"],
        q=quant(0.05, -case["zero_point"] - 1),
        weight_scales=[case["factor"]] * case["channels"],
    )


def gathered(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("gather", seed=seed)
    return b.build(*(layer(b, case) for case in latin(GRID, count, seed)))


def few_channels() -> Int8Graph:
    """One to three channels, which those of 16-bit Thumb instructions take, too; and weights of
    -128 under inputs at the ends."""
    b = GraphBuilder("few", seed=9)
    made = [
        b.depthwise(b.input((1, 6, 5, channels), quant(0.05, zero_point)), kernel)
        for channels, zero_point, kernel in ((1, -128, (5, 5)), (2, 127, (4, 3)), (3, 0, (7, 7)))
    ]
    b.consts[b.nodes[0].inputs[1]].data.setflags(write=True)
    b.consts[b.nodes[0].inputs[1]].data[:] = -128
    return b.build(*made)


def kernels_of(graph: Int8Graph, core: Core = M4) -> list[Kernel]:
    return [kernel for kernel in select_kernels(graph, core).values() if kernel is not None]


@pytest.mark.cc
@pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])
def test_under_sanitizers(tmp_path: Path, clang: bool) -> None:
    graph = gathered(28, seed=4)
    kernels = kernels_of(graph)
    classes = {kernel.requant for kernel in kernels if kernel.variant is GATHER}
    assert classes == {RequantClass.FAST, RequantClass.WIDE}
    made = generate(graph, tmp_path / "c", planned=False, core=M4)
    assert_c_agrees(made, tmp_path, samples=3, clang=clang)


@pytest.mark.cc
def test_in_16_bit_thumb_instructions(tmp_path: Path) -> None:
    """Only of class fast, all activations; without scratch those of 3x3 as well."""
    graph = gathered(28, seed=4)
    kernels = [kernel.scratch_free for kernel in kernels_of(graph, M0)]
    taken = {(kernel.requant, kernel.clamps) for kernel in kernels if kernel.variant}
    assert taken == {(RequantClass.FAST, False), (RequantClass.FAST, True)}
    assert {kernel.variant for kernel in kernels} == {GATHER_THUMB1, None}
    for name, each in (("grid", graph), ("few", few_channels())):
        made = generate(each, tmp_path / name / "c", planned=False, core=M0)
        assert_c_agrees(made, tmp_path / name, samples=3)


@pytest.mark.qemu
@pytest.mark.parametrize("board_id", ["rpi-pico", "mps2-an386"])
@pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])
def test_on_the_core(tmp_path: Path, clang: bool, board_id: str) -> None:
    """The assembly, which the computer's twin in C stands for above."""
    board = load_board(board_id)
    made = generate(gathered(24, seed=5), tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.qemu
def test_few_channels_on_the_core(tmp_path: Path) -> None:
    board = load_board("rpi-pico")
    made = generate(few_channels(), tmp_path / "c", planned=False, core=board.core)
    assert {kernel.variant for kernel in made.kernels.values() if kernel} == {GATHER_THUMB1}
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("core", [M0, M4], ids=["m0plus", "m4"])
def test_the_output_may_lie_on_the_dying_input(tmp_path: Path, core: Core) -> None:
    """As its family promises: plans put the output close behind the pixels that are read."""
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 9, 9, 10), quant(0.05, 3))
    for _ in range(3):
        x = b.depthwise(x, (5, 5), pads="same")
    graph = b.build(x)
    made = generate(graph, tmp_path / "c", core=core)
    assert made.plan.arena_bytes < 2 * 9 * 9 * 10
    assert_c_agrees(made, tmp_path, samples=2)


@pytest.mark.cc
@pytest.mark.parametrize("channels", [4, 6, 9])
def test_its_products_are_those_of_the_plan(channels: int, tmp_path: Path) -> None:
    """Of 25 taps the last one is multiplied together with a zero, which does not count."""
    b = GraphBuilder()
    graph = b.build(b.depthwise(b.input((1, 5, 7, channels)), (5, 5)))
    made = generate(graph, tmp_path / "c", core=M4)
    fours = -(-channels // 4)
    assert said(made) == 5 * 7 * 25 * 4 * fours
    assert counted(made, tmp_path)["quads"] == 5 * 7 * 26 * 4 * fours


@pytest.mark.parametrize(
    ("kernel", "channels", "name"),
    [
        ((3, 3), 8, "dw_s8_k3x3s1_fast_rows_dsp"),
        ((1, 2), 4, "dw_s8_k1x2s1_fast_gather_dsp"),
        ((4, 6), 8, "dw_s8_k4x6s1_fast_gather_dsp"),
        ((5, 5), 8, "dw_s8_k5x5s1_fast_gather_dsp"),
        ((5, 5), 3, "dw_s8_k5x5s1_fast"),
        ((7, 7), 8, "dw_s8_k7x7s1_fast_gather_dsp"),
        ((5, 10), 8, "dw_s8_k5x10s1_fast_gather_dsp"),
        ((3, 17), 8, "dw_s8_k3x17s1_fast_dsp"),
    ],
)
def test_windows_of_up_to_50_taps_take_it(
    kernel: tuple[int, int], channels: int, name: str
) -> None:
    b = GraphBuilder()
    x = b.input((1, 12, 12, channels), quant(0.05))
    assert [each.name for each in kernels_of(b.build(b.depthwise(x, kernel)))] == [name]


def test_the_cortex_m3_has_none_of_it() -> None:
    units = {each.unit for each in kernels_of(gathered(14, seed=7), CORES["cortex-m3"])}
    assert units == {Unit.PORTABLE}


def test_what_four_channels_need_stands_together() -> None:
    """Three taps of five channels: the fourth tap is 0, the last four channels stand once more."""
    weights = np.arange(1, 16, dtype=np.int8).reshape(1, 3, 5)
    multipliers = [Multiplier((1 << 30) + each, -9 - each) for each in range(5)]
    words = pack_tap_pairs(weights, np.array([-1, 2, 3, 4, 5]), multipliers)
    assert words.shape == (2, 4 + 2 * 4 + 5)
    assert words[0].tolist() == [
        *((1 << 32) - 1, 2, 3, 4),
        *(1 | 6 << 16, 2 | 7 << 16, 3 | 8 << 16, 4 | 9 << 16),
        *(11, 12, 13, 14),
        *(9 | 10 << 8 | 11 << 16 | 12 << 24,),
        *(1 << 31, (1 << 31) + 2, (1 << 31) + 4, (1 << 31) + 6),
    ]
    assert words[1].tolist() == [
        *(2, 3, 4, 5),
        *(2 | 7 << 16, 3 | 8 << 16, 4 | 9 << 16, 5 | 10 << 16),
        *(12, 13, 14, 15),
        *(10 | 11 << 8 | 12 << 16 | 13 << 24,),
        *((1 << 31) + 2, (1 << 31) + 4, (1 << 31) + 6, (1 << 31) + 8),
    ]
