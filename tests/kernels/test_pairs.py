"""Convolutions of class fast for cores without the DSP extension: all channels in one loop."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.kernels import select_kernels
from mcucc.ops import Activation, Int8Graph
from mcucc.reference.fixed_point import RequantClass
from mcucc.schedule import PlanOptions
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import DILATIONS, STRIDES, ZERO_POINTS, latin, pads_of
from tests.kernels.on_core import assert_core_agrees

BOARDS = pytest.mark.parametrize("board_id", ["mps2-an385", "rpi-pico"])
"""Plain C, which is by hand for Thumb-2, and 16-bit Thumb."""
ACTIVATIONS: tuple[Activation, ...] = ("none", "none", "relu", "relu6")
GRID = {
    "map": ((1, 1), (1, 2), (1, 9), (6, 1), (4, 2), (3, 3), (5, 7), (4, 8), (2, 13)),
    "in_c": (1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 24, 129),
    "out_c": (1, 2, 3, 4, 5, 6, 8, 11, 33, 130),
    "kernel": ((1, 1), (1, 1), (1, 1), (3, 3), (3, 3), (2, 2), (1, 3), (5, 5), (10, 4), (11, 1)),
    "stride": STRIDES,
    "dilation": DILATIONS,
    "border": ("same", "none", "one", "odd", "wide"),
    "zero_point": ZERO_POINTS,
    "output": (*ZERO_POINTS, -128),
    "activation": ACTIVATIONS,
    "factor": (2.0**-9, 2.0**-7, 0.1, 0.8),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def layer(b: GraphBuilder, case: dict[str, Any]) -> str:
    rows, columns = case["map"]
    kernel = case["kernel"]
    taps = kernel[0] * kernel[1]
    in_c = case["in_c"] if taps < 9 or case["in_c"] < 24 else 8
    dilation = case["dilation"] if taps > 1 else (1, 1)
    pads = case["border"]
    if kernel == (1, 1):
        pads = "none"
    if pads != "same":
        pads = pads_of(pads, (rows, columns), kernel, dilation)
    return b.conv(
        b.input((1, rows, columns, in_c), quant(0.05, case["zero_point"])),
        *(case["out_c"], kernel),
        stride=case["stride"] if taps > 1 or case["border"] == "one" else (1, 1),
        dilation=dilation,
        pads=pads,
        activation=case["activation"],
        q=quant(0.05, case["output"]),
        weight_scales=[case["factor"]] * case["out_c"],
    )


def layers(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("pairs", seed=seed)
    return b.build(*(layer(b, case) for case in latin(GRID, count, seed)))


@pytest.mark.cc
@BOARDS
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool, board_id: str) -> None:
    graph, core = layers(24, seed=4), load_board(board_id).core
    kernels = [kernel for kernel in select_kernels(graph, core).values() if kernel]
    fast = [kernel for kernel in kernels if kernel.requant is RequantClass.FAST]
    assert len(kernels) > len(fast) > 12
    assert {kernel.clamps for kernel in fast} == {False, True}
    made = generate(graph, tmp_path / "c", planned=False, core=core)
    assert_c_agrees(made, tmp_path, samples=2, clang=clang)


@pytest.mark.qemu
@BOARDS
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool, board_id: str) -> None:
    """The assembly, which C stands for above."""
    board = load_board(board_id)
    made = generate(layers(30, seed=5), tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.qemu
@BOARDS
@pytest.mark.parametrize("channels", [10, 130])
def test_the_output_may_lie_on_the_dying_input(
    channels: int, board_id: str, tmp_path: Path
) -> None:
    """As their families promise: plans put the output close behind the pixels that are read."""
    board = load_board(board_id)
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 7, 9, channels), quant(0.05, 3))
    for kernel in ((1, 1), (2, 2), (1, 1), (3, 3)):
        x = b.conv(x, channels, kernel, pads="same", weight_scales=[2.0**-7] * channels)
    made = generate(b.build(x), tmp_path / "c", core=board.core)
    assert made.plan.arena_bytes < 2 * 7 * 9 * channels
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
@pytest.mark.qemu
@BOARDS
def test_runs_within_a_row(board_id: str, tmp_path: Path) -> None:
    """In a segment, from rings of rows."""
    board = load_board(board_id)
    b = GraphBuilder("runs", seed=8)
    scales = [2.0**-7] * 8
    x = b.conv(
        b.input((1, 11, 13, 3), quant(0.05, 3)), 8, (3, 3), stride=(2, 2), weight_scales=scales
    )
    for kernel in ((1, 1), (3, 3), (1, 1)):
        x = b.conv(x, 8, kernel, pads="same", weight_scales=scales)
    options = PlanOptions(objective="speed", mode="stream")
    made = generate(b.build(x), tmp_path / "c", options=options, core=board.core)
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


def test_other_thumb_2_cores_have_them_where_their_unit_has_none() -> None:
    """A weight of -128 keeps a layer from the DSP extension."""
    b = GraphBuilder("ends", seed=7)
    made = b.conv(b.input((1, 4, 9, 5), quant(0.05, 3)), 8, (1, 1))
    for node in b.nodes:
        weights = b.consts[node.inputs[1]].data
        weights.setflags(write=True)
        weights[:] = -128
    kernels = select_kernels(b.build(made), CORES["cortex-m4"])
    assert {kernel.name for kernel in kernels.values() if kernel} == {"pw_s8_fast"}
