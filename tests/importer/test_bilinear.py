"""Bilinear enlargement and LogSoftmax: ONNX Runtime, float64 and TFLM."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from mcucc.reference import interpreter
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, lower
from tests.judging import assert_tflm_agrees, needs_tflm


def resized(m: Model, x: str, factors: tuple[float, ...], **attributes: Any) -> str:
    scales = m.constant(factors, np.float32)
    return m.op("Resize", x, "", scales, mode="linear", **attributes)


@pytest.mark.parametrize("mode", ["half_pixel", "pytorch_half_pixel"])
@pytest.mark.parametrize("factors", [(2, 2), (3, 3), (2, 1), (1, 4), (5, 2)])
def test_as_onnx_runtime(tmp_path: Path, factors: tuple[int, int], mode: str) -> None:
    m = Model((1, 3, 5, 4))
    x = m.op("Relu", "x0")
    y = resized(m, x, (1, 1, *factors), coordinate_transformation_mode=mode)
    graph = check(m, tmp_path, m.op("Tanh", y))
    whole = all(1024 % factor == 0 for factor in factors)
    resize = ["ResizeBilinear"] if whole else ["ResizeNearest", "AveragePool2D"]
    assert kinds(graph) == ["Clip", *resize, "Unary"]


MODES = [
    {"coordinate_transformation_mode": mode, **more}
    for mode in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
    for more in (
        {"mode": "linear"},
        {"mode": "nearest", "nearest_mode": "floor"},
        {"mode": "nearest", "nearest_mode": "ceil"},
        {"mode": "nearest"},
        {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
    )
]


@pytest.mark.parametrize("factors", [(1.5, 2), (0.5, 0.75), (21, 1), (2, 2.25)])
@pytest.mark.parametrize("attributes", MODES, ids=lambda a: "-".join(a.values()))
def test_any_factor_and_mode(
    tmp_path: Path, factors: tuple[float, ...], attributes: dict[str, Any]
) -> None:
    m = Model((1, 3, 6, 4))
    scales = m.constant((1, 1, *factors), np.float32)
    check(m, tmp_path, m.op("Tanh", m.op("Resize", "x0", "", scales, **attributes)))


@pytest.mark.parametrize("mode", ["linear", "nearest"])
@pytest.mark.parametrize("sizes", [(1, 3, 7, 9), (1, 3, 13, 5), (1, 3, 1, 1), (1, 3, 6, 4)])
def test_sizes(tmp_path: Path, sizes: tuple[int, ...], mode: str) -> None:
    m = Model((1, 3, 6, 4))
    y = m.op("Resize", m.op("Relu", "x0"), "", "", m.ints(*sizes), mode=mode)
    check(m, tmp_path, m.op("Tanh", y))


def test_sequences(tmp_path: Path) -> None:
    m = Model((1, 3, 6))
    scales = m.constant((1, 1, 1.5), np.float32)
    check(m, tmp_path, m.op("Resize", "x0", "", scales, mode="linear"))


@pytest.mark.parametrize(
    ("factors", "attributes"),
    [
        ((1, 1, 2, 2), {"coordinate_transformation_mode": "tf_crop_and_resize"}),
        ((1, 1, 0.7, 2), {"coordinate_transformation_mode": "align_corners"}),
        ((1, 2, 2, 2), {}),
        ((1, 1, 0.01, 2), {}),
    ],
)
def test_others_are_refused(
    tmp_path: Path, factors: tuple[float, ...], attributes: dict[str, Any]
) -> None:
    m = Model((1, 3, 5, 4))
    path = m.save(tmp_path, resized(m, "x0", factors, **attributes))
    with pytest.raises(UnsupportedModelError):
        lower_network(read_onnx(path), "net")


def interpolated(x: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Along axis 1, between centres, the ends repeated; in float64."""
    last = x.shape[1] - 1
    centres = np.arange(x.shape[1] * factor, dtype=np.float64)
    place = np.clip((centres + 0.5) / factor - 0.5, 0.0, float(last))
    low = np.minimum(np.floor(place).astype(np.int64), last - 1)
    part = (place - low)[None, :, None, None]
    made: NDArray[np.float64] = x[:, low] * (1 - part) + x[:, low + 1] * part
    return made


@needs_tflm
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_int8_is_half_a_step_off_at_most(tmp_path: Path, factor: int) -> None:
    m = QdqModel()
    x = m.input("x", (1, 3, 5, 4), 2**-4, 3)
    scales = m.constant(np.array([1, 1, factor, factor], np.float32))
    m.output(m.pair(m.op("Resize", x, "", scales, mode="linear"), "y", 2**-4, 3))
    graph = lower(m, tmp_path)
    assert_tflm_agrees([graph])
    rng = np.random.default_rng(factor)
    inputs = {graph.inputs[0].tensor: rng.integers(-128, 128, (6, 5, 4, 3), dtype=np.int8)}
    found = interpreter.run(graph, inputs)[graph.outputs[0].tensor]
    exact = interpolated(inputs[graph.inputs[0].tensor].astype(np.float64), factor)
    exact = interpolated(exact.swapaxes(1, 2), factor).swapaxes(1, 2)
    assert np.abs(found - exact).max() <= 0.5


@pytest.mark.parametrize(
    ("shape", "axis", "opset"),
    [
        ((1, 7), 1, 17),
        ((1, 7), -1, 11),
        ((1, 4, 6), 1, 17),
        ((1, 4, 3, 5), 1, 13),
        ((1, 4, 6), 2, 11),
    ],
)
def test_log_softmax(tmp_path: Path, shape: tuple[int, ...], axis: int, opset: int) -> None:
    m = Model(shape, opset=opset)
    check(m, tmp_path, m.op("LogSoftmax", m.op("Tanh", "x0"), axis=axis))


def test_log_softmax_of_several_old_axes_is_refused(tmp_path: Path) -> None:
    m = Model((1, 4, 6), opset=11)
    path = m.save(tmp_path, m.op("LogSoftmax", "x0", axis=1))
    with pytest.raises(UnsupportedModelError, match="along the last axis"):
        lower_network(read_onnx(path), "net")
