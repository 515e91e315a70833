"""The five trained networks and the example: structure, and the very bits of the recorded runs."""

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from mcucc.importer import read_onnx
from mcucc.ir import Port
from mcucc.ops import Int8Graph
from mcucc.ops.dense import FullyConnected
from mcucc.ops.verify import total_macs, verify
from mcucc.reference.fixed_point import quantize
from mcucc.reference.interpreter import run
from tests.lowering import lower_quantized

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"


class Network(NamedTuple):
    name: str
    nodes: int


NETWORKS = (
    Network("ad01", 10),
    Network("kws", 13),
    Network("vww_96", 31),
    Network("te_vww", 56),
    Network("resnet8", 16),
)

each_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)


def load(models_dir: Path, network: Network) -> Int8Graph:
    graph = lower_quantized(read_onnx(models_dir / f"{network.name}_qdq.onnx"), network.name)
    verify(graph)
    return graph


def to_inner(samples: NDArray[Any], port: Port) -> NDArray[Any]:
    perm = port.perm or tuple(range(len(port.shape)))
    return np.ascontiguousarray(samples.transpose(perm))


@pytest.mark.models
@each_network
def test_the_structure_is_that_of_the_file(network: Network, models_dir: Path):
    manifest = json.loads((models_dir / "manifest.json").read_text(encoding="utf-8"))["models"]
    (entry,) = (model for model in manifest if model["file"] == f"{network.name}_qdq.onnx")
    graph = load(models_dir, network)
    assert len(graph.nodes) == network.nodes
    assert total_macs(graph) == entry["macs"]
    assert [p.name for p in graph.inputs] == [port["name"] for port in entry["inputs"]]
    assert [p.name for p in graph.outputs] == [port["name"] for port in entry["outputs"]]
    quantized = entry["input_quantization"]
    assert graph.tensors[graph.inputs[0].tensor].q.zero_point == quantized["zero_point"]
    assert graph.tensors[graph.inputs[0].tensor].q.scale == quantized["scale"]


@pytest.mark.models
@each_network
def test_the_reference_gives_the_recorded_outputs(network: Network, models_dir: Path):
    graph = load(models_dir, network)
    with np.load(models_dir / f"{network.name}_io.npz") as io:
        samples, expected = to_inner(io["x_i8"], graph.inputs[0]), io["y_i8_tflm"]
    values = run(graph, {graph.inputs[0].tensor: samples})
    assert np.array_equal(values[graph.outputs[0].tensor], expected)


@pytest.mark.models
@each_network
def test_every_layer_is_the_recorded_one(network: Network, models_dir: Path):
    """Fully-connected layers, and all after the first, were recorded with single rounding."""
    graph = load(models_dir, network)
    with np.load(models_dir / f"{network.name}_io.npz") as io:
        sample = to_inner(io["x_i8"][:1], graph.inputs[0])
    values = run(graph, {graph.inputs[0].tensor: sample})
    dense = [isinstance(node.op, FullyConnected) for node in graph.nodes].index(True)
    with np.load(models_dir / f"{network.name}_layers.npz") as layers:
        assert set(layers) == set(graph.tensors)
        for name in (graph.inputs[0].tensor, *(node.output for node in graph.nodes[:dense])):
            recorded = np.moveaxis(layers[name], 1, -1)
            assert np.array_equal(values[name], recorded), name
        first = graph.nodes[dense].output
        assert np.abs(values[first].astype(np.int32) - layers[first]).max() <= 1


@pytest.mark.models
def test_the_int8_edges_make_the_same_network(models_dir: Path):
    floats = load(models_dir, NETWORKS[2])
    int8 = lower_quantized(read_onnx(models_dir / "vww_96_qdq_int8io.onnx"), "vww_96")
    assert [node.op for node in int8.nodes] == [node.op for node in floats.nodes]
    assert {port.dtype.value for port in (*int8.inputs, *int8.outputs)} == {"int8"}


@pytest.mark.models
def test_the_five_networks_are_read_in_three_seconds(models_dir: Path):
    start = time.process_time()
    for network in NETWORKS:
        lower_quantized(read_onnx(models_dir / f"{network.name}_qdq.onnx"), network.name)
    assert time.process_time() - start < 3


def test_the_example_keeps_its_accuracy():
    graph = lower_quantized(read_onnx(DIGITS / "digits_int8.onnx"), "digits")
    verify(graph)
    with np.load(DIGITS / "test_images.npz") as file:
        images, labels = file["image"], file["labels"]
    port = graph.inputs[0]
    inputs = {port.tensor: to_inner(quantize(images, graph.tensors[port.tensor].q), port)}
    ours = run(graph, inputs)[graph.outputs[0].tensor].argmax(axis=1)
    session = onnxruntime.InferenceSession(
        DIGITS / "digits_float.onnx", providers=["CPUExecutionProvider"]
    )
    logits = [session.run(None, {port.name: image[None]})[0][0] for image in images]
    theirs = np.argmax(logits, axis=1)
    assert np.mean(ours == labels) >= np.mean(theirs == labels) - 0.005
