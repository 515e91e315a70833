"""Trained and exported float networks: MACs, and ONNX Runtime's outputs within 1e-4."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError
from mcucc.importer import read_onnx
from mcucc.importer.lower import is_quantized, lower_network
from mcucc.ir import parse_graph, print_graph
from mcucc.ops import FLOAT_OPS, FloatGraph
from tests.importer.float_cases import assert_close, kinds, run_onnx_layout, runtime

FloatArray = NDArray[np.float32]

TRAINED = {
    "vww_96_float.onnx": "vww_96",
    "kws_float.onnx": "kws",
    "resnet8_float.onnx": "resnet8",
    "ad01_float.onnx": "ad01",
    "te_vww_float.onnx": "te_vww",
    "vww_96_float_tf2onnx.onnx": "vww_96",
    "kws_ref_model_float32_tf2onnx.onnx": "kws",
    "pretrainedResnet_tf2onnx.onnx": "resnet8",
    "ad01_fp32_tf2onnx.onnx": "ad01",
}
"""Files of the group `float` by the name of their recorded inputs."""
RECORDED = (
    *(f"torch/{name}" for name in ("lenet5", "lenet5_dynamo", "mbv1_025_96")),
    *(f"torch/mbv1_025_96_{name}" for name in ("dynbatch", "dynbatch_dynamo")),
    *(f"torch/mbv3_small_05_96{name}" for name in ("", "_dynamo")),
    *(f"torch/{name}" for name in ("cnn1d_har_128", "densenet_like_32", "repvgg_a0_like_96_bn")),
    *(f"torch/{name}" for name in ("tcn_64", "unet_nearest_64", "yolo_tiny_96")),
    *(f"wild/{name}" for name in ("mnist_cntk", "stm32_mobilenet_v2_035_128_chfirst")),
)
UNRECORDED = (
    "torch/mbv2_035_144",
    "torch/mbv2_035_144_bn",
    "torch/mbv2_035_144_dynamo",
    "wild/yunet_n_320",
    "wild/ultraface_slim_320_nopost",
)

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def macs(models_dir: Path) -> Mapping[str, int]:
    """Of each file, by the manifest."""
    manifest: Any = json.loads((models_dir / "manifest.json").read_text())
    return {entry["file"]: entry["macs"] for entry in manifest["models"]}


def load(models_dir: Path, file: str, macs: Mapping[str, int]) -> FloatGraph:
    """The lowered network; its MACs are those of the manifest."""
    model = read_onnx(models_dir / file)
    assert not is_quantized(model)
    graph = lower_network(model, "net")
    total = sum(n.op.macs(graph.input_types(n), graph.tensors[n.output]) for n in graph.nodes)
    assert total == macs[file]
    return graph


@pytest.mark.parametrize("file", TRAINED)
def test_trained_networks(models_dir: Path, macs: Mapping[str, int], file: str):
    graph = load(models_dir, file, macs)
    assert "Transpose" not in kinds(graph)
    with np.load(models_dir / f"{TRAINED[file]}_io.npz") as recorded:
        x: FloatArray = recorded["x_f32"]
        expected: FloatArray = recorded["y_float"]
    if len(graph.inputs[0].shape) == 4 and "tf2onnx" in file:
        assert graph.inputs[0].perm is None
        x = x.transpose(0, 2, 3, 1)
    found = run_onnx_layout(graph, {graph.inputs[0].name: x})[graph.outputs[0].name]
    assert_close(found, expected)


@pytest.mark.parametrize("model", RECORDED)
def test_recorded_networks(models_dir: Path, macs: Mapping[str, int], model: str):
    graph = load(models_dir, f"{model}.onnx", macs)
    group, name = model.split("/")
    with np.load(models_dir / group / f"{group}_io.npz") as recorded:
        feed = {p.name: recorded[f"{name}/in/{p.name}"] for p in graph.inputs}
        expected = {p.name: recorded[f"{name}/out/{p.name}"] for p in graph.outputs}
    for port, found in run_onnx_layout(graph, feed).items():
        assert_close(found, expected[port])


def assert_equals_runtime(models_dir: Path, file: str, graph: FloatGraph) -> None:
    random = np.random.default_rng(0)
    feed = {p.name: random.uniform(-1, 1, p.shape).astype(np.float32) for p in graph.inputs}
    if "yunet" in file:  # takes raw pixels
        feed = {name: (x + 1) * np.float32(127.5) for name, x in feed.items()}
    found, ports = run_onnx_layout(graph, feed), [port.name for port in graph.outputs]
    for name, expected in zip(ports, runtime(models_dir / file, feed, ports), strict=True):
        assert_close(found[name], expected)


@pytest.mark.parametrize("model", UNRECORDED)
def test_unrecorded_networks(models_dir: Path, macs: Mapping[str, int], model: str):
    graph = load(models_dir, f"{model}.onnx", macs)
    assert "Transpose" not in kinds(graph)
    assert_equals_runtime(models_dir, f"{model}.onnx", graph)


@pytest.mark.slow
def test_the_largest_network(models_dir: Path, macs: Mapping[str, int]):
    file = "torch/mbv2_100_224.onnx"
    assert_equals_runtime(models_dir, file, load(models_dir, file, macs))


def test_sequences_are_reshaped_at_the_edges_alone(models_dir: Path, macs: Mapping[str, int]):
    graph = load(models_dir, "torch/cnn1d_har_128.onnx", macs)
    assert kinds(graph).count("Reshape") == 2


def test_a_float_graph_has_a_text_form(models_dir: Path, macs: Mapping[str, int]):
    graph = load(models_dir, "torch/tcn_64.onnx", macs)
    text = print_graph(graph)
    assert print_graph(parse_graph(text, FLOAT_OPS)) == text


def test_nodes_and_values_keep_their_names(models_dir: Path, macs: Mapping[str, int]):
    graph = load(models_dir, "torch/lenet5.onnx", macs)
    model = read_onnx(models_dir / "torch/lenet5.onnx")
    names = {node.name for node in model.nodes}
    assert {node.name for node in graph.nodes} == names
    assert all(node.origin == (node.name,) for node in graph.nodes)
    assert {node.output for node in graph.nodes} == {n.outputs[0] for n in model.nodes}


def test_unknown_operators_are_refused(models_dir: Path):
    with pytest.raises(UnsupportedModelError) as caught:
        lower_network(read_onnx(models_dir / "torch/lstm_later.onnx"), "net")
    assert [v.op for v in caught.value.violations] == ["LSTM"]


@pytest.mark.parametrize(
    "file", ["vww_96_qdq.onnx", "vww_96_int8_tf2onnx.onnx", "ortq/kws_sm_ort_qoperator_u8s8.onnx"]
)
def test_quantized_networks_are_recognized(models_dir: Path, file: str):
    assert is_quantized(read_onnx(models_dir / file))
