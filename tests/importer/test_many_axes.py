"""Values of more axes than four, which fold: ONNX Runtime in float, TFLM and C in int8."""

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from mcucc.importer.layout.moves import Move, moves_of
from mcucc.ops import Int8Graph
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import assert_c_agrees, generate

SHAPE = (1, 8, 6, 4)
MANY = (1, 2, 4, 6, 4)

Build = Callable[[Model | QdqModel, str], str]
"""What is done to a map of `SHAPE` in channels last layout."""


def moved(axes: Sequence[int], perm: Sequence[int], then: Sequence[int]) -> Build:
    """A Transpose between two Reshapes."""

    def build(m: Model | QdqModel, x: str) -> str:
        x = m.op("Reshape", x, m.constant(np.array(axes)))
        x = m.op("Transpose", x, perm=list(perm))
        return m.op("Reshape", x, m.constant(np.array(then)))

    return build


def windows(m: Model | QdqModel, x: str) -> str:
    """Windows of 2 x 2 pixels as a batch, and their pixels as tokens."""
    x = m.op("Transpose", x, perm=[0, 2, 3, 1])
    return moved((1, 3, 2, 2, 2, 8), (0, 1, 3, 2, 4, 5), (1, 24, 8))(m, x)


def patches(m: Model | QdqModel, x: str) -> str:
    """Patches of 2 x 2 pixels with one pixel of each patch in a row; the first axis is no batch."""
    x = moved((24, 2, 2, 2), (0, 2, 1, 3), (1, 8, 6, 4))(m, x)
    return m.op("Transpose", x, perm=[0, 3, 2, 1])


_SPLIT, _SHUFFLED = (1, 2, 2, 2, 6, 4), (0, 1, 4, 2, 5, 3)

MOVES: dict[str, tuple[Build, int, Sequence[str]]] = {
    "shuffle": (moved(MANY, (0, 2, 1, 3, 4), SHAPE), 1, ["Transpose"]),
    "pixel shuffle": (moved(_SPLIT, _SHUFFLED, (1, 2, 12, 8)), 1, ["DepthToSpace"]),
    "unshuffle": (
        moved((1, 8, 3, 2, 2, 2), (0, 1, 3, 5, 2, 4), (1, 32, 3, 2)), 1, ["Transpose"] * 2
    ),
    "windows": (windows, 2, ["DepthToSpace"]),
    "patches": (patches, 3, ["Transpose", "DepthToSpace"]),
}  # fmt: skip
CHANNELS = {"pixel shuffle": 2, "unshuffle": 32}
"""What is done, which axis of the result are channels then, and with which operators."""


@pytest.mark.parametrize("name", MOVES)
def test_moves(tmp_path: Path, name: str) -> None:
    """As few operators as can be: blocks of channels are made pixels by one."""
    build, channels, expected = MOVES[name]
    m = Model(SHAPE)
    y = build(m, m.op("Conv", "x0", m.weights(8, 8, 1, 1)))
    if channels == 1:
        graph = check(m, tmp_path, m.op("Conv", y, m.weights(3, CHANNELS.get(name, 8), 1, 1)))
    else:
        graph = check(m, tmp_path, m.op("MatMul", y, m.weights(8, 3)))
    assert [kind for kind in kinds(graph) if kind in ("Transpose", "DepthToSpace")] == expected


def done(move: Move, x: NDArray[np.int64]) -> NDArray[np.int64]:
    if move.kind == "transpose":
        return x.transpose(move.axes)
    (_, h, w, c), (rows, columns) = x.shape, move.axes
    if move.kind == "DCR":
        return x.reshape(h, w, rows, columns, c // (rows * columns)).transpose(0, 2, 1, 3, 4)
    return x.reshape(h, w, c // (rows * columns), rows, columns).transpose(0, 3, 1, 4, 2)


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_any_order_of_axes(count: int) -> None:
    random = np.random.default_rng(count)
    orders: list[tuple[int, ...]] = list(itertools.permutations(range(1, count + 1)))
    for place in random.permutation(len(orders))[:60]:
        shape = (1, *(int(n) for n in random.integers(2, 4, count)))
        turn: tuple[int, ...] = (0, *orders[int(place)])
        found = x = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
        for move in moves_of(shape, turn):
            assert len(move.shape) <= 4
            found = done(move, found.reshape(move.shape))
        assert np.array_equal(found.ravel(), x.transpose(turn).ravel())


def sliced(*cuts: tuple[int, int, int, int]) -> Build:
    """A Slice: (axis, start, end, step) of each axis that is cut."""

    def build(m: Model | QdqModel, x: str) -> str:
        axes, starts, ends, steps = (m.constant(np.array(each)) for each in zip(*cuts, strict=True))
        return m.op("Slice", x, starts, ends, axes, steps)

    return build


def joined(axis: int) -> Build:
    def build(m: Model | QdqModel, x: str) -> str:
        return m.op("Concat", x, sliced((axis, 0, 2, 1))(m, x), axis=axis)

    return build


def softmax(axis: int) -> Build:
    return lambda m, x: m.op("Softmax", x, axis=axis)


def gated(m: Model | QdqModel, x: str) -> str:
    """The second group, added to both."""
    return m.op("Add", x, sliced((1, 1, 2, 1))(m, x))


def repeated(m: Model | QdqModel, x: str) -> str:
    return m.op("Tile", x, m.constant(np.array([1, 2, 1, 2, 1])))


OF_MANY: dict[str, Build] = {
    "slice of one axis": sliced((2, 1, 3, 1)),
    "slice of two": sliced((1, 1, 2, 1), (3, 2, 5, 1)),
    "slice of all": sliced((1, 0, 1, 1), (2, 1, 4, 1), (3, 2, 5, 1), (4, 1, 3, 1)),
    "steps": sliced((2, 0, 4, 2), (4, 1, 4, 2)),
    "gather": lambda m, x: m.op("Gather", x, m.constant(np.array(1)), axis=1),
    **{f"concat {axis}": joined(axis) for axis in (1, 2, 3, 4)},
    "broadcast": gated,
    "tile": repeated,
}


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("name", [*OF_MANY, "softmax 2", "softmax 4"])
def test_operators(tmp_path: Path, name: str, last: bool) -> None:
    """Whatever the layout: behind a convolution, and on the bytes of the file's order."""
    m = Model(SHAPE)
    x = m.op("Conv", "x0", m.weights(8, 8, 1, 1)) if last else m.op("Relu", "x0")
    x = m.op("Reshape", x, m.constant(np.array(MANY)))
    y = {**OF_MANY, "softmax 2": softmax(2), "softmax 4": softmax(4)}[name](m, x)
    check(m, tmp_path, m.op("Sigmoid", m.op("Reshape", y, m.ints(1, -1))))


def test_slices_of_what_has_no_batch(tmp_path: Path) -> None:
    """Queries, keys and values of an attention stand one behind the other."""
    m = Model((1, 6, 24))
    x = m.op("MatMul", "x0", m.weights(24, 48))
    x = m.op("Transpose", m.op("Reshape", x, m.ints(6, 3, 4, 4)), perm=(1, 2, 0, 3))
    parts = [m.op("Gather", x, m.constant(i, np.int64), axis=0) for i in range(3)]
    y = m.op("Mul", m.op("Sub", parts[0], parts[1]), parts[2])
    y = m.op("Transpose", y, perm=(1, 0, 2))
    check(m, tmp_path, m.op("Reshape", y, m.ints(1, 6, 16)))


AXES = [(1,), (2,), (3,), (4,), (1, 2), (3, 4), (2, 3, 4), (2, 4), (1, 3), (1, 2, 4), (1, 2, 3, 4)]


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2"])
def test_reductions(tmp_path: Path, op: str) -> None:
    for axes, last in itertools.product(AXES, (False, True)):
        m = Model(SHAPE, opset=18)
        x = m.op("Conv", "x0", m.weights(8, 8, 1, 1)) if last else m.op("Relu", "x0")
        x = m.op("Reshape", x, m.constant(np.array(MANY)))
        y = m.op(op, x, m.ints(*axes), keepdims=int(last))
        check(m, tmp_path, m.op("Reshape", y, m.ints(1, -1)))


def test_a_mean_of_blocks_of_pixels_is_an_average_pool(tmp_path: Path) -> None:
    for op, pool in (("ReduceMean", "AveragePool2D"), ("ReduceMax", "MaxPool2D")):
        m = Model(SHAPE)
        x = m.op("Conv", "x0", m.weights(8, 8, 1, 1))
        x = m.op("Reshape", x, m.ints(1, 8, 3, 2, 2, 2))
        y = m.op(op, x, axes=[3, 5], keepdims=0)
        graph = check(m, tmp_path, m.op("Conv", y, m.weights(3, 8, 1, 1)))
        assert kinds(graph) == ["Conv2D", pool, "Conv2D"]


def int8(folder: Path, build: Build, many: bool) -> Int8Graph:
    m = QdqModel(opset=13)
    x = m.input("x", SHAPE, 0.05, 3)
    y = m.op("Reshape", x, m.constant(np.array(MANY))) if many else x
    y = m.op("Reshape", build(m, y), m.constant(np.array([1, -1])))
    m.output(m.pair(y, "y", 0.05, 3))
    graph = lower(m, folder)
    assert_near_onnx_runtime(m, graph)
    return graph


@needs_tflm
def test_in_int8(tmp_path: Path) -> None:
    graphs = [int8(tmp_path, build, many=False) for build, _, _ in MOVES.values()]
    graphs += [int8(tmp_path, build, many=True) for build in OF_MANY.values()]
    assert_tflm_agrees(graphs)
    for place, graph in enumerate(graphs[::3]):
        assert_c_agrees(
            generate(graph, tmp_path / f"c{place}"), tmp_path / f"work{place}", samples=2
        )


def test_what_does_not_fold_is_refused_with_a_way(tmp_path: Path) -> None:
    m = Model((1, 16, 16))
    x = m.op("Reshape", m.op("Relu", "x0"), m.ints(1, 2, 2, 2, 2, 2, 2, 2, 2))
    x = m.op("Transpose", x, perm=[0, 8, 7, 6, 5, 4, 3, 2, 1])
    path = m.save(tmp_path, m.op("Reshape", x, m.ints(1, -1)))
    with pytest.raises(UnsupportedModelError, match="Merge neighbouring axes by a Reshape"):
        lower_network(read_onnx(path), "net")
