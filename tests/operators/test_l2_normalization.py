"""L2Normalization: numpy against TFLM and float64, C against numpy, ONNX against ONNX Runtime."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from mcucc.ir import QParams
from mcucc.ops import Int8Graph
from mcucc.ops.softmax import L2_NORMALIZATION_QUANT, FloatL2Normalization, L2Normalization
from mcucc.reference.interpreter import run
from mcucc.reference.root import inverse_root
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds
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


def normalized(b: GraphBuilder, x: str) -> str:
    return b.node(L2Normalization(), (x,), L2_NORMALIZATION_QUANT)


EXAMPLE = Example(
    L2Normalization,
    normalized,
    (
        (with_output(int8(1, 6, 6, 2, q=QParams((1 / 127,), 0))), "scale 1/128"),
        (with_output(int8(1, 6, 6, 2, q=QParams((1 / 128,), 1))), "zero point 0"),
        (with_type("x0", int8(1, 2**15)), "fewer than 32768"),
    ),
    lambda b, x: b.add(FloatL2Normalization(), x),
    files={"L2_NORMALIZATION": same_shape("L2_NORMALIZATION", "L2NormOptions", ((1 / 128,), 0))},
)


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    shapes = [(1, 7), (1, 9, 4), (1, 3, 5, 7), (1, 1), (1, 256), (1, 9000), (1, 32767)]
    for seed in range(35):
        b = GraphBuilder(f"norm {seed}", seed=seed)
        normalized(b, b.input(shapes[seed % 7], quant(0.05, ZERO_POINTS[seed % 5])))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=4)


@needs_tflm
def test_few_and_small_integers() -> None:
    """Zeros alone, one element, and all sums of squares up to 64."""
    small = np.arange(-4, 5).astype(np.int8)
    pairs = np.stack([np.repeat(small, 9), np.tile(small, 9)], axis=-1)
    b = GraphBuilder("pairs")
    x = b.input((1, 2), quant(0.05, 0))
    normalized(b, x)
    assert_tflm_agrees([b.build()], inputs=[{x: pairs}])


def test_the_root() -> None:
    """Within 2e-6 of the number, from 2 to the largest."""
    x = np.concatenate([np.arange(2, 5000), np.array([1 << 29, (1 << 29) - 1, (1 << 31) - 1])])
    m, shift = inverse_root(x)
    found = m * 2.0 ** (shift - 31)
    assert np.abs(found * np.sqrt(x) - 1).max() < 2e-6
    assert inverse_root(np.array([0, 1]))[0].tolist() == [(1 << 31) - 1] * 2


@pytest.mark.parametrize("count", [2, 20, 300])
def test_it_is_near_float64(count: int) -> None:
    b = GraphBuilder("net", seed=3)
    x = b.input((1, count), quant(0.05, 11))
    y = normalized(b, x)
    graph = b.build()
    given = random_inputs(graph, 200)
    reals = given[x].astype(np.float64) - 11
    exact = reals / np.sqrt((reals**2).sum(axis=-1, keepdims=True))
    found = run(graph, given)[y].astype(np.float64)
    assert np.abs(np.minimum(exact * 128, 127) - found).max() <= 1


@pytest.mark.cc
def test_c_agrees(tmp_path: Path) -> None:
    b, made = GraphBuilder("norm", seed=5), list[str]()
    levels = {"map": MAPS, "c": (*CHANNELS, 1, 200, 9000), "zero_point": ZERO_POINTS}
    for case in latin(levels, 24, seed=5):
        q = quant(0.05, case["zero_point"])
        made.append(normalized(b, b.input((1, *case["map"], case["c"]), q)))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    chosen = [k for k in generated.kernels.values() if k is not None]
    assert {k.family.name for k in chosen} == {"norm"}
    assert_c_agrees(generated, tmp_path, clang=True)


@pytest.mark.qemu
@pytest.mark.parametrize("board", CORES)
def test_the_core_agrees(tmp_path: Path, board: str) -> None:
    b = GraphBuilder("norm", seed=7)
    normalized(b, b.input((1, 5, 4, 19), quant(0.05, 3)))
    assert_board_agrees(b.build(), board, tmp_path)


@pytest.mark.cc
def test_it_runs_in_place_and_in_segments(tmp_path: Path) -> None:
    assert_in_place(normalized, tmp_path)
    assert_in_segments(normalized, tmp_path)


@pytest.mark.parametrize("shape", [(1, 5, 6, 4), (1, 9)])
def test_tflite_files(shape: tuple[int, ...]) -> None:
    b = GraphBuilder("net", seed=8)
    normalized(b, b.input(shape, quant(0.05, 3)))
    assert_back_from_tflite(b.build(), [L2Normalization()])


@pytest.mark.parametrize("shape", [(1, 4, 6, 5), (1, 7), (1, 5, 6)])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("axis", [1, -1])
def test_float_files(tmp_path: Path, shape: tuple[int, ...], p: int, axis: int) -> None:
    m = Model(shape)
    graph = check(m, tmp_path, m.op("LpNormalization", "x0", p=p, axis=axis))
    assert ("L2Normalization" in kinds(graph)) == (p == 2)


def test_other_powers_are_refused(tmp_path: Path) -> None:
    m = Model((1, 7))
    with pytest.raises(UnsupportedModelError, match="p of an LpNormalization must be 1 or 2"):
        lower_network(read_onnx(m.save(tmp_path, m.op("LpNormalization", "x0", p=3))), "net")
