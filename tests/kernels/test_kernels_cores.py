"""Code that only a core without the DSP extension has, run on such cores under QEMU."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.build.project import build_cortex_m
from mcucc.ops import Int8Graph
from mcucc.reference.interpreter import run
from mcucc.sim.qemu import run_qemu
from mcucc.targets.board import load_board
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.kernels.compiled import flat_samples, generate
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


@pytest.mark.parametrize("board_id", ["rpi-pico", "mps2-an385"])
@pytest.mark.parametrize("graph", [requantized(), windows()], ids=lambda graph: graph.name)
def test_bits_on_the_core(tmp_path: Path, graph: Int8Graph, board_id: str) -> None:
    board = load_board(board_id)
    made = generate(graph, tmp_path / "c", planned=False, core=board.core)
    inputs = random_inputs(graph, 4)
    program = build_cortex_m(made.directory, made.network, board, tmp_path)
    result = run_qemu(program, made.network, board, flat_samples(graph, inputs))
    expected = run(graph, inputs)
    for port, got in zip(graph.outputs, result.outputs, strict=True):
        np.testing.assert_array_equal(got, expected[port.tensor].reshape(got.shape), port.tensor)
