"""Sums and differences on each unit: scales, zero points, clamps, runs and rests."""

from pathlib import Path

import pytest

from mcucc.kernels import Unit, select_kernels
from mcucc.ops import Int8Graph
from mcucc.schedule import Mode, PlanOptions
from mcucc.targets.board import CORES, load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import ACTIVATIONS, CHANNELS, MAPS, ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees

GRID = {
    "map": MAPS,
    "c": (*CHANNELS, 12),
    "first": ZERO_POINTS,
    "second": ZERO_POINTS,
    "output": ZERO_POINTS,
    "activation": ACTIVATIONS,
    # Of the second input; it is less than the first's half of a 32-bit step at last.
    "ratio": (1.0, 1.0, 0.03, 0.5, 0.999, 1.001, 2.0, 7.0, 2.0**-20, 2.0**20, 2.0**-35, 2.0**35),
    # Of the output and the larger input; the smallest leaves one bit to be shifted, the largest
    # none of the sum.
    "range": (1.0, 1.7, 0.1, 2.0**-17, 50.0, 2.0**14),
}
CLANG = pytest.mark.parametrize("clang", [False, True], ids=["gcc", "clang"])


def sums(count: int, seed: int) -> Int8Graph:
    """Each a sum and a difference of the same operands."""
    b = GraphBuilder("sums", seed=seed)
    made: list[str] = []
    for case in latin(GRID, count, seed):
        shape, ratio = (1, *case["map"], case["c"]), case["ratio"]
        x = b.input(shape, quant(0.05, case["first"]))
        other = b.input(shape, quant(0.05 * ratio, case["second"]))
        q = quant(0.05 * max(1.0, ratio) * case["range"], case["output"])
        made.append(b.add(x, other, activation=case["activation"], q=q))
        made.append(b.sub(x, other, activation=case["activation"], q=q))
    shape = (1, 3, 4, 5)
    x = b.input(shape)
    made += [b.add(x, x), b.sub(x, x)]
    made += [b.sub(b.constant(shape), x), b.add(x, b.constant(shape, quant(0.3, 9)))]
    return b.build(*made)


@pytest.mark.cc
@pytest.mark.parametrize(
    ("core", "unit"), [("cortex-m0plus", "thumb1"), ("cortex-m4", "dsp"), ("cortex-m55", "mve")]
)
@CLANG
def test_under_sanitizers(tmp_path: Path, clang: bool, core: str, unit: str) -> None:
    """Helium's kernels too: a scale that is far too small for the sum may be either input's."""
    made = generate(sums(48, seed=3), tmp_path / "c", planned=False, core=CORES[core])
    names = {kernel.name for kernel in made.kernels.values() if kernel is not None}
    assert names == {f"add_s8_{unit}", f"sub_s8_{unit}"}
    assert_c_agrees(made, tmp_path, samples=4, clang=clang)


@pytest.mark.qemu
@pytest.mark.parametrize("board_id", ["rpi-pico", "mps2-an386"])
@CLANG
def test_on_the_core(tmp_path: Path, clang: bool, board_id: str) -> None:
    """The assembly, which the computer's twin in C stands for above."""
    board = load_board(board_id)
    made = generate(sums(36, seed=4), tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=clang)


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.parametrize("mode", ["layer", "stream"])
def test_it_may_write_over_its_inputs(tmp_path: Path, mode: Mode) -> None:
    """Whole maps and, in a segment, panels of pixels, whose outputs lie in another ring."""
    board = load_board("mps2-an386")
    b = GraphBuilder("residual", seed=6)
    x = b.conv(b.input((1, 9, 7, 6), quant(0.05, 3)), 10, (1, 1))
    y = b.conv(x, 10, (3, 3))
    graph = b.build(b.conv(b.sub(b.add(x, y), x), 7, (1, 1)))
    made = generate(graph, tmp_path / "c", options=PlanOptions(mode=mode), core=board.core)
    assert {"add_s8_dsp", "sub_s8_dsp"} < {k.name for k in made.kernels.values() if k}
    assert_c_agrees(made, tmp_path, samples=2)
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m55"])
def test_who_has_it(core: str) -> None:
    """The Cortex-M3 has none; the Cortex-M55 those for Helium."""
    units = {kernel.unit for kernel in select_kernels(sums(12, 1), CORES[core]).values() if kernel}
    own = {"cortex-m0plus": Unit.THUMB1, "cortex-m4": Unit.DSP, "cortex-m55": Unit.MVE}
    assert units == {own.get(core, Unit.PORTABLE)}
