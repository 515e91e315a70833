"""Float networks as people export them: quantized here, equal bits on every judge."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.network import Calibration
from mcucc.api.verify import verify_directory
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import load_samples, random_samples
from mcucc.importer import OnnxPort, read_onnx
from tests.extent import cases

# Networks and the recorded data that belongs to each; tf2onnx files hold the same networks in NHWC.
FLOAT = {
    "ad01_float": "ad01",
    "ad01_fp32_tf2onnx": "ad01",
    "kws_float": "kws",
    "kws_ref_model_float32_tf2onnx": "kws",
    "pretrainedResnet_tf2onnx": "resnet8",
    "resnet8_float": "resnet8",
    "te_vww_float": "te_vww",
    "vww_96_float": "vww_96",
    "vww_96_float_tf2onnx": "vww_96",
}
TORCH = (
    "lenet5",
    "mbv1_025_96",
    "mbv1_025_96_dynbatch_dynamo",
    "mbv2_035_144",
    "mbv2_100_224",
    "cnn1d_har_128",
    "densenet_like_32",
    "mbv3_small_05_96",
    "mbv3_small_05_96_dynamo",
    "repvgg_a0_like_96_bn",
    "tcn_64",
    "unet_nearest_64",
)
# The same networks as the exporter's other forms write them.
ONLY_FULL = (
    "lenet5_dynamo",
    "mbv1_025_96_dynbatch",
    "mbv2_035_144_bn",
    "mbv2_035_144_dynamo",
)
# The largest networks come without a recorded input.
UNRECORDED = {"mbv2_035_144", "mbv2_035_144_bn", "mbv2_035_144_dynamo", "mbv2_100_224"}
BOARD = "mps2-an386"

pytestmark = [pytest.mark.models, pytest.mark.cc, pytest.mark.qemu, pytest.mark.slow]


@pytest.mark.parametrize("name", FLOAT)
def test_trained_networks(name: str, models_dir: Path, tmp_path: Path) -> None:
    path = models_dir / f"{name}.onnx"
    (port,) = read_onnx(path).inputs
    data = FLOAT[name]
    np.save(tmp_path / "calib.npy", _like(port, np.load(models_dir / f"{data}_calib.npz")["x_f32"]))
    network = _compile(path, tmp_path, tmp_path / "calib.npy")
    given = np.load(models_dir / f"{data}_io.npz")["x_f32"]
    _demand_equal_bits(network, tmp_path, _like(port, given))


@pytest.mark.parametrize("name", cases(TORCH, only_full=ONLY_FULL))
def test_exported_networks(name: str, models_dir: Path, tmp_path: Path) -> None:
    """Random weights: quality says nothing, bits do."""
    network = _compile(models_dir / "torch" / f"{name}.onnx", tmp_path, None)
    recorded = np.load(models_dir / "torch" / "torch_io.npz")
    key = f"{name}/in/{network.report.inputs[0].name}"
    assert (key in recorded) == (name not in UNRECORDED)
    _demand_equal_bits(network, tmp_path, None if name in UNRECORDED else recorded[key])


def _like(port: OnnxPort, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples in the layout of a file: the recorded ones are NCHW."""
    return x if x.shape[1:] == port.shape[1:] else x.transpose(0, 2, 3, 1)


def _compile(path: Path, folder: Path, calibration: Path | None) -> CompiledNetwork:
    options = CompileOptions(BOARD, calibration=Calibration(calibration))
    compilation = compile_model(path, options)
    assert compilation.report.calibrated == (calibration is not None)
    assert compilation.report.fits
    write_compilation(compilation, folder / "net")
    return CompiledNetwork.open(folder / "net")


def _demand_equal_bits(
    network: CompiledNetwork, folder: Path, given: NDArray[np.float32] | None
) -> None:
    """All judges agree in every tensor, on the given inputs and 8 random ones; 2 if none is given.

    The networks without are the largest, which run for longest.
    """
    (port,) = network.report.inputs
    graph = network.graph
    count = 2 if given is None else 8
    (samples,) = random_samples([graph.tensors[p.tensor].shape for p in graph.inputs], count)
    if given is not None:
        np.save(folder / "given.npy", given)
        samples = np.concatenate([load_samples(network.report, folder / "given.npy")[0], samples])
    if port.perm is not None:
        samples = samples.transpose([int(axis) for axis in np.argsort(port.perm)])
    np.save(folder / "x.npy", samples)
    verification = verify_directory(
        network.directory, inputs=folder / "x.npy", on_qemu=True, require=("tflm",)
    )
    assert verification.messages == ()
    assert verification.first_difference is None
    assert verification.ok
