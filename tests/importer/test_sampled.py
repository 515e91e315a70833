"""Adaptive pools of uneven windows, as PyTorch's exporter writes them: ONNX Runtime and TFLM."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from mcucc.reference.fixed_point import dequantize
from mcucc.reference.interpreter import run
from tests.graphs import random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, lower
from tests.judging import assert_tflm_agrees, needs_tflm

Axis = tuple[NDArray[np.int64], NDArray[np.int64]]
"""First pixel of each window, and how many it has."""


def axis(size: int, count: int) -> Axis:
    first = np.arange(count) * size // count
    end = -(-(np.arange(1, count + 1) * size) // count)
    return first, end - first


def adaptive_pool(
    op: Callable[..., str], constant: Callable[..., str], x: str, axes: tuple[Axis, Axis]
) -> str:
    """The nodes that torch.onnx writes, of a map [1, C, H, W]."""
    (top, rows), (left, columns) = axes
    down, along = (np.arange(int(taps.max()), dtype=np.int64) for _, taps in axes)
    last = [int((first + taps).max()) - 1 for first, taps in axes]
    y = np.minimum(top[:, None] + down, last[0])[:, :, None, None]
    z = np.minimum(left[:, None] + along, last[1])
    picks = np.stack(np.broadcast_arrays(y, z), axis=-1)
    picked = op("GatherND", op("Transpose", x, perm=(2, 3, 0, 1)), constant(picks))
    found = op("Transpose", picked, perm=(4, 5, 0, 1, 2, 3))
    if np.ptp(rows) == np.ptp(columns) == 0:
        return op("ReduceMean", found, axes=[-3, -1], keepdims=0)
    zero = constant(np.float32(0))
    if np.ptp(rows):
        beyond = constant((down >= rows[:, None])[:, :, None, None])
        found = op("Where", beyond, zero, found)
    if np.ptp(columns):
        found = op("Where", constant(along >= columns[:, None]), zero, found)
    total = ""
    for i in range(len(down)):
        for j in range(len(along)):
            part = op("Gather", found, constant(np.int64(i)), axis=-3)
            part = op("Gather", part, constant(np.int64(j)), axis=-1)
            total = op("Add", total, part) if total else part
    return op("Div", total, constant((rows[:, None] * columns).astype(np.float32)))


SIZES = [
    ((14, 14), (4, 4)),
    ((7, 9), (5, 4)),
    ((8, 6), (6, 3)),
    ((3, 5), (5, 3)),
    ((10, 1), (7, 1)),
]


@pytest.mark.parametrize(("size", "count"), SIZES)
def test_in_float(tmp_path: Path, size: tuple[int, int], count: tuple[int, int]) -> None:
    m = Model((1, 3, *size))
    axes = (axis(size[0], count[0]), axis(size[1], count[1]))
    y = adaptive_pool(m.op, m.constant, m.op("Relu", "x0"), axes)
    graph = check(m, tmp_path, m.op("Sigmoid", y))
    assert "AveragePool2D" in kinds(graph)
    assert "Transpose" not in kinds(graph)


@needs_tflm
@pytest.mark.parametrize(("size", "count"), SIZES)
def test_in_int8(tmp_path: Path, size: tuple[int, int], count: tuple[int, int]) -> None:
    """Each window's sum is divided once."""
    m = QdqModel()
    x = m.input("x", (1, 3, *size), 0.05, 3)
    axes = (axis(size[0], count[0]), axis(size[1], count[1]))
    m.output(m.pair(adaptive_pool(m.op, m.constant, x, axes), "y", 0.05, 3))
    graph = lower(m, tmp_path)
    assert_tflm_agrees([graph])
    given = random_inputs(graph, 4)
    (x_name,), (port,) = given, graph.outputs
    maps = dequantize(given[x_name], graph.tensors[x_name].q).astype(np.float64)
    means = [
        [maps[:, a : a + n, b : b + k].mean(axis=(1, 2)) for b, k in zip(*axes[1], strict=True)]
        for a, n in zip(*axes[0], strict=True)
    ]
    found = run(graph, given)[port.tensor].reshape(4, *count, 3)
    exact = np.moveaxis(np.array(means), 2, 0) / 0.05 + 3
    assert np.abs(found - exact).max() <= 0.501


def test_1d_windows_of_one_row(tmp_path: Path) -> None:
    """AdaptiveAvgPool1d is a map of one row."""
    m = Model((1, 3, 11))
    x = m.op("Unsqueeze", m.op("Relu", "x0"), m.ints(2))
    y = adaptive_pool(m.op, m.constant, x, (axis(1, 1), axis(11, 4)))
    check(m, tmp_path, m.op("Sigmoid", m.op("Squeeze", y, m.ints(2))))


def apart(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    columns = np.array([0, 1, 2, 3])
    return np.stack(np.broadcast_arrays(rows[:, :, None, None], columns[None, None, :, None]), -1)


@pytest.mark.parametrize(
    "rows", [[[0, 2], [1, 3]], [[0, 0], [1, 1]], [[0, 1], [4, 5]]], ids=["gaps", "twice", "outside"]
)
def test_what_is_no_mean_of_windows_is_refused(tmp_path: Path, rows: list[list[int]]) -> None:
    m = Model((1, 3, 4, 4))
    picks = m.constant(apart(np.array(rows)))
    picked = m.op("GatherND", m.op("Transpose", "x0", perm=(2, 3, 0, 1)), picks)
    found = m.op("Transpose", picked, perm=(4, 5, 0, 1, 2, 3))
    y = m.op("Relu", m.op("ReduceMean", found, axes=[-3, -1], keepdims=0))
    path = m.save(tmp_path, y)
    with pytest.raises(UnsupportedModelError, match="only pick windows of a map"):
        lower_network(read_onnx(path), "net")
