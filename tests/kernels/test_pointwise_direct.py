"""Pointwise convolutions with Helium that read whole vectors where they lie, without scratch."""

from pathlib import Path

import pytest

from mcucc.kernels import select_kernels
from mcucc.kernels.families.pointwise import DIRECT
from mcucc.ops import Int8Graph
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import ACTIVATIONS, MAPS, ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees

M55 = CORES["cortex-m55"]
GRID = {
    "map": (*MAPS, (1, 2), (3, 17)),
    "in_c": (48, 64, 80, 160),
    "out_c": (1, 2, 3, 4, 5, 8, 13, 33, 128),
    "zero_point": ZERO_POINTS,
    "activation": ACTIVATIONS,
    "factor": (2.0**-7, 2.0**-9, 0.8),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def layers(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("direct", seed=seed)
    made: list[str] = []
    for case in latin(GRID, count, seed):
        x = b.input((1, *case["map"], case["in_c"]), quant(0.05, case["zero_point"]))
        q, scales = quant(0.05, -case["zero_point"] - 1), [case["factor"]] * case["out_c"]
        clamp = case["activation"]
        made.append(b.conv(x, case["out_c"], (1, 1), q=q, weight_scales=scales, activation=clamp))
    weights = b.consts[b.nodes[-1].inputs[1]].data
    weights.setflags(write=True)
    weights[:] = -128
    return b.build(*made)


@pytest.mark.cc
@pytest.mark.qemu
@CLANG
def test_equal_bits_under_sanitizers_and_on_the_core(tmp_path: Path, clang: bool) -> None:
    board = load_board("mps3-an547")
    made = generate(layers(20, seed=4), tmp_path / "c", planned=False, core=M55, lean=True)
    assert {kernel.variant for kernel in made.kernels.values() if kernel} == {DIRECT}
    assert_c_agrees(made, tmp_path, samples=2, clang=clang)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
def test_the_output_may_lie_on_the_dying_input(tmp_path: Path) -> None:
    """As its family promises: plans put the output where the pixels are that are read."""
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 5, 9, 64), quant(0.05, 3))
    x = b.conv(b.conv(x, 64, (1, 1)), 64, (1, 1))
    made = generate(b.build(x), tmp_path / "c", core=M55, lean=True)
    assert made.plan.arena_bytes < 2 * 5 * 9 * 64
    assert_c_agrees(made, tmp_path, samples=2)


@pytest.mark.parametrize(
    ("in_c", "out_c", "name"),
    [(48, 128, "pw_s8_fast_direct_mve"), (48, 129, "pw_s8_fast_mve"), (47, 8, "pw_s8_fast_mve")],
)
def test_which_layers_take_it(in_c: int, out_c: int, name: str) -> None:
    b = GraphBuilder()
    x = b.input((1, 6, 6, in_c), quant(0.05))
    scales = [2.0**-7] * out_c
    graph = b.build(b.conv(x, out_c, (1, 1), q=quant(0.05), weight_scales=scales))
    (kernel,) = (kernel for kernel in select_kernels(graph, M55).values() if kernel)
    assert kernel.name == "pw_s8_fast_mve"
    assert kernel.scratch_bytes == 2 * (48 if in_c < 48 else in_c)
    assert kernel.scratch_free.name == name
