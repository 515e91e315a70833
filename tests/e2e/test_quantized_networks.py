"""Networks that come quantized, as several frameworks write them: equal bits on every judge."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.verify import verify_directory
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, load_samples

NETWORKS = (
    "ortq/kws_sm_ort_qoperator_u8s8",
    "ortq/vww_96_ort_qdq_default",
    "ortq/vww_96_ort_qdq_s8s8_perchannel",
    "te_vww_tf2onnx",
    "vww_96_int8_tf2onnx",
    "vww_96_qdq_int8io",
    "wild/emx_micro_kws_qdq",
    "wild/mlperf13_kaijiang_kws",
)
# Same network as a recorded one, in the layout of its file.
RECORDED = {
    "te_vww_tf2onnx": "te_vww",
    "vww_96_int8_tf2onnx": "vww_96",
    "vww_96_qdq_int8io": "vww_96",
}

pytestmark = [pytest.mark.models, pytest.mark.cc, pytest.mark.qemu, pytest.mark.slow]


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_bits(name: str, models_dir: Path, tmp_path: Path) -> None:
    options = CompileOptions("mps2-an386", name="net")
    write_compilation(compile_model(models_dir / f"{name}.onnx", options), tmp_path / "net")
    network = CompiledNetwork.open(tmp_path / "net")
    verification = verify_directory(network.directory, on_qemu=True, require=("tflm",))
    assert verification.messages == ()
    assert verification.first_difference is None
    assert verification.ok
    if name in RECORDED:
        _demand_recorded_bits(network, models_dir / f"{RECORDED[name]}_io.npz", tmp_path)


def _demand_recorded_bits(network: CompiledNetwork, recorded: Path, folder: Path) -> None:
    arrays = np.load(recorded)
    x = arrays["x_i8"]
    (port,) = network.report.inputs
    if port.shape[1:] != x.shape[1:]:
        x = x.transpose(0, 2, 3, 1)
    np.save(folder / "x.npy", x)
    samples = load_samples(network.report, folder / "x.npy")
    (outputs,) = network.run_host(flatten(samples))
    expected = arrays["y_i8_tflm"]
    assert np.array_equal(outputs.reshape(expected.shape), expected)
