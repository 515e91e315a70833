"""A trained network behind each interface: the recorded bits."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.options import IoChoice
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, to_inner

pytestmark = [pytest.mark.models, pytest.mark.cc, pytest.mark.qemu, pytest.mark.slow]


@pytest.mark.parametrize("keep_input", [False, True], ids=["", "kept"])
@pytest.mark.parametrize("io", ["int8", "uint8", "float"])
def test_recorded_outputs(io: IoChoice, keep_input: bool, models_dir: Path, tmp_path: Path) -> None:
    """Host, sanitized host (float: by run_float) and Cortex-M4."""
    options = CompileOptions("mps2-an386", name="kws", io=io, keep_input=keep_input)
    write_compilation(compile_model(models_dir / "kws_qdq.onnx", options), tmp_path / "kws")
    network = CompiledNetwork.open(tmp_path / "kws")
    recorded = np.load(models_dir / "kws_io.npz")
    x = to_inner(models_dir / "x_i8", recorded["x_i8"], network.report.inputs[0])
    flat, expected = flatten((x,)), recorded["y_i8_tflm"]
    for (outputs,) in (
        network.run_host(flat),
        network.trace_host(flat).outputs,
        network.trace_qemu(flat).outputs,
    ):
        assert np.array_equal(outputs.reshape(expected.shape), expected)
