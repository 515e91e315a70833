"""SquaredDifference: numpy against TFLM, C against numpy, files of TensorFlow Lite."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.ir import QParams
from mcucc.ops import Int8Graph
from mcucc.ops.elementwise import FloatSquaredDifference, SquaredDifference
from tests.graphs import GraphBuilder, quant
from tests.importer.tflite.drawn_file import File
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


def squared(b: GraphBuilder, x: str, y: str, zero_point: int = -128, part: float = 1.0) -> str:
    """At a scale that holds a part of all results."""
    scale = 255.0 * part * max(b.type(x).q.scale, b.type(y).q.scale) ** 2
    return b.node(SquaredDifference(), (x, y), quant(scale, zero_point))


def _with_constant(graph: Int8Graph) -> Int8Graph:
    """The graph, its second operand a constant 'c'."""
    node = graph.nodes[0]
    return graph.with_nodes((type(node)(node.op, ("x0", "c"), node.output, node.name, ()),))


def drawn(f: File) -> bytes:
    """At an output scale that it needs; one of the inputs may be broadcast."""
    shape = f.shape()
    (first,), _ = f.value(shape)
    (second,), _ = f.value(tuple(f.pick(1, n) for n in shape))
    scale = float(np.float32(100 * max(first, second) ** 2 * f.real(0.3, 3)))
    quant = (scale,), f.pick(-128, -37, 0, 127)
    return f.bytes("SQUARED_DIFFERENCE", shape, quant, "SquaredDifferenceOptions")


EXAMPLE = Example(
    SquaredDifference,
    lambda b, x: squared(b, x, x, part=0.01),
    (
        (with_output(int8(1, 6, 6, 2, q=quant(2e-6))), "must be below 1"),
        (
            lambda graph: with_type("c", int8(1, 6, 1, 2))(_with_constant(graph)),
            "must have the same shape",
        ),
    ),
    lambda b, x: b.add(FloatSquaredDifference(), x, b.const(1, 1, 1, b.tensors[x].shape[-1])),
    files={"SQUARED_DIFFERENCE": drawn},
)

PAIRS = [(0.05, 0.05), (0.05, 0.013), (1e-4, 30.0), (3.0, 2.9), (0.01, 0.02)]


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    for seed, shape in enumerate([(1, 7), (1, 9, 4), (1, 3, 5, 7), (1, 1, 1, 1), (1, 256)] * 5):
        first, second = PAIRS[seed % 5]
        b = GraphBuilder(f"squared {seed}", seed=seed)
        x = b.input(shape, quant(first, ZERO_POINTS[seed % 5]))
        y = b.input(shape, quant(second, ZERO_POINTS[(seed // 2) % 5]))
        part = (1.0, 0.1, 0.003)[seed % 3]
        made = squared(b, x, y, ZERO_POINTS[(seed // 3) % 5], part)
        graphs.append(b.build(made, squared(b, b.constant(shape, quant(second, 4)), x, part=part)))
    assert_tflm_agrees(graphs, samples=6)


@needs_tflm
def test_every_pair_of_integers() -> None:
    """Of two scales and of one, zero points at both ends."""
    values = np.arange(-128, 128).astype(np.int8)
    first = np.repeat(values, 256).reshape(256, 256)
    second = np.tile(values, (256, 1))
    for q in (QParams((0.05,), -128), QParams((0.021,), 127)):
        b = GraphBuilder("pairs")
        x, y = b.input((1, 256), QParams((0.05,), 127)), b.input((1, 256), q)
        squared(b, x, y, -100, 0.4)
        assert_tflm_agrees([b.build()], inputs=[{x: first, y: second}])


@pytest.mark.cc
def test_c_agrees(tmp_path: Path) -> None:
    b, made = GraphBuilder("squared", seed=5), list[str]()
    levels = {"map": MAPS, "c": CHANNELS, "zero_point": ZERO_POINTS, "scales": PAIRS}
    for case in latin(levels, 20, seed=5):
        shape, (first, second) = (1, *case["map"], case["c"]), case["scales"]
        x, y = b.input(shape, quant(first, case["zero_point"])), b.input(shape, quant(second, -3))
        made.append(squared(b, x, y, case["zero_point"], 0.2))
        made.append(squared(b, b.constant(shape, quant(second, 9)), x))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    chosen = [k for k in generated.kernels.values() if k is not None]
    assert {k.family.name for k in chosen} == {"sqdiff"}
    assert_c_agrees(generated, tmp_path, clang=True)


@pytest.mark.qemu
@pytest.mark.parametrize("board", CORES)
def test_the_core_agrees(tmp_path: Path, board: str) -> None:
    b = GraphBuilder("squared", seed=7)
    x, y = b.input((1, 5, 4, 19), quant(0.05, 3)), b.input((1, 5, 4, 19), quant(0.02, -90))
    squared(b, x, y, part=0.3)
    assert_board_agrees(b.build(), board, tmp_path)


def from_a_constant(b: GraphBuilder, x: str) -> str:
    kind = b.type(x)
    return squared(b, x, b.constant(kind.shape, kind.q), part=0.1)


def from_its_clamp(b: GraphBuilder, x: str) -> str:
    return squared(b, x, b.clamp(x, -60, 50), part=0.1)


@pytest.mark.cc
def test_it_runs_in_place_and_in_segments(tmp_path: Path) -> None:
    assert_in_place(from_a_constant, tmp_path)
    assert_in_segments(from_its_clamp, tmp_path)


@pytest.mark.parametrize("shape", [(1, 5, 6, 4), (1, 9)])
def test_tflite_files(shape: tuple[int, ...]) -> None:
    """Of two values and with a constant."""
    b = GraphBuilder("net", seed=8)
    x, y = b.input(shape, quant(0.05, 3)), b.input(shape, quant(0.02, -9))
    squared(b, b.constant(shape, quant(3.0)), squared(b, x, y, 17))
    assert_back_from_tflite(b.build(), [SquaredDifference()] * 2)
