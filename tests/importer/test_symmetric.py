"""Weights with zero points: exact where they fit, else rounded with a scale of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mcucc
from mcucc.importer import lower_with_notes, read_onnx
from mcucc.ops import Int8Graph
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm

Layer = Callable[[QdqModel, str, str], str]

LAYERS: dict[str, tuple[Layer, tuple[int, ...], tuple[int, ...], int]] = {
    "Conv": (lambda m, x, w: m.op("Conv", x, w), (1, 4, 6, 5), (6, 4, 3, 3), 0),
    "groups": (lambda m, x, w: m.op("Conv", x, w, group=2), (1, 4, 6, 5), (6, 2, 3, 3), 0),
    "depthwise": (lambda m, x, w: m.op("Conv", x, w, group=4), (1, 4, 6, 5), (4, 1, 3, 3), 0),
    "sequence": (lambda m, x, w: m.op("Conv", x, w), (1, 4, 9), (6, 4, 3), 0),
    "ConvTranspose": (
        lambda m, x, w: m.op("ConvTranspose", x, w, strides=[2, 2]), (1, 4, 5, 4), (4, 6, 2, 2), 1
    ),
    "Gemm": (lambda m, x, w: m.op("Gemm", x, w), (1, 9), (9, 5), 1),
    "transB": (lambda m, x, w: m.op("Gemm", x, w, transB=1), (1, 9), (5, 9), 0),
    "MatMul": (lambda m, x, w: m.op("MatMul", x, w), (1, 6, 9), (9, 5), 1),
}  # fmt: skip
"""Layer, shapes of input and weights, axis of the output channels."""


def network(
    kind: str, dtype: type[np.integer], points: NDArray[np.integer], spread: int
) -> tuple[QdqModel, NDArray[np.float64]]:
    """A layer, and its weights in units of the scale 1/128, along its output channels.

    Args:
        kind: of `LAYERS`.
        dtype: int8 or uint8.
        points: zero point, or one per output channel.
        spread: by how much integers differ from their zero point, as far as the type holds it.
    """
    layer, shape, size, axis = LAYERS[kind]
    m, limits = QdqModel(), np.iinfo(dtype)
    x = m.input("x", shape, 0.05, 3)
    along = np.ones(len(size), int)
    along[axis] = points.size
    centre = points.astype(np.int64).reshape(along)
    data = (centre + m.rng.integers(-spread, spread + 1, size)).clip(limits.min, limits.max)
    scales = np.full(points.shape, 2**-7, np.float32)
    names = [m.constant(each) for each in (data.astype(dtype), scales, points.astype(dtype))]
    attributes: dict[str, Any] = {} if points.ndim == 0 else {"axis": axis}
    weights = m.op("DequantizeLinear", *names, **attributes)
    m.output(m.pair(layer(m, x, weights), "y", 0.1, -5))
    return m, np.moveaxis((data - centre).astype(np.float64), axis, 0).reshape(size[axis], -1)


def by_channel(graph: Int8Graph) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of the first layer in units of 1/128 and the scales, along the output channels."""
    node = next(n for n in graph.nodes if len(n.inputs) == 3)
    const = graph.const(node.inputs[1])
    axis = 3 if type(node.op).__name__ == "DepthwiseConv2D" else 0
    scales = np.asarray(const.type.q.scales) * 128
    made = np.moveaxis(const.reals() * 128, axis, 0)
    return made.reshape(len(made), -1), np.broadcast_to(scales, (len(made),))


@needs_tflm
@pytest.mark.parametrize("kind", LAYERS)
def test_what_fits_is_exact(tmp_path: Path, kind: str) -> None:
    _, _, size, axis = LAYERS[kind]
    graphs: list[Int8Graph] = []
    for dtype, middle in ((np.int8, 0), (np.uint8, 128)):
        for points in (np.array(middle - 9), middle + np.arange(size[axis]) * 7 - 11):
            model, whole = network(kind, dtype, points, 60)
            graphs.append(lower(model, tmp_path))
            if kind != "ConvTranspose":  # whose weights are those of blocks of pixels
                made, _ = by_channel(graphs[-1])
                assert np.array_equal(np.sort(made, axis=-1), np.sort(whole, axis=-1))
            assert_near_onnx_runtime(model, graphs[-1])
    assert_tflm_agrees(graphs)


@needs_tflm
@pytest.mark.parametrize("kind", LAYERS)
def test_what_does_not_fit_is_rounded_once(tmp_path: Path, kind: str) -> None:
    """Each weight by at most half a step of its channel's new scale, which is the smallest."""
    model, whole = network(kind, np.uint8, np.array(20), 240)
    graph = lower(model, tmp_path)
    if kind != "ConvTranspose":
        made, scales = by_channel(graph)
        most = np.abs(whole).max(axis=-1)
        assert np.allclose(np.sort(scales), np.sort(np.maximum(1, most / 127)), rtol=1e-6)
        moved = np.abs(np.sort(made, axis=-1) - np.sort(whole, axis=-1)).max(axis=-1)
        assert np.all(moved <= scales * 0.5001)
    assert_near_onnx_runtime(model, graph, lsb=4)
    assert_tflm_agrees([graph])


def test_the_report_says_how_far_weights_moved(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    fits, _ = network("Conv", np.uint8, np.array(120), 60)
    path.write_bytes(fits.proto().SerializeToString())
    _, (note,) = lower_with_notes(read_onnx(path), "net")
    assert note.endswith("6 of 6 output channels keep their weights exactly")
    moved, whole = network("Conv", np.uint8, np.array(20), 240)
    path.write_bytes(moved.proto().SerializeToString())
    kept = int(np.count_nonzero(np.abs(whole).max(axis=-1) <= 127))
    made, _ = by_channel(lower(moved, tmp_path))
    largest = np.abs(np.sort(made, axis=-1) - np.sort(whole, axis=-1)).max()
    found = mcucc.compile(path, "host", output=tmp_path / "out").report.notes[0]
    assert found in mcucc.inspect(path).notes
    assert f"{kept} of 6 output channels keep their weights exactly, {6 - kept} are" in found
    assert f"at most {largest:.2f} of the file's steps, " in found
