"""Bias correction: the mean error of rounded weights, for every kind of layer."""

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.network import Calibration
from mcucc.api.verify import verify_directory
from mcucc.ir import DType, QParams, TensorType
from mcucc.ops.conv import FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.quant.means import Correction, mean_effect
from mcucc.quant.observe import Sum
from mcucc.quant.ptq import PtqOptions, quantize_network, signal_to_noise
from mcucc.quant.weights import quantize_weights
from mcucc.reference import interpreter
from mcucc.reference.conv import float_conv2d, float_depthwise_conv2d
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.float_interpreter import run_float
from tests.quant.windows import LAYERS, Layer

each_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)


@each_layer
def test_the_mean_effect_is_that_of_the_layer_itself(layer: Layer) -> None:
    """Right for each channel, the borders included: held against the layer run on the samples."""
    random, x = np.random.default_rng(0), layer.inputs(0, 1.0)
    error = random.standard_normal(layer.weights_shape)
    zeros, op = np.zeros(layer.out_c, np.float32), layer.op
    weights = error.astype(np.float32)
    if isinstance(op, FloatDepthwiseConv2D):
        made = float_depthwise_conv2d(op, x, weights, zeros)
    else:
        made = float_conv2d(op, x, weights, zeros)
    expected = made.mean(axis=(0, 1, 2), dtype=np.float64)
    found = mean_effect(op, error, x.mean(axis=0, dtype=np.float64))
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@each_layer
def test_corrected_biases_leave_no_mean_error_and_lose_no_decibel(layer: Layer) -> None:
    for mean, seed in itertools.product((0.0, 1.0, -2.0), range(2)):
        x = {"x": layer.inputs(100 + seed, mean)}
        plain, corrected = (_quality(layer, seed, x, correct=correct) for correct in (False, True))
        assert corrected[0] >= plain[0], (mean, seed)
        assert corrected[1] < 0.15, (mean, seed)


def _quality(
    layer: Layer, seed: int, x: dict[str, NDArray[np.float32]], *, correct: bool
) -> tuple[float, float]:
    """SQNR, and the largest mean error of a channel in steps of the output's scale."""
    graph = layer.graph(seed)
    quantized = quantize_network(
        graph, x, PtqOptions("minmax", equalize=False, correct_bias=correct)
    )
    int8 = quantized.graph
    y = interpreter.run(int8, {"x": quantize(x["x"], int8.tensors["x"].q)})["y"]
    quant = int8.tensors["y"].q
    error = dequantize(y, quant).astype(np.float64) - run_float(graph, x)["y"]
    means = np.abs(error.mean(axis=(0, 1, 2))) / quant.scale
    return signal_to_noise(quantized, int8, x)["y"], float(means.max())


def test_a_dense_layer() -> None:
    random = np.random.default_rng(0)
    weights = random.standard_normal((4, 16)).astype(np.float32)
    x = random.uniform(1, 3, 16) + 0.1 * random.standard_normal((5000, 16))
    errors: list[float] = []
    for known in (None, Correction(x.mean(axis=0), 0.0)):
        q = quantize_weights(FloatDense(), weights, np.zeros(4, np.float32), 0.01, known)
        scales = np.array(q.weight_quant.scales)
        approximated = x @ (q.weights * scales[:, None]).T + q.bias * scales * 0.01
        errors.append(float(np.abs((approximated - x @ weights.T).mean(axis=0)).max()))
    assert errors[1] < errors[0] / 5


def test_an_effect_that_chance_makes_too_is_left_alone() -> None:
    error = np.array([[0.1], [-0.2]])
    mean, rms = np.array([2.0]), float(np.sqrt((0.04 + 0.16) / 2))
    assert Correction(mean, rms * 0.999).effect(FloatDense(), error).tolist() == [0.2, -0.4]
    assert not Correction(mean, rms * 1.001).effect(FloatDense(), error).any()
    # Fewer numbers show a mean less exactly.
    output = TensorType(DType.INT8, (1, 2), QParams((0.5,), 0))
    few, many = (Correction.of(Sum(count, mean * count), output) for count in (25, 100))
    assert few.least == 2 * many.least > 0
    assert few.mean == many.mean == mean


GROUPED = [(8, 4, 2), (4, 12, 2), (12, 12, 3), (12, 8, 4), (8, 16, 8), (16, 6, 2)]
"""Input channels, output channels and groups, each beginning where the one before ends."""


def save_grouped(path: Path, layers: list[tuple[int, int, int]], size: int = 8) -> Path:
    """Grouped convolutions one after the other, with a Relu between them and no biases."""
    random = np.random.default_rng(len(layers))
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    last = "x"
    for i, (in_c, out_c, groups) in enumerate(layers):
        w = random.standard_normal((out_c, in_c // groups, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(w, f"w{i}"))
        conv = helper.make_node("Conv", [last, f"w{i}"], [f"c{i}"], group=groups, pads=[1] * 4)
        nodes += [conv, helper.make_node("Relu", [f"c{i}"], [f"r{i}"])]
        last = f"r{i}"
    ports = (
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, layers[0][0], size, size]),
        helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, layers[-1][1], size, size]),
    )
    graph = helper.make_graph(nodes, "grouped", [ports[0]], [ports[1]], weights)
    opsets = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.cc
def test_grouped_bias(tmp_path: Path) -> None:
    """Grouped convolutions of a float network: equal bits of numpy, sanitized C and TFLM."""
    model = save_grouped(tmp_path / "grouped.onnx", GROUPED)
    random = np.random.default_rng(1)
    np.save(tmp_path / "x.npy", random.uniform(0, 1, (20, 8, 8, 8)).astype(np.float32))
    options = CompileOptions("mps2-an386", calibration=Calibration(tmp_path / "x.npy"))
    compilation = compile_model(model, options)
    write_compilation(compilation, tmp_path / "out")
    verification = verify_directory(tmp_path / "out", inputs=tmp_path / "x.npy", require=("tflm",))
    assert verification.ok
    assert all(
        layer.sqnr_db is not None and layer.sqnr_db > 25 for layer in compilation.report.layers
    )
