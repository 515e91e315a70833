"""The smallest plans: replayed byte by byte; equal bits in every tensor on host and Cortex-M4."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, random_samples
from mcucc.reference import interpreter
from tests.extent import cases

# One file of each network: others hold the same layers, quantized in another way or as another
# exporter writes them, which makes the same plan.
QDQ = ("vww_96_qdq", "kws_qdq", "resnet8_qdq", "ad01_qdq", "te_vww_qdq")
FLOAT = ("kws_float",)
TORCH = (
    "torch/lenet5",
    "torch/mbv2_035_144",
    "torch/mbv2_100_224",
    "torch/cnn1d_har_128",
    "torch/densenet_like_32",
    "torch/mbv3_small_05_96",
    "torch/repvgg_a0_like_96_bn",
    "torch/tcn_64",
    "torch/unet_nearest_64",
)
OTHERS = (
    "ortq/kws_sm_ort_qoperator_u8s8",
    "wild/emx_micro_kws_qdq",
    "wild/mlperf13_kaijiang_kws",
)
NETWORKS = (*QDQ, *FLOAT, *TORCH, *OTHERS)

# KiB that the arena may take: the image in it, and handed over row by row.
LARGEST = {
    "te_vww_qdq": (21.3, 16.4),
    "vww_96_qdq": (27.5, 14.5),
    "kws_qdq": (6.1, 5.8),
    "resnet8_qdq": (14, 12.8),
    "torch/mbv2_035_144": (66, 29),
    "torch/mbv2_100_224": (204, 132),
}

CASES = [(name, False) for name in NETWORKS] + [
    (name, True) for name in NETWORKS if name in LARGEST or name not in TORCH
]
# Their plans are those of others, with other sizes.
ONLY_FULL = (
    ("torch/mbv2_100_224", False),
    ("torch/mbv2_035_144", True),
    ("torch/repvgg_a0_like_96_bn", False),
    *((name, True) for name in OTHERS),
)

pytestmark = [pytest.mark.models, pytest.mark.cc, pytest.mark.qemu, pytest.mark.slow]


@pytest.mark.parametrize(
    ("name", "stream_input"),
    cases([case for case in CASES if case not in ONLY_FULL], only_full=ONLY_FULL),
)
def test_smallest_plan(name: str, stream_input: bool, models_dir: Path, tmp_path: Path) -> None:
    options = CompileOptions(
        "mps2-an386", name="net", objective="memory", stream_input=stream_input, check=True
    )
    compilation = compile_model(models_dir / f"{name}.onnx", options)
    report = compilation.report
    # No row is made twice, says the proof; of odd rows of 5 pixels and more the last pixel may be.
    assert report.macs <= report.executed_macs <= 10 / 9 * report.macs
    if name in LARGEST:
        assert report.arena_bytes <= LARGEST[name][stream_input] * 1024
    counters = {step.index: step.counter_bytes for step in report.steps if step.mode == "rows"}
    asserted = re.findall(r"sizeof\(seg(\d+)_t\) == (\d+)U", compilation.files["net.c"])
    assert {int(index): int(size) for index, size in asserted} == counters
    write_compilation(compilation, tmp_path / "net")
    network = CompiledNetwork.open(tmp_path / "net")
    shapes = [network.graph.tensors[port.tensor].shape for port in network.graph.inputs]
    samples = random_samples(shapes, 1, seed=7)
    named = {p.tensor: x for p, x in zip(network.graph.inputs, samples, strict=True)}
    expected = interpreter.run(network.graph, named)
    names = {tensor.id: tensor.name for tensor in report.tensors}
    for run in (network.trace_host, network.trace_qemu):
        tensors = run(flatten(samples)).tensors or {}
        demand_equal({names[number]: values for number, values in tensors.items()}, expected)
        made = {node.output for node in network.graph.nodes}
        assert {names[number] for number in tensors} == made


def demand_equal(
    found: Mapping[str, NDArray[np.int8]], expected: Mapping[str, NDArray[np.int8]]
) -> None:
    """All tensors have the same bits; shapes differ by axes of 1."""
    for name, values in found.items():
        assert np.array_equal(values, expected[name].reshape(values.shape)), name
