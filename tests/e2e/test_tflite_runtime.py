"""A second judge: TensorFlow Lite's reference kernels agree with the twins' outputs."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcucc.compiled.samples import random_samples
from mcucc.importer import read_onnx
from mcucc.passes import INT8, run_passes
from mcucc.reference import interpreter
from mcucc.twin import write_twin
from tests.lowering import lower_quantized

_CHECKOUT = Path(__file__).resolve().parents[2]
_PYTHON = _CHECKOUT / ".venvs" / "tflite-runtime" / "bin" / "python"
_CHILD = Path(__file__).with_name("tflite_runtime_child.py")


@pytest.fixture(scope="module")
def judge_python() -> Path:
    if not _PYTHON.is_file():
        message = "the environment of tflite-runtime is missing; `.ci/setup test` makes it"
        if os.environ.get("MCUCC_REQUIRE_MODELS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return _PYTHON


@pytest.mark.models
@pytest.mark.parametrize("name", ["ad01", "kws", "resnet8", "te_vww", "vww_96"])
def test_outputs_agree(name: str, judge_python: Path, models_dir: Path, tmp_path: Path) -> None:
    """Recorded inputs give TFLM's recorded outputs, random ones those of the reference."""
    imported = lower_quantized(read_onnx(models_dir / f"{name}_qdq.onnx"), name)
    graph, _ = run_passes(imported, INT8)
    (port,) = graph.inputs
    recorded = np.load(models_dir / f"{name}_io.npz")
    x = recorded["x_i8"]
    x = np.ascontiguousarray(x if port.perm is None else x.transpose(port.perm))
    (tmp_path / "twin.tflite").write_bytes(write_twin(graph))
    (random,) = random_samples([graph.tensors[port.tensor].shape], 8)
    np.save(tmp_path / "in.npy", np.concatenate([x, random]))
    subprocess.run(
        [judge_python, _CHILD, tmp_path / "twin.tflite", tmp_path / "in.npy", tmp_path / "out.npy"],
        check=True,
        timeout=300,
    )
    found = np.load(tmp_path / "out.npy")
    expected = recorded["y_i8_tflm"]
    assert np.array_equal(found[: len(x)].reshape(expected.shape), expected)
    ours = interpreter.run(graph, {port.tensor: random})[graph.outputs[0].tensor]
    assert np.array_equal(found[len(x) :], ours)
