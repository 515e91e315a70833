"""BandScale: numpy against TFLM, C against numpy, a sub-spectral norm of an ONNX file."""

import math
from pathlib import Path

import numpy as np
import pytest

from mcucc.ir import DType, QParams, TensorType
from mcucc.ops import Int8Graph
from mcucc.ops.conv import BandScale, FloatBandScale
from tests.float_graphs import FloatBuilder
from tests.graphs import GraphBuilder, quant
from tests.importer.float_cases import Model, check, kinds
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import CHANNELS, ZERO_POINTS, latin
from tests.operators.example import Example
from tests.operators.pixelwise import (
    CORES,
    assert_board_agrees,
    assert_in_place,
    assert_in_segments,
)
from tests.ops.breaking import int8, with_type


def banded(b: GraphBuilder, x: str, bands: int, q: QParams | None = None) -> str:
    """Weights of any integers, each with a scale of its own."""
    count, number = bands * b.type(x).shape[3], len(b.nodes)
    drawn = b.rng.uniform(0.002, 0.02, count).tolist()
    scales = tuple(float(np.float32(scale)) for scale in drawn)
    weights = TensorType(DType.INT8, (1, 1, 1, count), QParams(scales, 0, 3))
    bias = b.rng.integers(-3000, 3001, count).astype(np.int32)
    names = (
        b.const(f"w{number}", weights, None),
        b.const(f"b{number}", TensorType(DType.INT32, (count,)), bias),
    )
    q = q or b.any_quant(b.scale(x) * float(np.median(scales)) * 100)
    return b.node(BandScale(), (x, *names), q)


def float_banded(b: FloatBuilder, x: str) -> str:
    """Each row is a band."""
    count = math.prod(b.tensors[x].shape[1::2])
    return b.add(FloatBandScale(), x, b.const(1, 1, 1, count), b.const(count))


EXAMPLE = Example(
    BandScale,
    lambda b, x: banded(b, x, b.type(x).shape[1]),
    (
        (with_type("x0", int8(1, 5, 6, 2)), "bands of as many rows"),
        (with_type("x0", int8(1, 6, 6, 5)), "bands of as many rows"),
    ),
    float_banded,
)

SHAPES = [
    ((1, 6, 5, 4), 3),
    ((1, 7, 1, 3), 7),
    ((1, 8, 3, 1), 2),
    ((1, 4, 9, 17), 1),
    ((1, 20, 6, 8), 5),
]


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    for seed in range(25):
        shape, bands = SHAPES[seed % 5]
        b = GraphBuilder(f"bands {seed}", seed=seed)
        x = b.input(shape, quant((1e-4, 0.05, 3.0)[seed % 3], ZERO_POINTS[seed % 5]))
        banded(b, x, bands)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=4)


@pytest.mark.cc
def test_c_agrees(tmp_path: Path) -> None:
    b, made = GraphBuilder("bands", seed=5), list[str]()
    maps = [(6, 5), (1, 1), (12, 1), (3, 7)]
    levels = {"map": maps, "c": CHANNELS, "zero_point": ZERO_POINTS, "scale": (1e-4, 0.05, 3.0)}
    for case in latin(levels, 20, seed=5):
        (height, width), bands = case["map"], 3 if case["map"][0] % 3 == 0 else 1
        x = b.input((1, height, width, case["c"]), quant(case["scale"], case["zero_point"]))
        made.append(banded(b, x, bands))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"bands"}
    assert_c_agrees(generated, tmp_path, clang=True)


@pytest.mark.qemu
@pytest.mark.parametrize("board", CORES)
def test_the_core_agrees(tmp_path: Path, board: str) -> None:
    b = GraphBuilder("bands", seed=7)
    banded(b, b.input((1, 6, 4, 19), quant(0.05, 3)), 3)
    assert_board_agrees(b.build(), board, tmp_path)


@pytest.mark.cc
def test_it_runs_in_place_and_in_segments(tmp_path: Path) -> None:
    assert_in_place(lambda b, x: banded(b, x, 2), tmp_path)
    assert_in_segments(lambda b, x: banded(b, x, 4), tmp_path)


def test_a_sub_spectral_norm(tmp_path: Path) -> None:
    """Bands of frequencies seen as channels, between layers that see the map: nothing is turned."""
    m, bands, (channels, height, width) = Model((1, 3, 12, 5)), 4, (6, 12, 5)
    x = m.op("Conv", "x0", m.weights(channels, 3, 1, 1))
    seen = m.op("Reshape", x, m.ints(1, channels * bands, height // bands, width))
    count = channels * bands
    norm = [m.weights(count), m.weights(count), m.weights(count), m.positive(count)]
    y = m.op("BatchNormalization", seen, *norm)
    back = m.op("Reshape", y, m.ints(1, channels, height, width))
    found = kinds(check(m, tmp_path, m.op("ReduceMean", back, axes=[2])))
    assert "BandScale" in found
    assert not {"Transpose", "BatchNorm"} & set(found[: found.index("BandScale")])


def test_where_the_channels_lie_otherwise_the_map_is_turned(tmp_path: Path) -> None:
    """Halves of rows have channels of their own."""
    m = Model((1, 4, 6, 6))
    seen = m.op("Reshape", m.op("Relu", "x0"), m.ints(1, 48, 3))
    norm = [m.weights(48), m.weights(48), m.weights(48), m.positive(48)]
    assert "BandScale" not in kinds(check(m, tmp_path, m.op("BatchNormalization", seen, *norm)))
