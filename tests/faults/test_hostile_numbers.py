"""Any float32 in weights, attributes, scales, calibration: a right result or a named refusal."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from mcucc.api.inspect import inspect_model
from mcucc.api.network import Calibration, Network, load_network
from mcucc.errors import InputFileError, UnsupportedModelError
from mcucc.importer import read_onnx
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import dequantize, quantize
from tests.faults.small_models import node, save

NUMBERS = (
    0.0, -0.0, 1e-45, -1e-38, 1e-20, 1.0, -1e10, 1e20, 1e30, -3e38, 3.4e38,
    float("inf"), float("-inf"), float("nan"),
)  # fmt: skip


def compiled(path: Path, calibration: Path | None = None) -> Network:
    return load_network(read_onnx(path), "n", Calibration(calibration))


def refusal(path: Path, calibration: Path | None = None) -> str:
    with pytest.raises(UnsupportedModelError) as caught:
        compiled(path, calibration)
    return str(caught.value)


def dense(path: Path, weights: Any, *more: onnx.NodeProto, bias: Any = None, **consts: Any) -> Path:
    weights = np.asarray(weights, np.float32)
    bias = np.zeros(len(weights), np.float32) if bias is None else np.asarray(bias, np.float32)
    layer = node("Gemm", ["x", "w", "b"], ["h" if more else "y"], name="layer")
    return save(path, [layer, *more], [1, 4], {"w": weights, "b": bias, **consts})


CLIP = node("Clip", ["h", "lo", "hi"], ["y"])
BOUNDS = {"lo": np.float32(0), "hi": np.float32(1)}


def test_overflow_hang(tmp_path: Path) -> None:
    text = refusal(dense(tmp_path / "m.onnx", np.full((4, 4), 3e38)))
    assert "Dense 'layer': what it computes must be at most 1.27e+30" in text
    assert "it reaches" in text


def test_calibration_near_the_largest_float_ends(tmp_path: Path) -> None:
    model = dense(tmp_path / "m.onnx", np.eye(4))
    for value in (3.4e38, 1.3e30, -2e38):
        np.save(tmp_path / "c.npy", np.full((2, 4), value, np.float32))
        with pytest.raises(InputFileError, match=r"numbers must be at most 1.27e\+30"):
            compiled(model, tmp_path / "c.npy")
    np.save(tmp_path / "c.npy", np.array([[1e30, -1e30, 0, 0]], np.float32))
    network = compiled(model, tmp_path / "c.npy")
    assert network.graph.tensors["y"].q.scale > 1e27


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("bias", "Dense 'layer': what it computes must be at most"),
        ("factor", "the accumulator of channel 3 times the factor"),
        ("small", "the accumulator of channel 3 times the factor"),
        ("negative", "the accumulator of channel 0 times the factor"),
    ],
)
def test_big_weights(tmp_path: Path, kind: str, says: str) -> None:
    bias = {"bias": [1, 1, 1, 3e38], "factor": [1, 1, 1, 1e30]}.get(kind, [1, 1, 1, 1e12])
    if kind == "negative":
        bias = [-1e20, 1, 1, 1]
    weights = np.eye(4) * (1e-20 if kind == "bias" else 1)
    text = refusal(dense(tmp_path / "m.onnx", weights, CLIP, bias=bias, **BOUNDS))
    assert says in text
    assert "'layer'" in text
    assert "scaled as in training" not in text


def leaky(path: Path, first: float, second: float, op: str = "LeakyRelu") -> Path:
    attributes: dict[str, Any] = {"alpha": 0.1} if op == "LeakyRelu" else {}
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["a"]),
        node("DequantizeLinear", ["a", "s", "z"], ["b"]),
        node(op, ["b"], ["c"], name="middle", **attributes),
        node("QuantizeLinear", ["c", "t", "z"], ["d"]),
        node("DequantizeLinear", ["d", "t", "z"], ["y"]),
    ]
    scales = {"s": np.float32(first), "z": np.int8(0), "t": np.float32(second)}
    return save(path, nodes, [1, 4], scales)


@pytest.mark.parametrize("op", ["LeakyRelu", "Relu", "Tanh", "Sigmoid", "Identity"])
def test_scales_of_any_size_are_right_or_refused(tmp_path: Path, op: str) -> None:
    for first in (1e-45, 1e-20, 0.01, 1e8, 1e38):
        for second in (1e-45, 0.01, 1.0, 3e38):
            path = leaky(tmp_path / "m.onnx", first, second, op)
            supported = inspect_model(path).supported
            try:
                network = compiled(path)
            except UnsupportedModelError:
                assert not supported
                continue
            assert supported, (op, first, second)
            name = network.graph.inputs[0].tensor
            every = np.arange(-128, 128, dtype=np.int8).repeat(4).reshape(-1, 4)
            interpreter.run(network.graph, {name: every})


def test_big_weights_leaky(tmp_path: Path) -> None:
    path = leaky(tmp_path / "m.onnx", 1e8, 0.01)
    text = refusal(path)
    assert "LeakyRelu 'middle'" in text
    assert "255 times 1e+10" in text
    assert not inspect_model(path).supported


def test_shifted_accumulators_fit_31_bits(tmp_path: Path) -> None:
    """Right up to the bound; TensorFlow Lite and the C would wrap beyond it."""
    for scale, fits in ((2.0**10, True), (2.0**16, True), (2.0**17, False), (2.0**40, False)):
        nodes = [
            node("QuantizeLinear", ["x", "one", "z"], ["a"]),
            node("DequantizeLinear", ["a", "one", "z"], ["b"]),
            node("DequantizeLinear", ["w", "s", "z"], ["wf"]),
            node("Conv", ["b", "wf"], ["c"], name="layer"),
            node("QuantizeLinear", ["c", "one", "z"], ["d"]),
            node("DequantizeLinear", ["d", "one", "z"], ["y"]),
        ]
        constants: dict[str, Any] = {"one": np.float32(1), "z": np.int8(0), "s": np.float32(scale)}
        constants["w"] = np.full((1, 1, 1, 1), 64, np.int8)
        path = save(tmp_path / "m.onnx", nodes, [1, 1, 4, 4], constants)
        assert inspect_model(path).supported == fits, scale
        if not fits:
            assert "the accumulator of channel 0" in refusal(path)
            continue
        graph = compiled(path).graph
        x = np.arange(-8, 8, dtype=np.int8).reshape(1, 4, 4, 1)
        y = interpreter.run(graph, {graph.inputs[0].tensor: x})[graph.outputs[0].tensor]
        assert np.array_equal(y, np.sign(x) * 127 - (x < 0))


def test_refattr(tmp_path: Path) -> None:
    for op, name in (("LeakyRelu", "alpha"), ("Elu", "alpha"), ("Softmax", "axis")):
        attributes: dict[str, Any] = {name: 1 if name == "axis" else 0.1}
        made = node(op, ["x"], ["y"], **attributes)
        made.attribute[0].ref_attr_name = "a"
        path = save(tmp_path / "m.onnx", [made], [1, 4])
        with pytest.raises(InputFileError, match=f"attribute '{name}' of {op} 'y' refers to 'a'"):
            read_onnx(path)
    made = node("Constant", [], ["k"], value_float=1.0)
    made.attribute[0].ref_attr_name = "a"
    path = save(tmp_path / "m.onnx", [made, node("Add", ["x", "k"], ["y"])], [1, 4])
    with pytest.raises(InputFileError, match="attribute 'value_float' of Constant 'k'"):
        read_onnx(path)


def attribute_models(value: float) -> dict[str, onnx.NodeProto]:
    return {
        "leaky": node("LeakyRelu", ["x"], ["y"], alpha=value),
        "hard": node("HardSigmoid", ["x"], ["y"], alpha=value, beta=0.5),
        "beta": node("HardSigmoid", ["x"], ["y"], alpha=0.2, beta=value),
        "gemm": node("Gemm", ["x", "w"], ["y"], alpha=value),
        "norm": node("BatchNormalization", ["x", *"vvvv"], ["y"], epsilon=value),
        "scale": node("Mul", ["x", "k"], ["y"]),
        "offset": node("Add", ["x", "k"], ["y"]),
        "divisor": node("Div", ["x", "k"], ["y"]),
        "low": node("Clip", ["x", "k"], ["y"]),
        "weights": node("Gemm", ["x", "w", "v"], ["y"]),
    }


@pytest.mark.parametrize("value", NUMBERS)
def test_every_number_is_right_or_refused(tmp_path: Path, value: float) -> None:
    with np.errstate(over="ignore"):
        number = np.float32(value)
    for kind, made in attribute_models(value).items():
        weights = np.full((4, 4), number if kind == "weights" else 1, np.float32)
        constants = {"k": number, "w": weights, "v": np.ones(4, np.float32)}
        used = {name: data for name, data in constants.items() if name in made.input}
        path = save(tmp_path / "m.onnx", [made], [1, 4], used)
        try:
            network = compiled(path)
        except UnsupportedModelError as error:
            refused = error.violations
        else:
            assert np.isfinite(value) or kind == "low", kind
            scales = [s for t in network.graph.tensors.values() for s in t.q.scales]
            assert all(np.isfinite(scales))
            continue
        assert all(v.node == "y" and v.actual for v in refused), (kind, refused)


def test_numbers_that_mean_a_count_are_finite(tmp_path: Path) -> None:
    for bad in (np.inf, np.nan, -np.inf):
        scales = {"c": np.array([1, 1, 1, bad], np.float32)}
        resize = helper.make_node("Resize", ["x", "", "c"], ["y"], mode="nearest")
        path = save(tmp_path / "m.onnx", [resize], [1, 1, 4, 4], scales)
        assert "whole number of times" in refusal(path) or "Resize" in refusal(path)


def test_small_numbers_keep_their_precision(tmp_path: Path) -> None:
    """A network in other units is quantized as well as the same one in usual units."""
    random = np.random.default_rng(0)
    weights = random.standard_normal((4, 4)).astype(np.float32)
    x = random.standard_normal((64, 4)).astype(np.float32)
    for unit in (1.0, 1e-3, 1e9, 1e25):
        np.save(tmp_path / "c.npy", x * np.float32(unit))
        network = compiled(dense(tmp_path / "m.onnx", weights), tmp_path / "c.npy")
        graph = network.graph
        q = quantize(x * np.float32(unit), graph.tensors["x"].q)
        y = dequantize(interpreter.run(graph, {"x": q})["y"], graph.tensors["y"].q)
        assert np.abs(y / unit - x @ weights).max() < 0.15, unit
        assert network.sqnr_db["y"] > 30, unit
