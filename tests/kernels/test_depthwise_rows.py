"""Depthwise convolutions of 3x3 channel by channel along a few pixels, with the DSP extension."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.kernels import Kernel, Unit, select_kernels
from mcucc.kernels.families.depthwise import NARROW, ROWS, pack_narrow_rows, pack_three_rows
from mcucc.kernels.kernel import Variant
from mcucc.ops import Int8Graph, Pads
from mcucc.reference.fixed_point import Multiplier
from mcucc.schedule import PlanOptions
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees
from tests.kernels.products import counted, said

M4 = CORES["cortex-m4"]
GRID = {
    "map": ((1, 1), (1, 9), (6, 1), (5, 2), (3, 3), (5, 7), (4, 8), (3, 10), (3, 17), (2, 26)),
    "channels": (4, 5, 7, 8, 13, 16, 17, 33),
    "pads": ((1, 1, 1, 1), (1, 1, 0, 1), (1, 0, 1, 0), (0, 2, 1, 1), (2, 2, 0, 0)),
    "down": (1, 1, 2, 3),
    "zero_point": ZERO_POINTS,
    "output": (*ZERO_POINTS, -128),
    "factor": (2.0**-7, 0.2),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def layer(b: GraphBuilder, case: dict[str, Any]) -> str:
    """Of maps narrower than a window the padding is widened to one pixel, if that is enough."""
    rows, columns = case["map"]
    top, bottom, left, right = case["pads"]
    if columns < 3:
        left, right = 1, 1
    pads: Pads = (top, bottom + max(0, 3 - rows - top - bottom), left, right)
    x = b.input((1, rows, columns, case["channels"]), quant(0.05, case["zero_point"]))
    return b.depthwise(
        x,
        (3, 3),
        stride=(case["down"], 1),
        pads=pads,
        q=quant(0.05, case["output"]),
        weight_scales=[case["factor"]] * case["channels"],
    )


def layers(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("rows", seed=seed)
    return b.build(*(layer(b, case) for case in latin(GRID, count, seed)))


def smallest_weights(b: GraphBuilder) -> None:
    for node in b.nodes:
        weights = b.consts[node.inputs[1]].data
        weights.setflags(write=True)
        weights[:] = -128


def kernels_of(graph: Int8Graph) -> list[Kernel]:
    return [kernel for kernel in select_kernels(graph, M4).values() if kernel is not None]


@pytest.mark.cc
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool) -> None:
    graph = layers(40, seed=4)
    assert {kernel.variant for kernel in kernels_of(graph)} == {ROWS}
    made = generate(graph, tmp_path / "c", planned=False, core=M4)
    assert_c_agrees(made, tmp_path, samples=3, clang=clang)


@pytest.mark.qemu
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool) -> None:
    """The assembly, which the computer's twin in C stands for above."""
    board = load_board("mps2-an386")
    made = generate(layers(60, seed=5), tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.qemu
def test_from_weights_of_8_bits(tmp_path: Path) -> None:
    board = load_board("mps2-an386")
    graph = layers(24, seed=6)
    made = generate(graph, tmp_path / "c", planned=False, core=board.core, small=True)
    assert {kernel.variant for kernel in made.kernels.values() if kernel} == {NARROW}
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.parametrize("variant", [ROWS, NARROW], ids=lambda each: each.name)
def test_weights_of_128_below_zero(tmp_path: Path, variant: Variant) -> None:
    """Products of them fill their halves of words; sums of inputs at the ends are the largest."""
    board = load_board("mps2-an386")
    b = GraphBuilder("ends", seed=7)
    made = [b.depthwise(b.input((1, 4, 9, 5), quant(0.05, z))) for z in (-128, 127)]
    smallest_weights(b)
    graph, small = b.build(*made), variant is NARROW
    generated = generate(graph, tmp_path / "c", planned=False, core=board.core, small=small)
    assert {kernel.variant for kernel in generated.kernels.values() if kernel} == {variant}
    assert_c_agrees(generated, tmp_path, samples=2)
    assert_core_agrees(generated, board, tmp_path)


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.parametrize("width", [9, 16, 21])
def test_the_output_may_lie_on_the_dying_input(width: int, tmp_path: Path) -> None:
    """As its family promises: plans put the output close behind the pixels that are read."""
    board = load_board("mps2-an386")
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 9, width, 10), quant(0.05, 3))
    for _ in range(3):
        x = b.depthwise(x, (3, 3), pads="same")
    made = generate(b.build(x), tmp_path / "c", core=board.core)
    assert made.plan.arena_bytes < 2 * 9 * width * 10
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.parametrize("width", [9, 12, 14])
def test_runs_within_a_row(width: int, tmp_path: Path) -> None:
    """In a segment its reader takes four pixels at a time, from a ring of their own."""
    board = load_board("mps2-an386")
    b = GraphBuilder("runs", seed=8)
    x = b.conv(b.input((1, 9, width, 4), quant(0.05, 3)), 8, (1, 1))
    graph = b.build(b.conv(b.depthwise(x, (3, 3), pads="same"), 6, (1, 1)))
    options = PlanOptions(objective="speed", mode="stream")
    made = generate(graph, tmp_path / "c", options=options, core=board.core)
    assert ROWS in {kernel.variant for kernel in made.kernels.values() if kernel}
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("width", [8, 9])
def test_its_products_are_those_of_the_plan(width: int, tmp_path: Path) -> None:
    """The last pixel of an odd row is made twice; the ninth tap has half an instruction's products
    to itself."""
    b = GraphBuilder()
    graph = b.build(b.depthwise(b.input((1, 5, width, 6)), (3, 3)))
    made = generate(graph, tmp_path / "c", core=M4)
    pixels = 5 * (width + width % 2)
    assert said(made) == pixels * 6 * 9
    assert counted(made, tmp_path)["quads"] == pixels * 6 * 8


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ({}, "dw_s8_k3x3s1_fast_rows_dsp"),
        ({"bias": [*[0] * 7, (1 << 23) - 1]}, "dw_s8_k3x3s1_fast_rows_dsp"),
        ({"bias": [-1 << 23, *[0] * 7]}, "dw_s8_k3x3s1_fast_gather_dsp"),
        ({"pads": (0, 0, 2, 1)}, "dw_s8_k3x3s1_fast_gather_dsp"),
        ({"pads": (0, 0, 1, 2)}, "dw_s8_k3x3s1_fast_gather_dsp"),
        ({"stride": (1, 2)}, "dw_s8_k3x3s2_fast_gather_dsp"),
        ({"dilation": (1, 2)}, "dw_s8_k3x3s1d2_fast_gather_dsp"),
        ({"activation": "relu"}, "dw_s8_k3x3s1_fast_clamp_dsp"),
        ({"weight_scales": [0.8] * 8}, "dw_s8_k3x3s1_wide_dsp"),
    ],
)
def test_which_layers_take_it(case: dict[str, Any], name: str) -> None:
    b = GraphBuilder()
    x = b.input((1, 12, 12, 8), quant(0.05))
    given: dict[str, Any] = {"q": quant(0.05), "weight_scales": [2.0**-7] * 8, **case}
    made = b.depthwise(x, (3, 3), **given)
    (kernel,) = kernels_of(b.build(made))
    assert kernel.name == name
    assert kernel.scratch_free.name == name.replace("_rows", "_gather")
    assert kernel.scratch_bytes == (4 * 8 if kernel.variant is ROWS else 0)


def test_other_cores_have_none_of_it() -> None:
    graph = layers(10, seed=7)
    for core in ("cortex-m0plus", "cortex-m3", "cortex-m55"):
        kernels = select_kernels(graph, CORES[core]).values()
        assert ROWS not in {kernel.variant for kernel in kernels if kernel}
        assert Unit.DSP not in {kernel.unit for kernel in kernels if kernel}


def test_what_a_channel_needs_stands_together() -> None:
    weights = np.arange(1, 19, dtype=np.int8).reshape(3, 3, 2)
    multipliers = [Multiplier((1 << 30) + each, -9 - each) for each in (1, 2)]
    words = pack_three_rows(weights, np.array([-1, 2]), multipliers)
    assert words.tolist() == [
        [*(1 | 7 << 16, 3 | 9 << 16, 5 | 11 << 16, 13 | 15 << 16, 15 | 17 << 16),
         *((1 << 31) + 2, (1 << 32) - 256 + 10)],
        [*(2 | 8 << 16, 4 | 10 << 16, 6 | 12 << 16, 14 | 16 << 16, 16 | 18 << 16),
         *((1 << 31) + 4, 2 * 256 + 11)],
    ]  # fmt: skip
    narrow = pack_narrow_rows(weights, np.array([-1, 2]), multipliers)
    assert narrow[:, 3:].tolist() == words[:, 5:].tolist()
    assert narrow[0, :3].tolist() == [
        first | first + 2 << 8 | first + 4 << 16 for first in (1, 7, 13)
    ]
