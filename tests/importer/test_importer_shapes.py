"""QDQ networks whose file leaves dimensions open, and the shapes that are given for them."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from mcucc.errors import UnsupportedModelError, UsageError
from mcucc.importer import is_quantized, read_onnx
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower


def open_model() -> QdqModel:
    """A convolution, flattened by the shape arithmetic that exporters write; open N, H and W."""
    m = QdqModel()
    weights = m.weights((4, 3, 3, 3))
    x = m.input("x", ("N", 3, "H", "W"))
    maps = m.pair(m.op("Conv", x, weights, m.bias(weights, 4), pads=[1, 1, 1, 1]), "maps", 0.125)
    batch = m.op("Gather", m.op("Shape", maps), m.constant(np.array([0], np.int64)), axis=0)
    target = m.op("Concat", batch, m.constant(np.array([-1], np.int64)), axis=0)
    m.output(m.pair(m.op("Reshape", maps, target), "y", 0.125))
    return m


def integer_model() -> QdqModel:
    """The same with an input that is uint8 in the file."""
    m = QdqModel()
    image = m.plain_input("image", (1, 2, "H", "W"), TensorProto.UINT8)
    zero = m.constant(np.array(128, np.uint8))
    x = m.op("DequantizeLinear", image, m.constant(np.array(0.5, np.float32)), zero)
    m.output(m.pair(m.op("GlobalAveragePool", x), "y", 0.5, 0))
    return m


@pytest.mark.parametrize(("h", "w"), [(4, 6), (7, 3)])
def test_open_dimensions_are_given(h: int, w: int, tmp_path: Path) -> None:
    model = open_model()
    graph = lower(model, tmp_path, {"x_float": (1, 3, h, w)})
    assert graph.inputs[0].shape == (1, 3, h, w)
    assert graph.outputs[0].shape == (1, 4 * h * w)
    assert_near_onnx_runtime(model, graph)


def test_an_integer_input_may_be_open(tmp_path: Path) -> None:
    model = integer_model()
    graph = lower(model, tmp_path, {"image": (1, 2, 5, 4)})
    assert graph.inputs[0].shape == (1, 2, 5, 4)
    assert_near_onnx_runtime(model, graph)


def test_an_open_batch_need_not_be_given(tmp_path: Path) -> None:
    m = QdqModel()
    m.output(m.pair(m.op("Relu", m.input("x", ("N", 6))), "y", 2**-4, 3))
    assert lower(m, tmp_path).inputs[0].shape == (1, 6)


def test_without_a_shape_the_hint_says_how_to_give_it(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        lower(open_model(), tmp_path)
    (violation,) = caught.value.violations
    assert (violation.node, violation.op) == ("x_float", "Input")
    assert violation.rule == "an input must have no open dimension but the batch"
    assert violation.actual == "float32[1, 3, ?, ?]"
    assert "--input-shape x_float=" in violation.hint


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"x": (1, 3, 4, 4)}, "no input 'x'"),
        ({"x_float": (1, 3, 4)}, r"'x_float' has shape \[\?, 3, \?, \?\] in the file"),
        ({"x_float": (1, 4, 8, 8)}, "does not fit"),
    ],
)
def test_shapes_that_contradict_the_file(
    shapes: dict[str, tuple[int, ...]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        lower(open_model(), tmp_path, shapes)


def test_the_model_counts_as_quantized(tmp_path: Path) -> None:
    """So that these tests are of the path that `compile` takes."""
    lower(open_model(), tmp_path, {"x_float": (1, 3, 4, 4)})
    assert is_quantized(read_onnx(tmp_path / "model.onnx"))
