"""Every kernel of every core on that core, under QEMU; no trained model is needed."""

from pathlib import Path

import pytest

from mcucc.ops import Int8Graph
from mcucc.targets.board import load_board
from tests.graphs import GraphBuilder, every_operator_graph, quant
from tests.kernels.borders import one_pixel_wide, saturating_layers, small_sums
from tests.kernels.compiled import generate
from tests.kernels.on_core import assert_core_agrees
from tests.kernels.test_kernels_requantize import (
    BIG,
    CASES,
    LAYERS,
    SIGNS,
    input_scales,
    meet_bounds,
)

pytestmark = pytest.mark.qemu


def requantized() -> Int8Graph:
    """Layers of every kind at the limits of every requantization class."""
    b = GraphBuilder("limits", seed=11)
    x = b.input((1, 3, 2, 6), quant(1 / 16, 45))
    cases = {
        layer(b, x, input_scales(case.shift), (SIGNS * BIG).tolist()): case
        for case in CASES
        for layer in LAYERS
    }
    return meet_bounds(b.build(*cases), cases)


def windows() -> Int8Graph:
    """Odd and even runs of pixels, inputs that are no fours, a border, and more channels than the
    outputs of a second pixel may be held back of."""
    b = GraphBuilder("windows", seed=12)
    made = [
        layer
        for c, out_c in ((3, 9), (8, 16), (5, 4), (4, 133))
        for x in (b.input((1, 4, 5, c), quant(0.05, -37)),)
        for layer in (
            b.conv(x, out_c, (3, 3)),
            b.conv(x, out_c, (3, 3), stride=(2, 2)),
            b.conv(x, out_c, (1, 1), activation="relu6"),
            b.depthwise(x, (3, 3)),
            b.depthwise(x, (2, 3), dilation=(2, 2), activation="relu"),
            b.dense(b.flatten(x), out_c),
        )
    ]
    return b.build(*made)


def elements() -> Int8Graph:
    """What Helium has beside layers with weights, with and without a rest of channels; a softmax at
    another scale than TensorFlow Lite's; sums close to 2^31, to which a zero point is added; a map
    that is one pixel wide."""
    b = GraphBuilder("elements", seed=13)
    made: list[str] = []
    for c in (5, 16, 19):
        x, y = b.input((1, 4, 3, c), quant(0.05, 7)), b.input((1, 4, 3, c), quant(0.02, -9))
        made += [b.add(x, y), b.sub(y, x, activation="relu"), b.mul(x, y)]
        made += [b.mul(x, b.mean(y, keep_dims=True)), b.max_pool(x, (2, 2), pads="same")]
        made += [b.average_pool(y, (3, 3), pads="same"), b.softmax(x, quant(1 / 255, -128))]
    return b.build(*made, *saturating_layers(b), *one_pixel_wide(b), *small_sums(b))


OWN_KERNELS = ("rpi-pico", "mps2-an385", "mps2-an386", "mps3-an547")
ALL = ("rpi-pico", "mps2-an385", "mps2-an386", "mps2-an505", "mps2-an500", "mps3-an547")
"""A board of every core that has kernels of its own, or that the same kernels are compiled for
otherwise."""
RUNS = (
    *((requantized(), board_id) for board_id in OWN_KERNELS),
    *((windows(), board_id) for board_id in ALL),
    *((elements(), board_id) for board_id in OWN_KERNELS),
    *((every_operator_graph(), board_id) for board_id in OWN_KERNELS),
)


@pytest.mark.parametrize(
    ("graph", "board_id"), RUNS, ids=lambda each: each if isinstance(each, str) else each.name
)
def test_bits_on_the_core(tmp_path: Path, graph: Int8Graph, board_id: str) -> None:
    board = load_board(board_id)
    made = generate(graph, tmp_path / "c", planned=False, core=board.core)
    assert_core_agrees(made, board, tmp_path)
