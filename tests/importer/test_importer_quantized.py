"""QDQ files as ONNX Runtime's quantizer writes them, and as exporters of trained networks did."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from mcucc.importer import read_onnx
from mcucc.ops import Int8Graph
from mcucc.ops.movement import Transpose
from mcucc.ops.verify import total_macs, verify
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.interpreter import run
from mcucc.sim.onnx_runtime import open_session
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.lowering import lower_quantized

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"

ACTIVATIONS = pytest.mark.parametrize("activations", [QuantType.QInt8, QuantType.QUInt8])
CHANNELS = pytest.mark.parametrize("per_channel", [False, True])


class Calibration(CalibrationDataReader):
    """Hands one sample after the other to the quantizer."""

    def __init__(self, name: str, samples: NDArray[Any]) -> None:
        self._feeds = iter([{name: sample[None]} for sample in samples])

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


def quantized(
    source: Path,
    samples: NDArray[Any],
    folder: Path,
    activations: QuantType,
    *,
    per_channel: bool,
) -> Path:
    path = folder / "quantized.onnx"
    quantize_static(
        source,
        path,
        Calibration(read_onnx(source).inputs[0].name, samples),
        quant_format=QuantFormat.QDQ,
        activation_type=activations,
        weight_type=QuantType.QInt8,
        per_channel=per_channel,
    )
    return path


def load(path: Path) -> Int8Graph:
    graph = lower_quantized(read_onnx(path), "net")
    verify(graph)
    return graph


def to_inner(graph: Int8Graph, samples: NDArray[Any]) -> dict[str, NDArray[np.int8]]:
    """Samples in ONNX layout, floats or int8, as the graph reads them."""
    port = graph.inputs[0]
    kind = graph.tensors[port.tensor]
    q = samples if samples.dtype == np.int8 else quantize(samples, kind.q)
    whole = q if port.perm is None else q.transpose(port.perm)
    return {port.tensor: np.ascontiguousarray(whole.reshape(len(q), *kind.shape[1:]))}


@needs_tflm
@ACTIVATIONS
@CHANNELS
def test_the_quantized_example(activations: QuantType, per_channel: bool, tmp_path: Path):
    with np.load(DIGITS / "test_images.npz") as file:
        images = file["image"]
    source = DIGITS / "digits_float.onnx"
    path = quantized(source, images[:64], tmp_path, activations, per_channel=per_channel)
    graph = load(path)
    inputs = to_inner(graph, images)
    port = graph.outputs[0]
    ours = run(graph, inputs)[port.tensor]
    assert_tflm_agrees([graph], inputs=[{name: x[:32] for name, x in inputs.items()}])
    session = open_session(str(path))
    name = session.get_inputs()[0].name
    theirs = np.concatenate([session.run(None, {name: image[None]})[0] for image in images])
    quant = graph.tensors[port.tensor].q
    lsb = np.rint((dequantize(ours, quant) - theirs) / quant.scale).astype(np.int32)
    histogram = zip(*np.unique(lsb, return_counts=True), strict=True)
    print({int(k): int(n) for k, n in histogram})  # noqa: T201 -- information, for pytest -s
    assert np.mean(ours.argmax(axis=1) == theirs.argmax(axis=1)) >= 0.99


@needs_tflm
@pytest.mark.models
@ACTIVATIONS
@CHANNELS
def test_quantized_keyword_spotting(
    activations: QuantType, per_channel: bool, models_dir: Path, tmp_path: Path
):
    with np.load(models_dir / "kws_calib.npz") as file:
        samples = file["x_f32"]
    source = models_dir / "kws_float.onnx"
    graph = load(quantized(source, samples[:16], tmp_path, activations, per_channel=per_channel))
    assert_tflm_agrees([graph], inputs=[to_inner(graph, samples[:8])])


@pytest.mark.models
@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("te_vww_tf2onnx", "te_vww_io"),
        ("vww_96_int8_tf2onnx", "vww_96_io"),
        ("vww_96_qdq_int8io", "vww_96_io"),
    ],
)
def test_other_forms_of_a_network_give_its_bits(name: str, recorded: str, models_dir: Path):
    """Those of tf2onnx read NHWC; their Transposes leave nothing behind."""
    graph = load(models_dir / f"{name}.onnx")
    assert not any(isinstance(node.op, Transpose) for node in graph.nodes)
    with np.load(models_dir / f"{recorded}.npz") as io:
        samples, expected = io["x_i8"], io["y_i8_tflm"]
    if "tf2onnx" in name:
        samples = samples.transpose(0, 2, 3, 1)
    values = run(graph, to_inner(graph, samples))
    assert np.array_equal(values[graph.outputs[0].tensor], expected)


@needs_tflm
@pytest.mark.models
@pytest.mark.parametrize(
    ("name", "nodes", "macs"),
    [
        # Three additions of constants are layers of one product per channel: 32 + 16 + 10.
        ("wild/emx_micro_kws_qdq", 21, 5_709_472 + 58),
        ("wild/mlperf13_kaijiang_kws", 15, 2_656_768),
        ("ortq/vww_96_ort_qdq_default", 31, 7_489_664),
        ("ortq/vww_96_ort_qdq_s8s8_perchannel", 31, 7_489_664),
    ],
)
def test_files_of_others_have_their_twins_bits(name: str, nodes: int, macs: int, models_dir: Path):
    graph = load(models_dir / f"{name}.onnx")
    assert (len(graph.nodes), total_macs(graph)) == (nodes, macs)
    assert_tflm_agrees([graph])
