"""Networks with operators that TensorFlow Lite Micro lacks: who judges what, and who says so."""

import json
from pathlib import Path

import numpy as np
import pytest

from mcucc.api.verify import verify_directory
from mcucc.cli.tables import render_verification
from tests.cli.judged_models import node, save
from tests.cli.process import BOARD, mcucc
from tests.cli.test_measuring import shown
from tests.judging import needs_tflm

pytestmark = pytest.mark.cc

ODD = {"kernel_shape": [3, 3], "pads": [1, 0, 0, 1]}
"""A pool with padding that TensorFlow Lite has not."""


def inside(path: Path) -> Path:
    """Two convolutions, a pool between them."""
    drawn = np.random.default_rng(3)
    weights = [drawn.normal(size=size).astype(np.float32) for size in ((4, 2, 3, 3), (3, 4, 1, 1))]
    nodes = [
        node("Conv", "x w", "a", pads=[1] * 4),
        node("AveragePool", "a", "b", **ODD),
        node("Conv", "b v", "y"),
    ]
    ports = {"x": [1, 2, 7, 7]}, {"y": [1, 3, 6, 6]}
    return save(path, nodes, *ports, {"w": weights[0], "v": weights[1]})


def alone(path: Path) -> Path:
    """Nothing but a pool."""
    nodes = [node("AveragePool", "x", "y", **ODD)]
    return save(path, nodes, {"x": [1, 2, 7, 7]}, {"y": [1, 2, 6, 6]})


def compiled(path: Path) -> str:
    """What the command says of a file, compiled into the folder `net` beside it."""
    output = path.parent / "net"
    finished = mcucc("compile", path, "--board", BOARD, "--name", "net", "-o", output)
    assert finished.code == 0, finished.err
    return " ".join(finished.out.split())


@needs_tflm
def test_what_lies_between_is_judged(tmp_path: Path) -> None:
    path = inside(tmp_path / "net.onnx")
    sentence = "3 of 4 tensors judged by TFLM; unjudged: b"
    assert sentence in compiled(path)
    found = verify_directory(tmp_path / "net", require=("tflm",), model=path)
    assert found.ok, found
    assert found.judges["tflm"] == "equal"
    assert (found.compared["tflm"], found.tensors, found.unjudged) == (3, 4, ("b",))
    assert sentence in " ".join(shown(render_verification(found)).split())
    report = json.loads((tmp_path / "net" / "report.json").read_text())
    assert report["unjudged"] == ["b"]
    finished = mcucc("verify", tmp_path / "net", "--json")
    assert (finished.document["tensors"], finished.document["unjudged"]) == (4, ["b"])


@needs_tflm
def test_a_wrong_part_is_found(tmp_path: Path) -> None:
    """Behind the operator that TFLM lacks, as before it."""
    compiled(inside(tmp_path / "net.onnx"))
    twin = tmp_path / "net" / "net.tflite"
    data = bytearray(twin.read_bytes())
    report = json.loads((tmp_path / "net" / "report.json").read_text())
    scale = np.float32(report["outputs"][0]["scale"])
    assert data.count(scale.tobytes()) == 1
    twin.write_bytes(data.replace(scale.tobytes(), np.float32(scale * 2).tobytes()))
    found = verify_directory(tmp_path / "net")
    assert found.judges["tflm"] == "differs"
    assert found.first_difference is not None
    assert found.first_difference.tensor == "y"


def test_where_nothing_can_be_judged_nobody_is_missed(tmp_path: Path) -> None:
    path = alone(tmp_path / "net.onnx")
    sentence = "0 of 2 tensors judged by TFLM; unjudged: x, y"
    assert sentence in compiled(path)
    found = verify_directory(tmp_path / "net", require=("tflm",), model=path)
    assert found.ok, found
    assert found.judges["tflm"] == "absent"
    assert "tflm" not in found.compared
    assert sentence in " ".join(shown(render_verification(found)).split())


def test_what_could_be_judged_must_be(tmp_path: Path) -> None:
    """Where TFLM is required and cannot be loaded."""
    compiled(inside(tmp_path / "net.onnx"))
    (tmp_path / "tflite_micro").mkdir()
    (tmp_path / "tflite_micro" / "__init__.py").write_text("raise ImportError('no')\n")
    environment = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    finished = mcucc("verify", tmp_path / "net", "--require", "tflm", environment=environment)
    assert finished.code == 1
    assert "tflm was required, and is absent" in " ".join(finished.out.split())


@needs_tflm
def test_compare(tmp_path: Path) -> None:
    """TFLM does not run the network, and has the bits of what it does run."""
    path = inside(tmp_path / "net.onnx")
    said = mcucc("compare", path, "--board", "host", "--json").document
    assert said["tflm_activation_bytes"] is None
    assert said["bits_equal"] is True
    assert (said["tensors"], said["unjudged"]) == (4, ["b"])
    assert "lacks operators of it" in said["markdown"]
    assert "3 of 4 tensors judged by TFLM; unjudged: b. Those that are have" in said["markdown"]
