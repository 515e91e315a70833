"""Depthwise convolutions of 3x3 channel by channel along a few pixels, in plain C or by hand."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.kernels import Kernel, select_kernels
from mcucc.kernels.families.depthwise import ROWS_PLAIN
from mcucc.ops import Activation, Int8Graph, Pads
from mcucc.schedule import PlanOptions
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees
from tests.kernels.products import said

M3 = CORES["cortex-m3"]
BOARDS = pytest.mark.parametrize("board_id", ["rpi-pico", "mps2-an385"])
ACTIVATIONS: tuple[Activation, ...] = ("none", "none", "relu", "relu6")
GRID = {
    "map": ((1, 1), (1, 9), (6, 1), (5, 2), (3, 3), (5, 7), (4, 8), (3, 10), (3, 17), (2, 35)),
    "channels": (1, 2, 3, 4, 5, 8, 13, 17, 33),
    "pads": ((1, 1, 1, 1), (1, 1, 0, 1), (1, 0, 1, 0), (0, 2, 1, 1), (2, 2, 0, 0)),
    "down": (1, 1, 2, 3),
    "zero_point": ZERO_POINTS,
    "output": (*ZERO_POINTS, -128),
    "activation": ACTIVATIONS,
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
        activation=case["activation"],
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
    return [kernel for kernel in select_kernels(graph, M3).values() if kernel is not None]


@pytest.mark.cc
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool) -> None:
    graph = layers(40, seed=4)
    assert {kernel.variant for kernel in kernels_of(graph)} == {ROWS_PLAIN}
    made = generate(graph, tmp_path / "c", planned=False, core=M3)
    assert_c_agrees(made, tmp_path, samples=3, clang=clang)


@pytest.mark.qemu
@BOARDS
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool, board_id: str) -> None:
    """The assembly, which C stands for above."""
    board = load_board(board_id)
    made = generate(layers(40, seed=5), tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.qemu
@BOARDS
def test_weights_of_128_below_zero(tmp_path: Path, board_id: str) -> None:
    """Sums of inputs at the ends are the largest."""
    board = load_board(board_id)
    b = GraphBuilder("ends", seed=7)
    made = [b.depthwise(b.input((1, 4, 9, 5), quant(0.05, z))) for z in (-128, 127)]
    smallest_weights(b)
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=board.core)
    assert {kernel.variant for kernel in generated.kernels.values() if kernel} == {ROWS_PLAIN}
    assert_c_agrees(generated, tmp_path, samples=2)
    assert_core_agrees(generated, board, tmp_path)


@pytest.mark.cc
@pytest.mark.qemu
@BOARDS
@pytest.mark.parametrize("width", [9, 21])
def test_the_output_may_lie_on_the_dying_input(width: int, board_id: str, tmp_path: Path) -> None:
    """As its family promises: plans put the output close behind the pixels that are read."""
    board = load_board(board_id)
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
@BOARDS
@pytest.mark.parametrize("width", [9, 14])
def test_runs_within_a_row(width: int, board_id: str, tmp_path: Path) -> None:
    """In a segment its reader takes four pixels at a time, from a ring of their own."""
    board = load_board(board_id)
    b = GraphBuilder("runs", seed=8)
    x = b.conv(b.input((1, 9, width, 4), quant(0.05, 3)), 8, (1, 1))
    graph = b.build(b.conv(b.depthwise(x, (3, 3), pads="same"), 6, (1, 1)))
    options = PlanOptions(objective="speed", mode="stream")
    made = generate(graph, tmp_path / "c", options=options, core=board.core)
    assert ROWS_PLAIN in {kernel.variant for kernel in made.kernels.values() if kernel}
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("width", [8, 9])
def test_its_products_are_those_of_the_plan(width: int, tmp_path: Path) -> None:
    """The last pixel of an odd row is made twice."""
    b = GraphBuilder()
    graph = b.build(b.depthwise(b.input((1, 5, width, 6)), (3, 3)))
    made = generate(graph, tmp_path / "c", core=M3)
    pixels = 5 * (width + width % 2)
    assert said(made) == pixels * 6 * 9


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ({}, "dw_s8_k3x3s1_fast_rows"),
        ({"pads": (0, 0, 2, 1)}, "dw_s8_k3x3s1_fast"),
        ({"stride": (1, 2)}, "dw_s8_k3x3s2_fast"),
        ({"dilation": (1, 2)}, "dw_s8_k3x3s1d2_fast"),
        ({"activation": "relu"}, "dw_s8_k3x3s1_fast_clamp_rows"),
        ({"weight_scales": [0.8] * 8}, "dw_s8_k3x3s1_wide"),
    ],
)
def test_which_layers_take_it(case: dict[str, Any], name: str) -> None:
    b = GraphBuilder()
    x = b.input((1, 12, 12, 8), quant(0.05))
    given: dict[str, Any] = {"q": quant(0.05), "weight_scales": [2.0**-7] * 8, **case}
    made = b.depthwise(x, (3, 3), **given)
    (kernel,) = kernels_of(b.build(made))
    assert kernel.name == name
    assert kernel.scratch_free.name == name.replace("_rows", "")
    assert kernel.scratch_bytes == (12 * 8 if kernel.variant is ROWS_PLAIN else 0)


@pytest.mark.parametrize(
    ("columns", "channels", "held"), [(48, 32, 16), (48, 33, 8), (5, 64, 6), (1, 8, 2)]
)
def test_how_many_pixels_scratch_holds(columns: int, channels: int, held: int) -> None:
    b = GraphBuilder()
    x = b.input((1, 4, columns, channels), quant(0.05))
    scales = [2.0**-7] * channels
    made = b.depthwise(x, (3, 3), pads=(1, 1, 1, 1), q=quant(0.05), weight_scales=scales)
    (kernel,) = kernels_of(b.build(made))
    assert kernel.scratch_bytes == held * channels


def test_units_that_have_kernels_take_those() -> None:
    """Without scratch of its."""
    graph = layers(10, seed=7)
    for core in ("cortex-m55", "cortex-m4"):
        for kernel in select_kernels(graph, CORES[core]).values():
            assert kernel is not None
            assert kernel.variant is not ROWS_PLAIN or core == "cortex-m4"
            assert core == "cortex-m4" or kernel.scratch_bytes == 0
