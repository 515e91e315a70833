"""LogSoftmax: numpy against TFLM and float64, C against numpy, files of TensorFlow Lite."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.ir import QParams
from mcucc.ops import Int8Graph
from mcucc.ops.softmax import LOG_SOFTMAX_QUANT, FloatLogSoftmax, LogSoftmax
from mcucc.reference.exponential import log_of_sum
from mcucc.reference.interpreter import run
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.tflite.drawn_file import same_shape
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import CHANNELS, MAPS, ZERO_POINTS, latin
from tests.operators.example import Example
from tests.operators.pixelwise import (
    CORES,
    assert_back_from_tflite,
    assert_board_agrees,
    assert_in_place,
    assert_in_segments,
)
from tests.ops.breaking import int8, with_output, with_type


def log_softmax(b: GraphBuilder, x: str) -> str:
    return b.node(LogSoftmax(), (x,), LOG_SOFTMAX_QUANT)


EXAMPLE = Example(
    LogSoftmax,
    log_softmax,
    (
        (with_output(int8(1, 6, 6, 2, q=QParams((1 / 15,), 127))), "scale 1/16"),
        (with_output(int8(1, 6, 6, 2, q=QParams((1 / 16,), 0))), "zero point 127"),
        (with_type("x0", int8(1, 6, 6, 2, q=quant(2.0**-26))), "at least 2\\^-25"),
        (with_type("x0", int8(1, 4096)), "fewer than 4096"),
    ),
    lambda b, x: b.add(FloatLogSoftmax(), x),
    files={"LOG_SOFTMAX": same_shape("LOG_SOFTMAX", "LogSoftmaxOptions", ((1 / 16,), 127))},
)

SCALES = [2.0**-25, 1e-6, 0.003, 0.05, 0.11, 0.5, 1.0, 7.9, 31.0, 33.0, 4e4]


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    shapes = [(1, 7), (1, 9, 4), (1, 3, 5, 7), (1, 1), (1, 256), (1, 4095), (1, 1000)]
    for seed, scale in enumerate(SCALES * 7):
        b = GraphBuilder(f"log softmax {seed}", seed=seed)
        log_softmax(b, b.input(shapes[seed % 7], quant(scale, ZERO_POINTS[seed % 5])))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=4)


def test_the_logarithm_of_sums() -> None:
    """Within 3e-7, from one exponential to 4095."""
    rng = np.random.default_rng(4)
    ends = [1 << 19, (1 << 19) + 1, (1 << 31) - 1, *((1 << k) - 1 for k in range(20, 32))]
    total = np.concatenate([rng.integers(1 << 19, 1 << 31, 4096), np.array(ends)])
    exact = np.log(total / 2.0**19)
    assert np.abs(log_of_sum(total) / 2.0**26 - exact).max() < 3e-7


@pytest.mark.parametrize("scale", [0.01, 0.05, 0.11])
def test_it_is_near_float64(scale: float) -> None:
    b = GraphBuilder("net", seed=3)
    x = b.input((1, 20), quant(scale, 11))
    y = log_softmax(b, x)
    graph = b.build()
    given = random_inputs(graph, 200)
    reals = (given[x].astype(np.float64) - 11) * graph.tensors[x].q.scale
    exact = reals - np.log(np.exp(reals).sum(axis=-1, keepdims=True))
    found = (run(graph, given)[y].astype(np.float64) - 127) / 16
    assert np.abs(np.maximum(exact, -255 / 16) - found).max() <= 1 / 16


@pytest.mark.cc
def test_c_agrees(tmp_path: Path) -> None:
    b, made = GraphBuilder("log_softmax", seed=5), list[str]()
    levels = {"map": MAPS, "c": (*CHANNELS, 1, 200), "zero_point": ZERO_POINTS, "scale": SCALES}
    for case in latin(levels, 24, seed=5):
        q = quant(case["scale"], case["zero_point"])
        made.append(log_softmax(b, b.input((1, *case["map"], case["c"]), q)))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    chosen = [k for k in generated.kernels.values() if k is not None]
    assert {k.family.name for k in chosen} == {"logsoftmax"}
    assert_c_agrees(generated, tmp_path, clang=True)


@pytest.mark.qemu
@pytest.mark.parametrize("board", CORES)
def test_the_core_agrees(tmp_path: Path, board: str) -> None:
    b = GraphBuilder("log_softmax", seed=7)
    log_softmax(b, b.input((1, 5, 4, 19), quant(0.05, 3)))
    assert_board_agrees(b.build(), board, tmp_path)


@pytest.mark.cc
def test_it_runs_in_place_and_in_segments(tmp_path: Path) -> None:
    assert_in_place(log_softmax, tmp_path)
    assert_in_segments(log_softmax, tmp_path)


@pytest.mark.parametrize("shape", [(1, 5, 6, 4), (1, 9)])
def test_tflite_files(shape: tuple[int, ...]) -> None:
    b = GraphBuilder("net", seed=8)
    log_softmax(b, b.input(shape, quant(0.05, 3)))
    assert_back_from_tflite(b.build(), [LogSoftmax()])
