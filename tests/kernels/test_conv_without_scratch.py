"""Convolutions where the arena has no room for scratch: patches on the stack, or none at all."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.kernels import Kernel, select_kernels
from mcucc.kernels.families.conv import DIRECT, STACK_DSP, STACK_MVE
from mcucc.kernels.kernel import Variant
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import RequantClass
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
from tests.kernels.products import counted, said

M4, M55 = "cortex-m4", "cortex-m55"
BOARDS = {M4: "mps2-an386", M55: "mps3-an547"}
SMALL = ((3, 3), (1, 3), (3, 1), (2, 2), (2, 5), (4, 3))
GRID = {
    "map": (*MAPS, (4, 31)),
    "stride": STRIDES,
    "dilation": DILATIONS,
    "border": BORDERS,
    "zero_point": ZERO_POINTS,
    "activation": ACTIVATIONS,
    "out_c": (1, 2, 3, 4, 5, 8, 13, 16),
    "factor": (2.0**-9, 0.8),
}
OF_VARIANT: dict[Variant, tuple[str, dict[str, Any]]] = {
    STACK_DSP: (M4, {"in_c": (1, 2, 3, 5, 6, 7, 9), "kernel": (*SMALL, (10, 1))}),
    STACK_MVE: (M55, {"in_c": (1, 2, 3, 4, 5, 7, 8), "kernel": (*SMALL, (10, 1))}),
    DIRECT: (M55, {"in_c": (16, 32, 48), "kernel": (*SMALL[:4], (1, 9), (2, 4))}),
}
EACH = pytest.mark.parametrize("variant", OF_VARIANT, ids=lambda v: f"{v.name}-{v.unit}")
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def layer(b: GraphBuilder, case: dict[str, Any]) -> str:
    """With a factor of a half and more there is nothing to shift to the right."""
    x = b.input((1, *case["map"], case["in_c"]), quant(0.05, case["zero_point"]))
    pads = case["border"]
    if pads != "same":
        pads = pads_of(pads, case["map"], case["kernel"], case["dilation"])
    return b.conv(
        x,
        case["out_c"],
        case["kernel"],
        stride=case["stride"],
        dilation=case["dilation"],
        pads=pads,
        activation=case["activation"],
        q=quant(0.05, -case["zero_point"] - 1),
        weight_scales=[case["factor"]] * case["out_c"],
    )


def layers(variant: Variant, count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("lean", seed=seed)
    grid = {**GRID, **OF_VARIANT[variant][1]}
    return b.build(*(layer(b, case) for case in latin(grid, count, seed)))


def lean(graph: Int8Graph, core: str) -> list[Kernel]:
    kernels = select_kernels(graph, CORES[core]).values()
    return [kernel.scratch_free for kernel in kernels if kernel is not None]


@pytest.mark.cc
@CLANG
@EACH
def test_under_sanitizers(variant: Variant, tmp_path: Path, clang: bool) -> None:
    core, graph = CORES[OF_VARIANT[variant][0]], layers(variant, 32, seed=4)
    made = generate(graph, tmp_path / "c", planned=False, core=core, lean=True)
    kernels = [kernel for kernel in made.kernels.values() if kernel is not None]
    assert {kernel.variant for kernel in kernels} == {variant}
    assert {kernel.requant for kernel in kernels} == {RequantClass.FAST, RequantClass.WIDE}
    assert not any(kernel.scratch_bytes for kernel in kernels)
    assert_c_agrees(made, tmp_path, samples=3, clang=clang)


@pytest.mark.qemu
@CLANG
@EACH
def test_on_the_core(variant: Variant, tmp_path: Path, clang: bool) -> None:
    board = load_board(BOARDS[OF_VARIANT[variant][0]])
    graph = layers(variant, 16, seed=5)
    made = generate(graph, tmp_path / "c", planned=False, core=board.core, lean=True)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.qemu
def test_the_smallest_weights_and_all_channels_that_are_held(tmp_path: Path) -> None:
    """Weights of -128 throughout; 128 outputs of the second pixel wait."""
    board = load_board(BOARDS[M55])
    b = GraphBuilder("ends", seed=8)
    x = b.input((1, 5, 7, 16), quant(0.05, 127))
    made = [b.conv(x, channels, (3, 3)) for channels in (126, 128)]
    for name in {node.inputs[1] for node in b.nodes}:
        b.consts[name].data.setflags(write=True)
        b.consts[name].data[::2] = -128
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=board.core, lean=True)
    assert {kernel.variant for kernel in generated.kernels.values() if kernel} == {DIRECT}
    assert_c_agrees(generated, tmp_path, samples=2)
    assert_core_agrees(generated, board, tmp_path)


@pytest.mark.cc
@EACH
def test_the_output_may_lie_on_the_dying_input(variant: Variant, tmp_path: Path) -> None:
    """As their family promises: plans put the output close behind the pixels that are read."""
    b = GraphBuilder("chain", seed=6)
    channels = 16 if variant is DIRECT else 6
    x = b.input((1, 9, 9, channels), quant(0.05, 3))
    for _ in range(3):
        x = b.conv(x, channels, (3, 3), pads="same")
    core = CORES[OF_VARIANT[variant][0]]
    made = generate(b.build(x), tmp_path / "c", core=core, lean=True)
    assert {kernel.variant for kernel in made.kernels.values() if kernel} == {variant}
    assert made.plan.arena_bytes < 2 * 9 * 9 * channels
    assert_c_agrees(made, tmp_path, samples=2)


@pytest.mark.cc
def test_products_are_those_of_the_plan(tmp_path: Path) -> None:
    """The window of 27 inputs is filled up with a zero, which does not count."""
    b = GraphBuilder()
    graph = b.build(b.conv(b.input((1, 9, 11, 3)), 8, (3, 3)))
    made = generate(graph, tmp_path / "c", core=CORES[M4], lean=True)
    assert said(made) == 9 * 11 * 8 * 27
    assert counted(made, tmp_path)["quads"] == 9 * 11 * 8 * 28


def test_the_last_pixel_of_an_odd_row_is_made_twice() -> None:
    b = GraphBuilder()
    (kernel,) = lean(b.build(b.conv(b.input((1, 3, 11, 16)), 8, (3, 3))), M55)
    assert kernel.variant is DIRECT
    assert kernel.values_made(11, 8) == 12 * 8


@pytest.mark.parametrize(
    ("core", "in_c", "kernel", "out_c", "name"),
    [
        (M4, 2, (8, 8), 8, "conv_s8_k8x8s1_fast_stack_dsp"),
        (M4, 3, (5, 9), 8, "conv_s8_k5x9s1_fast"),
        (M4, 4, (3, 3), 8, "conv_s8_k3x3s1_fast_x4_runs_dsp"),
        (M55, 3, (3, 3), 8, "conv_s8_k3x3s1_fast_stack_mve"),
        (M55, 12, (2, 4), 8, "conv_s8_k2x4s1_fast_stack_mve"),
        (M55, 14, (7, 1), 8, "conv_s8_k7x1s1_fast_stack_dsp"),
        (M55, 16, (3, 3), 128, "conv_s8_k3x3s1_fast_direct_mve"),
        (M55, 16, (3, 3), 129, "conv_s8_k3x3s1_fast_x8_runs_dsp"),
        (M55, 16, (2, 5), 8, "conv_s8_k2x5s1_fast_x8_dsp"),
    ],
)
def test_which_windows_they_take(
    core: str, in_c: int, kernel: tuple[int, int], out_c: int, name: str
) -> None:
    b = GraphBuilder()
    x = b.input((1, 12, 12, in_c), quant(0.05))
    assert [each.name for each in lean(b.build(b.conv(x, out_c, kernel)), core)] == [name]


def test_other_cores_have_none_of_it() -> None:
    graph = layers(STACK_DSP, 8, seed=7)
    for core in ("cortex-m0plus", "cortex-m3"):
        assert {kernel.variant for kernel in lean(graph, core)} == {None}
