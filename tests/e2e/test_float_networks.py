"""Float networks as people export them: quantised here, equal bits on every judge."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.compiled import CompiledNetwork
from mcucc.frontend import Calibration
from mcucc.pipeline import CompileOptions, compile_model, write_compilation
from mcucc.samples import load_samples, random_samples
from mcucc.verify import verify_directory

FLOAT = (
    "ad01_float",
    "ad01_fp32_tf2onnx",
    "kws_float",
    "kws_ref_model_float32_tf2onnx",
    "pretrainedResnet_tf2onnx",
    "resnet8_float",
    "te_vww_float",
    "vww_96_float",
    "vww_96_float_tf2onnx",
)
TORCH = (
    "lenet5",
    "lenet5_dynamo",
    "mbv1_025_96",
    "mbv1_025_96_dynbatch",
    "mbv1_025_96_dynbatch_dynamo",
    "mbv2_035_144",
    "mbv2_035_144_bn",
    "mbv2_035_144_dynamo",
    "mbv2_100_224",
    "cnn1d_har_128",
    "densenet_like_32",
    "mbv3_small_05_96",
    "mbv3_small_05_96_dynamo",
    "repvgg_a0_like_96_bn",
    "tcn_64",
    "unet_nearest_64",
)
BOARD = "mps2-an386"

pytestmark = [pytest.mark.models, pytest.mark.cc, pytest.mark.qemu, pytest.mark.slow]


@pytest.mark.parametrize("name", FLOAT)
def test_trained_networks(name: str, models_dir: Path, tmp_path: Path) -> None:
    calibration = models_dir / f"{name.removesuffix('_float')}_calib.npz"
    network = _compile(
        models_dir / f"{name}.onnx", tmp_path, calibration if calibration.is_file() else None
    )
    recorded = models_dir / f"{name.removesuffix('_float')}_io.npz"
    given = np.load(recorded)["x_f32"][:4] if recorded.is_file() else None
    _demand_equal_bits(network, tmp_path, given)


@pytest.mark.parametrize("name", TORCH)
def test_exported_networks(name: str, models_dir: Path, tmp_path: Path) -> None:
    """Random weights: quality says nothing, bits do."""
    network = _compile(models_dir / "torch" / f"{name}.onnx", tmp_path, None)
    recorded = np.load(models_dir / "torch" / "torch_io.npz")
    (port,) = network.report.inputs
    key = f"{name}.onnx/in/{port.name}"
    keys = [k for k in (key, f"torch/{key}", f"{name}/in/{port.name}") if k in recorded]
    _demand_equal_bits(network, tmp_path, recorded[keys[0]] if keys else None)


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
    """All judges agree in every tensor, on the given inputs and 8 random ones."""
    (port,) = network.report.inputs
    graph = network.graph
    (samples,) = random_samples([graph.tensors[p.tensor].shape for p in graph.inputs], 8)
    if given is not None:
        np.save(folder / "given.npy", given)
        samples = np.concatenate([load_samples(network.report, folder / "given.npy")[0], samples])
    if port.perm is not None:
        samples = samples.transpose([int(axis) for axis in np.argsort(port.perm)])
    np.save(folder / "x.npy", samples)
    verification = verify_directory(
        network.directory, input_path=folder / "x.npy", on_qemu=True, require=("tflm",)
    )
    assert verification.messages == ()
    assert verification.first_difference is None
    assert verification.ok
