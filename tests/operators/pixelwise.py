"""What holds of every operator that makes a pixel of the pixels at its place, be it which it is."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ops import Int8Graph, Int8Op
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions
from mcucc.targets.board import load_board
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, random_inputs
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.on_core import assert_core_agrees

Apply = Callable[[GraphBuilder, str], str]
"""Adds the operator to a graph, behind a map."""

CORES = ("rpi-pico", "mps2-an386", "mps3-an547")
"""Boards of a Cortex-M0+, M4 and M55."""


def assert_board_agrees(graph: Int8Graph, board_id: str, tmp_path: Path) -> None:
    """The C has numpy's bits on the core of a board."""
    board = load_board(board_id)
    assert_core_agrees(generate(graph, tmp_path / "c", core=board.core), board, tmp_path / "work")


def assert_in_place(apply: Apply, tmp_path: Path) -> None:
    """A chain takes no more than its map."""
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 6, 7, 5))
    for _ in range(3):
        x = apply(b, x)
    generated = generate(b.build(), tmp_path / "c")
    assert generated.network.arena_bytes == 6 * 7 * 5
    assert_c_agrees(generated, tmp_path)


def assert_in_segments(apply: Apply, tmp_path: Path) -> None:
    """Between two layers there is no whole map."""
    b = GraphBuilder("rows", seed=7)
    b.conv(apply(b, b.conv(b.input((1, 24, 24, 1)), 8)), 2, stride=(2, 2))
    rows = generate(b.build(), tmp_path / "rows", options=PlanOptions("memory"))
    assert rows.network.arena_bytes < 24 * 24 * 8
    assert_c_agrees(rows, tmp_path / "rows work")


def assert_back_from_tflite(graph: Int8Graph, ops: Sequence[Int8Op]) -> None:
    """The file of TensorFlow Lite is read as these operators, with the same bits."""
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    assert [node.op for node in read.nodes] == list(ops)
    inputs = random_inputs(graph, 4)
    given = {port.tensor: inputs[port.name] for port in read.inputs}
    found, made = read.outputs[0].tensor, graph.outputs[0].tensor
    assert np.array_equal(run(read, given)[found], run(graph, inputs)[made])
