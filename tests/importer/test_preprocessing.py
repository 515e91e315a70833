"""Arithmetic before the first QuantizeLinear belongs to the input port, or is left alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from mcucc.api.inspect import inspect_model
from mcucc.api.network import Calibration, load_network
from mcucc.errors import UnsupportedModelError
from mcucc.importer import cut_at, lower_network, read_onnx
from mcucc.ir import parse_graph, print_graph
from mcucc.ops import INT8_OPS, FloatGraph
from mcucc.ops.elementwise import FloatBinary, FloatClip
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.preprocessing import preprocess, unprocess
from mcucc.sim.onnx_runtime import run_onnx
from tests.importer.qdq_models import QdqModel, scalar

SHAPE = (1, 3, 6, 8)
MEAN, SPREAD = (100.0, 120.0, 140.0), (50.0, 60.0, 55.0)


def channels(m: QdqModel, values: tuple[float, ...]) -> str:
    return m.constant(np.array(values, np.float32).reshape(1, -1, 1, 1))


def number(m: QdqModel, value: float) -> str:
    return m.constant(scalar(value))


def finished(m: QdqModel, x: str, scale: float = 2**-5) -> QdqModel:
    """A convolution behind the first QuantizeLinear."""
    weights = m.weights((4, 3, 3, 3), data=m.rng.integers(-99, 100, (4, 3, 3, 3), dtype=np.int8))
    y = m.op("Conv", m.pair(x, "x", scale, 3), weights, name="conv")
    m.output(m.pair(y, "y", 0.25, 3))
    return m


def per_channel() -> QdqModel:
    m = QdqModel()
    x = m.op("Sub", m.plain_input("image", SHAPE), channels(m, MEAN), name="centered")
    return finished(m, m.op("Div", x, channels(m, SPREAD), name="normal"))


def one_number() -> QdqModel:
    m = QdqModel()
    x = m.op("Mul", m.plain_input("image", SHAPE), number(m, 1 / 61), name="scaled")
    return finished(m, m.op("Add", x, number(m, -1.7), name="moved"))


def constant_first() -> QdqModel:
    m = QdqModel()
    x = m.op("Sub", number(m, 255.0), m.plain_input("image", SHAPE), name="negative")
    return finished(m, m.op("Mul", channels(m, (0.03, 0.02, 0.01)), x, name="scaled"))


def channels_last() -> QdqModel:
    """As exported from TensorFlow: the constants lie along the last axis."""
    m = QdqModel()
    x = m.plain_input("image", (1, 6, 8, 3))
    x = m.op("Sub", x, m.constant(np.array(MEAN, np.float32)), name="centered")
    x = m.op("Mul", x, number(m, 1 / 64), name="scaled")
    return finished(m, m.op("Transpose", x, perm=[0, 3, 1, 2]))


def along_rows() -> QdqModel:
    m = QdqModel()
    rows = m.constant(np.linspace(90, 160, 6, dtype=np.float32).reshape(6, 1))
    x = m.op("Sub", m.plain_input("image", SHAPE), rows, name="centered")
    return finished(m, m.op("Div", x, number(m, 50.0), name="scaled"))


def into_uint8() -> QdqModel:
    m = QdqModel()
    x = m.op("Div", m.plain_input("image", SHAPE), number(m, 255.0), name="scaled")
    parameters = number(m, 1 / 255), m.constant(np.array(0, np.uint8))
    q = m.op("QuantizeLinear", x, *parameters)
    real = m.op("DequantizeLinear", q, *parameters, name="x")
    y = m.op("Conv", real, m.weights((4, 3, 3, 3)), name="conv")
    m.output(m.pair(y, "y", 0.02, 3))
    return m


def clipped_beyond_int8() -> QdqModel:
    """Int8 ends at -4.1 and 3.9."""
    m = QdqModel()
    x = m.op("Sub", m.plain_input("image", SHAPE), channels(m, MEAN), name="centered")
    x = m.op("Div", x, channels(m, SPREAD), name="normal")
    return finished(m, m.op("Clip", x, number(m, -4.09375), number(m, 3.875), name="clip"))


def vectors() -> QdqModel:
    m = QdqModel()
    means = m.constant(np.linspace(-9, 9, 7, dtype=np.float32))
    x = m.op("Sub", m.plain_input("features", (1, 7)), means, name="centered")
    y = m.op("Gemm", m.pair(x, "x", 2**-1, 3), m.weights((5, 7)), name="dense", transB=1)
    m.output(m.pair(y, "y", 0.5, 3))
    return m


Steps = list[tuple[str, int | None, bool]]

TAKEN: dict[str, tuple[Callable[[], QdqModel], Steps]] = {
    "per channel": (per_channel, [("sub", 1, False), ("div", 1, False)]),
    "one number": (one_number, [("mul", None, False), ("add", None, False)]),
    "constant first": (constant_first, [("sub", None, True), ("mul", 1, True)]),
    "channels last": (channels_last, [("sub", 3, False), ("mul", None, False)]),
    "along the rows": (along_rows, [("sub", 2, False), ("div", None, False)]),
    "into uint8": (into_uint8, [("div", None, False)]),
    "clipped beyond int8": (clipped_beyond_int8, [("sub", 1, False), ("div", 1, False)]),
    "vectors": (vectors, [("sub", 1, False)]),
}
"""Each with kind, axis and order of operands of its steps."""


def written(model: QdqModel, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.proto().SerializeToString())
    return path


def lowered(model: QdqModel, folder: Path) -> FloatGraph:
    return lower_network(read_onnx(written(model, folder)), "net")


@pytest.mark.parametrize("name", TAKEN)
def test_it_becomes_part_of_the_port(name: str, tmp_path: Path) -> None:
    build, steps = TAKEN[name]
    graph = lowered(build(), tmp_path)
    (port,) = graph.inputs
    assert [(s.kind, s.axis, s.values_first) for s in port.preprocessing] == steps
    assert not any(isinstance(node.op, FloatBinary | FloatClip) for node in graph.nodes)


@pytest.mark.parametrize("name", TAKEN)
def test_no_calibration_is_needed_and_the_outputs_are_onnx_runtimes(
    name: str, tmp_path: Path
) -> None:
    """Within a step, as where a file begins with its QuantizeLinear."""
    path = written(TAKEN[name][0](), tmp_path)
    assert inspect_model(path).unscaled == ()
    network = load_network(read_onnx(path), "net", Calibration())
    assert not network.quantized_here
    (port,), (end,) = network.graph.inputs, network.graph.outputs
    rng = np.random.default_rng(2)
    x = rng.uniform(-20, 260, (6, *port.shape[1:])).astype(np.float32)
    q = quantize(preprocess(port.preprocessing, x), network.graph.tensors[port.tensor].q)
    inner = q if port.perm is None else q.transpose(port.perm)
    y = interpreter.run(network.graph, {port.tensor: np.ascontiguousarray(inner)})[end.tensor]
    exact = run_onnx(path, {port.name: x})[end.name]
    theirs = exact if end.perm is None else exact.transpose(end.perm)
    real = network.graph.tensors[end.tensor].q
    steps = np.clip(np.rint(theirs / real.scale) + real.zero_point, -128, 127)
    assert len(np.unique(y)) > 9
    assert np.abs(y - steps.reshape(y.shape)).max() <= 1


@pytest.mark.parametrize("name", TAKEN)
def test_every_int8_value_stands_for_an_input(name: str, tmp_path: Path) -> None:
    network = load_network(read_onnx(written(TAKEN[name][0](), tmp_path)), "net", Calibration())
    (port,) = network.graph.inputs
    quant = network.graph.tensors[port.tensor].q
    size = (256, *port.shape[1:])
    q = np.broadcast_to(np.arange(-128, 128).reshape(-1, *[1] * (len(size) - 1)), size)
    inputs = unprocess(port.preprocessing, dequantize(q.astype(np.int8), quant))
    np.testing.assert_array_equal(quantize(preprocess(port.preprocessing, inputs), quant), q)


@pytest.mark.parametrize("name", TAKEN)
def test_the_text_form_keeps_it(name: str, tmp_path: Path) -> None:
    graph = load_network(read_onnx(written(TAKEN[name][0](), tmp_path)), "net", Calibration()).graph
    text = print_graph(graph)
    assert "preprocessing=(" in text
    again = parse_graph(text, INT8_OPS)
    assert again.inputs == graph.inputs
    assert print_graph(again) == text


def test_each_step_is_rounded_to_float32(tmp_path: Path) -> None:
    """0.1 * 3 - 0.3 is not what the exact product less 0.3 is."""
    m = QdqModel()
    x = m.op("Mul", m.plain_input("image", SHAPE), number(m, 3.0), name="scaled")
    m = finished(m, m.op("Sub", x, number(m, 0.3), name="moved"))
    steps = lowered(m, tmp_path).inputs[0].preprocessing
    tenth, three, most = (np.float32(value) for value in (0.1, 3.0, 0.3))
    made = preprocess(steps, np.full((1, 1, 1, 1), tenth))
    assert made.dtype == np.float32
    assert made.item() == float(tenth * three - most)
    assert made.item() != float(np.float32(float(tenth) * 3.0 - float(most)))


# What is left alone


def two_readers() -> QdqModel:
    m = QdqModel()
    image = m.plain_input("image", SHAPE)
    m.output(m.pair(m.op("Mul", image, number(m, 0.1), name="dark"), "z", 0.5, 3))
    return finished(m, m.op("Sub", image, channels(m, MEAN), name="centered"), 1.0)


def read_in_between() -> QdqModel:
    m = QdqModel()
    x = m.op("Sub", m.plain_input("image", SHAPE), channels(m, MEAN), name="centered")
    m.output(m.pair(m.op("Relu", x, name="relu"), "z", 0.5, 3))
    return finished(m, m.op("Div", x, channels(m, SPREAD), name="normal"))


def mean_image() -> QdqModel:
    m = QdqModel()
    whole = m.constant(np.random.default_rng(0).uniform(0, 255, SHAPE[1:]).astype(np.float32))
    x = m.op("Sub", m.plain_input("image", SHAPE), whole, name="centered")
    return finished(m, m.op("Mul", x, number(m, 0.1), name="scaled"))


def along_two_axes() -> QdqModel:
    m = QdqModel()
    rows = m.constant(np.linspace(90, 160, 6, dtype=np.float32).reshape(6, 1))
    x = m.op("Sub", m.plain_input("image", SHAPE), rows, name="centered")
    return finished(m, m.op("Div", x, channels(m, SPREAD), name="normal"))


def a_zero_factor() -> QdqModel:
    m = QdqModel()
    x = m.plain_input("image", SHAPE)
    return finished(m, m.op("Mul", x, channels(m, (1.0, 0.0, 1.0)), name="masked"))


def too_far_for_float32() -> QdqModel:
    """An int8 step is smaller than the distance of float32 numbers near the offset."""
    m = QdqModel()
    x = m.op("Sub", m.plain_input("image", SHAPE), number(m, 1e6), name="centered")
    return finished(m, x, 2**-7)


def clipped_between() -> QdqModel:
    m = QdqModel()
    x = m.op("Sub", m.plain_input("image", SHAPE), channels(m, MEAN), name="centered")
    x = m.op("Clip", x, number(m, -3.0), number(m, 9.0), name="clip")
    return finished(m, m.op("Div", x, channels(m, SPREAD), name="normal"))


def clipped_within_int8() -> QdqModel:
    """A step less at the upper end."""
    m = QdqModel()
    x = m.op("Sub", m.plain_input("image", SHAPE), channels(m, MEAN), name="centered")
    x = m.op("Div", x, channels(m, SPREAD), name="normal")
    return finished(m, m.op("Clip", x, number(m, -9.0), number(m, 3.84375), name="clip"))


LEFT: dict[str, Callable[[], QdqModel]] = {
    "two readers": two_readers,
    "read in between": read_in_between,
    "a factor of zero": a_zero_factor,
    "an offset too large": too_far_for_float32,
    "a clip in between": clipped_between,
    "a clip within int8": clipped_within_int8,
    "a mean image": mean_image,
    "numbers along two axes": along_two_axes,
}


@pytest.mark.parametrize("name", LEFT)
def test_other_arithmetic_is_calibrated(name: str, tmp_path: Path) -> None:
    path = written(LEFT[name](), tmp_path)
    assert lower_network(read_onnx(path), "net").inputs[0].preprocessing == ()
    with pytest.raises(UnsupportedModelError) as caught:
        load_network(read_onnx(path), "net", Calibration())
    assert "--calib" in caught.value.violations[0].hint
    np.save(tmp_path / "c.npy", np.random.default_rng(1).uniform(0, 255, (9, *SHAPE[1:])))
    network = load_network(read_onnx(path), "net", Calibration(tmp_path / "c.npy"))
    assert network.quantized_here
    assert network.graph.inputs[0].preprocessing == ()


def test_a_value_in_between_that_becomes_an_output_is_computed(tmp_path: Path) -> None:
    model = read_onnx(written(per_channel(), tmp_path))
    whole = lower_network(cut_at(model, ("y",)), "net")
    assert len(whole.inputs[0].preprocessing) == 2
    cut = lower_network(cut_at(model, ("y", "centered")), "net")
    assert cut.inputs[0].preprocessing == ()
    assert cut.outputs[1].tensor in cut.producers


def test_where_arithmetic_is_all_there_is_it_stays(tmp_path: Path) -> None:
    """A network must compute something."""
    m = QdqModel()
    x = m.op("Sub", m.plain_input("image", SHAPE), channels(m, MEAN), name="centered")
    m.output(m.pair(x, "y", 1.0, 3))
    graph = lowered(m, tmp_path)
    assert graph.inputs[0].preprocessing == ()
    assert any(isinstance(node.op, FloatBinary) for node in graph.nodes)


def test_other_values_are_calibrated_on_the_models_own_inputs(tmp_path: Path) -> None:
    """Two inputs, of which one is prepared; the scale of what the other becomes is calibrated."""
    m = QdqModel(14)
    a = m.op("Sub", m.plain_input("a", SHAPE), channels(m, MEAN), name="centered")
    b = m.op("HardSwish", m.plain_input("b", SHAPE), name="swish")
    m.output(m.pair(m.op("Add", m.pair(a, "x", 1.0, 3), b, name="sum"), "y", 1.0, 3))
    path = written(m, tmp_path)
    rng = np.random.default_rng(3)
    feed = {
        "a": rng.uniform(0, 255, (9, *SHAPE[1:])).astype(np.float32),
        "b": rng.normal(size=(9, *SHAPE[1:])).astype(np.float32),
    }
    np.savez(tmp_path / "c.npz", allow_pickle=False, **feed)
    graph = load_network(read_onnx(path), "net", Calibration(tmp_path / "c.npz")).graph
    assert [len(port.preprocessing) for port in graph.inputs] == [1, 0]
    inner = {
        port.tensor: quantize(
            preprocess(port.preprocessing, feed[port.name]), graph.tensors[port.tensor].q
        ).transpose(port.perm or (0, 1, 2, 3))
        for port in graph.inputs
    }
    (end,) = graph.outputs
    y = interpreter.run(graph, inner)[end.tensor]
    theirs = run_onnx(path, feed)["y"].transpose(end.perm or (0, 1, 2, 3))
    steps = np.clip(np.rint(theirs) + 3, -128, 127).reshape(y.shape)
    assert np.abs(y - steps).max() <= 2  # each summand is rounded


def test_an_integer_input_has_none(tmp_path: Path) -> None:
    m = QdqModel()
    parameters = number(m, 1 / 255), m.constant(np.array(0, np.uint8))
    q = m.plain_input("image", SHAPE, TensorProto.UINT8)
    x = m.op("DequantizeLinear", q, *parameters, name="real")
    graph = lowered(finished(m, m.op("Sub", x, number(m, 0.5), name="centered")), tmp_path)
    assert graph.inputs[0].preprocessing == ()
