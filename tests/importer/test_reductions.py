"""Reductions over any axes, and slices with steps: ONNX Runtime, TFLM and C."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from mcucc.ops import Int8Graph
from mcucc.ops.pool import AveragePool2D, Mean
from mcucc.reference.interpreter import run
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import assert_c_agrees, generate

REDUCTIONS = [
    "ReduceL1",
    "ReduceL2",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "ReduceSumSquare",
]
AXES = [(2, 3), (2,), (3,), (1,), (1, 2), (1, 3), (1, 2, 3), (-1, -2)]


def reduced(m: Model, op: str, x: str, axes: tuple[int, ...], *, keep: bool) -> str:
    if op == "ReduceSum" or m.opset >= 18:
        return m.op(op, x, m.ints(*axes), keepdims=int(keep))
    return m.op(op, x, axes=list(axes), keepdims=int(keep))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("op", REDUCTIONS)
def test_maps(tmp_path: Path, op: str, axes: tuple[int, ...], keep: bool) -> None:
    m = Model((1, 4, 6, 5), opset=18 if keep else 13)
    x = m.op("Relu", m.op("Conv", "x0", m.weights(3, 4, 2, 2)))
    outer = (m.op("Relu", reduced(m, op, x, axes, keep=keep)),)
    if len({axis % 4 for axis in axes}) == 3 and not keep:  # rank 1
        with pytest.raises(UnsupportedModelError):
            check(m, tmp_path, *outer)
        return
    check(m, tmp_path, *outer)


@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("axes", [(1,), (2,), (1, 2)])
def test_sequences_and_vectors(tmp_path: Path, op: str, axes: tuple[int, ...]) -> None:
    m = Model((1, 4, 7), (1, 9))
    check(m, tmp_path, reduced(m, op, "x0", axes, keep=True), reduced(m, op, "x1", (1,), keep=True))


def test_over_the_batch_alone_nothing_is_done(tmp_path: Path) -> None:
    m = Model((1, 4, 7))
    y = reduced(m, "ReduceMax", m.op("Relu", "x0"), (0,), keep=True)
    assert kinds(check(m, tmp_path, m.op("Exp", y))) == ["Clip", "Unary"]


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMax"])
def test_without_the_batch_they_are_refused(tmp_path: Path, op: str) -> None:
    m = Model((1, 4, 7))
    path = m.save(tmp_path, reduced(m, op, "x0", (0, 2), keep=False))
    with pytest.raises(UnsupportedModelError, match=f"{op} must keep the batch"):
        lower_network(read_onnx(path), "net")


@pytest.mark.parametrize("axes", [(2, 3), (3,), (1,)])
@pytest.mark.parametrize(("op", "scale"), [("ReduceSum", 0.5), ("ReduceMax", 2**-4)])
def test_quantized_files(tmp_path: Path, op: str, scale: float, axes: tuple[int, ...]) -> None:
    m = QdqModel()
    x = m.input("x", (1, 4, 6, 5), 2**-4, 3)
    if op == "ReduceSum":
        y = m.op(op, x, m.constant(np.array(axes, np.int64)))
    else:
        y = m.op(op, x, axes=list(axes))
    m.output(m.pair(y, "y", scale, 3))
    assert_near_onnx_runtime(m, lower(m, tmp_path))


def sums() -> list[Int8Graph]:
    """Sums over each choice of axes, at scales from tiny to huge."""
    graphs: list[Int8Graph] = []
    axes = [(1, 2), (1,), (2,)]
    for seed, (scale, ratio, over) in enumerate(
        itertools.product((1e-4, 0.02, 3.0), (0.01, 1.0, 7.3, 300.0), axes)
    ):
        b = GraphBuilder(f"sum{seed}", seed=seed)
        x = b.input((1, 6, 7, 5), quant(scale, (-128, -3, 0, 127)[seed % 4]))
        b.node(Mean(over, seed % 2 == 0, sums=True), (x,), quant(scale * ratio, seed - 20))
        graphs.append(b.build())
    return graphs


@needs_tflm
def test_sums_are_those_of_tflm() -> None:
    assert_tflm_agrees(sums(), samples=8)


@pytest.mark.cc
def test_sums_in_c(tmp_path: Path) -> None:
    b, made = GraphBuilder("sums", seed=7), list[str]()
    for over, zero_point in itertools.product([(1, 2), (1,), (2,)], (-128, 5, 127)):
        x = b.input((1, 6, 7, 5), quant(0.02, zero_point))
        made.append(b.node(Mean(over, sums=True), (x,), quant(0.3, -zero_point // 2)))
    assert_c_agrees(generate(b.build(*made), tmp_path / "c", planned=False), tmp_path)


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ((0,), (99,), (2,), (2,)),
        ((1,), (99,), (3,), (2,)),
        ((1, 0), (9, 6), (2, 3), (3, 2)),
        ((2, 1), (8, 3), (3, 1), (4, 1)),
        ((-3,), (99,), (2,), (2,)),
        ((0,), (4,), (1,), (2,)),
        ((1, 2), (4, 9), (1, 2), (2, 3)),
        ((-1,), (-99,), (2,), (-1,)),
        ((7,), (0,), (-1,), (-3,)),
        ((3, 2), (0, 7), (1, -2), (-2, 1)),
        ((1, 2), (1 - 99, 3), (2, 3), (-1, 1)),
        ((2,), (1,), (1,), (-1,)),
    ],
)
def test_steps(
    tmp_path: Path,
    starts: tuple[int, ...],
    ends: tuple[int, ...],
    axes: tuple[int, ...],
    steps: tuple[int, ...],
) -> None:
    m = Model((1, 4, 9, 8))
    y = m.op("Slice", "x0", *(m.ints(*values) for values in (starts, ends, axes, steps)))
    check(m, tmp_path, m.op("Relu", y))


def test_steps_of_a_sequence_and_of_one_element(tmp_path: Path) -> None:
    m = Model((1, 4, 9))
    steps = (m.ints(1), m.ints(9), m.ints(2), m.ints(3))
    one = (m.ints(2), m.ints(3), m.ints(1), m.ints(5))
    check(m, tmp_path, m.op("Relu", m.op("Slice", "x0", *steps)), m.op("Slice", "x0", *one))


def test_focus(tmp_path: Path) -> None:
    """Four pictures of half the size, side by side along the channels."""
    m = Model((1, 3, 8, 6))
    parts: list[str] = []
    for row, column in itertools.product((0, 1), (0, 1)):
        rows = (m.ints(row), m.ints(99), m.ints(2), m.ints(2))
        columns = (m.ints(column), m.ints(99), m.ints(3), m.ints(2))
        parts.append(m.op("Slice", m.op("Slice", "x0", *rows), *columns))
    graph = check(m, tmp_path, m.op("Concat", *parts, axis=1))
    assert "Transpose" not in kinds(graph)


@pytest.mark.parametrize(("axes", "step"), [((1, 2, 3), 2), ((1, 3), 2), ((2, 3), -1)])
def test_other_steps_are_refused(tmp_path: Path, axes: tuple[int, ...], step: int) -> None:
    m = Model((1, 4, 9, 8))
    first, last = (0, 99) if step > 0 else (7, -99)
    numbers = ([n] * len(axes) for n in (first, last))
    ends = (m.ints(*values) for values in numbers)
    path = m.save(tmp_path, m.op("Slice", "x0", *ends, m.ints(*axes), m.ints(*[step] * len(axes))))
    with pytest.raises(UnsupportedModelError, match="two adjacent axes at most"):
        lower_network(read_onnx(path), "net")


@pytest.mark.parametrize("axes", [(1, 3), (2, 4), (1, 2, 4)])
@pytest.mark.parametrize("scale", [0.03, 0.05])
def test_axes_that_lie_apart_among_many_round_once(
    tmp_path: Path, axes: tuple[int, ...], scale: float
) -> None:
    """A pool keeps the scale of the map: behind it another one would be a second rounding."""
    m, sizes = QdqModel(), (1, 3, 2, 4, 5)
    flat = m.input("x", (1, math.prod(sizes)), 0.05, 3)
    many = m.pair(m.op("Reshape", flat, m.constant(np.array(sizes))), "many", 0.05, 3)
    mean = m.pair(m.op("ReduceMean", many, axes=axes), "mean", scale, 3)
    m.output(m.pair(m.op("Reshape", mean, m.constant(np.array([1, -1]))), "y", scale, 3))
    graph = lower(m, tmp_path)
    given = random_inputs(graph, 16)
    found = run(graph, given)[graph.outputs[0].tensor]

    reals = (given[graph.inputs[0].tensor].reshape(16, *sizes[1:]).astype(np.float64) - 3) * 0.05
    exact = np.clip(reals.mean(axis=axes) / scale + 3, -128, 127).reshape(found.shape)
    assert np.abs(exact - found).max() <= 0.76
    pooled = any(isinstance(node.op, AveragePool2D) for node in graph.nodes)
    assert pooled == (scale == 0.05 and len(axes) == 2)
