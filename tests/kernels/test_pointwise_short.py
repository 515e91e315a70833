"""Pointwise convolutions of few inputs with Helium: two pixels stay in vectors for all channels."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.kernels import Kernel, select_kernels
from mcucc.kernels.families.pointwise import SHORT
from mcucc.ops import Int8Graph
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import MAPS, ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees

M55 = CORES["cortex-m55"]
GRID = {
    "map": (*MAPS, (1, 2), (3, 17)),
    "in_c": (1, 2, 3, 4, 7, 8, 13, 15, 16, 17, 18, 24, 31, 32),
    "out_c": (1, 2, 3, 4, 5, 7, 8, 13, 16, 30, 33),
    "zero_point": ZERO_POINTS,
    "output": (-128, -128, -128, *ZERO_POINTS),
    "factor": (2.0**-7, 2.0**-9),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def layer(b: GraphBuilder, case: dict[str, Any]) -> str:
    x = b.input((1, *case["map"], case["in_c"]), quant(0.05, case["zero_point"]))
    q, scales = quant(0.05, case["output"]), [case["factor"]] * case["out_c"]
    return b.conv(x, case["out_c"], (1, 1), q=q, weight_scales=scales)


def layers(count: int, seed: int) -> Int8Graph:
    b = GraphBuilder("short", seed=seed)
    made = [layer(b, case) for case in latin(GRID, count, seed)]
    weights = b.consts[b.nodes[-1].inputs[1]].data
    weights.setflags(write=True)
    weights[:] = -128
    return b.build(*made)


def kernels_of(graph: Int8Graph) -> list[Kernel]:
    return [kernel for kernel in select_kernels(graph, M55).values() if kernel is not None]


@pytest.mark.cc
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool) -> None:
    graph = layers(48, seed=4)
    assert {kernel.variant for kernel in kernels_of(graph)} == {SHORT}
    assert not any(kernel.scratch_bytes for kernel in kernels_of(graph))
    made = generate(graph, tmp_path / "c", planned=False, core=M55)
    assert_c_agrees(made, tmp_path, samples=2, clang=clang)


@pytest.mark.qemu
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool) -> None:
    """The assembly, which the computer's twin in C stands for above."""
    board = load_board("mps3-an547")
    made = generate(layers(48, seed=5), tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.parametrize(("in_c", "out_c"), [(16, 16), (30, 30), (32, 19), (7, 7)])
def test_the_output_may_lie_on_the_dying_input(in_c: int, out_c: int, tmp_path: Path) -> None:
    """As its family promises: plans put the output where the pixels are that are read."""
    board = load_board("mps3-an547")
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 5, 9, in_c), quant(0.05, 3))
    x = b.conv(x, out_c, (1, 1), q=quant(0.05, -128))
    x = b.conv(x, out_c, (1, 1), q=quant(0.05, 9))
    made = generate(b.build(x), tmp_path / "c", core=board.core)
    assert made.plan.arena_bytes < 5 * 9 * (in_c + out_c)
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.cc
def test_outputs_that_are_joined_lie_apart(tmp_path: Path) -> None:
    b = GraphBuilder("joined", seed=8)
    x = b.input((1, 4, 9, 12), quant(0.05, 3))
    parts = [b.conv(x, channels, (1, 1), q=quant(0.05, -128)) for channels in (3, 9, 16)]
    made = generate(b.build(b.concat(*parts)), tmp_path / "c", core=M55)
    assert SHORT in {kernel.variant for kernel in made.kernels.values() if kernel}
    assert_c_agrees(made, tmp_path, samples=2)


@pytest.mark.parametrize(
    ("in_c", "case", "name"),
    [
        (32, {}, "pw_s8_fast_short_mve"),
        (33, {}, "pw_s8_fast_mve"),
        (8, {"activation": "relu6"}, "pw_s8_fast_mve"),
        (8, {"weight_scales": [0.8] * 8}, "pw_s8_wide_mve"),
    ],
)
def test_which_layers_take_it(in_c: int, case: dict[str, Any], name: str) -> None:
    b = GraphBuilder()
    x = b.input((1, 12, 12, in_c), quant(0.05))
    given: dict[str, Any] = {"q": quant(0.05), "weight_scales": [2.0**-7] * 8, **case}
    (kernel,) = kernels_of(b.build(b.conv(x, 8, (1, 1), **given)))
    assert kernel.name == name
