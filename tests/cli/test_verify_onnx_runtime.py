"""`mcucc verify --model` on a quantized file: ONNX Runtime's distance is information."""

from pathlib import Path

import numpy as np
import pytest

from tests.cli.process import DIGITS, IMAGES, mcucc
from tests.importer.island_builders import int8_ports

SAMPLES = 32
CLASSES = 10


@pytest.mark.cc
def test_the_distance_is_given_and_does_not_judge(digits: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.load(IMAGES)["image"][:SAMPLES])
    arguments = ("--model", DIGITS, "--input", tmp_path / "x.npy")
    finished = mcucc("verify", digits, *arguments, "--json")
    assert finished.code == 0, finished.err
    assert finished.document["ok"] is True
    (output,) = finished.document["onnxruntime_lsb"]
    histogram = {int(step): count for step, count in output["histogram"].items()}
    assert list(histogram) == sorted(histogram)
    assert sum(histogram.values()) == SAMPLES * CLASSES
    assert output["largest"] == max(abs(step) for step in histogram)
    # Near, and not equal: it rounds once and in float.
    assert 0 < output["largest"] <= 5
    assert histogram[0] >= SAMPLES * CLASSES / 2
    said = " ".join(mcucc("verify", digits, *arguments).out.split())
    assert f"{output['name']} differs by at most {output['largest']} LSB" in said
    assert "equal bits" in said


@pytest.mark.cc
def test_without_a_model_there_is_none(digits: Path) -> None:
    assert mcucc("verify", digits, "--json").document["onnxruntime_lsb"] is None


@pytest.mark.cc
def test_int8_inputs_and_outputs(tmp_path: Path) -> None:
    path, directory = tmp_path / "pool.onnx", tmp_path / "pool"
    path.write_bytes(int8_ports().proto().SerializeToString())
    assert mcucc("compile", path, "--board", "mps2-an386", "-o", directory).code == 0
    (output,) = mcucc("verify", directory, "--model", path, "--json").document["onnxruntime_lsb"]
    assert (output["name"], output["largest"] <= 1) == ("y", True)
    assert sum(output["histogram"].values()) == 8 * 2
