"""Trained networks on every core: the recorded bits. The Cortex-M4 has tests of its own.

Each family of kernels meets every core whose code differs: without DSP (M0, M3), with it (M7, M33),
with vectors (M55).
"""

from pathlib import Path

import numpy as np
import pytest

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, to_inner

pytestmark = [pytest.mark.models, pytest.mark.qemu]

NETWORKS = {
    "rpi-pico": ("kws",),
    "mps2-an385": ("ad01",),
    "mps2-an500": ("resnet8",),
    "mps2-an505": ("kws",),
    "mps3-an547": ("ad01", "kws", "resnet8"),
}


@pytest.mark.parametrize(
    ("board", "name"), [(board, name) for board, names in NETWORKS.items() for name in names]
)
def test_recorded_outputs(models_dir: Path, tmp_path: Path, board: str, name: str) -> None:
    options = CompileOptions(board, name=name)
    write_compilation(compile_model(models_dir / f"{name}_qdq.onnx", options), tmp_path / name)
    network = CompiledNetwork.open(tmp_path / name)
    recorded = np.load(models_dir / f"{name}_io.npz")
    x = to_inner(models_dir / "x_i8", recorded["x_i8"][:2], network.report.inputs[0])
    (outputs,) = network.count_qemu(flatten((x,))).outputs
    expected = recorded["y_i8_tflm"][:2]
    assert np.array_equal(outputs.reshape(expected.shape), expected)
