"""A network that prepares its own input: every command takes that input, as ONNX Runtime does."""

import json
from pathlib import Path

import numpy as np
import pytest

import mcucc
from mcucc.sim.onnx_runtime import run_onnx
from tests.cli.process import mcucc as command
from tests.importer.test_preprocessing import SHAPE, per_channel, written

pytestmark = pytest.mark.cc
IOS = ("int8", "uint8", "float")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(per_channel(), tmp_path_factory.mktemp("prepares"))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(7).uniform(0, 255, (9, *SHAPE[1:])).astype(np.float32)


@pytest.fixture(scope="module", params=IOS)
def directory(request: pytest.FixtureRequest, model: Path) -> Path:
    target = model.parent / request.param
    mcucc.compile(model, "nucleo-f446re", target, name="net", io=request.param)
    return target


def test_a_loaded_network(directory: Path, model: Path, images: np.ndarray) -> None:
    exact = run_onnx(model, {"image": images})["y"]
    with mcucc.load(directory) as network:
        reals = network(images)
        scale, zero_point = network.inputs[0].scale, network.inputs[0].zero_point
        mean, spread = ([*row] for row in ((100, 120, 140), (50, 60, 55)))
        normal = (images - np.reshape(mean, (3, 1, 1))) / np.reshape(spread, (3, 1, 1))
        q = np.clip(np.rint(normal / scale) + zero_point, -128, 127).astype(np.int8)
        raw = network(q)
        (end,) = network.outputs
    assert isinstance(reals, np.ndarray)
    assert isinstance(raw, np.ndarray)
    assert np.abs(reals - exact).max() <= end.scale * 1.01
    np.testing.assert_array_equal(reals, (raw.astype(np.float32) - end.zero_point) * end.scale)


def test_verify_compares_on_the_same_inputs(
    directory: Path, model: Path, images: np.ndarray
) -> None:
    """Given ones, and those that random int8 values stand for."""
    for inputs in (images, None):
        found = mcucc.verify(directory, inputs, model=model)
        assert found.ok
        assert found.onnxruntime_lsb is not None
        assert found.onnxruntime_lsb[0].largest <= 1
        assert found.judges["host"] == "equal"
    given = mcucc.verify(directory, images)
    assert given.input_range is not None
    assert given.input_range[0].outside == 0
    assert 0.4 < given.input_range[0].used < 1


def test_run_and_evaluate(directory: Path, model: Path, images: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    exact = run_onnx(model, {"image": images})["y"]
    finished = command("run", str(directory), "--input", str(tmp_path / "images.npy"),
                       "--dequantize", "--output", str(tmp_path / "out.npz"))  # fmt: skip
    assert finished.code == 0, finished.err
    with np.load(tmp_path / "out.npz") as file:
        assert np.abs(file["y"] - exact).max() <= 0.26
    labels = exact.reshape(len(exact), -1).argmax(axis=1)
    evaluation = mcucc.evaluate(directory, images, labels, model=model)
    assert evaluation.float_top1 == 1.0
    assert evaluation.input_range[0].outside == 0


def test_the_report_has_the_steps(directory: Path) -> None:
    (port,) = json.loads((directory / "report.json").read_text())["inputs"]
    assert [(step["kind"], step["axis"], step["origin"]) for step in port["preprocessing"]] == [
        ("sub", 1, "centered"),
        ("div", 1, "normal"),
    ]
    assert port["preprocessing"][0]["values"] == [100.0, 120.0, 140.0]
    shown = command("report", str(directory))
    assert (
        "That of image is what the model makes of its own input x: x - (100, 120, 140), then "
        "x / (50, 60, 55)."
    ) in " ".join(shown.out.split())
