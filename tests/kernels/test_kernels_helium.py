"""Kernels for Helium: its operations and their twins in C must agree bit for bit."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.network import Network
from mcucc.build.project import BuildOptions, build_cortex_m, build_host_executable
from mcucc.kernels import Unit
from mcucc.resources import runtime_headers
from mcucc.sim.host import run_executable
from mcucc.sim.qemu import run_qemu
from mcucc.targets.board import load_board
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import ACTIVATIONS, ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees

SOURCE = Path(__file__).parent / "data" / "helium"
HEADERS = (
    "add", "add_mve", "base", "depthwise_sums_mve", "dot_mve", "mve", "mve_twin", "requantize",
    "requantize_mve",
)  # fmt: skip
NETWORK = Network("helium", (256,), (1024,), arena_bytes=1280, arena_align=8)


def operands() -> NDArray[np.int8]:
    """Random bytes, words at the ends of their range, and bytes at the ends of theirs."""
    random = np.random.default_rng(1)
    samples = random.integers(-128, 128, (60, 256)).astype(np.int8)
    samples[20:40, 16:] = random.choice(np.array([-128, -127, 127], np.int8), (20, 240))
    words = samples[40:, 16:48].view(np.int32)
    words[:] = random.choice([-(1 << 31), -(1 << 30), -1, 0, 1, (1 << 31) - 1], words.shape)
    samples[:, 8:12] = random.integers(-31, 32, (60, 4))
    return samples


@pytest.mark.cc
@pytest.mark.qemu
def test_twins(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    for header in HEADERS:
        shutil.copy(runtime_headers()[f"mcucc_{header}.h"], source)
    samples = operands()
    host = build_host_executable(source, NETWORK, tmp_path, BuildOptions(sanitize=True))
    twins = run_executable(host, NETWORK, samples).outputs[0]
    board = load_board("mps3-an547")
    program = build_cortex_m(source, NETWORK, board, tmp_path)
    np.testing.assert_array_equal(run_qemu(program, NETWORK, board, samples).outputs[0], twins)


@pytest.mark.cc
@pytest.mark.qemu
def test_numbers_of_channels_around_a_vector(tmp_path: Path) -> None:
    """Every kernel, with and without a rest of channels; outputs that saturate and shift left."""
    b = GraphBuilder("vectors", seed=31)
    factors = {
        "c": (15, 16, 17, 32, 33),
        "out_c": (15, 16, 17, 33),
        "zero_point": ZERO_POINTS,
        "activation": ACTIVATIONS,
        "ratio": (0.001, 0.5, 1.0, 7.0),
    }
    made: list[str] = []
    for case in latin(factors, 10, seed=31):
        shape, q = (1, 4, 5, case["c"]), quant(0.05, case["zero_point"])
        x, other = b.input(shape, q), b.input(shape, quant(0.05 * case["ratio"], 12))
        clamp = case["activation"]
        made.append(b.conv(x, case["out_c"], (1, 1), activation=clamp))
        made.append(b.conv(x, case["out_c"], (2, 3), pads="same", activation=clamp))
        made.append(b.depthwise(x, (2, 2), stride=(1, 2), pads="same", activation=clamp))
        made.append(b.depthwise(x, (3, 3), pads="same", activation=clamp))
        made.append(b.dense(b.flatten(x), case["out_c"], activation=clamp))
        made.append(b.sub(x, other, activation=clamp))
        made.append(b.sub(other, x, activation=clamp))
        made.append(b.mul(x, other, activation=clamp))
        made.append(b.average_pool(x, (3, 2), stride=(2, 2), pads=(1, 1, 0, 1)))
        made.append(b.max_pool(x, (2, 3), stride=(1, 2), pads=(0, 1, 1, 1)))
    board = load_board("mps3-an547")
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=board.core)
    units = {k.unit for k in generated.kernels.values() if k is not None}
    assert units == {Unit.MVE}
    assert_c_agrees(generated, tmp_path, samples=3)
    assert_core_agrees(generated, board, tmp_path)


@pytest.mark.cc
@pytest.mark.qemu
def test_averages_of_as_many_pixels_as_halves_hold(tmp_path: Path) -> None:
    """Every pixel is at one end of int8; of one pixel more the sums have words."""
    board = load_board("mps3-an547")
    b = GraphBuilder("averages", seed=3)
    made: list[str] = []
    for channels in (8, 13):
        x = b.input((1, 16, 17, channels), quant(0.05))
        ends = [(-1) ** c << 24 for c in range(channels)]
        ended = b.depthwise(x, (1, 1), q=quant(0.05), bias=ends)
        made += [b.average_pool(ended, window) for window in ((15, 17), (16, 16))]
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=board.core)
    assert_c_agrees(generated, tmp_path, samples=1)
    assert_core_agrees(generated, board, tmp_path, samples=1)
