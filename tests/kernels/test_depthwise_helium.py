"""Depthwise convolutions with Helium: channels around a vector, several pixels in one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.kernels import Kernel, Unit, select_kernels
from mcucc.kernels.families.depthwise import RELU
from mcucc.kernels.packing_mve import pack_depthwise
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import Multiplier, RequantClass
from mcucc.schedule import PlanOptions
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import (
    ACTIVATIONS,
    BORDERS,
    DILATIONS,
    MAPS,
    STRIDES,
    ZERO_POINTS,
    latin,
    pads_of,
)
from tests.kernels.on_core import assert_core_agrees

M55 = CORES["cortex-m55"]
GRID = {
    "map": (*MAPS, (3, 17), (2, 26), (7, 20)),
    "channels": (1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47),
    "kernel": ((3, 3), (3, 3), (3, 3), (2, 2), (1, 3), (3, 1), (5, 5), (7, 7), (8, 8)),
    "stride": STRIDES,
    "dilation": DILATIONS,
    "border": BORDERS,
    "zero_point": ZERO_POINTS,
    "output": (-128, -128, -128, *ZERO_POINTS),
    "activation": ACTIVATIONS,
    "factor": (2.0**-7, 2.0**-6, 2.0**-7, 0.8),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


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
        q=quant(0.05, case["output"]),
        weight_scales=[case["factor"]] * case["channels"],
    )


def layers(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("vectors", seed=seed)
    return b.build(*(layer(b, case) for case in latin(GRID, count, seed)))


def kernels_of(graph: Int8Graph) -> list[Kernel]:
    return [kernel for kernel in select_kernels(graph, M55).values() if kernel is not None]


@pytest.mark.cc
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool) -> None:
    graph = layers(54, seed=4)
    assert {kernel.variant for kernel in kernels_of(graph)} == {RELU, None}
    assert {kernel.unit for kernel in kernels_of(graph)} == {Unit.MVE}
    made = generate(graph, tmp_path / "c", planned=False, core=M55)
    assert_c_agrees(made, tmp_path, samples=2, clang=clang)


@pytest.mark.qemu
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool) -> None:
    """The assembly, which the computer's twin in C stands for above."""
    board = load_board("mps3-an547")
    made = generate(layers(54, seed=5), tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.qemu
def test_sums_at_the_ends(tmp_path: Path) -> None:
    """Weights of 127 either way: two products of the lowest input still fit 16 bits."""
    board = load_board("mps3-an547")
    b = GraphBuilder("ends", seed=7)
    for channels in (8, 17):
        for sign in (-1, 1):
            x = b.input((1, 4, 9, channels), quant(0.05, 127))
            b.depthwise(x, (3, 3), q=quant(0.05, -128), weight_scales=[2.0**-7] * channels)
            weights = b.consts[b.nodes[-1].inputs[1]].data
            weights.setflags(write=True)
            weights[:] = sign * 127
    generated = generate(
        b.build(*(node.output for node in b.nodes)), tmp_path / "c", planned=False, core=M55
    )
    assert {kernel.variant for kernel in generated.kernels.values() if kernel} == {RELU}
    assert_c_agrees(generated, tmp_path, samples=2)
    assert_core_agrees(generated, board, tmp_path)


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.parametrize(("channels", "output"), [(5, -128), (8, 3), (8, -128), (20, -128)])
def test_the_output_may_lie_on_the_dying_input(channels: int, output: int, tmp_path: Path) -> None:
    """As its family promises: plans put the output close behind the pixels that are read."""
    board = load_board("mps3-an547")
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 9, 13, channels), quant(0.05, 3))
    for _ in range(3):
        x = b.depthwise(x, (3, 3), pads="same", q=quant(0.05, output))
    made = generate(b.build(x), tmp_path / "c", core=board.core)
    assert made.plan.arena_bytes < 2 * 9 * 13 * channels
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
def test_runs_within_a_row_and_rings(tmp_path: Path) -> None:
    """In a segment its reader takes a few pixels at a time, and joined outputs lie apart."""
    b = GraphBuilder("runs", seed=8)
    x = b.conv(b.input((1, 9, 14, 4), quant(0.05, 3)), 4, (1, 1), q=quant(0.05, -128))
    y = b.depthwise(x, (3, 3), pads="same", q=quant(0.05, -128))
    z = b.depthwise(x, (5, 5), pads="same", q=quant(0.05, -128))
    graph = b.build(b.conv(b.concat(y, z), 6, (1, 1)))
    options = PlanOptions(objective="speed", mode="stream")
    made = generate(graph, tmp_path / "c", options=options, core=M55)
    assert RELU in {kernel.variant for kernel in made.kernels.values() if kernel}
    assert_c_agrees(made, tmp_path, samples=2)


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ({}, "dw_s8_k3x3s1_fast_relu_mve"),
        ({"activation": "relu"}, "dw_s8_k3x3s1_fast_relu_mve"),
        ({"activation": "relu6"}, "dw_s8_k3x3s1_fast_mve"),
        ({"q": quant(0.05, -127)}, "dw_s8_k3x3s1_fast_mve"),
        ({"weight_scales": [0.8] * 8}, "dw_s8_k3x3s1_wide_mve"),
    ],
)
def test_which_outputs_need_less(case: dict[str, Any], name: str) -> None:
    b = GraphBuilder()
    x = b.input((1, 12, 12, 8), quant(0.05))
    given: dict[str, Any] = {"q": quant(0.05, -128), "weight_scales": [2.0**-7] * 8, **case}
    (kernel,) = kernels_of(b.build(b.depthwise(x, (3, 3), **given)))
    assert kernel.name == name


@pytest.mark.parametrize(
    ("channels", "lanes"),
    [
        (5, [*range(5), *range(5), *range(5), None]),
        (8, [*range(8), *range(8)]),
        (9, [*range(9), *[None] * 7]),
        (19, [*range(16), *range(3, 19)]),
    ],
)
def test_channels_of_lanes(channels: int, lanes: list[int | None]) -> None:
    """As many pixels as fit; the last sixteen channels even if some were there before."""
    weights = np.arange(1, channels + 1, dtype=np.int8).reshape(1, 1, channels)
    multipliers = [Multiplier((1 << 30) + c, -c - 1) for c in range(channels)]
    words = pack_depthwise(weights, np.arange(channels) + 7, multipliers, RequantClass.FAST)
    assert words.shape == (len(lanes) // 16, 16 + 4 + 16 + 4)
    stream = words.astype("<u4")
    expected = np.array([0 if c is None else c + 1 for c in lanes])
    assert stream[:, 16:20].view(np.int8).ravel().tolist() == expected.tolist()
    unzipped = [0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15]
    of_words = expected.reshape(-1, 16)[:, unzipped]
    assert (stream[:, :16] == np.where(of_words > 0, of_words + 6, 0)).all()
    assert (stream[:, 20:36] == np.where(of_words > 0, (1 << 30) + of_words - 1, 0)).all()
    assert (stream[:, 36:].view(np.int8) == -of_words).all()
