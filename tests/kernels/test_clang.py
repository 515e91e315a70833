"""The generated C as clang compiles it: on the host under its sanitizers, and on cores."""

from pathlib import Path

import pytest

from mcucc.targets.board import Core, load_board
from tests.graphs import GraphBuilder, every_operator_graph, quant
from tests.kernels.borders import one_pixel_wide, saturating_layers, small_sums
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.on_core import assert_core_agrees


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_every_operator_under_sanitizers(tmp_path: Path, core: Core | None) -> None:
    """clang's tell of offsets from NULL, which gcc's do not."""
    made = generate(every_operator_graph(), tmp_path / "c", core=core)
    assert_c_agrees(made, tmp_path, samples=2, clang=True)


@pytest.mark.cc
def test_windows_inside_the_map_need_no_padding(tmp_path: Path) -> None:
    """There is none then, and nothing may be added to it or taken from it."""
    b = GraphBuilder("inside", seed=3)
    x = b.input((1, 5, 5, 6), quant(0.05, 9))
    layers = [
        b.depthwise(x, pads="valid"),
        b.depthwise(x, multiplier=2, pads="valid"),
        b.conv(x, 7, pads="valid"),
        b.conv(x, 6, pads="valid", groups=2),
        b.max_pool(x, (2, 2)),
        b.average_pool(x, (2, 2)),
    ]
    graph = b.build(*layers)
    for core in KERNEL_CORES:
        made = generate(graph, tmp_path / core_name(core) / "c", planned=False, core=core)
        assert_c_agrees(made, tmp_path / core_name(core), samples=1, clang=True)


@pytest.mark.qemu
@pytest.mark.parametrize("board_id", ["rpi-pico", "mps2-an385", "mps2-an386", "mps3-an547"])
def test_every_operator_on_the_core(tmp_path: Path, board_id: str) -> None:
    board = load_board(board_id)
    made = generate(every_operator_graph(), tmp_path / "c", core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=True)


@pytest.mark.qemu
def test_borders_with_helium(tmp_path: Path) -> None:
    board = load_board("mps3-an547")
    b = GraphBuilder("borders", seed=17)
    graph = b.build(*saturating_layers(b), *one_pixel_wide(b), *small_sums(b))
    made = generate(graph, tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path, clang=True)
