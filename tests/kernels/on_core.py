"""Generated C on a core under QEMU, held against the numpy reference."""

from pathlib import Path

import numpy as np

from mcucc.build.project import BuildOptions, build_cortex_m
from mcucc.reference.interpreter import run
from mcucc.sim.qemu import run_qemu
from mcucc.targets.board import Board
from tests.graphs import random_inputs
from tests.kernels.compiled import Generated, flat_samples


def assert_core_agrees(
    made: Generated, board: Board, work: Path, *, samples: int = 4, clang: bool = False
) -> None:
    """Every output must have the reference's bits."""
    inputs = random_inputs(made.graph, samples)
    program = build_cortex_m(made.directory, made.network, board, work, BuildOptions(clang=clang))
    result = run_qemu(program, made.network, board, flat_samples(made.graph, inputs))
    expected = run(made.graph, inputs)
    for port, got in zip(made.graph.outputs, result.outputs, strict=True):
        np.testing.assert_array_equal(got, expected[port.tensor].reshape(got.shape), port.tensor)
